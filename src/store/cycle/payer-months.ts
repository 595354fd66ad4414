import { resultsOf } from '../../core/period/contract-months.ts';
import { type Marginal, marginalsOf } from '../../core/period/marginals.ts';
import type { Place } from '../../core/period/month.ts';
import type { Db } from '../db.ts';
import { writtenOffMinimums } from './left-out-fee-rows.ts';
import { loadPeriod } from './load-period.ts';
import { issuingStates } from './run-state.ts';
import { amongIds } from './whole-run.ts';

/** SQL that holds for a `contract_version v` whose months change what sessions came to. */
export const changesSessions = `jsonb_path_exists(v.clauses, '$.clauses[*] ? (@.kind == "included" || @.kind == "tiers" || @.kind == "cap" || @.kind == "minimum")')`;

/** Where energy rolls over, what a late session takes is missing in all later months, up to that of run `r`. */
const lastMoved = `CASE WHEN jsonb_path_exists(v.clauses, '$.clauses[*] ? (@.kind == "included" && @.rolloverMonths > 0)') THEN r.period ELSE c.service_month END`;

/** SQL: off-cycle runs `o` and those of other calendars that have issued, or begun to, since the run before `r` on its calendar closed its set: what they billed late moves what `r` states, as they state nobody beside their accounts. */
const ranElsewhere = `billing_run o ON o.entity_id = r.entity_id AND o.kind = 'live' AND (o.selection IS NOT NULL OR o.calendar_id <> r.calendar_id) AND r.selection IS NULL AND o.id <> r.id AND o.state IN ${issuingStates}
  AND (o.closed_at IS NULL OR o.closed_at > coalesce((SELECT max(p.set_closed_at) FROM billing_run p WHERE p.calendar_id = r.calendar_id AND p.kind = 'live' AND p.selection IS NULL AND p.period_end < r.period_end AND p.state <> 'cancelled'), '-infinity'))`;

/** SQL: roles of what a month makes of its sessions. */
const monthRoles = "('allowance', 'tierDiscount', 'cap', 'minimumTrueUp')";
/** SQL: drafts `p` of run $1 that are of a month before its own, of what the month makes of sessions. */
const draftedAnew = `period_charge p JOIN billing_run r ON r.id = p.run_id WHERE p.run_id = $1 AND p.role IN ${monthRoles} AND p.service_month < r.period`;

/**
 * SQL: CTEs of run $1, of which `kept` has the accounts whose sums are kept, with their first month, `late` the months in which late sessions that the run claims move
 * what other sessions of their payer came to (D44), `elsewhere` those in which runs beside it did, `anew` those of which it drafts a difference, since their plan changed too, and `moved` the sessions of all. `accounts`: of these payers alone, SQL too.
 */
