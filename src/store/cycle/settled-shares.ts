import { groupBy, keyOf } from '../../core/group-by.ts';
import { bookedAsShared, type SettledSessions } from '../../core/share/month.ts';
import { componentOf } from '../../core/share/share-of-record.ts';
import { monthPeriod } from '../../core/time.ts';
import { membersOf } from '../array-text.ts';
import type { Db } from '../db.ts';
import { type Booked, type BookedRow, bookedOf, ofShares, shareColumns, siteShareRoles } from './booked-shares.ts';
import { type OwnerContract, payeesOfContract } from './owner-contracts.ts';
import { heldSites, saleRoles, soldAtSites } from './owner-sales.ts';
import { changesSessions } from './payer-months.ts';
import { decided } from './run-state.ts';
import { amongIds } from './whole-run.ts';

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
  const { rows } = await db.query<Omit<BookedRow, 'clause' | 'currency'> & { what: 'settled' | 'sessions' | 'rest'; component: string }>(
    `WITH wanted AS MATERIALIZED (SELECT * FROM unnest($5::text[], $3::text[], $6::text[]) AS w(contract_id, account_id, currency)),
     held AS MATERIALIZED (${heldSites}),
     at_site AS MATERIALIZED (SELECT c.record_id, count(*) AS charges, bool_and(c.revision = 1 AND c.reversal_of IS NULL) AS is_first ${soldAtSites(isFew)} GROUP BY 1),
     changing AS MATERIALIZED (SELECT k.id, k.account_id FROM contract k JOIN contract_version v ON v.contract_id = k.id WHERE ${changesSessions}),
     -- Sums tell each record as often as it has charges among them.
     kept AS MATERIALIZED (
       SELECT r.record_id, count(*) AS charges FROM claim_sum s CROSS JOIN unnest(s.record_ids) AS r(record_id)
       WHERE s.run_id = $1 AND s.service_month = ANY($4) AND s.role IN ${saleRoles} AND s.account_id NOT IN (SELECT account_id FROM changing) AND (s.contract_id IS NULL OR s.contract_id NOT IN (SELECT id FROM changing)) GROUP BY 1),
     shares AS MATERIALIZED (
       SELECT s.contract_id, s.component, s.account_id, s.site_id, s.service_month, s.net_minor, s.record_ids, s.currency = w.currency AS is_own, s.currency = w.currency AND h.site_id IS NOT NULL AS is_plain
       FROM claim_sum s JOIN wanted w ON w.contract_id = s.contract_id LEFT JOIN held h ON h.site_id = s.site_id AND h.owner_account_id = w.account_id WHERE s.run_id = $1 AND s.service_month = ANY($4) AND s.role IN ${siteShareRoles}),
     shared AS MATERIALIZED (
       SELECT r.record_id, min(s.contract_id) AS contract_id, min(s.site_id) AS site_id, bool_and(s.is_plain) AS is_plain FROM shares s CROSS JOIN unnest(s.record_ids) AS r(record_id) GROUP BY 1),
     rest AS MATERIALIZED (
       SELECT coalesce(c.record_id, e.record_id) AS record_id, e.contract_id, e.site_id FROM at_site c FULL JOIN shared e ON e.record_id = c.record_id LEFT JOIN kept k ON k.record_id = c.record_id AND k.charges = c.charges
       WHERE NOT coalesce(c.is_first AND e.is_plain AND k.record_id IS NOT NULL, false))
     SELECT 'settled' AS what, contract_id, component, account_id AS payee_account_id, site_id, service_month, sum(net_minor)::bigint AS net_minor, NULL AS records FROM shares WHERE is_own GROUP BY 1, 2, 3, 4, 5, 6
     UNION ALL SELECT 'sessions', contract_id, NULL, NULL, site_id, NULL, sum(n)::bigint, NULL FROM (
       SELECT contract_id, site_id, count(*) AS n FROM shared GROUP BY 1, 2 UNION ALL SELECT contract_id, site_id, -count(*) FROM rest WHERE contract_id IS NOT NULL GROUP BY 1, 2) s GROUP BY 2, 5
     UNION ALL SELECT 'rest', NULL, NULL, NULL, NULL, NULL, NULL, array_agg(record_id)::text FROM rest`,
    [run.runId, run.entityId, contracts.map((c) => c.accountId), [serviceMonth], contracts.map((c) => c.contractId), contracts.map((c) => c.currency)],
  );
  const named = rows.find((r) => r.what === 'rest')?.records ?? null;
  const rest = named === null ? [] : membersOf(named).map(BigInt);
  const apart = rest.length === 0 ? [] : await loadApart(db, run, contracts, serviceMonth, rest);
  const [parts, apartOf] = [groupBy(rows, (r) => `${r.what} ${r.contract_id}`), groupBy(apart, (r) => r.contract_id)];
  const of = new Map<string, SettledSessions>();
  const booked = new Map<string, readonly Booked[]>();
  for (const { contractId, currency, versions } of contracts) {
    const [version] = versions;
    const clauses = new Map(version?.agreement.clauses.flatMap((c) => (c.kind === 'deduct' || c.kind === 'guarantee' ? [] : [[componentOf(c), c.id]])));
    const clauseOf = (r: { readonly component: string }) => clauses.get(r.component) ?? r.component;
    const own = apartOf.get(contractId) ?? [];
    of.set(contractId, {
      version: version?.version ?? 0,
      bySite: new Map(parts.get(`sessions ${contractId}`)?.flatMap((r) => (r.net_minor > 0n ? [[r.site_id, Number(r.net_minor)]] : []))),
      shares: sharesOf(
        [...(parts.get(`settled ${contractId}`) ?? []), ...own.filter((r) => r.currency.trim() === currency).map((r) => ({ ...r, net_minor: -r.claimed_minor }))].map((r) => ({
          ...r,
          clause: clauseOf(r),
        })),
      ),
    });
    booked.set(
      contractId,
      own.flatMap((r) => (r.records === null ? [] : [bookedOf({ ...r, clause: clauseOf(r) })])),
    );
  }
  return { of, booked, rest };
}

