import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { sourceConnectionSchema } from '../../src/contracts/source-connection.ts';
import { connectSource } from '../../src/store/commands/connect-source.ts';
import type { Store } from '../../src/store/db.ts';
import { beginSweep, endSweep, noteSweepPage } from '../../src/store/intake/sweeps.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
const now = new Date('2020-02-02T00:00:00Z');
const begin = async (window?: { from: Date; to: Date }) => {
  const plan = await store.tx((db) => beginSweep(db, { sourceId: 'csms', workflowId: 'sweep/csms', now, window }));
  if (plan === undefined) throw new Error('another sweep is under way');
  return plan;
};
const page = (sweepId: string, pulled: number, next: string | null, stated: number | null) => store.tx((db) => noteSweepPage(db, sweepId, { pulled, fresh: pulled, next, stated }));
const end = (sweepId: string) => store.tx((db) => endSweep(db, sweepId));

beforeAll(async () => {
  ({ store, drop } = await seeded());
  const settings = sourceConnectionSchema.parse({ kind: 'jsonRest', url: 'https://csms.example/sessions', from: '2020-01-01T00:00:00Z', completeAfterMinutes: 60 });
  await store.tx((db) => connectSource(db, { sourceId: 'csms', settings, reason: 'swept from now on' }, { actor: 'test' }));
});
beforeEach(async () => {
  await store.pool.query('UPDATE source_connection SET swept_until = NULL');
});
afterAll(() => drop());

it('counts what came once when its last page is asked for again: fewer than were stated are fewer', async () => {
  const first = await begin();
  await page(first.sweepId, 40, 'second', 100);
  // Gone on with after the first page.
  expect(await begin()).toMatchObject({ sweepId: first.sweepId, cursor: 'second' });
  await page(first.sweepId, 20, null, 100);
  // Lost after the last one: all of it is asked for again.
  expect(await begin()).toMatchObject({ sweepId: first.sweepId, cursor: null });
  await page(first.sweepId, 40, 'second', 100);
  await page(first.sweepId, 20, null, 100);
  expect(await end(first.sweepId)).toMatchObject({ pages: 2, pulled: 60, stated: 100, problem: '60 CDRs came, 100 were stated', goesOn: false });
});

it('goes on only where no gap is left before it', async () => {
  const until = async () => (await store.pool.query('SELECT swept_until FROM source_connection')).rows[0].swept_until as Date | null;
  const sweep = async (window?: { from: Date; to: Date }) => {
    const { sweepId } = await begin(window);
    await page(sweepId, 1, null, null);
    return (await end(sweepId)).goesOn;
  };
  expect([await sweep({ from: new Date('2020-01-20T00:00:00Z'), to: new Date('2020-01-21T00:00:00Z') }), await until()]).toEqual([false, null]);
  expect([await sweep({ from: new Date('2020-01-01T00:00:00Z'), to: new Date('2020-01-10T00:00:00Z') }), await until()]).toEqual([true, new Date('2020-01-10T00:00:00Z')]);
  expect([await sweep(), await until()]).toEqual([true, now]);
});

it('begins 90 days back where nothing says otherwise, whatever window was looked at before', async () => {
  const settings = sourceConnectionSchema.parse({ kind: 'jsonRest', url: 'https://csms.example/sessions', completeAfterMinutes: 60 });
  await store.tx((db) => connectSource(db, { sourceId: 'csms', settings, reason: 'from when it began' }, { actor: 'test' }));
  const sweep = async (window?: { from: Date; to: Date }) => {
    const { sweepId, from } = await begin(window);
    await page(sweepId, 1, null, null);
    return { from, goesOn: (await end(sweepId)).goesOn };
  };
  const lastDay = { from: new Date('2020-02-01T00:00:00Z'), to: now };
  expect(await sweep(lastDay)).toEqual({ from: lastDay.from, goesOn: false });
  // 90 days before 2 February: 31 of January, 31 of December, 1 of February and 27 of November.
  expect(await sweep()).toEqual({ from: new Date('2019-11-04T00:00:00Z'), goesOn: true });
});
