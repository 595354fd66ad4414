import { resultsOf } from '../../core/period/contract-months.ts';
import { type Marginal, marginalsOf } from '../../core/period/marginals.ts';
import type { Place } from '../../core/period/month.ts';
import type { Db } from '../db.ts';
import { writtenOffMinimums } from './left-out-fee-rows.ts';
import { loadPeriod } from './load-period.ts';

/** SQL that holds for a `contract_version v` whose months change what sessions came to. */
export const changesSessions = `jsonb_path_exists(v.clauses, '$.clauses[*] ? (@.kind == "included" || @.kind == "tiers" || @.kind == "cap" || @.kind == "minimum")')`;

/**
 * SQL: the months (`m.month`) in which a late session of charge `c`, under version `v`, moves what other sessions of its payer came to: its own; where energy rolls
 * over all up to that of run `r`.
 */
export const monthsMoved = `CROSS JOIN LATERAL (SELECT to_char(g, 'YYYY-MM') AS month FROM generate_series((c.service_month || '-01')::date,
  (CASE WHEN jsonb_path_exists(v.clauses, '$.clauses[*] ? (@.kind == "included" && @.rolloverMonths > 0)') THEN r.period ELSE c.service_month END || '-01')::date, interval '1 month') g) m`;

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
