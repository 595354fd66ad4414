import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setUpKinds } from '../../src/contracts/set-up.ts';
import { eraseDriver } from '../../src/store/commands/erase-driver.ts';
import { applyLoad, type LoadBody, previewLoad } from '../../src/store/commands/load-set-up.ts';
import { putSetUp } from '../../src/store/commands/put-set-up.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { copyOf, type TestDatabase } from '../support/database.ts';
import { seeded } from '../support/seeded.ts';

const by = { actor: 'clerk' };
const reason = 'the yearly round';
let original: TestDatabase;

beforeAll(async () => {
  const { store, database } = await seeded();
  original = database;
  await store.close();
});
afterAll(() => original.drop());

async function on<T>(work: (store: Store) => Promise<T>): Promise<T> {
  const database = await copyOf(original);
  const store = openStore(database.url);
  try {
    return await work(store);
  } finally {
    await store.close();
    await database.drop();
  }
}

/** What stands after all, without what tells when it was written. */
async function said(store: Store): Promise<unknown> {
  const tables = ['party', 'account', 'site', 'fleet_unit', 'fleet_assignment', 'mapping', 'set_up_version', 'set_up_words'];
  return Promise.all(tables.map(async (table) => (await store.pool.query(`SELECT to_jsonb(t) - 'made_at' AS row FROM ${table} t ORDER BY (to_jsonb(t) - 'made_at')::text`)).rows));
}

const ids = fc.constantFrom('a', 'b', 'c');
const instant = fc.integer({ min: 0, max: 5 }).map((day) => `2026-01-0${day + 1}T00:00:00Z`);
const rowsOf = <T extends { id: string }>(row: fc.Arbitrary<T>) => fc.uniqueArray(row, { selector: (r) => r.id, maxLength: 3 });
const loads = fc.array(
  fc.record({
    parties: rowsOf(fc.record({ id: ids.map((x) => `pty_${x}`), name: fc.constantFrom('One', 'Two'), country: fc.constantFrom('SE', 'DE') })),
    accounts: rowsOf(
      fc.record({
        id: ids.map((x) => `acc_${x}`),
        entityId: fc.constant('ent_se'),
        partyId: ids.map((x) => `pty_${x}`),
        category: fc.constantFrom('fleet', 'siteOwner'),
        currency: fc.constantFrom('SEK', 'EUR'),
      }),
    ),
    fleetUnits: rowsOf(fc.record({ id: ids.map((x) => `van_${x}`), accountId: ids.map((x) => `acc_${x}`), kind: fc.constant('vehicle'), label: fc.constantFrom('ABC 1', 'ABC 2') })),
    fleetAssignments: fc.array(fc.record({ unitId: ids.map((x) => `van_${x}`), costCenter: fc.constantFrom('1', '2'), validFrom: instant }), { maxLength: 5 }),
    mappings: fc.array(fc.record({ sourceId: fc.constant('csms'), kind: fc.constant('token'), externalKey: ids.map((x) => `T-${x}`), internalId: ids.map((x) => `acc_${x}`), validFrom: instant }), {
      maxLength: 4,
    }),
  }),
  { minLength: 1, maxLength: 3 },
);

describe('a load', () => {
  it('does what its rows would do one by one, whatever they are', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(loads, async (bodies) => {
        const alone = await on(async (store) => {
          for (const body of bodies) {
            for (const kind of setUpKinds) {
              for (const values of (body as Partial<Record<string, object[]>>)[kind] ?? []) await store.tx((db) => putSetUp(db, kind, { ...values }, reason, by));
            }
          }
          return said(store);
        });
        const together = await on(async (store) => {
          for (const body of bodies) {
            const rows = Object.fromEntries(Object.entries(body).map(([kind, values]) => [kind, values.map((v, i) => ({ line: i + 1, values: v, errors: [] }))])) as LoadBody;
            const now = new Date();
            const { loadId } = await store.tx((db) => previewLoad(db, rows, by, now));
            const applied = await store.tx((db) => applyLoad(db, { loadId, reason, withoutRefused: true, mayPublish: false }, by, now));
            expect(applied.outcome).toBe('applied');
          }
          return said(store);
        });
        expect(together).toEqual(alone);
      }),
      { numRuns: 15 },
    );
  });

  it('that waits with a driver in it is withdrawn when the driver is erased, and applies to nobody', async () => {
    await on(async (store) => {
      const now = new Date();
      const rows: LoadBody = { mappings: [{ line: 1, values: { sourceId: 'csms', kind: 'token', externalKey: 'Bl2-99', internalId: 'acc_driver_16' }, errors: [] }] };
      const { loadId } = await store.tx((db) => previewLoad(db, rows, by, now));
      await store.tx((db) => eraseDriver(db, { accountId: 'acc_driver_16', reason: 'asked to be forgotten', dryRun: false }, by));
      await expect(store.tx((db) => applyLoad(db, { loadId, reason, withoutRefused: false, mayPublish: false }, by, now))).rejects.toThrow('is withdrawn');
      const again = await store.tx((db) => previewLoad(db, rows, by, now));
      expect(again.loadId).not.toBe(loadId);
      expect(again.rows).toMatchObject([{ outcome: 'refused', errors: [{ code: 'rowErased' }] }]);
    });
  });

  it('waits for an erasure that is under way, and then refuses', async () => {
    await on(async (store) => {
      let writing: Promise<unknown> = Promise.resolve();
      await store.tx(async (db) => {
        await eraseDriver(db, { accountId: 'acc_driver_16', reason: 'asked to be forgotten', dryRun: false }, by);
        writing = store.tx((other) => putSetUp(other, 'fleetUnits', { id: 'van_x', accountId: 'acc_fleet_taxi', kind: 'driver', label: 'Somebody', partyId: 'pty_driver_16' }, 'hired', by));
        await expect
          .poll(
            async () =>
              (await store.pool.query("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")).rowCount,
          )
          .toBe(1);
      });
      expect(await writing).toMatchObject({ outcome: 'refused', errors: [{ code: 'rowErased' }] });
    });
  });
});
