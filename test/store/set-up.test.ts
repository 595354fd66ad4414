import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store } from '../../src/store/db.ts';
import { openSetUp, type SetUp } from '../../src/store/prisma.ts';
import { PageRefused } from '../../src/store/reads/page.ts';
import {
  findAccount,
  findContract,
  findSite,
  findSource,
  findTariffVersion,
  listAccounts,
  listContracts,
  listMappings,
  listPriceAssignments,
  listSites,
  listSources,
  listTariffVersions,
} from '../../src/store/reads/set-up.ts';
import type { Page, PageRequest } from '../../src/store/reads/set-up-page.ts';
import type { TestDatabase } from '../support/database.ts';
import { seeded } from '../support/seeded.ts';

let database: TestDatabase;
let store: Store;
let drop: () => Promise<void>;
let setUp: SetUp;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ store, database, drop } = await seeded());
  await store.pool.query(
    `INSERT INTO mapping (source_id, kind, external_key, internal_id, valid_from, valid_to, author) VALUES
       ('csms', 'token', 'Moved', 'acc_fleet_taxi', '-infinity', '2019-12-01T00:00:00.000400Z', 'test'),
       ('csms', 'token', 'Moved', 'acc_driver_16', '2019-12-01T00:00:00.000400Z', '2020-06-01T00:00:00+02:00', 'test'),
       ('csms', 'token', 'Moved', 'acc_fleet_taxi', '2020-06-01T00:00:00+02:00', 'infinity', 'test')`,
  );
  ({ setUp, close } = openSetUp(database.url));
});
afterAll(async () => {
  await close();
  await drop();
});

/** Every item of a list, walked page by page. */
async function walk<T>(list: (setUp: SetUp, page: PageRequest) => Promise<Page<T>>, limit: number): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page = await list(setUp, { cursor, limit });
    expect(page.items.length).toBeLessThanOrEqual(limit);
    items.push(...page.items);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return items;
}

describe('lists of set-up data', () => {
  it.each([
    ['source', listSources, 1],
    ['site', listSites, 7],
    ['account', listAccounts, 20],
    ['contract', listContracts, 33],
    ['tariff_version', listTariffVersions, 1],
    ['price_assignment', listPriceAssignments, 2],
    ['mapping', listMappings, 1],
  ] as const)('give every row of %s exactly once, whatever the page', async (table, list, limit) => {
    const { rows } = await store.pool.query(`SELECT count(*) AS n FROM ${table}`);
    const keys = (await walk<object>(list, limit)).map((item) => ('id' in item ? item.id : JSON.stringify(item)));
    expect(BigInt(keys.length)).toBe(rows[0].n);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('give 50 items unless asked otherwise, and say by a cursor that more follow', async () => {
    const first = await listMappings(setUp, {});
    expect(first.items).toHaveLength(50);
    const second = await listMappings(setUp, { cursor: first.nextCursor ?? '', limit: 200 });
    const seen = new Set(first.items.map((m) => JSON.stringify(m)));
    expect(second.items.filter((m) => seen.has(JSON.stringify(m)))).toEqual([]);
    expect((await listSources(setUp, {})).nextCursor).toBeNull();
  });

  it('neither repeat nor hide a row when another one comes between two pages', async () => {
    const first = await listSites(setUp, { limit: 2 });
    await store.pool.query("INSERT INTO site (id, entity_id, name, country, time_zone, cost_center, connector_power_w) VALUES ('site_0', 'ent_se', 'New', 'SE', 'Europe/Stockholm', '100', 22000)");
    const second = await listSites(setUp, { limit: 2, cursor: first.nextCursor ?? '' });
    const [third] = (await store.pool.query("SELECT id FROM site WHERE id <> 'site_0' ORDER BY id OFFSET 2 LIMIT 1")).rows;
    expect(second.items[0]?.id).toBe(third.id);
  });

  it('refuse a limit out of range, and a cursor that is none of their own', async () => {
    for (const limit of [0, 201, 1.5]) await expect(listSites(setUp, { limit })).rejects.toThrow(PageRefused);
    const { nextCursor } = await listAccounts(setUp, { limit: 1 });
    for (const cursor of ['', 'not a cursor', nextCursor ?? '']) await expect(listSites(setUp, { cursor })).rejects.toThrow(/cursor/);
    const forged = Buffer.from(JSON.stringify(['mappings', 'csms', 'token', 'Moved', 'someday'])).toString('base64url');
    await expect(listMappings(setUp, { cursor: forged })).rejects.toThrow(PageRefused);
  });
});

describe('single rows of set-up data', () => {
  it('are found by id', async () => {
    expect(await findSource(setUp, 'csms')).toMatchObject({ format: 'csv-residential-csms', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' });
    expect(await findSite(setUp, 'site_bl2')).toMatchObject({ name: 'Garage Bl2', connectorPowerW: 22_000n });
    expect(await findAccount(setUp, 'acc_fleet_taxi')).toMatchObject({ category: 'fleet', paymentTermsDays: 30, party: { id: 'pty_fleet_taxi', country: 'SE' } });
  });

  it('show contracts with their versions in order, and a tariff with its body', async () => {
    await store.pool.query(
      `INSERT INTO contract_version (contract_id, version, valid_from, clauses, author) VALUES ('ctr_brf_north', 3, '2020-03-01Z', '{}', 'test'), ('ctr_brf_north', 2, '2020-01-01Z', '{}', 'test')`,
    );
    const contract = await findContract(setUp, 'ctr_brf_north');
    expect(contract?.versions.map((v) => [v.version, v.validFrom, v.validTo])).toEqual([
      [1, null, null],
      [2, new Date('2020-01-01T00:00:00Z'), null],
      [3, new Date('2020-03-01T00:00:00Z'), null],
    ]);
    expect(await findTariffVersion(setUp, 'driver-day-night/1')).toMatchObject({ tariffId: 'driver-day-night', validFrom: new Date('2018-01-01T00:00:00Z'), validTo: null, body: { currency: 'SEK' } });
  });

  it('are undefined when there is none', async () => {
    const none = 'none';
    expect(await Promise.all([findSource(setUp, none), findSite(setUp, none), findAccount(setUp, none), findContract(setUp, none), findTariffVersion(setUp, none)])).toEqual(Array(5).fill(undefined));
  });
});

describe('the client for set-up data', () => {
  it('writes what the application may write, and is refused what it may not', async () => {
    await setUp.mapping.create({ data: { sourceId: 'csms', kind: 'token', externalKey: 'By-Prisma', internalId: 'acc_fleet_taxi', author: 'test' } });
    expect(await setUp.mapping.findFirst({ where: { externalKey: 'By-Prisma' } })).toMatchObject({ internalId: 'acc_fleet_taxi' });
    await expect(setUp.tariffVersion.update({ where: { id: 'driver-day-night/1' }, data: { currency: 'NOK' } })).rejects.toThrow(/permission denied|sealed/);
  });
});
