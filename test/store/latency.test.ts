import { afterAll, beforeAll, expect, it } from 'vitest';
import { parserFor } from '../../src/adapters/sources/registry.ts';
import type { Store } from '../../src/store/db.ts';
import { storeRawMessages } from '../../src/store/intake/store-raw.ts';
import { latencyOf } from '../../src/store/reads/latency.ts';
import { processAll, session } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let drop: () => Promise<void>;
let store: Store;

beforeAll(async () => {
  ({ store, drop } = await seeded());
});
afterAll(() => drop());

it('says per service month how late a source delivers, and how many days a cut-off should allow', async () => {
  const parser = parserFor('csv-residential-csms');
  const context = { sourceId: 'csms', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' };
  const month = new Date().toISOString().slice(0, 7);
  const receive = (id: number, end: string, receivedAt: Date) => {
    const bytes = Buffer.from(session(id, { start: end.replace(/ \d\d:/, ' 08:'), end }));
    return store.tx((db) => storeRawMessages(db, { sourceId: 'csms', batchId: null, receivedAt, messages: [{ recordKey: parser.keyOf(bytes, context), bytes, lineNo: null }] }));
  };
  // Received on one day of this month, of which the database has a partition; the sessions end before it.
  const receivedAt = new Date(`${month}-03T12:00:00Z`);
  const before = new Date(receivedAt.getTime() - 10 * 86_400_000);
  const local = (at: Date) => `${String(at.getUTCDate()).padStart(2, '0')}.${String(at.getUTCMonth() + 1).padStart(2, '0')}.${at.getUTCFullYear()}`;
  await receive(1, `${local(before)} 10:00`, receivedAt);
  await receive(2, `${local(before)} 11:00`, receivedAt);
  await receive(3, `${local(new Date(`${month}-03T00:00:00Z`))} 10:00`, receivedAt);
  await processAll(store);
  const [thisMonth, lastMonth, ...rest] = await latencyOf(store.pool, 'csms', 12);
  expect(rest).toEqual([]);
  expect(thisMonth).toMatchObject({ serviceMonth: month, records: 1, afterMonth: { records: 0, energyWh: '0' }, proposedCutOffDays: 0 });
  expect(lastMonth).toMatchObject({ records: 2, afterMonth: { records: 2, energyWh: '21000' }, proposedCutOffDays: 3 });
  expect(Number(lastMonth?.hoursMax)).toBeGreaterThanOrEqual(10 * 24);
  expect(Number(lastMonth?.hoursP50)).toBeLessThanOrEqual(Number(lastMonth?.hoursP95));
});
