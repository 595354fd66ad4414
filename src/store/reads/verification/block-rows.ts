import type { Db } from '../../db.ts';
import type { Judged } from './intake-rows.ts';
import { pagesOf } from './pages.ts';

export type LeafRow = {
  readonly height: bigint;
  readonly record_count: number;
  readonly merkle_root: Buffer;
  readonly previous_hash: Buffer;
  readonly header_hash: Buffer;
  readonly position: number | null;
  readonly record_id: bigint | null;
  readonly revision: number | null;
  /** Null when the record is gone. */
  readonly record_hash: Buffer | null;
};

/** Every block with its leaves in order, one row a leaf. */
export const blockLeaves = (db: Db) =>
  pagesOf<LeafRow>(
    db,
    `SELECT b.*, m.position, m.record_id, m.revision, r.record_hash FROM record_block b LEFT JOIN record_block_member m ON m.height = b.height
     LEFT JOIN charge_record r ON r.record_id = m.record_id AND r.revision = m.revision ORDER BY b.height, m.position`,
  );

/** Every sealed record is in a block that is there or waits for the next one, not both. */
export const blockMembership = (db: Db) =>
  pagesOf<Judged & { readonly waiting: boolean }>(
    db,
    `SELECT p.record_id IS NOT NULL AS waiting, 'record ' || r.record_id || ' revision ' || r.revision || CASE
       WHEN m.record_id IS NULL AND p.record_id IS NULL THEN ' is in no block and waits for none' WHEN m.record_id IS NOT NULL AND p.record_id IS NOT NULL THEN ' is in a block and waits for one'
       WHEN m.record_id IS NOT NULL AND b.height IS NULL THEN ' is in block ' || m.height || ', which is gone' END AS problem
     FROM charge_record r LEFT JOIN record_block_member m ON m.record_id = r.record_id AND m.revision = r.revision LEFT JOIN record_block b ON b.height = m.height
     LEFT JOIN block_pending p ON p.record_id = r.record_id AND p.revision = r.revision ORDER BY r.record_id, r.revision`,
  );
