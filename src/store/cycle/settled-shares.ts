import { groupBy } from '../../core/group-by.ts';
import { bookedAsShared, type SettledSessions } from '../../core/share/month.ts';
import { componentOf } from '../../core/share/share-of-record.ts';
import { monthPeriod } from '../../core/time.ts';
import { membersOf } from '../array-text.ts';
import type { Db } from '../db.ts';
import { type Booked, type BookedRow, bookedOf, ofShares, shareColumns, shareRoles } from './booked-shares.ts';
import { type OwnerContract, payeesOfContract } from './owner-contracts.ts';
import { heldSites, saleRoles, soldAtSites } from './owner-sales.ts';
import { changesSessions } from './payer-months.ts';
import { decided } from './run-state.ts';
import { withinIds } from './whole-run.ts';

type Run = { readonly runId: string; readonly entityId: string; readonly timeZone: string };

/**
 * Of these contracts those of whose month sessions may be summed: one version, in force until its end, whose shares are as records booked
 * them, sites that never changed hands, and payees of whom the run kept what it claims: nothing of theirs was corrected, left out or held.
 */
export async function withSettledShares(db: Db, run: Run, contracts: readonly OwnerContract[], serviceMonth: string): Promise<OwnerContract[]> {
  const { endMs } = monthPeriod(serviceMonth, run.timeZone);
  const plain = [...groupBy(contracts, (c) => c.accountId).values()].flatMap((own) => {
    const [contract, ...others] = own;
    const [version, ...more] = contract?.versions ?? [];
    if (contract === undefined || version === undefined || others.length > 0 || more.length > 0) return [];
    return version.toMs >= endMs && version.agreement.basis !== 'paid' && bookedAsShared(version.agreement) ? [contract] : [];
  });
  if (plain.length === 0) return [];
  const kept = await db.query<{ id: string }>('SELECT DISTINCT s.account_id AS id FROM claim_sum s WHERE s.run_id = $1 AND s.account_id = ANY($2)', [
    run.runId,
    [...new Set(plain.flatMap(payeesOfContract))],
  ]);
  const moved = await db.query<{ id: string }>(
    'SELECT DISTINCT u.id FROM site_holder h JOIN site s ON s.id = h.site_id JOIN unnest($1::text[]) AS u(id) ON u.id = h.owner_account_id OR u.id = s.owner_account_id',
    [plain.map((c) => c.accountId)],
  );
  const [summed, changed] = [new Set(kept.rows.map((r) => r.id)), new Set(moved.rows.map((r) => r.id))];
  return plain.filter((c) => !changed.has(c.accountId) && payeesOfContract(c).every((id) => summed.has(id)));
}

/** Sessions of a month whose shares stand as booked, by contract; what the others booked; and these others' records. */
export type SettledShares = { readonly of: ReadonlyMap<string, SettledSessions>; readonly booked: ReadonlyMap<string, readonly Booked[]>; readonly rest: readonly bigint[] };

/**
 * Sums what stands as booked of a month of contracts (as `withSettledShares` finds them): sessions whose whole sale is in the run's kept
 * sums, to payers whose month changes no session, and whose shares are. All others that were sold at the owners' sites, or booked something,
 * are named, to be told one by one: what they booked is taken off the sums.
 */
