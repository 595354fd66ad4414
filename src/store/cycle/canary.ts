import { canaryOf, waitsForRelease } from '../../core/cycle/release-rules.ts';
import { judgeDocument, type StoredDocument } from '../../core/document/judge-document.ts';
import type { Db } from '../db.ts';
import { wordsAt } from '../erp-words.ts';
import { energyOff } from '../reads/energy-balance.ts';
import { releaseRulesOf } from '../reads/release-rules.ts';
import { withParts } from '../reads/verification/document-rows.ts';
import { advanceGroup, groupStates, lockRun } from './run-state.ts';

/** `state`: where the group stands afterwards. `documents`: in its canary; none when it has no canary. */
export type CanaryPlan = { readonly state: string; readonly documents: number; readonly waits: boolean };

/**
 * Chooses the documents of an approved group that are issued first, and moves the group to its canary: of each strategy and currency the
 * largest and the smallest amounts in turn, as many as the entity's rules say. A group without any goes on without a canary. Repeatable:
 * what was chosen stays chosen.
 */
export async function planCanary(db: Db, runId: string, group: string): Promise<CanaryPlan> {
  await lockRun(db, runId);
  const state = (await groupStates(db, runId)).find((g) => g.name === group)?.state;
  if (state === undefined) throw new RangeError(`run ${runId} has no group "${group}"`);
  if (state !== 'approved' && state !== 'canary') return { state, documents: 0, waits: false };
  const { rows } = await db.query<{ entity_id: string; n: bigint }>(
    'SELECT r.entity_id, (SELECT count(*) FROM document d WHERE d.run_id = r.id AND d.group_name = $2) AS n FROM billing_run r WHERE r.id = $1',
    [runId, group],
  );
  const { rules } = await releaseRulesOf(db, rows[0]?.entity_id ?? '');
  if (state === 'approved') {
    const strategies = await db.query<{ strategy: string }>(`SELECT DISTINCT d.strategy FROM document d WHERE d.run_id = $1 AND d.group_name = $2`, [runId, group]);
    const sizes = Object.fromEntries(strategies.rows.map(({ strategy }) => [strategy, canaryOf(rules, strategy, Number(rows[0]?.n ?? 0n))]));
    await choose(db, runId, group, sizes);
  }
  const chosen = await db.query<{ strategy: string; n: bigint }>(
    `SELECT d.strategy, count(*) AS n FROM canary_document y JOIN document d ON d.id = y.document_id WHERE y.run_id = $1 AND y.group_name = $2 GROUP BY 1`,
    [runId, group],
  );
  const documents = chosen.rows.reduce((sum, r) => sum + Number(r.n), 0);
  if (documents === 0) return { state, documents, waits: false };
  if (state === 'approved') await advanceGroup(db, runId, group, 'canary');
  const waits = waitsForRelease(
    rules,
    chosen.rows.map((r) => r.strategy),
  );
  return { state: 'canary', documents, waits };
}

async function choose(db: Db, runId: string, group: string, sizes: Readonly<Record<string, number>>): Promise<void> {
  await db.query(
    `INSERT INTO canary_document (document_id, run_id, group_name)
     SELECT id, $1, $2 FROM (
       SELECT d.id, d.strategy,
         2 * row_number() OVER (PARTITION BY d.strategy, d.currency ORDER BY abs(d.payable_minor) DESC, d.account_id, d.id) - 1 AS from_top,
         2 * row_number() OVER (PARTITION BY d.strategy, d.currency ORDER BY abs(d.payable_minor), d.account_id DESC, d.id DESC) AS from_bottom
       FROM document d WHERE d.run_id = $1 AND d.group_name = $2 AND d.state = 'approved') c
     WHERE least(from_top, from_bottom) <= ($3::jsonb ->> strategy)::integer ON CONFLICT DO NOTHING`,
    [runId, group, JSON.stringify(sizes)],
  );
}

/**
 * What does not hold of a group's canary, once it is issued and handed over: each document composed again gives its bytes, its journals
 * sum to zero, its series has no gap, the ERP holds what was sent, and no energy is lost. Empty when all holds.
 */
export async function canaryProblems(db: Db, runId: string, group: string): Promise<string[]> {
  const documents = await db.query<StoredDocument>(
    'SELECT d.*, r.label AS period FROM canary_document y JOIN document d ON d.id = y.document_id JOIN billing_run r ON r.id = d.run_id WHERE y.run_id = $1 AND y.group_name = $2 ORDER BY d.id',
    [runId, group],
  );
  const ids = documents.rows.map((d) => d.id);
  const unissued = documents.rows.filter((d) => d.state !== 'issued').map((d) => `document ${d.id} is not issued`);
  const judged = (await withParts(db, documents.rows)).flatMap((d) => judgeDocument(d) ?? []);
  const off = await energyOff(db);
  return [...unissued, ...judged, ...(await ledgerOff(db, ids)), ...(await numbersOff(db, ids)), ...(await notVerified(db, ids)), ...(off.problem === null ? [] : [off.problem])];
}

async function ledgerOff(db: Db, ids: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ id: string; missing: boolean }>(
    `SELECT d.id, NOT EXISTS (SELECT FROM ledger_transaction t WHERE t.key = 'issue/' || d.id) AS missing FROM document d WHERE d.id = ANY($1)
       AND (d.payable_minor <> 0 AND NOT EXISTS (SELECT FROM ledger_transaction t WHERE t.key = 'issue/' || d.id)
         OR EXISTS (SELECT FROM ledger_entry e WHERE e.transaction_key = 'issue/' || d.id GROUP BY e.unit HAVING sum(e.amount) <> 0)) ORDER BY 1`,
    [ids],
  );
  return rows.map((r) => `the journal of ${r.id} ${r.missing ? 'is not in the ledger' : 'does not sum to zero'}`);
}

async function numbersOff(db: Db, ids: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `SELECT q.id FROM number_series q WHERE q.id IN (SELECT series_id FROM issue_stamp WHERE document_id = ANY($1))
       AND (SELECT (count(*), coalesce(max(s.number), 0), coalesce(min(s.number), 1)) FROM issue_stamp s WHERE s.series_id = q.id) IS DISTINCT FROM (q.next - 1, q.next - 1, 1::bigint) ORDER BY 1`,
    [ids],
  );
  return rows.map((r) => `number series ${r.id} has a gap`);
}

async function notVerified(db: Db, ids: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ id: string; state: string | null; key: string }>(
    "SELECT d.id, p.state, p.key FROM unnest($1::text[]) AS d(id) LEFT JOIN document_posting p ON p.document_id = d.id WHERE p.state IS NULL OR p.state NOT IN ('verified', 'skipped') ORDER BY 1",
    [ids],
  );
  return rows.map((r) => (r.state === 'refused' ? `${r.id} was refused: ${wordsAt(r.key)}` : `${r.id} is ${r.state ?? 'not'} in the outbox, and not verified`));
}
