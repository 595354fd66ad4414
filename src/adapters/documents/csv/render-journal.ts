import type { AccountingBatch } from '../../../core/accounting/batch.ts';
import { sidesOf, type Voucher, type VoucherLine } from '../../../core/accounting/voucher.ts';
import { formatMinor } from '../../../core/money.ts';
import { type CsvColumns, csvBytes, csvText } from './rows.ts';

type Row = { readonly voucher: Voucher; readonly no: number; readonly line: VoucherLine };

/** A batch as a journal, a row for each line of a voucher. Amounts in the currency of the books, and beside it as the document has them. */
export function renderJournalCsv(batch: AccountingBatch): Buffer {
  const books = (minor: bigint) => formatMinor(minor, batch.entity.currency);
  const columns: CsvColumns<Row> = {
    series: () => batch.series,
    voucher: ({ no }) => String(no),
    posted_on: ({ voucher }) => voucher.on,
    kind: ({ voucher }) => voucher.kind,
    document: ({ voucher }) => csvText(voucher.text),
    key: ({ voucher }) => voucher.key,
    account: ({ voucher }) => voucher.accountId,
    gl_account: ({ line }) => line.glAccount,
    gl_account_name: ({ line }) => csvText(batch.accountNames.get(line.glAccount) ?? null),
    cost_center: ({ line }) => csvText(line.costCenter),
    site: ({ line }) => csvText(line.project),
    vat_code: ({ line }) => line.vatCode,
    debit: ({ line }) => books(sidesOf(line.amountMinor).debitMinor),
    credit: ({ line }) => books(sidesOf(line.amountMinor).creditMinor),
    currency: () => batch.entity.currency,
    document_amount: ({ voucher, line }) => formatMinor(line.documentMinor, voucher.currency),
    document_currency: ({ voucher }) => voucher.currency,
  };
  return csvBytes(
    columns,
    batch.vouchers.flatMap((voucher, i) => voucher.lines.map((line) => ({ voucher, no: i + 1, line }))),
  );
}
