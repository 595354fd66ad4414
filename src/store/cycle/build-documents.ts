import type { Db } from '../db.ts';
import { checkPreview } from './check-preview.ts';
import { type Preview, writeHashes } from './content-hashes.ts';
import { decideDispositions } from './dispositions.ts';
import { holdCharges, parkAccounts, settleCorrections } from './hold-charges.ts';
import { insertDocuments } from './insert-documents.ts';
import { makeDocuments } from './make-documents.ts';
import { draftPeriodCharges } from './period-charges.ts';
import { recordPreview } from './record-preview.ts';
import { lockRun } from './run-state.ts';

const accountsPerChunk = 500;

/**
 * Builds the draft documents of a run's pending accounts (what is new, or was touched since) and the hashes of its group and of the
 * run. Exclusions and adjustments of the run are applied; the same inputs give the same hash. An approved run is fixed: nothing is
 * built, and `approved` tells so, also to a workflow that missed the answer.
 */
export async function buildDocuments(db: Db, runId: string): Promise<Preview> {
  const state = await lockRun(db, runId);
  if (state === 'approved') return fixedPreview(db, runId);
  if (state !== 'previewing' && state !== 'inReview') throw new RangeError(`run ${runId} is ${state}: documents are built in preview and review only`);
  const pending = await db.query<{ account_id: string }>("SELECT account_id FROM run_account WHERE run_id = $1 AND state IN ('pending', 'parked') ORDER BY account_id", [runId]);
  const accounts = pending.rows.map((r) => r.account_id);
  for (let from = 0; from < accounts.length; from += accountsPerChunk) await buildChunk(db, runId, accounts.slice(from, from + accountsPerChunk));
  const preview = await writeHashes(db, runId);
  await recordPreview(db, runId, accounts, preview.contentHash);
  await checkPreview(db, runId, accounts);
  return preview;
}

async function fixedPreview(db: Db, runId: string): Promise<Preview> {
  const { rows } = await db.query<{ hash: string; n: bigint }>(
    "SELECT encode(r.content_hash, 'hex') AS hash, (SELECT count(*) FROM document d WHERE d.run_id = r.id) AS n FROM billing_run r WHERE r.id = $1",
    [runId],
  );
  return { contentHash: rows[0]?.hash ?? '', documents: Number(rows[0]?.n ?? 0n), approved: true };
}

async function buildChunk(db: Db, runId: string, accounts: readonly string[]): Promise<void> {
  // Claims point at documents: they are freed before the drafts go.
  await decideDispositions(db, runId, accounts);
  await settleCorrections(db, runId, accounts);
  await db.query("DELETE FROM document WHERE run_id = $1 AND account_id = ANY($2) AND state = 'draft'", [runId, accounts]);
  await draftPeriodCharges(db, runId, accounts);
  const { documents, held, parked } = await makeDocuments(db, runId, accounts);
  await holdCharges(db, runId, held);
  await parkAccounts(db, runId, parked);
  await insertDocuments(db, runId, documents);
}
