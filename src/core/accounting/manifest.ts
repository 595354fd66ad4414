import { formatMinor } from '../money.ts';
import { type AccountingBatch, batchTotals } from './batch.ts';

export type ManifestFile = { readonly form: string; readonly fileName: string; readonly bytes: number; readonly sha256: string };

/** What a receiver holds against what it has read: the files of a batch by their hash, and the sums in them. Amounts as decimal text. */
export function batchManifest(batch: AccountingBatch, files: readonly ManifestFile[]) {
  const { entity } = batch;
  const totals = batchTotals(batch);
  const money = (minor: bigint) => formatMinor(minor, entity.currency);
  return {
    batch: batch.batchId,
    closedOn: batch.closedOn,
    entity: { name: entity.name, orgNumber: entity.orgNumber },
    currency: entity.currency,
    series: batch.series,
    files,
    totals: {
      vouchers: totals.vouchers,
      lines: totals.lines,
      debit: money(totals.debitMinor),
      credit: money(totals.creditMinor),
      accounts: totals.accounts.map((a) => ({ glAccount: a.glAccount, debit: money(a.debitMinor), credit: money(a.creditMinor), balance: money(a.debitMinor - a.creditMinor) })),
    },
  };
}
