import type { ErpDocument, ErpHeld, ErpHolding, ErpKind, ErpLine, ErpPayment } from '../../../contracts/erp-document.ts';
import { formatMinor } from '../../../core/money.ts';
import { ErpRefused } from '../port.ts';
import type { Books, Needed } from './books.ts';
import { day, decimal, isoOf, minorOf, type Rpc } from './rpc.ts';
import { descriptionOf, readDescription, readTag, tagOf } from './words.ts';

const model = 'model.account.invoice';
const posted = new Set(['posted', 'paid']);

/** Invoices, credit notes and vendor bills: the first two are customer invoices there, the second with negative quantities. */
export const invoiceKinds: ReadonlySet<ErpKind> = new Set(['invoice', 'creditNote', 'vendorBill']);

/**
 * What `create` takes. Each amount is sent as it is: a line of quantity one at our net, without Tryton's taxes, and a manual tax row with
 * our VAT, since Tryton rounds half to even. A sale on an account that Tryton allows on no invoice (what an agent collects for
 * another) becomes a manual row too.
 */
export async function invoiceValues(document: ErpDocument, books: Books, { parties }: Needed): Promise<unknown> {
  const isBill = document.kind === 'vendorBill';
  const chart = await books.chartFor(document);
  const party = document.lines.filter((l) => l.part === 'party');
  const [owed] = party;
  if (owed === undefined || party.length > 1) throw new ErpRefused(`${document.key} has ${party.length} lines of its party: an invoice has one`);
  if (document.accountId === null) throw new ErpRefused(`${document.key} is for nobody: an invoice has a party`);
  const who = parties.get(document.accountId);
  const currency = chart.currencies.get(document.currency);
  // Amounts of a sale are credits here, and positive there.
  const amountOf = (line: Pick<ErpLine, 'amountMinor'>) => (isBill ? BigInt(line.amountMinor) : -BigInt(line.amountMinor));
  const text = (minor: bigint) => decimal(formatMinor(minor, document.currency));
  const rowsOf = (part: ErpLine['part']) => document.lines.filter((l) => l.part === part);
  const standsOnLine = (line: ErpLine) => chart.accounts.get(line.glAccount)?.[isBill ? 'onBill' : 'onInvoice'] === true;
  const lines = [...rowsOf('net'), ...rowsOf('rounding')].filter(standsOnLine).map((line) => {
    const amount = amountOf(line);
    return {
      type: 'line',
      company: chart.company,
      currency,
      account: chart.accounts.get(line.glAccount)?.id,
      quantity: amount < 0n ? -1 : 1,
      unit_price: text(amount < 0n ? -amount : amount),
      description: tagOf(line),
      analytic_accounts: [['create', [{ root: chart.costCenterRoot, account: line.costCenter === null ? null : chart.costCenters.get(line.costCenter) }]]],
    };
  });
  const taxes = [...rowsOf('tax'), ...[...rowsOf('net'), ...rowsOf('rounding')].filter((l) => !standsOnLine(l))].map((line) => ({
    manual: true,
    description: tagOf(line),
    base: text(amountOf({ amountMinor: line.baseMinor ?? '0' })),
    amount: text(amountOf(line)),
    account: chart.accounts.get(line.glAccount)?.id,
  }));
  return {
    company: chart.company,
    type: isBill ? 'in' : 'out',
    party: who?.id,
    invoice_address: who?.address,
    currency,
    journal: chart.journals.get(isBill ? 'expense' : 'revenue'),
    account: chart.accounts.get(owed.glAccount)?.id,
    invoice_date: day(document.postedOn),
    reference: document.key,
    description: descriptionOf(document),
    lines: [['create', lines]],
    taxes: taxes.length === 0 ? [] : [['create', taxes]],
  };
}

type Row = {
  readonly id: number;
  readonly type: 'in' | 'out';
  readonly state: string;
  readonly number: string | null;
  readonly reference: string | null;
  readonly description: string | null;
  readonly invoice_date: { readonly year: number; readonly month: number; readonly day: number };
  readonly total_amount: { readonly decimal: string };
  readonly 'currency.': { readonly code: string };
  readonly 'account.': { readonly code: string };
  readonly 'lines.': readonly {
    readonly amount: { readonly decimal: string };
    readonly description: string | null;
    readonly 'account.': { readonly code: string };
    readonly 'analytic_accounts.': readonly { readonly 'account.': { readonly code: string } | null }[];
  }[];
  readonly 'taxes.': readonly { readonly amount: { readonly decimal: string }; readonly description: string; readonly 'account.': { readonly code: string } }[];
};
const fields = [
  ...['type', 'state', 'number', 'reference', 'description', 'invoice_date', 'total_amount', 'currency.code', 'account.code'],
  ...['lines.amount', 'lines.description', 'lines.account.code', 'lines.analytic_accounts.account.code', 'taxes.amount', 'taxes.description', 'taxes.account.code'],
];

