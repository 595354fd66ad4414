import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BlockHeader, headerHash, type InclusionProof, merkleRoot, noBlock, proveInclusion, verifyProof } from '../../src/core/seal/blocks.ts';

const sha = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
const recordOf = (i: number) => Buffer.from(`{"record":${i}}`);
const block = (size: number) => {
  const hashes = Array.from({ length: size }, (_, i) => sha(recordOf(i)));
  const header: BlockHeader = { height: '7', count: size, root: merkleRoot(hashes).toString('hex'), previousHash: noBlock };
  return { hashes, header, blockHash: headerHash(header).toString('hex') };
};
/** RFC 6962, 2.1, cut from above as it is written there. */
function mth(hashes: readonly Buffer[]): Buffer {
  const [first] = hashes;
  if (first === undefined || hashes.length === 1) return sha(Buffer.of(0), first ?? Buffer.of());
  const k = 2 ** Math.floor(Math.log2(hashes.length - 1));
  return sha(Buffer.of(1), mth(hashes.slice(0, k)), mth(hashes.slice(k)));
}

describe('a block of sealed records', () => {
  it('has the Merkle root that RFC 6962 defines, and a header hash over its canonical bytes', () => {
    for (let size = 1; size <= 70; size += 1) {
      const { hashes, header } = block(size);
      expect(header.root).toBe(mth(hashes).toString('hex'));
    }
    const { header } = block(3);
    expect(headerHash(header)).toEqual(sha(Buffer.from(`{"count":3,"height":"7","previousHash":"${noBlock}","root":"${header.root}"}`)));
    expect(() => merkleRoot([])).toThrow(/at least one/);
  });

  it('proves every record of any size of block, to whoever trusts its header hash', () => {
    for (const size of [...Array.from({ length: 40 }, (_, i) => i + 1), 100, 255, 256, 257]) {
      const { hashes, header, blockHash } = block(size);
      for (let i = 0; i < size; i += 1) expect(verifyProof(recordOf(i), proveInclusion(header, hashes, i), blockHash), `${i} of ${size}`).toBe(true);
    }
    expect(() => proveInclusion(block(3).header, block(3).hashes, 3)).toThrow(/no leaf 3/);
  });

  it('proves nothing once any byte of the record, the proof or the header hash is another', () => {
    const flip = (text: string, at: number, by: number) => {
      const bytes = Buffer.from(text);
      bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ by;
      return bytes.toString('latin1');
    };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), fc.nat(), (size, leaf, at, by, which) => {
        const { hashes, header, blockHash } = block(size);
        const i = leaf % size;
        const proof = proveInclusion(header, hashes, i);
        const record = recordOf(i).toString();
        const other = (change: Partial<InclusionProof>): [Buffer, InclusionProof, string] => [Buffer.from(record), { ...proof, ...change }, blockHash];
        const tampered: [Buffer, InclusionProof, string][] = [
          [Buffer.from(flip(record, at, by), 'latin1'), proof, blockHash],
          [Buffer.from(record), proof, flip(blockHash, at, by)],
          other({ recordHash: flip(proof.recordHash, at, by) }),
          other({ position: proof.position ^ by }),
          other({ path: proof.path.length === 0 ? [noBlock] : proof.path.map((hash, n) => (n === at % proof.path.length ? flip(hash, at, by) : hash)) }),
          other({ path: [...proof.path, noBlock] }),
          other({ path: proof.path.length === 0 ? [noBlock] : proof.path.slice(1) }),
          other({ block: { ...header, root: flip(header.root, at, by) } }),
          other({ block: { ...header, previousHash: flip(noBlock, at, by) } }),
          other({ block: { ...header, height: flip(header.height, at, by) } }),
          other({ block: { ...header, count: header.count ^ by } }),
        ];
        const [bytes, changed, trusted] = tampered[which % tampered.length] ?? [Buffer.of(), proof, ''];
        return !verifyProof(bytes, changed, trusted);
      }),
      { numRuns: 2000 },
    );
  });

  it('does not take an inner node for a record', () => {
    const { hashes, header, blockHash } = block(4);
    const [a, b, c, d] = hashes.map((h) => sha(Buffer.of(0), h));
    if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error('four leaves');
    const node = Buffer.concat([a, b]);
    const forged: InclusionProof = { recordHash: sha(node).toString('hex'), position: 0, path: [sha(Buffer.of(1), c, d).toString('hex')], block: { ...header, count: 2 } };
    expect(verifyProof(node, forged, blockHash)).toBe(false);
    expect(verifyProof(node, { ...forged, block: header }, blockHash)).toBe(false);
  });
});
