import type { Issue } from '../../core/issues.ts';
import { arrayOf, bytea, date, int4, int8, jsonb, text, timestamptz } from '../binary.ts';
import { type CopyTable, column, copyIn, rowsFor, selectable } from '../copy-in.ts';
import { type Db, TryAgain } from '../db.ts';
import { type Head, headKeyText } from './load-page.ts';
import type { TokenUse } from './load-setup.ts';

export type Outcome = 'accepted' | 'revised' | 'duplicate' | 'superseded' | 'conflict' | 'quarantined' | 'linked';
export type OutcomeRow = { readonly rawId: bigint; readonly recordId: bigint; readonly revision: number; readonly outcome: Outcome; readonly issues: readonly Issue[] };
export type FindingRow = { readonly rawId: bigint; readonly recordId: bigint; readonly issue: Issue; readonly profileVersion: number };

const outcomeTable: CopyTable<OutcomeRow> = {
  name: 'raw_outcome',
  columns: [
    column('raw_id', int8, (r) => r.rawId),
    column('record_id', int8, (r) => r.recordId),
    column('revision', int4, (r) => r.revision),
    column('outcome', text, (r) => r.outcome),
    column('issues', jsonb, (r) => issuesText(r.issues)),
  ],
};

/** Nearly always there are none. */
function issuesText(issues: readonly Issue[]): string {
  return issues.length === 0 ? '[]' : JSON.stringify(issues);
}

/** Writes what came of messages. */
export async function writeOutcomes(db: Db, rows: readonly OutcomeRow[]): Promise<void> {
  if (rows.length > 0) await copyIn(db, [rowsFor(outcomeTable, rows)]);
}

/** Takes messages off the work list that `loadMessages` left on it. */
export async function takeOffList(db: Db, rawIds: readonly bigint[]): Promise<void> {
  if (rawIds.length > 0) await db.query('DELETE FROM raw_pending WHERE raw_id = ANY($1::bigint[])', [rawIds]);
}

const findingTable: CopyTable<FindingRow> = {
  name: 'finding',
  columns: [
    column('raw_id', int8, (r) => r.rawId),
    column('record_id', int8, (r) => r.recordId),
    column('code', text, (r) => r.issue.code),
    column('rule_version', int4, (r) => r.issue.ruleVersion ?? 1),
    column('severity', text, (r) => r.issue.severity),
    column('subject', text, (r) => r.issue.subject),
    column('params', jsonb, (r) => JSON.stringify(r.issue.params)),
    column('computed', text, (r) => r.issue.params['computed']?.toString() ?? null),
    column('allowed', text, (r) => r.issue.params['limit']?.toString() ?? null),
    column('profile_version', int4, (r) => r.profileVersion),
  ],
};

/** Keeps what was found of each message, with the rule's version, what it computed and what it allows. */
export async function writeFindings(db: Db, rows: readonly FindingRow[]): Promise<void> {
  if (rows.length > 0) await copyIn(db, [rowsFor(findingTable, rows)]);
}

/** Keeps the UIDs that references stand for, and the day each was last seen. */
export async function writeTokens(db: Db, tokens: readonly TokenUse[]): Promise<void> {
  if (tokens.length === 0) return;
  // In one order everywhere, so that two pages never wait for each other.
  const sorted = [...tokens].sort((a, b) => (a.sourceId + a.ref < b.sourceId + b.ref ? -1 : 1));
  await db.query(
    `INSERT INTO token (source_id, ref, uid) SELECT n.* FROM unnest($1::text[], $2::text[], $3::text[]) AS n(source_id, ref, uid)
     WHERE NOT EXISTS (SELECT FROM token t WHERE t.source_id = n.source_id AND t.ref = n.ref AND t.last_seen_on >= CURRENT_DATE)
     ON CONFLICT (source_id, ref) DO UPDATE SET last_seen_on = CURRENT_DATE WHERE token.last_seen_on < CURRENT_DATE`,
    [arrayOf(text, sorted, (t) => t.sourceId), arrayOf(text, sorted, (t) => t.ref), arrayOf(text, sorted, (t) => t.uid)],
  );
}

