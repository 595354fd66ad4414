import { sidesOf, type Voucher } from './voucher.ts';

/** A closed run as vouchers, with the words that files name accounts and dimensions by. */
export type AccountingBatch = {
  /** The run. */
  readonly batchId: string;
  readonly closedOn: string;
  readonly entity: { readonly name: string; readonly orgNumber: string; readonly country: string; readonly currency: string };
  /** Letter of the voucher series that the receiver keeps for us. */
  readonly series: string;
  readonly vouchers: readonly Voucher[];
  /** Of the chart, by GL account. */
  readonly accountNames: ReadonlyMap<string, string>;
  readonly siteNames: ReadonlyMap<string, string>;
};
export type AccountTotal = { readonly glAccount: string; readonly debitMinor: bigint; readonly creditMinor: bigint };
/** What a receiver compares after reading the file, in minor units of the books. */
export type BatchTotals = { readonly vouchers: number; readonly lines: number; readonly debitMinor: bigint; readonly creditMinor: bigint; readonly accounts: readonly AccountTotal[] };

/** Sums of a batch, over all and by GL account in the order of their numbers. */
export function batchTotals({ vouchers }: Pick<AccountingBatch, 'vouchers'>): BatchTotals {
  const accounts = new Map<string, AccountTotal>();
  const total = { lines: 0, debitMinor: 0n, creditMinor: 0n };
  for (const { lines } of vouchers)
    for (const { glAccount, amountMinor } of lines) {
      const { debitMinor, creditMinor } = sidesOf(amountMinor);
      const before = accounts.get(glAccount);
      accounts.set(glAccount, { glAccount, debitMinor: debitMinor + (before?.debitMinor ?? 0n), creditMinor: creditMinor + (before?.creditMinor ?? 0n) });
      total.lines += 1;
      total.debitMinor += debitMinor;
      total.creditMinor += creditMinor;
    }
  return { vouchers: vouchers.length, ...total, accounts: [...accounts.values()].sort((a, b) => (a.glAccount < b.glAccount ? -1 : 1)) };
}

/** Every account, cost center and site that a voucher names, each once and in order. */
export function namedIn({ vouchers }: Pick<AccountingBatch, 'vouchers'>) {
  const lines = vouchers.flatMap((v) => v.lines);
  const distinct = (values: readonly (string | null)[]) => [...new Set(values.filter((v) => v !== null))].sort();
  return { accounts: distinct(lines.map((l) => l.glAccount)), costCenters: distinct(lines.map((l) => l.costCenter)), projects: distinct(lines.map((l) => l.project)) };
}
