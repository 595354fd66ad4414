import { type BlockHeader, headerHash, merkleRoot, noBlock } from '../core/seal/blocks.ts';
import type { LeafRow } from '../store/reads/verification/block-rows.ts';
import type { Step } from './section.ts';

/** The chain from its first block on: heights without a gap, each header its hash and the block before, each root its leaves. */
export async function* chainSteps(pages: AsyncIterable<readonly LeafRow[]>): AsyncGenerator<Step> {
  let previous = { height: 0n, hash: noBlock };
  let block: LeafRow[] = [];
  const close = (): Step => {
    const [first] = block;
    const step = { checked: first === undefined ? 0 : 1, problem: first === undefined ? null : judgeBlock(first, block, previous) };
    if (first !== undefined) previous = { height: first.height, hash: first.header_hash.toString('hex') };
    block = [];
    return step;
  };
  for await (const page of pages) {
    for (const leaf of page) {
      if (block[0] !== undefined && block[0].height !== leaf.height) yield close();
      block.push(leaf);
    }
  }
  yield close();
}

function judgeBlock(block: LeafRow, leaves: readonly LeafRow[], previous: { readonly height: bigint; readonly hash: string }): string | null {
  const name = `block ${block.height}`;
  if (block.height !== previous.height + 1n) return `${name} follows block ${previous.height}: a block is missing`;
  if (block.previous_hash.toString('hex') !== previous.hash) return `${name} does not name the hash of the block before it`;
  const header: BlockHeader = { height: block.height.toString(), count: block.record_count, root: block.merkle_root.toString('hex'), previousHash: previous.hash };
  if (!headerHash(header).equals(block.header_hash)) return `${name} has another header than its hash says`;
  const hashes: Buffer[] = [];
  for (const [i, leaf] of leaves.entries()) {
    if (leaf.position !== i) return `${name} has no leaf ${i}`;
    if (leaf.record_hash === null) return `${name} holds record ${leaf.record_id} revision ${leaf.revision}, which is gone`;
    hashes.push(leaf.record_hash);
  }
  if (hashes.length !== block.record_count) return `${name} has ${hashes.length} leaves and says ${block.record_count}`;
  return merkleRoot(hashes).equals(block.merkle_root) ? null : `${name} holds other records than its root says`;
}
