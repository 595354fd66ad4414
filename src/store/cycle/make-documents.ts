import { vatStatusOn } from '../../core/allocate/setup.ts';
import { composeDocument, type DocumentValue } from '../../core/document/compose.ts';
import { groupBy } from '../../core/group-by.ts';
import { sha256 } from '../../core/seal/charge-record.ts';
import { ownerDocumentType } from '../../core/share/statement-charges.ts';
import type { Db } from '../db.ts';
import { loadAccounts, loadContracts } from '../intake/load-setup.ts';
import { adjustmentOf, annexOrder, chargeOf, claimedCharges } from './claimed-charges.ts';

export type MadeDocument = { readonly id: string; readonly type: string; readonly accountId: string; readonly entityId: string; readonly currency: string; readonly value: DocumentValue };

/** Composes the documents of accounts of a run: of what it claims for documents, and its adjustments. */
export async function makeDocuments(db: Db, runId: string, accounts: readonly string[]): Promise<MadeDocument[]> {
  const charges = await db.query(`${claimedCharges} WHERE c.run_id = $1 AND c.account_id = ANY($2) AND c.disposition = 'document' ORDER BY c.account_id, ${annexOrder}`, [runId, accounts]);
  const adjustments = await db.query('SELECT * FROM adjustment WHERE run_id = $1 AND account_id = ANY($2) AND withdrawn_at IS NULL ORDER BY id', [runId, accounts]);
  const details = await db.query(`SELECT a.id, a.strategy, a.currency, a.rounding_mode, r.entity_id, r.period FROM account a JOIN billing_run r ON r.id = $1 WHERE a.id = ANY($2) ORDER BY a.id`, [
    runId,
    accounts,
  ]);
  const vatPercents = new Map((await db.query('SELECT code, percent::text FROM vat_rule')).rows.map((r) => [r.code as string, r.percent as string]));
  const chargesOf = groupBy(charges.rows, (r) => r.account_id);
  const adjustmentsOf = groupBy(adjustments.rows, (r) => r.account_id);
  const owners = await ownersOf(
    db,
    runId,
    details.rows.filter((a) => a.strategy === 'selfBilling').map((a) => a.id),
  );
  const typeOf = (accountId: string) => owners.get(accountId) ?? (() => 'invoice');
  const made: MadeDocument[] = [];
  for (const account of details.rows) {
    const value = composeDocument({
      entityId: account.entity_id,
      accountId: account.id,
      strategy: account.strategy,
      currency: account.currency,
      roundingMode: account.rounding_mode,
      period: account.period,
      charges: (chargesOf.get(account.id) ?? []).map(chargeOf),
      adjustments: (adjustmentsOf.get(account.id) ?? []).map(adjustmentOf),
      // Who bills himself, or is not registered, gets a statement without VAT (D46).
      vatPercents: typeOf(account.id)(0n) === 'settlementStatement' ? withoutVat(vatPercents) : vatPercents,
    });
    if (value === undefined) continue;
    const id = `doc_${sha256(`${runId}\n${account.id}\n${account.currency}`).toString('hex').slice(0, 20)}`;
    made.push({ id, type: typeOf(account.id)(value.netMinor), accountId: account.id, entityId: account.entity_id, currency: account.currency, value });
  }
  return made;
}

/** What each site owner's document is, by its net: as the owner is registered and agreed at the end of the period. */
async function ownersOf(db: Db, runId: string, accountIds: readonly string[]): Promise<ReadonlyMap<string, (netMinor: bigint) => string>> {
  if (accountIds.length === 0) return new Map();
  const run = (
    await db.query<{ period_end: Date; last: string }>(
      "SELECT period_end, ((period_end - interval '1 second') AT TIME ZONE e.time_zone)::date::text AS last FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id WHERE r.id = $1",
      [runId],
    )
  ).rows[0];
  const accounts = await loadAccounts(db, accountIds);
  const contracts = await loadContracts(db, accountIds);
  const endMs = (run?.period_end.getTime() ?? 0) - 1;
  return new Map(
    accountIds.map((id) => {
      const account = accounts.get(id);
      const agreement = contracts.inForce(id, 'revenueShare', endMs)[0]?.agreement;
      const party = account === undefined ? undefined : vatStatusOn(account, run?.last ?? '');
      return [id, (netMinor) => (agreement === undefined ? 'settlementStatement' : ownerDocumentType(party, agreement, run?.last ?? '', netMinor))];
    }),
  );
}

function withoutVat(percents: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...percents.keys()].map((code) => [code, '0']));
}
