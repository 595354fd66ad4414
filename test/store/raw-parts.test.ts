import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parserFor } from '../../src/adapters/sources/registry.ts';
import { importFile } from '../../src/store/commands/import-file.ts';
import type { Store } from '../../src/store/db.ts';
import { type RawInput, storeRawMessages, storeRawParts } from '../../src/store/intake/store-raw.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
const stored = async () => (await store.pool.query('SELECT m.record_key AS key, m.line_no AS line FROM raw_message m JOIN raw_pending p ON p.raw_id = m.id ORDER BY m.id')).rows;
const part = (...keys: readonly string[]): RawInput => ({
  sourceId: 'ocpi-peer',
  batchId: null,
  receivedAt: new Date(),
  messages: keys.map((recordKey, i) => ({ recordKey, bytes: Buffer.from(`${recordKey}${i}`), lineNo: null })),
});

beforeAll(async () => {
  ({ store, drop } = await seeded());
});
afterAll(() => drop());

describe('messages that are stored in parts', () => {
  it('are all there, in their order, whatever the number of parts', async () => {
    await store.tx((db) => storeRawParts(db, []));
    expect(await stored()).toEqual([]);
    await store.tx((db) => storeRawParts(db, [part('se*wlt*1', 'se*wlt*2'), part('se*wlt*3'), part('se*wlt*4')]));
    expect((await stored()).map((m) => m.key)).toEqual(['se*wlt*1', 'se*wlt*2', 'se*wlt*3', 'se*wlt*4']);
  });
  it('are not there at all when a part cannot be made, or cannot be stored: the error is that of the part', async () => {
    const before = await stored();
    function* breaks(): Generator<RawInput> {
      yield part('se*wlt*5');
      throw new Error('the third line');
    }
    await expect(store.tx((db) => storeRawParts(db, breaks()))).rejects.toThrow('the third line');
    await expect(store.tx((db) => storeRawParts(db, [part('se*wlt*6'), part('a\0b'), part('se*wlt*7')]))).rejects.toThrow(/invalid byte sequence/);
    await expect(store.tx((db) => storeRawParts(db, [{ ...part('se*wlt*8'), sourceId: 'nobody' }]))).rejects.toThrow(/source nobody/);
    expect(await stored()).toEqual(before);
  });
  it('keep the numbers of their lines across the parts of a file', async () => {
    const lines = Array.from({ length: 10_003 }, (_, i) => `{"country_code":"SE","party_id":"WLT","id":"P${i + 1}"}`);
    const result = await store.tx((db) =>
      importFile(db, { sourceId: 'ocpi-peer', fileName: 'parts.ndjson', bytes: Buffer.from(`${lines.join('\n')}\n`), by: { actor: 'ops' }, receivedAt: new Date() }, parserFor),
    );
    expect(result).toMatchObject({ ok: true, lineCount: 10_003, duplicate: false });
    const ofFile = (await stored()).filter((m) => m.line !== null);
    expect(ofFile.map((m) => m.line)).toEqual(lines.map((_, i) => i + 1));
    expect([ofFile[0], ofFile.at(-1)]).toEqual([
      { key: 'se*wlt*p1', line: 1 },
      { key: 'se*wlt*p10003', line: 10_003 },
    ]);
  });
});

describe('what is known of a message', () => {
  it('is the same whether it comes alone or with others', async () => {
    await store.pool.query(
      "INSERT INTO record_head (source_id, owner_country, owner_party, cdr_id, record_id, revision, state, session_key, facts_hash, waiting_hash, energy_wh, issues) VALUES ('ocpi-peer', 'SE', 'WLT', 'a*b/c', nextval('record_id_seq'), 1, 'booked', 'ocpi-peer/se*wlt*a*b/c', '\\x01', '\\x02', 0, '[]')",
    );
    const known = async (...keys: readonly string[]) => (await storeRawMessages(store.planned, { ...part(...keys), findKnown: true })).map((m) => m.knownFacts);
    const hashes = [Buffer.from([1]), Buffer.from([2])];
    expect(await known('se*wlt*a*b/c')).toEqual([hashes]);
    expect(await known('se*wlt*other')).toEqual([null]);
    expect(await known('unkeyed/0011')).toEqual([null]);
    expect(await known('se*wlt*other', 'se*wlt*a*b/c', 'unkeyed/0011')).toEqual([null, hashes, null]);
    expect((await storeRawMessages(store.planned, part('se*wlt*a*b/c')))[0]?.knownFacts).toBeNull();
  });
});
