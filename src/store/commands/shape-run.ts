import { whyNotFor } from '../cycle/exclusion-match.ts';
import { freeClaims } from '../cycle/free-claims.ts';
import { ownersBehind } from '../cycle/owner-contracts.ts';
import { claimable, takeOver } from '../cycle/record-set.ts';
import { openForChange } from '../cycle/release-groups.ts';
import { lockRun, runKind } from '../cycle/run-state.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { newId } from './new-id.ts';
import { Refused } from './refusal.ts';

export type NewExclusion = { readonly scope: 'account' | 'site' | 'record'; readonly subjectId: string; readonly outcome: 'writeOff' | 'carry'; readonly reason: string };
/** States in which what a run bills may still change. */
export const openStates = ['collecting', 'previewing', 'inReview'];

/** Locks a run whose content may still change. */
export async function lockOpen(db: Db, runId: string): Promise<void> {
  const state = await lockRun(db, runId);
  if ((await runKind(db, runId)) !== 'live') throw new Refused('wrongState', `run ${runId} is a dry run: it shows what the live run of its month holds; shape that one`);
  if (!openStates.includes(state)) throw new Refused('wrongState', `run ${runId} is ${state}: what it bills can change only while it is ${openStates.join(', ')}`);
}

/**
 * Marks accounts for a new build and takes the hash away: until they are built again nobody can approve what was there before.
 * A run that has no documents yet has nothing to build again.
 */
export async function touch(db: Db, runId: string, accountIds: readonly string[]): Promise<void> {
  await openForChange(db, runId, accountIds);
  await db.query(
    "INSERT INTO run_account (run_id, account_id, state) SELECT $1, unnest($2::text[]), 'pending' ON CONFLICT (run_id, account_id) DO UPDATE SET state = 'pending', reason = NULL, plain = false",
    [runId, accountIds],
  );
  await db.query('UPDATE billing_run SET content_hash = NULL WHERE id = $1', [runId]);
}

/** The same of accounts whose sales are left out, taken in or put out, and of the site owners who earn by them. */
export async function touchSales(db: Db, runId: string, accountIds: readonly string[]): Promise<void> {
  await touch(db, runId, [...new Set([...accountIds, ...(await ownersBehind(db, runId, accountIds))])]);
}

/** Whose sales an exclusion is about, of an account its own charges: who earns by them comes along where that may still be built. */
async function touchedBy(db: Db, runId: string, scope: NewExclusion['scope'], subjectId: string): Promise<string[]> {
  const { rows } = await db.query<{ account_id: string }>(
    `SELECT DISTINCT k.account_id FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id
     WHERE k.run_id = $1 AND $3 = CASE $2 WHEN 'account' THEN k.account_id WHEN 'site' THEN c.site_id ELSE c.record_id::text END AND ($2 = 'account' OR c.payer_account_id IS NOT NULL)
     -- It may owe a fee alone.
     UNION SELECT x.account_id FROM run_account x WHERE $2 = 'account' AND x.run_id = $1 AND x.account_id = $3`,
    [runId, scope, subjectId],
  );
  return rows.map((r) => r.account_id);
}

/** SQL: what an exclusion of run $1 names, before the run holds anything. */
const ofEntity: Readonly<Record<NewExclusion['scope'], string>> = {
  account: 'SELECT FROM account a JOIN billing_run r ON r.entity_id = a.entity_id WHERE r.id = $1 AND a.id = $2',
  site: 'SELECT FROM site s JOIN billing_run r ON r.entity_id = s.entity_id WHERE r.id = $1 AND s.id = $2',
  record: String.raw`SELECT FROM record_head h JOIN source s ON s.id = h.source_id JOIN billing_run r ON r.entity_id = s.entity_id WHERE r.id = $1 AND h.record_id = CASE WHEN $2::text ~ '^\d{1,18}$' THEN $2::text::bigint END`,
};