export const movedSessions = (
  accounts?: string,
) => `kept AS MATERIALIZED (SELECT account_id, min(service_month) AS since FROM claim_sum WHERE run_id = $1${accounts === undefined ? '' : ` AND account_id = ANY(${accounts})`} GROUP BY 1),
     -- Of all others that change sessions the sums say that nothing is late.
     asked AS MATERIALIZED (
       SELECT DISTINCT a.account_id FROM billing_run r JOIN contract a ON ${accounts === undefined ? 'true' : `a.account_id = ANY(${accounts})`} JOIN contract_version v ON v.contract_id = a.id AND ${changesSessions} LEFT JOIN kept n ON n.account_id = a.account_id
       WHERE r.id = $1 AND (n.account_id IS NULL OR n.since < r.period)),
     late AS MATERIALIZED (
       SELECT DISTINCT c.payer_account_id, to_char(m, 'YYYY-MM') AS service_month, c.entity_id
       FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id JOIN billing_run r ON r.id = k.run_id JOIN contract_version v ON v.contract_id = c.contract_id
         CROSS JOIN LATERAL generate_series((c.service_month || '-01')::date, (${lastMoved} || '-01')::date, interval '1 month') m
       WHERE k.run_id = $1 AND ${amongIds('k.account_id', 'asked')} AND c.payer_account_id IS NOT NULL AND c.record_id IS NOT NULL AND c.service_month < r.period AND ${changesSessions}),
     -- By themselves: else all claims there ever were would be read to find those of few runs, or of none.
     beside AS MATERIALIZED (SELECT o.id, r.period FROM billing_run r JOIN ${ranElsewhere} WHERE r.id = $1),
     elsewhere AS MATERIALIZED (
       SELECT DISTINCT c.payer_account_id, to_char(m, 'YYYY-MM') AS service_month, c.entity_id
       FROM beside r JOIN claim k ON k.run_id = r.id JOIN rated_charge c ON c.charge_id = k.charge_id JOIN contract_version v ON v.contract_id = c.contract_id
         CROSS JOIN LATERAL generate_series((c.service_month || '-01')::date, (${lastMoved} || '-01')::date, interval '1 month') m
       WHERE ${accounts === undefined ? 'true' : `k.account_id = ANY(${accounts})`} AND c.payer_account_id IS NOT NULL AND c.record_id IS NOT NULL AND c.service_month < r.period AND ${changesSessions}),
     anew AS MATERIALIZED (
       SELECT DISTINCT p.account_id AS payer_account_id, p.service_month, r.entity_id FROM ${draftedAnew}${accounts === undefined ? '' : ` AND p.account_id = ANY(${accounts})`}),
     moved AS (
       SELECT s.record_id, s.revision FROM (SELECT * FROM late UNION SELECT * FROM elsewhere UNION SELECT * FROM anew) l
       JOIN rated_charge s ON s.entity_id = l.entity_id AND s.service_month = l.service_month AND s.payer_account_id = l.payer_account_id AND s.record_id IS NOT NULL)`;

/** SQL: payers of whom runs beside run $1 billed late sessions. */
export const payersElsewhere = `WITH ${movedSessions()} SELECT payer_account_id AS account_id FROM elsewhere`;

/** Whether the run drafts a difference of an earlier month of these accounts that no late session of it tells of: a plan began in a month that was billed. */
export async function plansMoved(db: Db, runId: string, accountIds: readonly string[]): Promise<boolean> {
  // Mostly there is none, and nothing else is read.
  if ((await db.query(`SELECT FROM ${draftedAnew} LIMIT 1`, [runId])).rowCount === 0) return false;
  return (await db.query(`WITH ${movedSessions('$2')} SELECT FROM (SELECT * FROM anew EXCEPT SELECT * FROM late) p LIMIT 1`, [runId, accountIds])).rowCount !== 0;
}

/** Fees are computed with the rest of a month and are of no account here: they burden nothing. */
const nowhere: Place = { costCenter: '', customerCostCenter: null, siteId: null, vat: { code: '', percent: '0', rule: '' } };

/**
 * What the months of those who paid made of sessions, by the session's key: allowance, tiers, cap, minimum (D44). Of these records alone are the payers
 * asked for, and their whole months are computed, as the run sees them.
 */
export async function payerMarginals(
  db: Db,
  run: { readonly runId: string; readonly entityId: string },
  recordIds: readonly bigint[],
  months: readonly string[],
): Promise<ReadonlyMap<string, Marginal>> {
  const { rows } = await db.query<{ id: string }>(
    `SELECT DISTINCT c.payer_account_id AS id FROM rated_charge c JOIN contract_version v ON v.contract_id = c.contract_id
     WHERE c.record_id = ANY($1) AND c.role IN ('driverSale', 'fleetSale', 'idleFee') AND ${changesSessions}`,
    [recordIds],
  );
  const [first, last] = [months[0], months.at(-1)];
  if (rows.length === 0 || first === undefined || last === undefined) return new Map();
  const payers = rows.map((r) => r.id);
  const book = await loadPeriod(db, { entityId: run.entityId, period: last, runId: run.runId, accountIds: payers });
  const writtenOff = await writtenOffMinimums(db, run.runId, payers);
  const wanted = new Set(months);
  const found = new Map<string, Marginal>();
  for (const contract of book.contracts) {
    const { currency, roundingMode: mode } = contract.account;
    for (const [month, result] of resultsOf({ ...contract, zone: book.entity.timeZone, currency, mode, ownPlace: () => nowhere }, first, last)) {
      if (wanted.has(month)) for (const [key, marginal] of marginalsOf(result, mode, writtenOff(contract.contractId, month))) found.set(key, marginal);
    }
  }
  return found;
}
