import type { Db } from '../db.ts';
import { waitsSql } from '../record-key.ts';

/** The ERP connection that holds today for a run's entity, and the entity's zone. */
export async function runConnection(db: Db, runId: string): Promise<{ readonly connectionId: string; readonly timeZone: string }> {
  const { rows } = await db.query(
    `SELECT c.id, e.time_zone FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id
     JOIN erp_connection c ON c.entity_id = e.id AND c.valid_from <= current_date AND (c.valid_to IS NULL OR current_date < c.valid_to) WHERE r.id = $1`,
    [runId],
  );
  if (rows.length !== 1) throw new RangeError(`run ${runId} has ${rows.length} ERP connections today: exactly one must hold`);
  return { connectionId: rows[0].id, timeZone: rows[0].time_zone };
}

/** The zone of a run's entity. */
export async function runTimeZone(db: Db, runId: string): Promise<string> {
  const { rows } = await db.query<{ time_zone: string }>('SELECT e.time_zone FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id WHERE r.id = $1', [runId]);
  if (rows[0] === undefined) throw new RangeError(`no run "${runId}"`);
  return rows[0].time_zone;
}

/** Quarantined and parked records of the run's period or earlier, and parked accounts, that nobody signed to carry, as sentences; at most 20 of each. */
export async function unsignedWaiting(db: Db, runId: string): Promise<string[]> {
  const { rows } = await db.query(
    `SELECT h.record_id, h.cdr_id, h.state, h.issues->0->>'code' AS code, h.energy_wh FROM billing_run r JOIN record_head h ON coalesce(h.service_month, r.period) <= r.period
     WHERE r.id = $1 AND ${waitsSql}
       AND NOT EXISTS (SELECT FROM decision d WHERE d.subject_kind = 'record' AND d.subject_id = h.record_id::text AND d.action = 'carry' AND d.run_id = r.id)
     ORDER BY h.record_id LIMIT 20`,
    [runId],
  );
  const accounts = await db.query<{ account_id: string; reason: string | null }>(
    `SELECT account_id, reason FROM run_account a WHERE run_id = $1 AND state = 'parked'
       AND NOT EXISTS (SELECT FROM decision d WHERE d.subject_kind = 'account' AND d.subject_id = a.account_id AND d.action = 'carry' AND d.run_id = a.run_id) ORDER BY account_id LIMIT 20`,
    [runId],
  );
  const records = rows.map((r) => `record ${r.record_id} (CDR ${r.cdr_id}) ${r.state === 'booked' ? 'has a correction that waits' : `is ${r.state}`}: ${r.code}, ${r.energy_wh} Wh`);
  return [...records, ...accounts.rows.map((a) => `account ${a.account_id} is parked: ${a.reason ?? 'its documents could not be built'}`)];
}

/** Runs of an entity whose workflow has not begun. */
export async function plannedRuns(db: Db, entityId: string): Promise<{ runId: string; workflowId: string; period: string; cutOffAtMs: number }[]> {
  const { rows } = await db.query("SELECT id, workflow_id, period, cut_off_at FROM billing_run WHERE entity_id = $1 AND state = 'planned' ORDER BY id", [entityId]);
  return rows.map((r) => ({ runId: r.id, workflowId: r.workflow_id, period: r.period, cutOffAtMs: r.cut_off_at.getTime() }));
}
