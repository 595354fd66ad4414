import { groupBy } from '../../core/group-by.ts';
import type { StatedShare } from '../../core/share/statement.ts';
import { membersOf } from '../array-text.ts';
import type { Db } from '../db.ts';
import { decided } from './run-state.ts';
import { withinIds } from './whole-run.ts';

type Run = { readonly runId: string; readonly entityId: string };

/** SQL: roles of what sessions book for site owners. */
export const siteShareRoles = "('siteShareEstimate', 'energyReimbursement')";

/** Shares that are alike in all that statements tell apart, with the records that booked them and how much each, as PostgreSQL writes arrays. */
export type Booked = StatedShare & { readonly contractId: string; readonly serviceMonth: string; readonly currency: string; readonly recordIds: readonly string[]; readonly nets: string };

/** What of them these records booked, in sum. */
export function bookedBy(shares: readonly Booked[], records: ReadonlySet<string>): StatedShare[] {
  return shares.flatMap(({ clause, payeeAccountId, siteId, netMinor, recordIds, nets }) => {
    const own = recordIds.map((id) => records.has(id));
    if (!own.includes(true)) return [];
    const sum = own.includes(false) ? membersOf(nets).reduce((total, net, i) => (own[i] ? total + BigInt(net) : total), 0n) : netMinor;
    return [{ clause, payeeAccountId, siteId, netMinor: sum }];
  });
}

export type BookedRow = { contract_id: string; clause: string; payee_account_id: string; site_id: string; service_month: string; currency: string; net_minor: bigint; records: string; nets: string };

export const bookedOf = (r: BookedRow): Booked => ({
  contractId: r.contract_id,
  serviceMonth: r.service_month,
  currency: r.currency.trim(),
  clause: r.clause,
  payeeAccountId: r.payee_account_id,
  siteId: r.site_id,
  netMinor: r.net_minor,
  recordIds: membersOf(r.records),
  nets: r.nets,
});

/** SQL: the columns of a share `c`. */
export const shareColumns = 'c.charge_id, c.reversal_of, c.record_id, c.contract_id, c.clause, c.payee_account_id, c.site_id, c.currency, c.net_minor, c.service_month';
/** SQL that holds for shares `c` of the contracts $5 in the months $4 of entity $2. */
export const ofShares = `c.service_month = ANY($4) AND c.entity_id = $2 AND c.payer_account_id IS NULL AND c.role IN ${siteShareRoles} AND c.record_id IS NOT NULL AND c.contract_id = ANY($5)`;

/** Shares of records (of all, or of those given) that the run bills, or an earlier one did, and none of them took back, by contract. */
export async function loadBooked(
  db: Db,
  run: Run,
  contractIds: readonly string[],
  months: readonly string[],
  recordIds: readonly bigint[] | undefined,
): Promise<ReadonlyMap<string, readonly Booked[]>> {
  if (contractIds.length === 0) return new Map();
  const { rows } = await db.query<BookedRow>(
    `WITH earned AS MATERIALIZED (SELECT ${shareColumns} FROM rated_charge c WHERE ${ofShares} AND ($3::bigint[] IS NULL OR c.record_id = ANY($3))),
     shared AS MATERIALIZED (
       SELECT c.* FROM earned c JOIN claim k ON k.charge_id = c.charge_id AND ${withinIds('k.charge_id', 'earned')} JOIN billing_run b ON b.id = k.run_id WHERE k.disposition <> 'carried' AND ${decided}),
     taken_back AS MATERIALIZED (SELECT reversal_of FROM shared WHERE reversal_of IS NOT NULL)
     SELECT contract_id, clause, payee_account_id, site_id, service_month, currency, sum(net_minor)::bigint AS net_minor, array_agg(record_id)::text AS records, array_agg(net_minor)::text AS nets
     FROM shared c WHERE c.reversal_of IS NULL AND NOT EXISTS (SELECT FROM taken_back m WHERE m.reversal_of = c.charge_id) GROUP BY 1, 2, 3, 4, 5, 6`,
    [run.runId, run.entityId, recordIds ?? null, months, contractIds],
  );
  return groupBy(rows.map(bookedOf), (b) => b.contractId);
}
