import { isBefore } from '../../core/cycle/run-states.ts';
import type { Db } from '../db.ts';
import { checkPreview } from './check-preview.ts';
import { chunksOf } from './chunks.ts';
import { keepGroupHashes, type Preview, readPreview, writeHashes } from './content-hashes.ts';
import { decideDispositions, hasRules, keepParked } from './dispositions.ts';
import { type DocumentSetup, loadDocumentSetup } from './document-setup.ts';
import { holdCharges, parkAccounts, settleCorrections } from './hold-charges.ts';
import { documentRows, insertDocuments } from './insert-documents.ts';
import { linkClaims } from './link-claims.ts';
import { loadCredits, makeDocuments, withoutOverCredited } from './make-documents.ts';
import { draftPeriodCharges } from './period-charges.ts';
import { type AccountPreviews, type BuildRef, nextBuild, previewsOf, recordPreview } from './record-preview.ts';
import { assignGroups, inReview } from './release-groups.ts';
import { lockRun } from './run-state.ts';
import { sumCharges } from './summed-charges.ts';
import { planForAccounts } from './whole-run.ts';

/**
 * Builds the draft documents of a run's pending accounts (what is new, or was touched since) and the hashes of their groups and of the
 * run. Exclusions and adjustments of the run are applied; the same inputs give the same hash. A group that is approved is fixed: nothing
 * of it is built; `approved` tells when none is in review any more, also to a workflow that missed the answer.
 */
export async function buildDocuments(db: Db, runId: string): Promise<Preview> {
  const state = await lockRun(db, runId);
  if (state !== 'cancelled' && !isBefore(state, 'approved')) return readPreview(db, runId);
  if (!inReview.includes(state)) throw new RangeError(`run ${runId} is ${state}: documents are built in preview and review only`);
  await assignGroups(db, runId);
  const pending = await db.query<{ account_id: string; plain: boolean }>(
    `SELECT x.account_id, x.plain FROM run_account x JOIN release_group g ON g.run_id = x.run_id AND g.name = x.group_name AND g.state = ANY($2)
     WHERE x.run_id = $1 AND x.state IN ('pending', 'parked') ORDER BY x.account_id`,
    [runId, inReview],
  );
  const accounts = pending.rows.map((r) => r.account_id);
  await planForAccounts(db);
  const ref = await nextBuild(db, runId);
  const shaped = (await hasRules(db, runId)) ? new Set(accounts) : new Set(pending.rows.flatMap((r) => (r.plain ? [] : [r.account_id])));
  const previews = await buildAccounts(db, ref, accounts, shaped);
  const preview = await writeHashes(db, runId);
  await recordPreview(db, ref, previews, preview.contentHash);
  await keepGroupHashes(db, runId);
  await checkPreview(db, runId, accounts);
  return preview;
}

/**
 * Builds the drafts of accounts, chunk by chunk: while one is composed here, the database sums the charges of the next. `shaped`: accounts
 * of which something may be left out, corrected or held.
 */
async function buildAccounts(db: Db, ref: BuildRef, accounts: readonly string[], shaped: ReadonlySet<string>): Promise<AccountPreviews[]> {
  const { runId } = ref;
  const previews: AccountPreviews[] = [];
  const chunks = chunksOf(accounts);
  const begin = async (chunk: readonly string[]) => {
    const setup = await prepare(db, runId, chunk, shaped);
    const charges = sumCharges(db, setup, chunk);
    // What goes wrong is met where it is waited for.
    charges.catch(() => undefined);
    return { setup, charges };
  };
  let ahead: Awaited<ReturnType<typeof begin>> | undefined;
  for (const [i, chunk] of chunks.entries()) {
    const { setup, charges: summing } = ahead ?? (await begin(chunk));
    const charges = await summing;
    const credits = await loadCredits(db, setup, charges);
    const next = chunks[i + 1];
    ahead = next === undefined ? undefined : await begin(next);
    const composed = makeDocuments(setup, charges, credits);
    await ahead?.charges;
    const made = await withoutOverCredited(db, composed);
    await holdCharges(db, runId, made.held);
    await parkAccounts(db, runId, made.parked);
    await keepParked(db, runId, chunk);
    await insertDocuments(db, documentRows(runId, made.documents), made.documents);
    await linkClaims(db, runId, charges, made.documents);
    previews.push(previewsOf(ref, setup.accounts, made));
  }
  return previews;
}

/** All that is settled of accounts before their charges are summed. */
async function prepare(db: Db, runId: string, accounts: readonly string[], shaped: ReadonlySet<string>): Promise<DocumentSetup> {
  const own = accounts.filter((id) => shaped.has(id));
  if (own.length > 0) {
    await decideDispositions(db, runId, own);
    await settleCorrections(db, runId, own);
  }
  await db.query("DELETE FROM document WHERE run_id = $1 AND account_id = ANY($2) AND state = 'draft'", [runId, accounts]);
  await draftPeriodCharges(db, runId, accounts);
  return loadDocumentSetup(db, runId, accounts, own);
}
