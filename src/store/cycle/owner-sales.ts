import type { Db } from '../db.ts';
import { recordKeySql } from '../record-key.ts';
import { siteHoldings } from '../site-holdings.ts';
import { earnsNothing } from './exclusion-match.ts';
import { isPaid } from './paid-sales.ts';
import { decided } from './run-state.ts';
import { amongIds, withinIds } from './whole-run.ts';

/** SQL: roles of what a session at an owner's site is sold as. */
export const saleRoles = "('driverSale', 'fleetSale', 'emspSale', 'idleFee')";

/** A session at an owner's site; times in epoch ms, money in minor units, energy in Wh. */
export type SaleRow = {
  record_id: bigint;
  /** The one that the run sees. */
  revision: number;
  key: string;
  site_id: string;
  account_id: string;
  start_ms: string;
  end_ms: string;
  service_month: string;
  currency: string;
  net: bigint;
  energy_wh: bigint;
  claimed: boolean;
  paid: boolean;
  written_off: boolean;
  is_new: boolean;
};

/** SQL: own sites that are or were those of owners $3, from when to when. */
export const heldSites = `SELECT h.* FROM ${siteHoldings} h JOIN site s ON s.id = h.site_id AND s.kind = 'own' WHERE h.owner_account_id = ANY($3)`;

/** SQL after SELECT: sale charges `c` of entity $2 and months $4 at the sites of `held`, of which the records are found first where owners are few. */
export const soldAtSites = (isFew: boolean) => `FROM (SELECT DISTINCT site_id AS id FROM held) s
  JOIN ${isFew ? 'charge_record r ON r.site_id = s.id AND r.service_month = ANY($4) JOIN rated_charge c ON c.record_id = r.record_id AND c.revision = r.revision AND c.site_id = s.id' : 'rated_charge c ON c.site_id = s.id'}
  WHERE c.entity_id = $2 AND c.service_month = ANY($4) AND c.role IN ${saleRoles} AND c.clause <> 'smallSession'`;

/**
 * Sales at the sites of owners, by session, each for whose the site was at its start (D06), as the run sees it: what arrived since, or was corrected, is not there until it is claimed, so that
 * it changes nothing. Written off: left out of its document by this or an earlier run. What is too small to be billed earns nothing (D25).
 * Whether a sale is paid is told where some contract asks it (`asksPaid`). Of these records alone, where they are named.
 */
export async function loadSales(
  db: Db,
  run: { readonly runId: string; readonly entityId: string },
  accountIds: readonly string[],
  months: readonly string[],
  { isFew, asksPaid, recordIds }: { readonly isFew: boolean; readonly asksPaid: boolean; readonly recordIds?: readonly bigint[] },
): Promise<SaleRow[]> {
  if (accountIds.length === 0 || recordIds?.length === 0) return [];
  const listed = recordIds === undefined ? withinIds : amongIds;
  const { rows } = await db.query<SaleRow>(
    `WITH held AS MATERIALIZED (${heldSites}),
     at_site AS MATERIALIZED (
       SELECT c.charge_id, c.record_id, c.revision, c.reversal_of, c.site_id, c.service_month, c.currency, c.net_minor
       ${recordIds === undefined ? soldAtSites(isFew) : `${soldAtSites(false)} AND c.record_id = ANY($6)`}),
     sold AS MATERIALIZED (
       SELECT c.*, k.disposition, k.run_id, ${earnsNothing} AS written_off, CASE WHEN $5 THEN ${isPaid} ELSE true END AS paid
       FROM at_site c JOIN claim k ON k.charge_id = c.charge_id AND ${listed('k.charge_id', 'at_site')} JOIN billing_run b ON b.id = k.run_id WHERE ${decided}),
     -- Few beside the rest: looked through, not joined to itself.
     taken_back AS MATERIALIZED (SELECT reversal_of FROM sold WHERE reversal_of IS NOT NULL AND disposition <> 'carried'),
     revised AS (
       SELECT o.record_id, o.revision, o.site_id, o.service_month, o.currency, sum(o.net_minor)::bigint AS net, bool_and(o.disposition <> 'carried') AS claimed, bool_and(o.paid) AS paid, bool_or(o.written_off) AS written_off,
         bool_or(o.run_id = $1) AS is_new
       FROM sold o WHERE o.reversal_of IS NULL AND NOT EXISTS (SELECT FROM taken_back m WHERE m.reversal_of = o.charge_id) GROUP BY 1, 2, 3, 4, 5),
     latest AS MATERIALIZED (SELECT DISTINCT ON (record_id) * FROM revised ORDER BY record_id, claimed DESC, revision DESC)
     SELECT l.record_id, l.revision, h.source_id || '/' || ${recordKeySql} AS key, l.site_id, t.owner_account_id AS account_id, (extract(epoch FROM r.start_at) * 1000)::bigint::text AS start_ms,
       (extract(epoch FROM r.end_at) * 1000)::bigint::text AS end_ms, l.service_month, l.currency, l.net, r.energy_wh, l.claimed, l.paid, l.written_off, l.is_new
     FROM latest l JOIN charge_record r ON r.record_id = l.record_id AND r.revision = l.revision AND ${listed('r.record_id', 'latest')}
     JOIN record_head h ON h.record_id = l.record_id AND ${listed('h.record_id', 'latest')}
     JOIN held t ON t.site_id = l.site_id AND t.valid_from <= r.start_at AND r.start_at < t.valid_to`,
    [run.runId, run.entityId, accountIds, months, asksPaid, ...(recordIds === undefined ? [] : [recordIds])],
  );
  return rows;
}