/** Leaves an account, a site or a record out of a run: written off, or carried to the next. Refused when the run is not open or nothing of it is in the set, and for writing off what an account is owed. */
export async function addExclusion(db: Db, runId: string, exclusion: NewExclusion, by: By, idempotencyKey?: string): Promise<{ readonly id: string }> {
  await lockOpen(db, runId);
  const why = await whyNotFor(db, exclusion);
  if (why !== undefined) throw new Refused('invalid', why);
  const id = newId('exc', [runId, by.actor], idempotencyKey);
  const accounts = await touchedBy(db, runId, exclusion.scope, exclusion.subjectId);
  const closed = (await db.query('SELECT set_closed_at FROM billing_run WHERE id = $1', [runId])).rows[0]?.set_closed_at;
  if (closed !== null && accounts.length === 0) throw new Refused('notFound', `run ${runId} holds nothing of ${exclusion.scope} ${exclusion.subjectId}`);
  if (closed === null && (await db.query(ofEntity[exclusion.scope], [runId, exclusion.subjectId])).rowCount === 0)
    throw new Refused('notFound', `the entity of run ${runId} has no ${exclusion.scope} "${exclusion.subjectId}"`);
  const made = await db.query('INSERT INTO exclusion_rule (id, run_id, scope, subject_id, outcome, reason, author) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING', [
    id,
    runId,
    exclusion.scope,
    exclusion.subjectId,
    exclusion.outcome,
    exclusion.reason,
    by.actor,
  ]);
  if (made.rowCount === 0) return { id };
  await touchSales(db, runId, accounts);
  await audit(db, by, { action: 'run.exclude', subject: runId, reason: exclusion.reason, after: { id, ...exclusion } });
  return { id };
}

/** Takes an exclusion back before approval; its accounts are built again as if it had never been. */
export async function withdrawExclusion(db: Db, runId: string, id: string, by: By): Promise<void> {
  await lockOpen(db, runId);
  const { rows } = await db.query('SELECT scope, subject_id, withdrawn_at FROM exclusion_rule WHERE id = $1 AND run_id = $2', [id, runId]);
  if (rows[0] === undefined) throw new Refused('notFound', `run ${runId} has no exclusion ${id}`);
  if (rows[0].withdrawn_at !== null) return;
  await touchSales(db, runId, await touchedBy(db, runId, rows[0].scope, rows[0].subject_id));
  await db.query('UPDATE exclusion_rule SET withdrawn_at = now() WHERE id = $1', [id]);
  await audit(db, by, { action: 'run.exclude.withdraw', subject: runId, after: { id } });
}

/** Takes late arrivals into a closed set: all, or those of one account. Answers how many charges came in. */
export async function pullIn(db: Db, runId: string, accountId: string | undefined, by: By): Promise<{ readonly charges: number }> {
  await lockOpen(db, runId);
  const { rows } = await db.query<{ account_id: string }>(
    `INSERT INTO claim (charge_id, run_id, account_id, disposition, pulled_in_by)
     SELECT l.charge_id, $1, l.payer_account_id, 'document', $3 FROM (${claimable}) l WHERE $2::text IS NULL OR l.payer_account_id = $2
     ${takeOver} RETURNING account_id`,
    [runId, accountId ?? null, by.actor],
  );
  if (rows.length === 0) return { charges: 0 };
  await touchSales(db, runId, [...new Set(rows.map((r) => r.account_id))]);
  await audit(db, by, { action: 'run.pullIn', subject: runId, after: { accountId, charges: rows.length } });
  return { charges: rows.length };
}

/** Puts pulled-in charges out again. Answers how many. */
export async function putOut(db: Db, runId: string, accountId: string | undefined, by: By): Promise<{ readonly charges: number }> {
  await lockOpen(db, runId);
  const accounts = await db.query<{ account_id: string }>(
    'SELECT DISTINCT k.account_id FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id AND c.payer_account_id IS NOT NULL WHERE k.run_id = $1 AND k.pulled_in_by IS NOT NULL AND ($2::text IS NULL OR k.account_id = $2)',
    [runId, accountId ?? null],
  );
  if (accounts.rows.length === 0) return { charges: 0 };
  // Before they are free: afterwards nobody knows whose shares go with them.
  await touchSales(
    db,
    runId,
    accounts.rows.map((r) => r.account_id),
  );
  const charges = await freeClaims(db, runId, { pulledIn: true, accountId });
  await audit(db, by, { action: 'run.putOut', subject: runId, after: { accountId, charges } });
  return { charges };
}