const headTable: CopyTable<Head> = {
  name: 'record_head',
  columns: [
    column('source_id', text, (r) => r.key.sourceId),
    column('owner_country', text, (r) => r.key.ownerCountry),
    column('owner_party', text, (r) => r.key.ownerParty),
    column('cdr_id', text, (r) => r.key.cdrId),
    column('record_id', int8, (r) => r.recordId),
    column('revision', int4, (r) => r.revision),
    column('facts_hash', bytea, (r) => r.standing?.hash ?? null),
    column('state', text, (r) => r.state),
    column('session_key', text, (r) => r.sessionKey),
    column('site_id', text, (r) => r.siteId),
    column('account_id', text, (r) => r.accountId),
    column('service_month', text, (r) => r.serviceMonth),
    column('energy_wh', int8, (r) => r.energyWh),
    column('waiting_for', text, (r) => r.waitingFor),
    column('waiting_raw_id', int8, (r) => r.waiting?.rawId ?? null),
    column('issues', jsonb, (r) => issuesText(r.issues)),
    column('source_updated_at', timestamptz, (r) => r.standing?.updatedAt ?? null),
    column('token_ref', text, (r) => r.tokenRef),
    column('waiting_hash', bytea, (r) => r.waiting?.hash ?? null),
    column('waiting_updated_at', timestamptz, (r) => r.waiting?.updatedAt ?? null),
    column('at_risk_minor', int8, (r) => r.worth?.minor ?? null),
    column('at_risk_currency', text, (r) => r.worth?.currency ?? null),
    column('linked_to', int8, (r) => r.linkedTo),
    column('ended_on', date, (r) => r.endedOn),
    column('source_wh', int8, (r) => r.sourceWh),
  ],
};

/**
 * Brings the heads of the page to their new state: those locked by `lockHeads` are updated, those it found missing are
 * inserted, in key order, so that two transactions never wait for each other crosswise. Throws TryAgain when somebody else
 * made the head of a key that was new here: anew, the transaction finds it and waits for its lock.
 */
export async function writeHeads(db: Db, rows: readonly Head[]): Promise<void> {
  const known = rows.filter((row) => !row.isNew);
  const added = rows.filter((row) => row.isNew).map((row) => ({ row, text: headKeyText(row.key) }));
  if (known.length > 0) await updateHeads(db, known);
  if (added.length === 0) return;
  added.sort((a, b) => (a.text < b.text ? -1 : 1));
  await insertHeads(
    db,
    added.map((a) => a.row),
  ).catch((error: Error & { code?: string }) => {
    if (error.code === '23505') throw new TryAgain('a record of this page was begun by another transaction', { cause: error });
    throw error;
  });
}

/** Those that wait do so from now on, by the database's clock. */
async function insertHeads(db: Db, rows: readonly Head[]): Promise<void> {
  const settled = rows.filter((r) => r.waiting === null);
  const waiting = rows.filter((r) => r.waiting !== null);
  if (settled.length > 0) await copyIn(db, [rowsFor(headTable, settled)]);
  if (waiting.length === 0) return;
  const { sql, names, values } = selectable(headTable, waiting, 't');
  await db.query(`INSERT INTO record_head (${names}, waiting_since) SELECT t.*, now() FROM ${sql}`, values);
}

async function updateHeads(db: Db, rows: readonly Head[]): Promise<void> {
  const { sql, values } = selectable(headTable, rows, 't');
  await db.query(
    `UPDATE record_head h SET revision = t.revision, facts_hash = t.facts_hash, state = t.state, session_key = t.session_key, site_id = t.site_id, account_id = t.account_id,
       service_month = t.service_month, energy_wh = t.energy_wh, waiting_for = t.waiting_for, issues = t.issues, source_updated_at = t.source_updated_at, token_ref = t.token_ref,
       waiting_since = CASE WHEN t.waiting_raw_id IS NOT NULL THEN CASE WHEN h.waiting_raw_id = t.waiting_raw_id THEN h.waiting_since ELSE now() END END,
       waiting_raw_id = t.waiting_raw_id, waiting_hash = t.waiting_hash, waiting_updated_at = t.waiting_updated_at, at_risk_minor = t.at_risk_minor, at_risk_currency = t.at_risk_currency,
       linked_to = t.linked_to, ended_on = t.ended_on, source_wh = t.source_wh, updated_at = now()
     FROM ${sql} WHERE h.source_id = t.source_id AND h.owner_country = t.owner_country::char(2) AND h.owner_party = t.owner_party AND h.cdr_id = t.cdr_id`,
    values,
  );
}