/** Sums of shares, each clause, payee and site once. */
function sharesOf(rows: readonly Pick<BookedRow, 'clause' | 'payee_account_id' | 'site_id' | 'net_minor'>[]): SettledSessions['shares'] {
  return [...groupBy(rows, (r) => keyOf([r.clause, r.payee_account_id, r.site_id])).values()].flatMap((own) =>
    own.slice(0, 1).map((r) => ({ clause: r.clause, payeeAccountId: r.payee_account_id, siteId: r.site_id, netMinor: own.reduce((sum, o) => sum + o.net_minor, 0n) })),
  );
}

type ApartRow = Omit<BookedRow, 'clause'> & { component: string /** What the run claims of it, with what takes something back. */; claimed_minor: bigint };

/** What these records booked, and the run or an earlier one claims. */
async function loadApart(db: Db, run: Run, contracts: readonly OwnerContract[], serviceMonth: string, recordIds: readonly bigint[]): Promise<ApartRow[]> {
  const { rows } = await db.query<ApartRow>(
    `WITH earned AS MATERIALIZED (SELECT ${shareColumns}, c.component FROM rated_charge c WHERE c.record_id = ANY($3) AND ${ofShares}),
     apart AS MATERIALIZED (
       SELECT c.*, k.run_id FROM earned c JOIN claim k ON k.charge_id = c.charge_id AND ${amongIds('k.charge_id', 'earned')} JOIN billing_run b ON b.id = k.run_id WHERE k.disposition <> 'carried' AND ${decided}),
     taken_back AS MATERIALIZED (SELECT reversal_of FROM apart WHERE reversal_of IS NOT NULL)
     SELECT contract_id, component, payee_account_id, site_id, service_month, currency, coalesce(sum(net_minor) FILTER (WHERE run_id = $1), 0)::bigint AS claimed_minor, coalesce(sum(net_minor) FILTER (WHERE stands), 0)::bigint AS net_minor,
       array_agg(record_id) FILTER (WHERE stands)::text AS records, array_agg(net_minor) FILTER (WHERE stands)::text AS nets
     FROM (SELECT *, reversal_of IS NULL AND NOT EXISTS (SELECT FROM taken_back m WHERE m.reversal_of = c.charge_id) AS stands FROM apart c) c GROUP BY 1, 2, 3, 4, 5, 6`,
    [run.runId, run.entityId, recordIds, [serviceMonth], contracts.map((c) => c.contractId)],
  );
  return rows;
}
