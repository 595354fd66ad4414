import type { OcpiSale } from '../../contracts/ocpi.ts';
import type { Issue } from '../../core/issues.ts';
import { checkOutgoing } from '../../core/partner/check-outgoing.ts';
import type { Db } from '../db.ts';
import { partnerRulesOfAll } from '../reads/partner-rules.ts';
import { lockSales } from './sale-lock.ts';

const pageSize = 500;

/** Why a partner would refuse a CDR, by which version of its rules; no issues: it is known to refuse nothing of it. */
export type Verdict = { readonly issues: readonly Issue[]; readonly rulesVersion: number };

/** Holds CDRs, sent at `now`, against what the partners they are for are known to refuse. */
export async function judgeSales(db: Db, accountIds: readonly string[], now: Date): Promise<(accountId: string, sale: OcpiSale) => Verdict> {
  const rules = await partnerRulesOfAll(db, accountIds);
  return (accountId, sale) => {
    const inForce = rules.get(accountId);
    return inForce === undefined ? { issues: [], rulesVersion: 0 } : { issues: checkOutgoing(sale, inForce.rules, accountId, now.getTime()), rulesVersion: inForce.version };
  };
}

/** Keeps CDRs back, each with its reasons: nobody sends or shows them until the rules are others, or somebody decides. */
export async function holdSales(db: Db, held: readonly (Verdict & { readonly saleId: bigint })[]): Promise<void> {
  if (held.length === 0) return;
  await db.query(
    `UPDATE ocpi_delivery d SET state = 'held', issues = w.issues::jsonb, rules_version = w.version
     FROM unnest($1::bigint[], $2::text[], $3::integer[]) AS w(sale_id, issues, version) WHERE d.sale_id = w.sale_id AND d.state IN ('queued', 'held')`,
    [held.map((h) => h.saleId), held.map((h) => JSON.stringify(h.issues)), held.map((h) => h.rulesVersion)],
  );
}

/** Looks again at what is held for a peer by rules that have a newer version; answers how many may go now. What a CDR says never changes, and it only grows older, so without a new version none may. Call it in a transaction: it takes the lock of the peer's sales, and the time after that. */
export async function judgeHeldAgain(db: Db, peer: { readonly id: string; readonly push: boolean }, clock: () => Date): Promise<number> {
  await lockSales(db, peer.id);
  const now = clock();
  let released = 0;
  for (;;) {
    const { rows } = await db.query<{ sale_id: bigint; account_id: string; body: OcpiSale }>(
      `SELECT d.sale_id, s.account_id, s.body FROM ocpi_delivery d JOIN ocpi_sale s ON s.id = d.sale_id WHERE d.peer_id = $1 AND d.state = 'held' AND ${rulesChanged} ORDER BY d.sale_id LIMIT ${pageSize} FOR UPDATE OF d`,
      [peer.id],
    );
    if (rows.length === 0) return released;
    const judge = await judgeSales(
      db,
      rows.map((r) => r.account_id),
      now,
    );
    const verdicts = rows.map((r) => ({ saleId: r.sale_id, ...judge(r.account_id, r.body) }));
    await holdSales(
      db,
      verdicts.filter((v) => v.issues.length > 0),
    );
    const fit = verdicts.filter((v) => v.issues.length === 0).map((v) => v.saleId);
    await db.query('UPDATE ocpi_delivery SET state = $2, issues = NULL, rules_version = NULL WHERE sale_id = ANY($1)', [fit, peer.push ? 'queued' : 'pullOnly']);
    // Whoever pulls has looked past the time at which they were made, and what follows for their sessions waited behind them.
    await db.query('UPDATE ocpi_delivery d SET released_at = $3 FROM ocpi_delivery r WHERE r.sale_id = ANY($2) AND d.peer_id = $1 AND d.record_id = r.record_id AND d.sale_id >= r.sale_id', [
      peer.id,
      fit,
      now,
    ]);
    released += fit.length;
  }
}

/** Of a held delivery `d` and its sale `s`: its partner's rules have a newer version. */
export const rulesChanged = 'EXISTS (SELECT FROM partner_rules_version r WHERE r.account_id = s.account_id AND r.version > d.rules_version)';
