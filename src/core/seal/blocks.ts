import { sha256 } from './charge-record.ts';

/** What a block says: hashed as canonical JSON, and named by the next block. Hashes in lower-case hex, `height` in decimal text from 1. */
export type BlockHeader = { readonly height: string; readonly count: number; readonly root: string; readonly previousHash: string };

/** That a record is in a block: its place among the block's leaves, and the hashes beside its way to the root, lowest first. */
export type InclusionProof = { readonly recordHash: string; readonly position: number; readonly path: readonly string[]; readonly block: BlockHeader };

/** What the first block names as the one before it. */
export const noBlock = '0'.repeat(64);

// RFC 6962, 2.1: leaves and nodes are hashed apart, so that no node can be passed off as a leaf.
const leafPrefix = Buffer.of(0);
const nodePrefix = Buffer.of(1);
const leafHash = (recordHash: Buffer) => sha256(Buffer.concat([leafPrefix, recordHash]));
const nodeHash = (left: Buffer, right: Buffer) => sha256(Buffer.concat([nodePrefix, left, right]));

/** SHA-256 of a header's RFC 8785 bytes. */
export function headerHash({ count, height, previousHash, root }: BlockHeader): Buffer {
  // Key order is hashed.
  return sha256(JSON.stringify({ count, height, previousHash, root }));
}

/** RFC 6962 Merkle root over record hashes in their order. Throws RangeError for none: there is no empty block. */
export function merkleRoot(recordHashes: readonly Buffer[]): Buffer {
  const root = levelsOf(recordHashes).at(-1)?.[0];
  if (root === undefined) throw new RangeError('a block holds at least one record');
  return root;
}

/** The inclusion proof of the record at `position` of a block's leaves. Throws RangeError when there is none there. */
export function proveInclusion(block: BlockHeader, recordHashes: readonly Buffer[], position: number): InclusionProof {
  const recordHash = recordHashes[position];
  if (recordHash === undefined) throw new RangeError(`block ${block.height} has no leaf ${position}`);
  const path = levelsOf(recordHashes).flatMap((level, depth) => {
    const beside = level[(position >> depth) ^ 1];
    return beside === undefined ? [] : [beside.toString('hex')];
  });
  return { recordHash: recordHash.toString('hex'), position, path, block };
}

/** Whether the proof shows that a record, as its canonical bytes, is in the block whose header hash the verifier trusts (hex). */
export function verifyProof(canonical: Uint8Array, proof: InclusionProof, blockHash: string): boolean {
  const { block, path, position, recordHash } = proof;
  const isHash = (text: string) => /^[0-9a-f]{64}$/.test(text);
  if (![recordHash, block.root, block.previousHash, ...path].every(isHash) || !/^[1-9]\d*$/.test(block.height)) return false;
  if (!Number.isSafeInteger(position) || !Number.isSafeInteger(block.count) || position < 0 || position >= block.count) return false;
  if (sha256(canonical).toString('hex') !== recordHash || headerHash(block).toString('hex') !== blockHash) return false;
  let hash = leafHash(Buffer.from(recordHash, 'hex'));
  let at = position;
  let used = 0;
  for (let last = block.count - 1; last > 0; last = Math.floor(last / 2), at = Math.floor(at / 2)) {
    // The last of an odd level has none beside it and goes up as it is.
    if (at === last && at % 2 === 0) continue;
    const beside = path[used];
    if (beside === undefined) return false;
    used += 1;
    const other = Buffer.from(beside, 'hex');
    hash = at % 2 === 0 ? nodeHash(hash, other) : nodeHash(other, hash);
  }
  return used === path.length && hash.toString('hex') === block.root;
}

/** The tree from its leaves up; level by level this is the tree that RFC 6962 cuts from above. */
function levelsOf(recordHashes: readonly Buffer[]): Buffer[][] {
  let level = recordHashes.map(leafHash);
  const levels = [level];
  while (level.length > 1) {
    const above: Buffer[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const [left, right] = [level[i], level[i + 1]];
      if (left !== undefined) above.push(right === undefined ? left : nodeHash(left, right));
    }
    levels.push(above);
    level = above;
  }
  return levels;
}
