import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { processPage } from '../../src/activities/process-page.ts';
import { parserFor } from '../../src/adapters/sources/registry.ts';
import type { Seed } from '../../src/contracts/seed.ts';
import { previewLoad } from '../../src/store/commands/load-set-up.ts';
import { mapExternal } from '../../src/store/commands/map-external.ts';
import { planRun } from '../../src/store/commands/plan-run.ts';
import { signCarry } from '../../src/store/commands/steer-run.ts';
import { unsignedWaiting } from '../../src/store/cycle/run-reads.ts';
import type { Store } from '../../src/store/db.ts';
import { pendingMessages, storeRawMessages } from '../../src/store/intake/store-raw.ts';
import { energyBalance } from '../../src/store/reads/energy-balance.ts';
import { runReport } from '../../src/store/reads/run-report.ts';
import { runSummary } from '../../src/store/reads/run-summary.ts';
import { applySeed } from '../../src/store/seed.ts';
import { processAll, session } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;

beforeAll(async () => {
  const set = await seeded();
  ({ store, drop } = set);
  const admin = new pg.Client({ connectionString: set.database.adminUrl });
  await admin.connect();
  // A second seller that has all the first one has, under names of its own.
  const copies: [table: string, names: string, where?: string][] = [
    ['legal_entity', "'id', id || '_too'"],
    ['vat_registration', "'entity_id', entity_id || '_too'"],
    ['vat_table', "'entity_id', entity_id || '_too'"],
    ['gl_mapping', "'entity_id', entity_id || '_too'"],
    ['source', "'id', id || '_too', 'entity_id', entity_id || '_too'", "id = 'csms'"],
    ['account', "'id', id || '_too', 'entity_id', entity_id || '_too', 'calendar_id', NULL"],
    ['site', "'id', id || '_too', 'entity_id', entity_id || '_too', 'operator_account_id', operator_account_id || '_too'"],
    ['contract', "'id', id || '_too', 'account_id', account_id || '_too'"],
    ['contract_version', "'contract_id', contract_id || '_too'"],
    ['mapping', "'source_id', source_id || '_too', 'internal_id', internal_id || '_too', 'unit_id', NULL", "source_id = 'csms'"],
    ['price_assignment', "'id', id || '_too', 'entity_id', entity_id || '_too', 'site_id', site_id || '_too'"],
  ];
  // What owners share is another matter.
  await admin.query('UPDATE site SET owner_account_id = NULL');
  for (const [table, names, where = 'true'] of copies) {
    await admin.query(`INSERT INTO ${table} SELECT (jsonb_populate_record(NULL::${table}, to_jsonb(x) || jsonb_build_object(${names}))).* FROM ${table} x WHERE ${where}`);
  }
  await admin.end();
});
afterAll(() => drop());

