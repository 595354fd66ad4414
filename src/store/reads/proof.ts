import { type BlockHeader, type InclusionProof, proveInclusion } from '../../core/seal/blocks.ts';
import type { Db } from '../db.ts';

/** `pending`: not in a block yet. `blockHash` is that of the proof's block header. */
export type ProofView =
  | { readonly status: 'pending' }
  | { readonly status: 'sealed'; readonly revision: number; readonly proof: InclusionProof; readonly blockHash: string; readonly sealedAt: string };

/** The inclusion proof of a record’s revision, the current one unless told; undefined where none was sealed. */
export async function proofOf(db: Db, recordId: string, revision?: number): Promise<ProofView | undefined> {
  const { rows } = await db.query(
    `SELECT m.revision, m.position, b.height, b.record_count, b.sealed_at, encode(b.merkle_root, 'hex') AS root, encode(b.previous_hash, 'hex') AS previous, encode(b.header_hash, 'hex') AS hash
     FROM charge_record r LEFT JOIN record_block_member m ON m.record_id = r.record_id AND m.revision = r.revision LEFT JOIN record_block b ON b.height = m.height
     WHERE r.record_id = $1 AND ($2::integer IS NULL OR r.revision = $2) ORDER BY r.revision DESC LIMIT 1`,
    [recordId, revision ?? null],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  if (row.height === null) return { status: 'pending' };
  const leaves = await db.query<{ record_hash: Buffer }>(
    'SELECT r.record_hash FROM record_block_member m JOIN charge_record r ON r.record_id = m.record_id AND r.revision = m.revision WHERE m.height = $1 ORDER BY m.position',
    [row.height],
  );
  const block: BlockHeader = { height: row.height.toString(), count: row.record_count, root: row.root, previousHash: row.previous };
  const hashes = leaves.rows.map((r) => r.record_hash);
  return { status: 'sealed', revision: row.revision, proof: proveInclusion(block, hashes, row.position), blockHash: row.hash, sealedAt: row.sealed_at.toISOString() };
}
