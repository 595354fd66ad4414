import { type BlockHeader, headerHash, merkleRoot, noBlock } from '../../core/seal/blocks.ts';
import type { Db } from '../db.ts';

/** How many records a block holds at most: what a proof has to read of it stays small. */
export const blockSize = 4096;

/**
 * Puts the sealed records that are in no block yet, in order of their ids and at most `limit`, into the next block of the chain; in the
 * caller's transaction, one sealer at a time. Undefined when there are none.
 */
export async function sealBlock(db: Db, limit = blockSize): Promise<{ readonly height: bigint; readonly records: number } | undefined> {
  if ((await db.query('SELECT 1 FROM block_pending LIMIT 1')).rowCount === 0) return undefined;
  await db.query("SELECT pg_advisory_xact_lock(hashtextextended('record_block', 0))");
  const { rows } = await db.query<{ record_id: bigint; revision: number; record_hash: Buffer }>(
    `WITH next AS (SELECT record_id, revision FROM block_pending ORDER BY record_id, revision LIMIT $1),
       taken AS (DELETE FROM block_pending p USING next n WHERE p.record_id = n.record_id AND p.revision = n.revision RETURNING p.record_id, p.revision)
     SELECT r.record_id, r.revision, r.record_hash FROM taken t JOIN charge_record r ON r.record_id = t.record_id AND r.revision = t.revision ORDER BY 1, 2`,
    [limit],
  );
  if (rows.length === 0) return undefined;
  const newest = (await db.query<{ height: bigint; header_hash: Buffer }>('SELECT height, header_hash FROM record_block ORDER BY height DESC LIMIT 1')).rows[0];
  const height = (newest?.height ?? 0n) + 1n;
  const root = merkleRoot(rows.map((r) => r.record_hash)).toString('hex');
  const header: BlockHeader = { height: height.toString(), count: rows.length, root, previousHash: newest?.header_hash.toString('hex') ?? noBlock };
  await db.query('INSERT INTO record_block (height, record_count, merkle_root, previous_hash, header_hash) VALUES ($1, $2, $3, $4, $5)', [
    height,
    rows.length,
    Buffer.from(root, 'hex'),
    Buffer.from(header.previousHash, 'hex'),
    headerHash(header),
  ]);
  await db.query('INSERT INTO record_block_member (record_id, revision, height, position) SELECT id, r, $1, n - 1 FROM unnest($2::bigint[], $3::integer[]) WITH ORDINALITY AS t(id, r, n)', [
    height,
    rows.map((r) => r.record_id),
    rows.map((r) => r.revision),
  ]);
  return { height, records: rows.length };
}
