import { combineHashes } from '../../core/document/compose.ts';
import type { Db } from '../db.ts';

export type Preview = { readonly contentHash: string; readonly documents: number; readonly approved: boolean };

/** Group hash over its document hashes in account order; the run's over its groups. */
export async function writeHashes(db: Db, runId: string): Promise<Preview> {
  const hashes = await documentHashes(db, runId);
  const group = combineHashes(hashes);
  const run = combineHashes([group]);
  await db.query('UPDATE release_group SET content_hash = $2 WHERE run_id = $1', [runId, group]);
  await db.query('UPDATE billing_run SET content_hash = $2 WHERE id = $1', [runId, run]);
  await db.query("UPDATE run_account SET state = 'ready' WHERE run_id = $1 AND state = 'pending'", [runId]);
  return { contentHash: run.toString('hex'), documents: hashes.length, approved: false };
}

/** Content hashes of a run's documents in the order in which the run's hash covers them. */
export async function documentHashes(db: Db, runId: string): Promise<Buffer[]> {
  const { rows } = await db.query<{ content_hash: Buffer }>('SELECT content_hash FROM document WHERE run_id = $1 ORDER BY account_id, currency, id', [runId]);
  return rows.map((r) => r.content_hash);
}
