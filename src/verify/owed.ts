import { type Conversion, sameCurrency } from '../core/allocate/convert.ts';
import { owedTo } from '../core/document/owed.ts';
import { accountsOfCharges, type LedgerAccount } from '../core/ledger/ledger-table.ts';
import { exactFromDecimal } from '../core/money.ts';
import { bookedOf } from '../store/ledger/book-documents.ts';
import { entriesOf } from '../store/ledger/write-journals.ts';
import type { OwedRow, StoredEntry } from '../store/reads/verification/owed-rows.ts';

/**
 * Books an issued document of what we owe again from what it sums up, by the rate it names, and compares entry by entry. VAT under reverse charge is taken as it was
 * booked: the country's rate may have been stated anew since; that it is owed and deducted alike is compared.
 */
export function judgeOwed(row: OwedRow): string | null {
  const { key, currency, books } = row;
  const owed = owedTo(row.type, row.strategy);
  if (owed === undefined) return `document ${row.id} of type ${row.type} is booked by nothing`;
  if (row.kind !== null && row.kind !== (owed === 'owner' ? 'stated' : 'reimbursed')) return `ledger transaction ${key} is called ${row.kind}`;
  if (!row.same_header) return `ledger transaction ${key} has another seller, date or source than what it books`;
  if (row.kind !== null && currency !== books && row.rate === null) return `ledger transaction ${key} was converted by ${row.fx_rate ?? 'no rate'}, which is no rate of its date`;
  const conversion: Conversion = row.rate === null ? sameCurrency : { factor: exactFromDecimal(row.rate), name: row.fx_rate };
  const vat = row.vat.map((v) => ({ vatCode: v.vatCode, baseMinor: BigInt(v.baseMinor), vatMinor: BigInt(v.vatMinor), selfAssessedMinor: assessedAsBooked(row.entries, v.vatCode) }));
  const booked = bookedOf({ accountId: row.account_id, currency, payableMinor: row.payable_minor, vat, owedTo: owed }, row.parts, conversion, books);
  const rest = new Map<string, { account: string; unit: string; amount: bigint; book: bigint }>();
  const add = (e: Place, amount: bigint, book: bigint) => {
    const of = JSON.stringify([
      e.ledgerAccount,
      e.unit,
      accountsOfCharges.has(e.ledgerAccount as LedgerAccount) ? e.glAccount : null,
      e.costCenter,
      e.accountId,
      e.siteId,
      e.vatCode,
      e.serviceMonth,
      e.sourceId,
    ]);
    const sum = rest.get(of) ?? { account: e.ledgerAccount, unit: e.unit, amount: 0n, book: 0n };
    rest.set(of, { ...sum, amount: sum.amount + amount, book: sum.book + book });
  };
  for (const e of entriesOf({ key, booked }, new Map())) add(e, -e.amount, -e.book);
  for (const e of row.entries) add(e, BigInt(e.amount), BigInt(e.book));
  const off = [...rest.values()].find((r) => r.amount !== 0n || r.book !== 0n);
  return off === undefined ? null : `ledger transaction ${key}: ${off.account} is ${off.amount} ${off.unit} and ${off.book} in the books more than it was made of`;
}

type Place = Pick<StoredEntry, 'unit' | 'glAccount' | 'costCenter' | 'accountId' | 'siteId' | 'vatCode' | 'serviceMonth' | 'sourceId'> & { readonly ledgerAccount: string };

/** What was booked as owed under reverse charge of a VAT code, in the document's currency: a credit. */
function assessedAsBooked(entries: readonly StoredEntry[], vatCode: string): bigint {
  return entries.reduce((sum, e) => (e.ledgerAccount === 'selfAssessedVat' && e.vatCode === vatCode ? sum - BigInt(e.amount) : sum), 0n);
}