/** Stores sessions of a user at a source of each seller. */
async function storeOfBoth(ids: readonly number[], user: string): Promise<void> {
  for (const sourceId of ['csms', 'csms_too']) {
    const messages = ids
      .map((id) => Buffer.from(session(id, { user })))
      .map((bytes) => ({ recordKey: parserFor('csv-residential-csms').keyOf(bytes, { sourceId, ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' }), bytes, lineNo: null }));
    await store.tx((db) => storeRawMessages(db, { sourceId, batchId: null, receivedAt: new Date(), messages }));
  }
}

it('books sessions of two sellers that are worked off together, each in books of its own', async () => {
  await storeOfBoth([1, 2], 'AdO3-2');
  const page = await pendingMessages(store.pool, { limit: 100 });
  expect(page).toHaveLength(4);
  await store.tx((db) => processPage(db, page));
  const { rows } = await store.pool.query(
    "SELECT h.source_id, c.entity_id, count(DISTINCT h.record_id)::int AS records, count(DISTINCT t.key)::int AS journals FROM record_head h JOIN rated_charge c ON c.record_id = h.record_id LEFT JOIN ledger_transaction t ON t.entity_id = c.entity_id WHERE h.state = 'booked' GROUP BY 1, 2 ORDER BY 1",
  );
  expect(rows).toEqual([
    { source_id: 'csms', entity_id: 'ent_se', records: 2, journals: 1 },
    { source_id: 'csms_too', entity_id: 'ent_se_too', records: 2, journals: 1 },
  ]);
  expect((await energyBalance(store.pool)).filter((b) => b.difference !== 0n)).toEqual([]);
});

it('waits at the close of a run for records of its own seller alone, and has only these signed', async () => {
  await storeOfBoth([3], 'Nobody-9');
  await processAll(store);
  const { runId } = await store.tx((db) => planRun(db, { entityId: 'ent_se', period: '2019-12', by: { actor: 'preparer' } }));
  expect((await runSummary(store.pool, runId))?.waiting.map((w) => [w.code, w.records])).toEqual([['unknownToken', 1]]);
  expect(await unsignedWaiting(store.pool, runId)).toHaveLength(1);
  expect((await store.tx((db) => signCarry(db, { runId, reason: 'asked for', by: { actor: 'approver' } }))).signed).toBe(1);
  const { rows } = await store.pool.query("SELECT h.source_id FROM decision d JOIN record_head h ON h.record_id::text = d.subject_id WHERE d.run_id = $1 AND d.subject_kind = 'record'", [runId]);
  expect(rows).toEqual([{ source_id: 'csms' }]);
  // Two booked and one held, of 10.5 kWh each: not those of the other seller.
  expect((await runReport(store.pool, runId)).energyBalance).toMatchObject([{ month: '2019-12', received: '31500', open: '21000', held: '10500', difference: '0' }]);
  expect(await energyBalance(store.pool)).toMatchObject([{ month: '2019-12', received: 63_000n }]);
});

it('maps nothing of a source to what is another seller’s', async () => {
  const map = (sourceId: string, kind: 'site' | 'token', internalId: string) => store.tx((db) => mapExternal(db, { sourceId, kind, externalKey: 'NEW-1', internalId }, { actor: 'ops' }));
  await expect(map('csms_too', 'token', 'acc_driver_16')).rejects.toThrow('account acc_driver_16 is of entity ent_se: name one of ent_se_too, whose source csms_too is');
  await expect(map('csms', 'site', 'site_bl2_too')).rejects.toThrow('site site_bl2_too is of entity ent_se_too: name one of ent_se, whose source csms is');
  expect(await map('csms_too', 'token', 'acc_driver_16_too')).toMatchObject({ made: true });
  const values = { sourceId: 'csms', kind: 'token', externalKey: 'NEW-2', internalId: 'acc_driver_16_too' };
  const load = await store.tx((db) => previewLoad(db, { mappings: [{ line: 1, values, errors: [] }] }, { actor: 'ops' }, new Date()));
  expect(load.rows).toMatchObject([{ outcome: 'refused', errors: [{ params: { field: 'internalId' } }] }]);
});

it('sets up a second seller from a file of its own, by its own prices, and takes nothing for it that is the first one’s', async () => {
  const first = await seeded();
  const { seed } = first;
  const own: Seed = {
    ...seed,
    entity: { ...seed.entity, id: 'ent_second' },
    calendar: { ...seed.calendar, id: 'cal_second' },
    erp: { ...seed.erp, id: 'erp_second' },
    sources: seed.sources.filter((s) => s.id === 'csms').map((s) => ({ ...s, id: 'csms_second' })),
    siteOwners: seed.siteOwners.filter((o) => o.id === 'brf_north').map((o) => ({ ...o, id: 'brf_second' })),
    sites: seed.sites.filter((s) => s.key === 'Bl2').map((s) => ({ ...s, key: 'Bl2second', owner: 'brf_second' })),
    fleets: [],
    emsps: [],
    drivers: { second16: 'Bl2-1' },
    tariffs: seed.tariffs
      .filter((t) => t.segment === 'driver')
      .map((t) => ({ ...t, body: { ...t.body, id: 'second-flat', elements: [{ price_components: [{ type: 'ENERGY', price: '3.00', vat: '25', step_size: 1 }] }] } }) as (typeof seed.tariffs)[number]),
  };
  try {
    for (const drivers of [{ '16': 'Bl2-1' }, { '01': 'Bl2-1' }])
      await expect(first.store.tx((db) => applySeed(db, { ...own, drivers }))).rejects.toThrow(/account acc_driver_\d\d is of entity ent_se: give that of ent_second another id/);
    await expect(first.store.tx((db) => applySeed(db, { ...own, sources: seed.sources }))).rejects.toThrow('source csms is of entity ent_se');
    // Twice, and the first one's once more: nothing changes.
    for (const again of [own, own, seed]) await first.store.tx((db) => applySeed(db, again));
    const { rows: prices } = await first.store.pool.query("SELECT id, entity_id, tariff_id FROM price_assignment WHERE segment = 'driver' ORDER BY entity_id");
    expect(prices).toEqual([
      { id: 'pa_driver', entity_id: 'ent_se', tariff_id: 'driver-day-night' },
      { id: 'pa_ent_second_driver', entity_id: 'ent_second', tariff_id: 'second-flat' },
    ]);
    const bytes = Buffer.from(session(1, { garage: 'Bl2second', kWh: '10' }));
    const recordKey = parserFor('csv-residential-csms').keyOf(bytes, { sourceId: 'csms_second', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' });
    await first.store.tx((db) => storeRawMessages(db, { sourceId: 'csms_second', batchId: null, receivedAt: new Date(), messages: [{ recordKey, bytes, lineNo: null }] }));
    await processAll(first.store);
    // 10 kWh at 3.00, not at the 2.65 of the first one's.
    const { rows } = await first.store.pool.query('SELECT entity_id, payer_account_id AS payer, net_minor AS net FROM rated_charge WHERE payer_account_id IS NOT NULL');
    expect(rows).toEqual([{ entity_id: 'ent_second', payer: 'acc_driver_second16', net: 3000n }]);
  } finally {
    await first.drop();
  }
});
