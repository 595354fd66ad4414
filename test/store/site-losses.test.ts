import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parserFor } from '../../src/adapters/sources/registry.ts';
import type { Store } from '../../src/store/db.ts';
import { storeRawMessages } from '../../src/store/intake/store-raw.ts';
import { siteLosses } from '../../src/store/reads/site-losses.ts';
import { processAll } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;

beforeAll(async () => {
  ({ store, drop } = await seeded('demo', (seed) => {
    const [csms] = seed.sources;
    return { ...seed, sources: [...seed.sources, { ...(csms as NonNullable<typeof csms>), id: 'meters', format: 'json-csms' }] };
  }));
  const parser = parserFor('json-csms');
  const context = { sourceId: 'meters', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' };
  const session = (id: string, siteId: string, connectorId: number, day: number, meterStart: number, meterStop: number, energyWh = meterStop - meterStart) => ({
    transactionId: id,
    siteId,
    evseId: `SE*WLT*E${siteId}`,
    connectorId,
    idTag: 'Bl2-1',
    startTime: `2019-12-${day}T10:00:00Z`,
    stopTime: `2019-12-${day}T12:00:00Z`,
    meterStart,
    meterStop,
    energyWh,
  });
  const sessions = [
    session('a', 'Bl2', 1, 10, 1000, 6000),
    // 200 Wh were counted between the two, and 8 Wh during it beyond what it bills.
    session('b', 'Bl2', 1, 11, 6200, 9000, 2792),
    session('c', 'Bl2', 2, 10, 0, 4000),
    // The meter was changed: the register begins anew.
    session('d', 'Bl2', 2, 12, 100, 1100),
    session('e', 'NR1', 1, 10, 500, 900),
  ];
  const messages = sessions.map((s) => Buffer.from(JSON.stringify(s))).map((bytes) => ({ recordKey: parser.keyOf(bytes, context), bytes, lineNo: null }));
  await store.tx((db) => storeRawMessages(db, { sourceId: 'meters', batchId: null, receivedAt: new Date(), messages }));
  await processAll(store);
});
afterAll(() => drop());

describe('what registers counted', () => {
  // Bl2: connector 1 from 1,000 to 9,000 is 8,000 = 5,000 + 2,792 + 8 + 200; connector 2 from 0 to 1,100 is 1,100 = 4,000 + 1,000 − 3,900.
  it('is what was received, lost and missing, less what registers went back, to the Wh', async () => {
    expect(await siteLosses(store.pool, { sourceId: 'meters', month: '2019-12' })).toEqual([
      { siteId: 'site_bl2', connectors: 2, sessions: 4, meteredWh: '9100', receivedWh: '12792', lossesWh: '8', missingWh: '200', wentBackWh: '3900', gaps: 2 },
      { siteId: 'site_nr1', connectors: 1, sessions: 1, meteredWh: '400', receivedWh: '400', lossesWh: '0', missingWh: '0', wentBackWh: '0', gaps: 0 },
    ]);
    expect(await siteLosses(store.pool, { sourceId: 'meters', month: '2019-11' })).toEqual([]);
  });
});
