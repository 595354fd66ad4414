import { isBefore } from '../../core/cycle/run-states.ts';
import type { Db } from '../db.ts';
import { checkPreview } from './check-preview.ts';
import { chunksOf } from './chunks.ts';
import { keepGroupHashes, type Preview, readPreview, writeHashes } from './content-hashes.ts';
import { decideDispositions, keepParked } from './dispositions.ts';
import { holdCharges, parkAccounts, settleCorrections } from './hold-charges.ts';
import { insertDocuments } from './insert-documents.ts';
import { linkClaims } from './link-claims.ts';
import { makeDocuments } from './make-documents.ts';
import { ownersBehind } from './owner-contracts.ts';
import { followPulledIn, waitForSales } from './owner-set.ts';
import { draftStatements, type OwnerSide, ownerSide } from './owner-statements.ts';
import { draftPeriodCharges } from './period-charges.ts';
import { recordPreview } from './record-preview.ts';
import { assignGroups, inReview } from './release-groups.ts';
import { lockRun } from './run-state.ts';
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
  const pending = await db.query<{ account_id: string }>(
    `SELECT x.account_id FROM run_account x JOIN release_group g ON g.run_id = x.run_id AND g.name = x.group_name AND g.state = ANY($2)
     WHERE x.run_id = $1 AND x.state IN ('pending', 'parked') ORDER BY x.account_id`,
    [runId, inReview],
  );
  const accounts = pending.rows.map((r) => r.account_id);
  await planForAccounts(db);
  const owners = await pendingOwners(db, runId, accounts);
  const paying = accounts.filter((id) => !owners.accounts.includes(id));
  for (const chunk of chunksOf(paying)) await buildChunk(db, runId, chunk);
  // By what became of the sales.
  for (const chunk of chunksOf(owners.accounts)) await settleShares(db, runId, chunk);
  await draftStatements(db, runId, owners.contracts);
  for (const chunk of chunksOf(owners.accounts)) await composeChunk(db, runId, chunk);
  const preview = await writeHashes(db, runId);
  const built = [...new Set([...accounts, ...owners.accounts])].sort();
  await recordPreview(db, runId, built, preview.contentHash);
  await keepGroupHashes(db, runId);
  await checkPreview(db, runId, built);
  return preview;
}

/** Site owners among the accounts of a build, or behind parked ones of it, which are tried again with each. */
async function pendingOwners(db: Db, runId: string, accounts: readonly string[]): Promise<OwnerSide> {
  const { rows } = await db.query<{ account_id: string }>("SELECT account_id FROM run_account WHERE run_id = $1 AND account_id = ANY($2) AND state = 'parked'", [runId, accounts]);
  const behind = await ownersBehind(
    db,
    runId,
    rows.map((r) => r.account_id),
  );
  const side = await ownerSide(db, runId, [...accounts, ...behind]);
  await db.query("INSERT INTO run_account (run_id, account_id, state) SELECT $1, unnest($2::text[]), 'pending' ON CONFLICT DO NOTHING", [runId, side.accounts]);
  await assignGroups(db, runId);
  return side;
}

/** What of owners' shares goes with the sales as they now stand. */
async function settleShares(db: Db, runId: string, accounts: readonly string[]): Promise<void> {
  await followPulledIn(db, runId, accounts);
  await decideDispositions(db, runId, accounts);
  await waitForSales(db, runId, accounts);
}

async function buildChunk(db: Db, runId: string, accounts: readonly string[]): Promise<void> {
  await decideDispositions(db, runId, accounts);
  await composeChunk(db, runId, accounts);
}

async function composeChunk(db: Db, runId: string, accounts: readonly string[]): Promise<void> {
  await settleCorrections(db, runId, accounts);
  await db.query("DELETE FROM document WHERE run_id = $1 AND account_id = ANY($2) AND state = 'draft'", [runId, accounts]);
  await draftPeriodCharges(db, runId, accounts);
  const { documents, held, parked } = await makeDocuments(db, runId, accounts);
  await holdCharges(db, runId, held);
  await parkAccounts(db, runId, parked);
  await keepParked(db, runId, accounts);
  await insertDocuments(db, runId, documents);
  await linkClaims(db, runId, accounts, documents);
}
