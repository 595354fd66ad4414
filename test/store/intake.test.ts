import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processPage } from '../../src/activities/process-page.ts';
import { sha256 } from '../../src/core/seal/charge-record.ts';
import type { Store } from '../../src/store/db.ts';
import { findRecord } from '../../src/store/reads/records.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
const head = async (id: string) => (await rows('SELECT * FROM record_head WHERE cdr_id = $1', [id]))[0];
const ledger = () => rows('SELECT unit, (sum(amount) FILTER (WHERE amount > 0))::bigint AS debit, sum(amount)::bigint AS rest FROM ledger_entry GROUP BY unit ORDER BY unit');

beforeAll(async () => {
  ({ store, drop } = await seeded());
});
afterAll(() => drop());

describe('intake of a page', () => {
  it('seals a clean session, books it in money and in Wh, and does nothing on a repeat', async () => {
    await storeLines(store, [session(100)]);
    await processAll(store);
    const before = await ledger();
    expect(await head('100')).toMatchObject({ state: 'booked', revision: 1, service_month: '2019-12', energy_wh: 10_500n });
    await storeLines(store, [session(100)]);
    await processAll(store);
    expect((await rows("SELECT outcome FROM raw_outcome o JOIN raw_message m ON m.id = o.raw_id WHERE m.record_key = 'se*wlt*100' ORDER BY o.raw_id")).map((r) => r.outcome)).toEqual([
      'accepted',
      'duplicate',
    ]);
    expect(await ledger()).toEqual(before);
    expect(before.every((r) => r.rest === 0n)).toBe(true);
  });
  it('keeps canonical bytes whose hash is the record hash', async () => {
    const [record] = await rows("SELECT canonical, record_hash FROM charge_record r JOIN record_head h USING (record_id) WHERE h.cdr_id = '100'");
    expect(sha256(record.canonical).equals(record.record_hash)).toBe(true);
    expect(JSON.parse(record.canonical.toString())).toMatchObject({ revision: 1, facts: { energyWh: 10_500 } });
  });
  it('names the token by a reference that only the token table leads back to its UID', async () => {
    const [record] = await rows("SELECT r.record_id, convert_from(canonical, 'UTF8') AS text FROM charge_record r JOIN record_head h USING (record_id) WHERE h.cdr_id = '100'");
    const { facts } = JSON.parse(record.text);
    expect(record.text).not.toContain('Bl2-1"');
    expect(await rows('SELECT source_id, uid FROM token WHERE ref = $1', [facts.tokenRef])).toEqual([{ source_id: 'csms', uid: 'Bl2-1' }]);
    expect(await findRecord(store.pool, String(record.record_id))).toMatchObject({ token: 'Bl2-1' });
  });
  it('turns other content under the same key into a revision that reverses what was booked', async () => {
    await storeLines(store, [session(101, { kWh: '10' }), session(101, { kWh: '12' })]);
    await processAll(store);
    expect(await head('101')).toMatchObject({ state: 'booked', revision: 2, energy_wh: 12_000n });
    const [sum] = await rows(
      "SELECT sum(c.energy_wh)::bigint AS wh, count(*) FILTER (WHERE reversal_of IS NOT NULL) AS reversals FROM rated_charge c JOIN record_head h USING (record_id) WHERE h.cdr_id = '101' AND c.role <> 'siteShareEstimate'",
    );
    expect(sum.wh).toBe(12_000n);
    expect(sum.reversals > 0n).toBe(true);
    expect((await ledger()).every((r) => r.rest === 0n)).toBe(true);
  });
  it('ends in the same sums for a page of many and for pages of one', async () => {
    const lines = [session(110), session(111, { kWh: '3,33' }), session(110, { kWh: '4' }), session(112, { user: 'Share-2' })];
    const sums = () =>
      rows(
        "SELECT sum(net_minor)::bigint AS net, sum(c.energy_wh)::bigint AS wh FROM rated_charge c JOIN record_head h USING (record_id) WHERE h.cdr_id = ANY('{110,111,112}') AND role <> 'siteShareEstimate'",
      );
    await storeLines(store, lines);
    await processAll(store, 1);
    const [one] = await sums();
    await storeLines(
      store,
      lines.map((l) => l.replace(/^11/, '12')),
    );
    await processAll(store, 500);
    const [many] = await rows(
      "SELECT sum(net_minor)::bigint AS net, sum(c.energy_wh)::bigint AS wh FROM rated_charge c JOIN record_head h USING (record_id) WHERE h.cdr_id = ANY('{120,121,122}') AND role <> 'siteShareEstimate'",
    );
    expect(many).toEqual(one);
  });
  it('quarantines an unknown token, and books it once the token is mapped', async () => {
    await storeLines(store, [session(130, { user: 'Nobody-1' })]);
    await processAll(store);
    const waiting = await head('130');
    expect(waiting).toMatchObject({ state: 'quarantined', waiting_for: 'set-up', issues: [{ code: 'unknownToken' }] });
    await store.pool.query("INSERT INTO mapping (source_id, kind, external_key, internal_id, author) VALUES ('csms', 'token', 'Nobody-1', 'acc_fleet_taxi', 'test')");
    await store.tx((db) => processPage(db, [waiting.waiting_raw_id.toString()], 'retry'));
    expect(await head('130')).toMatchObject({ state: 'booked', account_id: 'acc_fleet_taxi', waiting_raw_id: null });
  });
  it('lets a signed acceptance pass a plausibility finding, and a rejection end the record', async () => {
    await storeLines(store, [session(131, { kWh: '199' }), session(132, { kWh: '199' })]);
    await processAll(store);
    for (const [id, action] of [
      ['131', 'accept'],
      ['132', 'reject'],
    ] as const) {
      const h = await head(id);
      expect(h).toMatchObject({ state: 'quarantined', issues: expect.arrayContaining([expect.objectContaining({ code: 'energyAboveConnector' })]) });
      await store.pool.query("INSERT INTO decision (subject_kind, subject_id, action, reason, actor, raw_id) VALUES ('record', $1, $2, 'checked the meter', 'test', $3)", [
        h.record_id.toString(),
        action,
        h.waiting_raw_id,
      ]);
      await store.tx((db) => processPage(db, [h.waiting_raw_id.toString()], 'retry'));
    }
    expect(await head('131')).toMatchObject({ state: 'booked' });
    expect(await head('132')).toMatchObject({ state: 'rejected' });
  });
  it('parks a session where the seller has no VAT registration', async () => {
    await storeLines(store, [session(133, { garage: 'UT2' })]);
    await processAll(store);
    expect(await head('133')).toMatchObject({ state: 'parked', waiting_for: 'VAT registration' });
  });
  it('keeps a corrupt line as a quarantined record while its neighbours go on', async () => {
    const keys = await storeLines(store, [session(140), 'no;such;line', session(141)]);
    await processAll(store);
    expect((await rows("SELECT state FROM record_head WHERE cdr_id IN ('140', '141')")).map((r) => r.state)).toEqual(['booked', 'booked']);
    expect(await head(keys[1] ?? '')).toMatchObject({ state: 'quarantined', issues: [{ code: 'wrongColumnCount' }] });
    expect(await rows('SELECT * FROM raw_pending')).toEqual([]);
  });
});