export async function sumSettledShares(db: Db, run: Run, contracts: readonly OwnerContract[], serviceMonth: string, isFew: boolean): Promise<SettledShares> {
  const { rows } = await db.query<Omit<BookedRow, 'clause'> & { what: 'settled' | 'booked' | 'sessions' | 'rest'; component: string }>(
    `WITH wanted AS MATERIALIZED (SELECT * FROM unnest($5::text[], $3::text[], $6::text[]) AS w(contract_id, account_id, currency)),
     held AS MATERIALIZED (${heldSites}),
     at_site AS MATERIALIZED (SELECT c.record_id, count(*) AS charges, bool_and(c.revision = 1 AND c.reversal_of IS NULL) AS is_first ${soldAtSites(isFew)} GROUP BY 1),
     changing AS MATERIALIZED (SELECT k.id, k.account_id FROM contract k JOIN contract_version v ON v.contract_id = k.id WHERE ${changesSessions}),
     -- Sums tell each record as often as it has charges among them.
     kept AS MATERIALIZED (
       SELECT r.record_id, count(*) AS charges FROM claim_sum s CROSS JOIN unnest(s.record_ids) AS r(record_id)
       WHERE s.run_id = $1 AND s.service_month = ANY($4) AND s.role IN ${saleRoles} AND s.account_id NOT IN (SELECT account_id FROM changing) AND (s.contract_id IS NULL OR s.contract_id NOT IN (SELECT id FROM changing)) GROUP BY 1),
     shares AS MATERIALIZED (
       SELECT s.contract_id, s.component, s.account_id, s.site_id, s.service_month, s.net_minor, s.record_ids, s.currency = w.currency AND h.site_id IS NOT NULL AS is_plain
       FROM claim_sum s JOIN wanted w ON w.contract_id = s.contract_id LEFT JOIN held h ON h.site_id = s.site_id AND h.owner_account_id = w.account_id WHERE s.run_id = $1 AND s.service_month = ANY($4) AND s.role IN ${shareRoles}),
     shared AS MATERIALIZED (
       SELECT r.record_id, min(s.contract_id) AS contract_id, min(s.site_id) AS site_id, bool_and(s.is_plain) AS is_plain FROM shares s CROSS JOIN unnest(s.record_ids) AS r(record_id) GROUP BY 1),
     rest AS MATERIALIZED (
       SELECT coalesce(c.record_id, e.record_id) AS record_id, e.contract_id, e.site_id FROM at_site c FULL JOIN shared e ON e.record_id = c.record_id LEFT JOIN kept k ON k.record_id = c.record_id AND k.charges = c.charges
       WHERE NOT coalesce(c.is_first AND e.is_plain AND k.record_id IS NOT NULL, false)),
     earned AS MATERIALIZED (SELECT ${shareColumns}, c.component FROM rest o JOIN rated_charge c ON c.record_id = o.record_id AND ${withinIds('c.record_id', 'rest')} WHERE ${ofShares}),
     apart AS MATERIALIZED (
       SELECT c.*, k.run_id FROM earned c JOIN claim k ON k.charge_id = c.charge_id AND ${withinIds('k.charge_id', 'earned')} JOIN billing_run b ON b.id = k.run_id WHERE k.disposition <> 'carried' AND ${decided}),
     taken_back AS MATERIALIZED (SELECT reversal_of FROM apart WHERE reversal_of IS NOT NULL)
     SELECT 'settled' AS what, contract_id, component, account_id AS payee_account_id, site_id, service_month, sum(net_minor)::bigint AS net_minor, NULL AS records, NULL AS nets FROM (
       SELECT contract_id, component, account_id, site_id, service_month, net_minor FROM shares
       UNION ALL SELECT contract_id, component, payee_account_id, site_id, service_month, -net_minor FROM apart WHERE run_id = $1) s GROUP BY 1, 2, 3, 4, 5, 6
     UNION ALL
     SELECT 'booked', contract_id, component, payee_account_id, site_id, service_month, sum(net_minor)::bigint, array_agg(record_id)::text, array_agg(net_minor)::text
     FROM apart c WHERE c.reversal_of IS NULL AND NOT EXISTS (SELECT FROM taken_back m WHERE m.reversal_of = c.charge_id) GROUP BY 1, 2, 3, 4, 5, 6
     UNION ALL SELECT 'sessions', contract_id, NULL, NULL, site_id, NULL, sum(n)::bigint, NULL, NULL FROM (
       SELECT contract_id, site_id, count(*) AS n FROM shared GROUP BY 1, 2 UNION ALL SELECT contract_id, site_id, -count(*) FROM rest WHERE contract_id IS NOT NULL GROUP BY 1, 2) s GROUP BY 2, 5
     UNION ALL SELECT 'rest', NULL, NULL, NULL, NULL, NULL, NULL, array_agg(record_id)::text, NULL FROM rest`,
    [run.runId, run.entityId, contracts.map((c) => c.accountId), [serviceMonth], contracts.map((c) => c.contractId), contracts.map((c) => c.currency)],
  );
  const parts = groupBy(rows, (r) => `${r.what} ${r.contract_id}`);
  const of = new Map<string, SettledSessions>();
  const booked = new Map<string, readonly Booked[]>();
  for (const { contractId, versions } of contracts) {
    const [version] = versions;
    const clauseOf = new Map(version?.agreement.clauses.flatMap((c) => (c.kind === 'deduct' || c.kind === 'guarantee' ? [] : [[componentOf(c), c.id]])));
    const withClause = (r: (typeof rows)[number]) => ({ ...r, clause: clauseOf.get(r.component) ?? r.component });
    of.set(contractId, {
      version: version?.version ?? 0,
      bySite: new Map(parts.get(`sessions ${contractId}`)?.flatMap((r) => (r.net_minor > 0n ? [[r.site_id, Number(r.net_minor)]] : []))),
      shares: (parts.get(`settled ${contractId}`) ?? []).map(withClause).map((r) => ({ clause: r.clause, payeeAccountId: r.payee_account_id, siteId: r.site_id, netMinor: r.net_minor })),
    });
    booked.set(contractId, (parts.get(`booked ${contractId}`) ?? []).map(withClause).map(bookedOf));
  }
  const rest = rows.find((r) => r.what === 'rest')?.records ?? null;
  return { of, booked, rest: rest === null ? [] : membersOf(rest).map(BigInt) };
}
