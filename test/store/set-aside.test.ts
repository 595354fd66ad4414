import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parserFor } from '../../src/adapters/sources/registry.ts';
import { planRun } from '../../src/store/commands/plan-run.ts';
import { checkCompleteness } from '../../src/store/cycle/check-completeness.ts';
import type { Store } from '../../src/store/db.ts';
import { storeRawMessages } from '../../src/store/intake/store-raw.ts';
import { energyBalance } from '../../src/store/reads/energy-balance.ts';
import { vehicleEvidence } from '../../src/store/reads/vehicle-evidence.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { closeSet } from '../support/bill.ts';
import { processAll } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
const rows = async (sql: string) => (await store.pool.query(sql)).rows;
const [line = ''] = readFileSync(new URL('../../data/ocpi/cdrs.ndjson', import.meta.url), 'utf8').split('\n');

async function arrive(sourceId: string, format: string, ...messages: readonly object[]) {
  const parser = parserFor(format);
  const context = { sourceId, ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' };
  for (const message of messages) {
    const bytes = Buffer.from(JSON.stringify(message));
    await store.tx((db) => storeRawMessages(db, { sourceId, batchId: null, receivedAt: new Date(), messages: [{ recordKey: parser.keyOf(bytes, context), bytes, lineNo: null }] }));
    await processAll(store);
  }
}

beforeAll(async () => {
  ({ store, drop } = await seeded('every-category', (seed) => {
    const [csms] = seed.sources;
    const source = (id: string, format: string, route: 'proprietary' | 'ocpiPeer' | 'ocpiHub', repeatProfile: 'revise' | 'conflict') => ({
      ...(csms as NonNullable<typeof csms>),
      id,
      name: id,
      format,
      route,
      repeatProfile,
    });
    seed.sources.push(
      source('meters', 'json-csms', 'proprietary', 'revise'),
      source('cars', 'vehicle-telematics', 'proprietary', 'revise'),
      source('peer', 'ocpi-2-2-1', 'ocpiPeer', 'conflict'),
      source('hub', 'ocpi-2-2-1', 'ocpiHub', 'conflict'),
    );
    return seed;
  }));
});
afterAll(() => drop());

describe('a CDR that its sender takes back', () => {
  const cdr = (id: string, evse: string, more: object = {}) => {
    const template = JSON.parse(line);
    return { ...template, id, cdr_location: { ...template.cdr_location, evse_id: evse }, last_updated: '2020-01-02T00:00:00Z', ...more };
  };
  const credit = (id: string, evse: string) => cdr(`${id}-C`, evse, { credit: true, credit_reference_id: id, last_updated: '2020-01-03T00:00:00Z', total_cost: { excl_vat: -1 } });
  const live = (key: string) =>
    rows(
      `SELECT h.state, h.revision > 0 AS was_booked, (SELECT coalesce(sum(net_minor), 0)::int FROM rated_charge c WHERE c.record_id = h.record_id) AS net FROM record_head h WHERE source_id = 'peer' AND cdr_id = '${key}'`,
    );

  it('is reversed, and stays so when it comes again, by a source whose CDRs never change', async () => {
    await arrive('peer', 'ocpi-2-2-1', cdr('A', 'SE*X*A'));
    expect(await live('a')).toMatchObject([{ state: 'booked' }]);
    await arrive('peer', 'ocpi-2-2-1', credit('A', 'SE*X*A'), cdr('A', 'SE*X*A'), credit('A', 'SE*X*A'));
    expect(await live('a')).toEqual([{ state: 'rejected', was_booked: true, net: 0 }]);
    expect(await rows("SELECT issues->0->>'code' AS code FROM record_head WHERE cdr_id = 'a'")).toEqual([{ code: 'creditedBySender' }]);
  });

  it('is taken back though the credit says the very same: of a free session, or with the amounts of the original', async () => {
    for (const [id, cost] of [
      ['FREE', 0],
      ['SAME', 31],
    ] as const) {
      const [original, taken] = [cdr(id, `SE*X*${id}`, { total_cost: { excl_vat: cost } }), { ...credit(id, `SE*X*${id}`), total_cost: { excl_vat: cost } }];
      await arrive('peer', 'ocpi-2-2-1', original);
      expect(await live(id.toLowerCase())).toMatchObject([{ state: 'booked' }]);
      await arrive('peer', 'ocpi-2-2-1', taken, original, taken);
      expect(await live(id.toLowerCase())).toEqual([{ state: 'rejected', was_booked: true, net: 0 }]);
    }
  });

  it('is never booked when the credit comes first', async () => {
    await arrive('peer', 'ocpi-2-2-1', credit('B', 'SE*X*B'), cdr('B', 'SE*X*B'));
    expect(await live('b')).toEqual([{ state: 'rejected', was_booked: false, net: 0 }]);
  });

  it('is taken back by a credit made at the same instant, whichever comes first', async () => {
    const found = [];
    for (let i = 0; i < 6; i += 1) {
      const [id, evse] = [`T${i}`, `SE*X*T${i}`];
      const messages = [cdr(id, evse), { ...credit(id, evse), last_updated: '2020-01-02T00:00:00Z' }];
      await arrive('peer', 'ocpi-2-2-1', ...(i % 2 === 0 ? messages : messages.reverse()));
      found.push(...(await live(id.toLowerCase())));
    }
    expect(found.map((h) => [h.state, h.net])).toEqual(Array.from({ length: 6 }, () => ['rejected', 0]));
  });

  it.each([
    ['before', ['hub', 'original', 'credit']],
    ['between', ['original', 'hub', 'credit']],
    ['after', ['credit', 'original', 'hub']],
  ])('does not come back as the hub’s copy, which came %s', async (when, order) => {
    const [id, evse] = [`H-${when}`, `SE*X*${when}`.toUpperCase()];
    for (const what of order) {
      if (what === 'hub') await arrive('hub', 'ocpi-2-2-1', cdr(`HUB-${when}`, evse));
      else await arrive('peer', 'ocpi-2-2-1', what === 'original' ? cdr(id, evse) : credit(id, evse));
    }
    expect(await rows(`SELECT source_id, state FROM record_head WHERE cdr_id IN ('h-${when}', 'hub-${when}') ORDER BY 1`)).toEqual([
      { source_id: 'hub', state: 'rejected' },
      { source_id: 'peer', state: 'rejected' },
    ]);
    await arrive('peer', 'ocpi-2-2-1', cdr(`${id}-2`, evse));
    expect(await live(`h-${when}-2`)).toMatchObject([{ state: 'booked' }]);
    expect(await rows(`SELECT state FROM record_head WHERE cdr_id = 'hub-${when}'`)).toEqual([{ state: 'rejected' }]);
  });
});

describe('what a vehicle tells', () => {
  it('is never billed, and held against the meter of the home', async () => {
    const [home] = await rows(
      "SELECT m.external_key AS key, c.account_id, v.clauses->>'payerAccountId' AS fleet FROM site s JOIN mapping m ON m.internal_id = s.id AND m.source_id = 'csms' AND m.kind = 'site' JOIN contract c ON c.account_id = s.owner_account_id JOIN contract_version v ON v.contract_id = c.id WHERE s.kind = 'home' ORDER BY 1 LIMIT 1",
    );
    const [token] = await rows(`SELECT external_key AS key FROM mapping WHERE kind = 'token' AND source_id = 'csms' AND internal_id = '${home.fleet}' ORDER BY 1 LIMIT 1`);
    for (const source of ['meters', 'cars']) {
      await store.pool.query(
        `INSERT INTO mapping (source_id, kind, external_key, internal_id, cost_center, unit_id, valid_from, author) SELECT $1, kind, CASE WHEN kind = 'token' AND $1 = 'cars' THEN 'VIN1' ELSE external_key END, internal_id, cost_center, unit_id, valid_from, 'test'
         FROM mapping WHERE source_id = 'csms' AND (kind = 'site' AND external_key = $2 OR kind = 'token' AND external_key = $3) ON CONFLICT DO NOTHING`,
        [source, home.key, token.key],
      );
    }
    const metered = (id: string, day: number, energyWh: number) => ({
      transactionId: id,
      siteId: home.key,
      idTag: token.key,
      startTime: `2019-12-${day}T18:00:00Z`,
      stopTime: `2019-12-${day}T23:00:00Z`,
      energyWh,
    });
    const told = (id: string, day: number, kWh: number) => ({ id, vehicleId: 'VIN1', placeId: home.key, start: `2019-12-${day}T18:05:00Z`, end: `2019-12-${day}T22:50:00Z`, energyAddedKwh: kWh });
    await arrive('meters', 'json-csms', metered('m1', 10, 10_000), metered('m2', 11, 10_000), metered('m3', 12, 10_000));
    // 9.2 of 10 kWh: 8 % lost on the way, as expected. 11 of 10: more than the meter gave. 6 of 10: more lost than 25 %. On the 13th no meter.
    await arrive('cars', 'vehicle-telematics', told('v1', 10, 9.2), told('v2', 11, 11), told('v3', 12, 6), told('v4', 13, 5));
    expect(await rows("SELECT cdr_id, state, revision FROM record_head WHERE source_id IN ('meters', 'cars') ORDER BY 1")).toEqual([
      ...['m1', 'm2', 'm3'].map((cdr_id) => ({ cdr_id, state: 'booked', revision: 1 })),
      ...['v1', 'v2', 'v3', 'v4'].map((cdr_id) => ({ cdr_id, state: 'rejected', revision: 0 })),
    ]);
    const evidence = await vehicleEvidence(store.pool, { sourceIds: ['cars'], firstMonth: '2019-12', lastMonth: '2019-12' });
    expect(evidence.map((e) => [e.cdrId, e.vehicleWh, e.meteredWh, e.status])).toEqual([
      ['v1', 9_200n, 10_000n, 'agrees'],
      ['v2', 11_000n, 10_000n, 'vehicleMore'],
      ['v3', 6_000n, 10_000n, 'meterMore'],
      ['v4', 5_000n, null, 'noMeter'],
    ]);
    const runId = await closeSet(store, '2019-12');
    await store.tx((db) => checkCompleteness(db, runId));
    const items = await rows("SELECT f.code, f.params FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE f.code LIKE 'vehicle%' ORDER BY 1");
    expect(items.map((f) => [f.code, f.params['computed'], f.params['limit'] ?? f.params['energyWh']])).toEqual([
      ['vehicleDiffers', '17000', '20000'],
      ['vehicleWithoutMeter', 1, '5000'],
    ]);
  });

  it('is told by the run of a quarter, whichever month of it it is of', async () => {
    await store.pool.query("INSERT INTO billing_calendar (id, entity_id, cadence) VALUES ('cal_quarterly', 'ent_se', 'quarterly')");
    const { runId } = await store.tx((db) => planRun(db, { entityId: 'ent_se', period: '2019-Q4', by: { actor: 'preparer' } }));
    await store.tx((db) => checkCompleteness(db, runId));
    const items = await rows(`SELECT f.code, f.params FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = '${runId}' AND f.code LIKE 'vehicle%' ORDER BY 1`);
    expect(items.map((f) => [f.code, f.params['computed']])).toEqual([
      ['vehicleDiffers', '17000'],
      ['vehicleWithoutMeter', 1],
    ]);
  });

  it('leaves the books and the energy balance whole', async () => {
    expect((await energyBalance(store.pool)).filter((b) => b.difference !== 0n)).toEqual([]);
    expect((await verifyAll(store, () => undefined)).sections.filter((s) => s.problem !== null)).toEqual([]);
  });
});
