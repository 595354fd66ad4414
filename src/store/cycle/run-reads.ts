import { type Issue, type IssueCode, messageOf } from '../../core/issues.ts';
import type { Db } from '../db.ts';
import { waitsSql } from '../record-key.ts';
import { awaitsOrder, heldInvoices } from './held-invoices.ts';
import { arrivedIn, selected } from './selection.ts';

/** The zone of a run's entity. */
export async function runTimeZone(db: Db, runId: string): Promise<string> {
  const { rows } = await db.query<{ time_zone: string }>('SELECT e.time_zone FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id WHERE r.id = $1', [runId]);
  if (rows[0] === undefined) throw new RangeError(`no run "${runId}"`);
  return rows[0].time_zone;
}

/** Named at most, of each kind that keeps a run from closing. */
const named = 20;
const countAll = '(count(*) OVER ())::integer AS n';

/** What keeps a run from closing (invariant 12), as sentences, at most 20 of each and how many more there are: quarantined and parked records of its period or earlier, parked accounts, invoices that wait for a purchase order, CDRs that are missing, and blocking findings, that nobody signed. */
export async function unsignedWaiting(db: Db, runId: string): Promise<string[]> {
  const { rows } = await db.query(
    `SELECT h.record_id, h.cdr_id, h.state, h.issues->0->>'code' AS code, h.energy_wh, ${countAll} FROM billing_run r JOIN record_head h ON ${arrivedIn}
     WHERE r.id = $1 AND ${selected('h.account_id')} AND ${waitsSql}
       AND NOT EXISTS (SELECT FROM decision d WHERE d.subject_kind = 'record' AND d.subject_id = h.record_id::text AND d.action = 'carry' AND d.run_id = r.id)
     ORDER BY h.record_id LIMIT ${named}`,
    [runId],
  );
  const accounts = await db.query<{ account_id: string; state: string; reason: string | null; n: number }>(
    `SELECT a.account_id, a.state, a.reason, ${countAll} ${unexplained}
       AND NOT EXISTS (SELECT FROM decision d WHERE d.subject_kind = 'account' AND d.subject_id = a.account_id AND d.action = 'carry' AND d.run_id = a.run_id) ORDER BY account_id LIMIT ${named}`,
    [runId],
  );
  const held = await heldInvoices(db, runId);
  const missing = await db.query<{ source_id: string; key: string; kind: string; opened_at: Date; n: number }>(
    `SELECT e.source_id, e.key, e.kind, e.opened_at, ${countAll} ${openExpectations} AND ${unsigned('expectation', "e.source_id || '/' || e.key")} ORDER BY e.opened_at, e.source_id, e.key LIMIT ${named}`,
    [runId],
  );
  const findings = await db.query<{ id: bigint; code: IssueCode; subject: string; params: Issue['params']; n: number }>(
    `SELECT f.id, f.code, f.subject, f.params, ${countAll} FROM billing_run r ${blockingFindings} AND NOT EXISTS (SELECT FROM decision d WHERE d.subject_kind = 'finding' AND d.subject_id = f.id::text AND d.run_id = r.id) ORDER BY f.id LIMIT ${named}`,
    [runId],
  );
  const records = rows.map((r) => `record ${r.record_id} (CDR ${r.cdr_id}) ${r.state === 'booked' ? 'has a correction that waits' : `is ${r.state}`}: ${r.code}, ${r.energy_wh} Wh`);
  return [
    ...records,
    ...more(rows, 'of records that wait'),
    ...accounts.rows.map(
      ({ account_id: id, state, reason }) => `account ${id} ${state === 'parked' ? `is parked: ${reason ?? 'its documents could not be built'}` : `has an invoice that waits: ${held.get(id)}`}`,
    ),
    ...more(accounts.rows, 'of accounts'),
    ...missing.rows.map((e) => `${e.kind} ${e.key} of source ${e.source_id}, opened ${e.opened_at.toISOString()}, has no CDR`),
    ...more(missing.rows, 'of CDRs that are missing'),
    ...findings.rows.map((f) => `finding ${f.id} blocks: ${f.subject}: ${messageOf({ ...f, severity: 'blocks' })}`),
    ...more(findings.rows, 'of findings that block'),
  ];
}

/** That there are more than were named; nothing when there are not. */
function more(rows: readonly { readonly n: number }[], what: string): string[] {
  const rest = (rows[0]?.n ?? 0) - rows.length;
  return rest === 0 ? [] : [`and ${rest} more ${what}`];
}

/** SQL: accounts `a` of run $1 that it cannot bill, or not all, by no rule: parked, or with an invoice that waits for a purchase order. What a policy holds back it explains itself. */
export const unexplained = `FROM run_account a WHERE a.run_id = $1 AND (a.state = 'parked' OR ${awaitsOrder('a')})`;
/** SQL, `r` being the run $1: expectations `e` of its entity that opened before its period ended and are open. */
export const openExpectations =
  'FROM billing_run r JOIN source s ON s.entity_id = r.entity_id JOIN expectation e ON e.source_id = s.id AND e.resolution IS NULL AND e.opened_at < r.period_end WHERE r.id = $1 AND r.selection IS NULL';
/** SQL behind `billing_run r`: its standing findings `f` that block. */
export const blockingFindings = "JOIN run_finding l ON l.run_id = r.id JOIN finding f ON f.id = l.finding_id AND f.severity = 'blocks' WHERE r.id = $1";
/** SQL that holds while nobody signed that a subject is carried past the close of run `r`. */
export const unsigned = (kind: string, subject: string) =>
  `NOT EXISTS (SELECT FROM decision d WHERE d.subject_kind = '${kind}' AND d.subject_id = ${subject} AND d.action = 'carry' AND d.run_id = r.id)`;

/** Runs of an entity whose workflow has not begun. */
export async function plannedRuns(db: Db, entityId: string): Promise<{ runId: string; workflowId: string; period: string; kind: 'live' | 'dry'; cutOffAtMs: number }[]> {
  const { rows } = await db.query("SELECT id, workflow_id, label AS period, kind, cut_off_at FROM billing_run WHERE entity_id = $1 AND state = 'planned' ORDER BY id", [entityId]);
  return rows.map((r) => ({ runId: r.id, workflowId: r.workflow_id, period: r.period, kind: r.kind, cutOffAtMs: r.cut_off_at.getTime() }));
}
