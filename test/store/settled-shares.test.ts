import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parserFor } from '../../src/adapters/sources/registry.ts';
import { importFile } from '../../src/store/commands/import-file.ts';
import { addExclusion } from '../../src/store/commands/shape-run.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { closeSet } from '../support/bill.ts';
import { copyOf, type TestDatabase } from '../support/database.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let base: TestDatabase;
let runId: string;
const by = { actor: 'preparer' };

/** December of the real sessions, its set closed: owners under each supply model, of which North is stated by sums; a third of the drivers have a plan that changes what their sessions came to. */
beforeAll(async () => {
  const { store, database } = await seeded('every-category');
  base = database;
  const bytes = readFileSync(new URL('../../data/trondheim/sessions.csv', import.meta.url));
  await store.tx((db) => importFile(db, { sourceId: 'csms', fileName: 'sessions.csv', bytes, by: { actor: 'test' }, receivedAt: new Date() }, parserFor));
  await processAll(store);
  runId = await closeSet(store, '2019-12');
  await store.tx((db) => closeOwnerSet(db, runId));
  await store.close();
}, 120_000);
afterAll(() => base.drop());

/** What the same steps leave of owners, and of the whole, where sums of claims are kept and where they are not. */
async function both(steps: (store: Store) => Promise<void>) {
  const left = [];
  for (const areKept of [true, false]) {
    const database = await copyOf(base);
    const store = openStore(database.url);
    try {
      if (!areKept) {
        const owner = openStore(database.adminUrl);
        await owner.pool.query('DELETE FROM claim_sum');
        await owner.close();
      }
      const rows = async (sql: string) => (await store.pool.query(sql)).rows;
      const sums = Number((await rows("SELECT count(*) AS n FROM claim_sum WHERE account_id = 'acc_brf_north'"))[0].n);
      await steps(store);
      left.push({
        sums,
        run: (await rows("SELECT encode(content_hash, 'hex') AS hash FROM billing_run"))[0].hash,
        documents: await rows("SELECT account_id, type, payable_minor, encode(content_hash, 'hex') AS hash FROM document ORDER BY 1, 2"),
        drafts: await rows("SELECT account_id, role, component, split_no, site_id, net_minor, encode(charge_hash, 'hex') AS hash FROM period_charge ORDER BY 1, 2, 3, 4"),
      });
    } finally {
      await store.close();
      await database.drop();
    }
  }
  const [kept, told] = left;
  if (kept === undefined || told === undefined) throw new Error('nothing was left');
  return { kept, told };
}

const preview = async (store: Store) => {
  await store.tx((db) => advanceRun(db, runId, 'previewing'));
  await store.tx((db) => buildDocuments(db, runId));
};

describe('a month of owners that is stated from kept sums', () => {
  it('is the same to the byte as one whose sessions are told one by one', async () => {
    const { kept, told } = await both(preview);
    expect(kept.sums).toBeGreaterThan(0);
    expect(told.sums).toBe(0);
    expect(kept.drafts.filter((d) => d.account_id === 'acc_brf_north')).not.toEqual([]);
    expect({ ...kept, sums: 0 }).toEqual(told);
  });

  it('is so too where a customer is written off and a late session is not of the run', async () => {
    const { kept, told } = await both(async (store) => {
      await storeLines(store, [session(90_001, { user: 'AdO3-3', garage: 'AdO3', kWh: '12,5', start: '20.12.2019 18:00', end: '20.12.2019 21:00' })]);
      await processAll(store);
      await store.tx((db) => addExclusion(db, runId, { scope: 'account', subjectId: 'acc_driver_06', outcome: 'writeOff', reason: 'test' }, by));
      await preview(store);
    });
    expect({ ...kept, sums: 0 }).toEqual(told);
    expect(kept.documents.some((d) => d.account_id === 'acc_driver_06')).toBe(false);
  });
});