/** Posted invoices that match a domain, with their kind and run, and with `reversed` those that were cancelled after they had a number. What others wrote into Tryton is left out. */
export async function postedInvoices(rpc: Rpc, books: Books, domain: readonly unknown[], reversed = false): Promise<readonly (ErpHolding & { readonly runId: string | null })[]> {
  const states = reversed
    ? [
        'OR',
        ['state', 'in', [...posted]],
        [
          ['state', '=', 'cancelled'],
          ['number', '!=', null],
        ],
      ]
    : ['state', 'in', [...posted]];
  const rows = (await rpc(`${model}.search_read`, [[domain, states], 0, null, [['id', 'ASC']], fields, await books.context()], 'reads')) as Row[];
  return rows.flatMap((row) => {
    const ours = readDescription(row.description);
    return ours === undefined || row.reference === null ? [] : [{ ...ours, ...heldOf(row), legalNumber: ours.legalNumber, key: row.reference, isReversed: !posted.has(row.state) }];
  });
}

function heldOf(row: Row): ErpHeld {
  const currency = row['currency.'].code;
  const sign = row.type === 'in' ? 1n : -1n;
  const minor = (amount: { readonly decimal: string }) => sign * minorOf(amount, currency);
  return {
    externalId: row.number ?? String(row.id),
    number: row.number,
    legalNumber: null,
    currency,
    postedOn: isoOf(row.invoice_date),
    lines: [
      { glAccount: row['account.'].code, costCenter: null, vatCode: null, amountMinor: (-minor(row.total_amount)).toString() },
      ...row['lines.'].map((line) => ({
        glAccount: line['account.'].code,
        costCenter: line['analytic_accounts.'].map((a) => a['account.']?.code ?? null)[0] ?? null,
        vatCode: readTag(line.description).vatCode,
        amountMinor: minor(line.amount).toString(),
      })),
      ...row['taxes.'].map((tax) => ({ glAccount: tax['account.'].code, ...readTag(tax.description), amountMinor: minor(tax.amount).toString() })),
    ],
  };
}

type Paid = {
  readonly reference: string;
  readonly state: string;
  readonly type: 'in' | 'out';
  readonly amount_to_pay: { readonly decimal: string };
  readonly total_amount: { readonly decimal: string };
  readonly 'currency.': { readonly code: string };
  readonly 'lines_to_pay.': readonly { readonly reconciliation: number | null }[];
};

/** What is paid of invoices, by their keys: written off is what a journal of that type closed. */
export async function paymentsOf(rpc: Rpc, books: Books, keys: readonly string[]): Promise<readonly ErpPayment[]> {
  const context = await books.context();
  const fieldsOfPaid = ['reference', 'state', 'type', 'amount_to_pay', 'total_amount', 'currency.code', 'lines_to_pay.reconciliation'];
  const rows = (await rpc(
    `${model}.search_read`,
    [
      [
        ['reference', 'in', keys],
        ['state', 'in', [...posted]],
      ],
      0,
      null,
      [['id', 'ASC']],
      fieldsOfPaid,
      context,
    ],
    'reads',
  )) as Paid[];
  const reconciliations = rows.flatMap((row) => row['lines_to_pay.'].flatMap((l) => (l.reconciliation === null ? [] : [l.reconciliation])));
  const closing = (await rpc(
    'model.account.move.line.search_read',
    [
      [
        ['reconciliation', 'in', reconciliations],
        ['move.journal.type', '=', 'write-off'],
      ],
      0,
      null,
      null,
      ['reconciliation'],
      context,
    ],
    'reads',
  )) as { reconciliation: number }[];
  const writtenOff = new Set(closing.map((l) => l.reconciliation));
  return rows.map((row): ErpPayment => {
    const currency = row['currency.'].code;
    const sign = row.type === 'in' ? -1n : 1n;
    const open = minorOf(row.amount_to_pay, currency);
    const isWrittenOff = row['lines_to_pay.'].some((l) => l.reconciliation !== null && writtenOff.has(l.reconciliation));
    const state = open === 0n ? (isWrittenOff ? 'writtenOff' : 'paid') : open === minorOf(row.total_amount, currency) ? 'unpaid' : 'part';
    return { key: row.reference, state, openMinor: (sign * open).toString() };
  });
}
