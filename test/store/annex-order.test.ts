import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pullIn } from '../../src/store/commands/shape-run.ts';
import type { Store } from '../../src/store/db.ts';
import { issuedDocuments } from '../../src/store/reads/issued-document.ts';
import { finishRun, reviewRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

const ids = Array.from({ length: 12 }, (_, i) => i + 1);
const elsewhere = { Bl2: 'Bl7', Bl7: 'Bl2' } as const;
const at = (id: number): 'Bl2' | 'Bl7' => (id % 2 === 0 ? 'Bl2' : 'Bl7');
let store: Store;
let drop: () => Promise<void>;
const arrive = async (garageOf: (id: number) => string) => {
  await storeLines(
    store,
    ids.map((id) => session(id, { user: 'AdA6-1', garage: garageOf(id), kWh: '10' })),
  );
  await processAll(store);
};

beforeAll(async () => {
  ({ store, drop } = await seeded());
});
afterAll(() => drop());

describe('the annex of a document on which a session stands at two sites', () => {
  it('has one order: by start, by session, and then by site', async () => {
    await arrive(at);
    const december = await reviewRun(store, '2019-12');
    // Each was at the other site: what the run holds of it is taken back there, and billed here.
    await arrive((id) => elsewhere[at(id)]);
    await store.tx((db) => pullIn(db, december, 'acc_fleet_taxi', { actor: 'preparer' }));
    await finishRun(store, december, '2020-01-06');
    const { rows } = await store.pool.query<{ id: string }>("SELECT id FROM document WHERE run_id = $1 AND account_id = 'acc_fleet_taxi'", [december]);
    const orderBy = (without: readonly string[]) =>
      store.tx(async (db) => {
        for (const way of without) await db.query('SELECT set_config($1, $2, true)', [way, 'off']);
        const [document] = await issuedDocuments(
          db,
          rows.map((r) => r.id),
        );
        return (document?.annex ?? []).map((r) => `${r.startAt?.toISOString()} ${r.sessionKey} ${r.siteName}`);
      });
    // Whichever way the database comes by it: of few it sorts to group them, of many it hashes.
    const [few, many] = [await orderBy(['enable_hashagg']), await orderBy(['enable_sort', 'enable_incremental_sort'])];
    expect(few).toHaveLength(2 * ids.length);
    expect(few).toEqual([...few].sort());
    expect(many).toEqual(few);
  });
});
