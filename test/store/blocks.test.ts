import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyProof } from '../../src/core/seal/blocks.ts';
import type { Store } from '../../src/store/db.ts';
import { proofOf } from '../../src/store/reads/proof.ts';
import { sealBlock } from '../../src/store/seal/seal-block.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let drop: () => Promise<void>;
let store: Store;
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
const arrive = async (...ids: number[]) => {
  await storeLines(
    store,
    ids.map((id) => session(id)),
  );
  await processAll(store);
};

beforeAll(async () => {
  ({ store, drop } = await seeded());
});
afterAll(() => drop());

describe('the sealer', () => {
  it('makes no block of nothing', async () => {
    expect(await store.tx((db) => sealBlock(db))).toBeUndefined();
  });

  it('puts what is sealed into chained blocks of at most its limit, each record once, in order of their ids', async () => {
    await arrive(1, 2, 3, 4, 5);
    expect(await store.tx((db) => sealBlock(db, 3))).toEqual({ height: 1n, records: 3 });
    expect(await store.tx((db) => sealBlock(db, 3))).toEqual({ height: 2n, records: 2 });
    expect(await store.tx((db) => sealBlock(db, 3))).toBeUndefined();
    const members = await rows('SELECT height, position, record_id FROM record_block_member ORDER BY height, position');
    expect(members.map((m) => [m.height, m.position])).toEqual([1, 1, 1, 2, 2].map((height, i) => [BigInt(height), [0, 1, 2, 0, 1][i]]));
    expect(members.map((m) => m.record_id)).toEqual((await rows('SELECT record_id FROM charge_record ORDER BY 1')).map((r) => r.record_id));
    const [first, second] = await rows('SELECT previous_hash, header_hash FROM record_block ORDER BY height');
    expect(first.previous_hash).toEqual(Buffer.alloc(32));
    expect(second.previous_hash).toEqual(first.header_hash);
  });

  it('takes a record that commits after one with a higher id was put into a block, and a later revision', async () => {
    const late = await store.pool.connect();
    await late.query('BEGIN');
    // Ids are handed out in order, commits are not.
    const copy = `INSERT INTO charge_record SELECT nextval('record_id_seq'), 1, raw_id, source_id, session_key, site_id, account_id, start_at, end_at, service_month, energy_wh,
      canonical, facts_hash, rating_hash, allocation_hash, record_hash FROM charge_record LIMIT 1 RETURNING record_id`;
    const [lateId] = (await late.query(copy)).rows;
    await storeLines(store, [session(6), session(1, { kWh: '11' })]);
    await processAll(store);
    expect(await store.tx((db) => sealBlock(db))).toMatchObject({ records: 2 });
    await late.query('COMMIT');
    late.release();
    expect(await store.tx((db) => sealBlock(db))).toEqual({ height: 4n, records: 1 });
    const [highest] = await rows('SELECT max(record_id) AS id FROM record_block_member WHERE height = 3');
    expect(highest.id).toBeGreaterThan(lateId?.['record_id']);
    expect(await rows('SELECT revision FROM record_block_member WHERE revision = 2')).toHaveLength(1);
  });

  it('is one at a time: two at once make two blocks, and no record stands in both', async () => {
    await arrive(7, 8, 9, 10);
    const both = await Promise.all([store.tx((db) => sealBlock(db, 2)), store.tx((db) => sealBlock(db, 2))]);
    expect(both.map((b) => b?.records)).toEqual([2, 2]);
    expect(new Set(both.map((b) => b?.height)).size).toBe(2);
    expect(await rows('SELECT FROM block_pending')).toEqual([]);
  });
});

describe('the proof of a record', () => {
  it('is pending until a block holds it, then verifies against the header hash of its block', async () => {
    await arrive(11);
    const [newest] = await rows('SELECT record_id, canonical FROM charge_record ORDER BY record_id DESC LIMIT 1');
    expect(await proofOf(store.pool, String(newest.record_id))).toEqual({ status: 'pending' });
    await store.tx((db) => sealBlock(db));
    for (const { record_id, revision, canonical } of await rows('SELECT record_id, revision, canonical FROM charge_record WHERE record_hash = sha256(canonical)')) {
      const view = await proofOf(store.pool, String(record_id), revision);
      if (view?.status !== 'sealed') throw new Error(`${record_id} is in no block`);
      const [block] = await rows('SELECT header_hash FROM record_block WHERE height = $1', [view.proof.block.height]);
      expect(verifyProof(canonical, view.proof, block.header_hash.toString('hex'))).toBe(true);
      expect(verifyProof(Buffer.from('{}'), view.proof, view.blockHash)).toBe(false);
    }
  });
});
