import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processPage } from '../../src/activities/process-page.ts';
import { ruleProfileSchema } from '../../src/contracts/rule-profile.ts';
import { decideRecords, type RecordDecision } from '../../src/store/commands/decide-records.ts';
import { setRules } from '../../src/store/commands/set-rules.ts';
import type { Store } from '../../src/store/db.ts';
import { energyBalance } from '../../src/store/reads/energy-balance.ts';
import { quarantineByCause } from '../../src/store/reads/quarantine.ts';
import { findRecord, listRecords, sealedRecord } from '../../src/store/reads/records.ts';
import { waitingForSetup } from '../../src/store/reads/waiting.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let drop: () => Promise<void>;
let store: Store;

beforeAll(async () => {
  ({ store, drop } = await seeded());
});
afterAll(() => drop());

const view = async (id: number) => {
  const found = await findRecord(store.pool, `csms/se*wlt*${id}`);
  if (found === undefined) throw new Error(`no record ${id}`);
  return found;
};
const decide = async (actor: string, decision: RecordDecision) => {
  const result = await store.tx((db) => decideRecords(db, decision, { actor }));
  for (const { recordKey } of result.decided) {
    const { rows } = await store.pool.query("SELECT waiting_raw_id FROM record_head WHERE source_id = 'csms' AND 'se*wlt*' || cdr_id = $1", [recordKey]);
    await store.tx((db) => processPage(db, [String(rows[0].waiting_raw_id)], 'retry'));
  }
  return { decided: result.decided.length, awaitingSecond: result.awaitingSecond };
};
const idsOf = async (...ids: number[]) => ({ recordIds: await Promise.all(ids.map(async (id) => (await view(id)).recordId)) });
/** 199 kWh in three hours: more than the connector of 22 kW gives. Each by a token and on a day of its own. */
const absurd = (id: number) => session(id, { kWh: '199', start: `0${id % 9 || 9}.12.2019 18:00`, end: `0${id % 9 || 9}.12.2019 21:00` });

describe('what waits for a decision', () => {
  it('is listed by cause with energy, money at risk, owner and age', async () => {
    await storeLines(store, [absurd(1), absurd(2), absurd(3), session(4, { user: 'Stranger', kWh: '7' }), session(5, { kWh: '1,5' })]);
    await processAll(store);
    // Driver tariff 2.50 kr a kWh: what each would cost net is that of its rating.
    const [cause, setUp, ...rest] = await quarantineByCause(store.pool);
    expect(rest).toEqual([]);
    expect(cause).toMatchObject({ cause: 'energyAboveConnector', owner: 'ops', sourceId: 'csms', waitingFor: 'decision', records: 3, energyWh: '597000', unpriced: 0, awaitingSecond: 0 });
    const one = (await view(1)).atRisk;
    expect(Number(one?.net)).toBeGreaterThan(100);
    expect(Number(cause?.atRisk[0]?.net)).toBeCloseTo(3 * Number(one?.net), 2);
    expect(setUp).toMatchObject({ cause: 'unknownToken', owner: 'ops', waitingFor: 'set-up', records: 1, energyWh: '7000', atRisk: [], unpriced: 1 });
    expect(setUp?.remedy).toContain('Map the token');
    expect(await quarantineByCause(store.pool, 'ocpi-peer')).toEqual([]);
  });

  it('is corrected with evidence: sealed with what the source said, which a repeat still meets', async () => {
    const selection = await idsOf(1);
    expect(await decide('ops', { action: 'correct', correction: { energyWh: 19_900 }, reason: 'photo of the meter, ticket 4711', selection })).toEqual({ decided: 1, awaitingSecond: 0 });
    expect(await view(1)).toMatchObject({ state: 'booked', revision: 1, energyWh: '19900', waitingFor: null });
    const sealed = JSON.parse((await sealedRecord(store.pool, (await view(1)).recordId))?.canonical.toString() ?? '{}');
    expect(sealed.facts).toMatchObject({ energyWh: 19_900, correction: { author: 'ops', evidence: 'photo of the meter, ticket 4711', before: { energyWh: 199_000 } } });
    await storeLines(store, [absurd(1)]);
    await processAll(store);
    expect(await view(1)).toMatchObject({ state: 'booked', revision: 1, energyWh: '19900' });
  });

  it('refuses what cannot be decided so', async () => {
    await expect(decide('ops', { action: 'accept', reason: 'looks right', selection: await idsOf(5) })).rejects.toThrow('is booked: only a waiting record can be decided');
    await expect(decide('ops', { action: 'accept', reason: 'looks right', selection: await idsOf(4) })).rejects.toThrow('waits for set-up: add that');
    await expect(decide('ops', { action: 'accept', reason: 'looks right', selection: { recordIds: ['999999'] } })).rejects.toThrow('there is no record 999999');
    await expect(decide('ops', { action: 'accept', reason: 'looks right', selection: { cause: 'meterMismatch' } })).rejects.toThrow('no record waits for meterMismatch');
    await expect(decide('ops', { action: 'accept', reason: 'looks right', selection: { cause: 'energyAboveConnector', expected: 3 } })).rejects.toThrow(
      '2 records wait for energyAboveConnector, not 3',
    );
  });

  it('is decided by cause, all at once', async () => {
    expect(await decide('ops', { action: 'reject', reason: 'test runs of the installer', selection: { cause: 'energyAboveConnector', sourceId: 'csms', expected: 2 } })).toEqual({
      decided: 2,
      awaitingSecond: 0,
    });
    expect([(await view(2)).state, (await view(3)).state]).toEqual(['rejected', 'rejected']);
  });

  it('needs a second person above the limit of the source, who decides the very same', async () => {
    const profile = ruleProfileSchema.parse({ secondPersonAbove: { minor: 10_000 } });
    await store.tx((db) => setRules(db, { sourceId: 'csms', profile, reason: 'four eyes above 100 kr' }, { actor: 'chief' }));
    await storeLines(store, [absurd(11)]);
    await processAll(store);
    const selection = await idsOf(11);
    const correct = (energyWh: number) => ({ action: 'correct' as const, correction: { energyWh }, reason: 'photo of the meter', selection });
    expect(await decide('anna', correct(20_000))).toEqual({ decided: 0, awaitingSecond: 1 });
    await expect(decide('anna', correct(20_000))).rejects.toThrow('another person has to decide the same');
    expect((await quarantineByCause(store.pool)).find((c) => c.cause === 'energyAboveConnector')).toMatchObject({ records: 1, awaitingSecond: 1 });
    expect(await decide('bo', correct(21_000))).toEqual({ decided: 0, awaitingSecond: 1 });
    // Two who say different things wait for a second as one does.
    expect((await quarantineByCause(store.pool)).find((c) => c.cause === 'energyAboveConnector')).toMatchObject({ records: 1, awaitingSecond: 1 });
    expect(await view(11)).toMatchObject({ state: 'quarantined' });
    expect(await decide('bo', correct(20_000))).toEqual({ decided: 1, awaitingSecond: 0 });
    expect(await view(11)).toMatchObject({ state: 'booked', energyWh: '20000' });
  });

  it('is told again to whoever sends it again once it is in force, though it is above the limit', async () => {
    await storeLines(store, [absurd(14)]);
    await processAll(store);
    const decision: RecordDecision = { action: 'accept', reason: 'a bus, by its log', selection: await idsOf(14) };
    const killed = (actor: string) => store.tx((db) => decideRecords(db, decision, { actor }));
    expect(await killed('anna')).toMatchObject({ decided: [], awaitingSecond: 1 });
    expect(await killed('bo')).toMatchObject({ decided: [{ recordKey: 'se*wlt*14' }], awaitingSecond: 0 });
    expect(await decide('bo', decision)).toEqual({ decided: 1, awaitingSecond: 0 });
    expect(await view(14)).toMatchObject({ state: 'booked' });
  });

  it('waits on when two rejected it for different reasons of who bills it', async () => {
    await storeLines(store, [absurd(15)]);
    await processAll(store);
    const selection = await idsOf(15);
    const reject = (billedBy?: string) => ({ action: 'reject' as const, reason: 'as agreed', selection, billedBy });
    expect(await decide('anna', reject('old system'))).toEqual({ decided: 0, awaitingSecond: 1 });
    expect(await decide('bo', reject('the municipality'))).toEqual({ decided: 0, awaitingSecond: 1 });
    await store.tx(async (db) => processPage(db, [String((await db.query("SELECT waiting_raw_id FROM record_head WHERE cdr_id = '15'")).rows[0].waiting_raw_id)], 'retry'));
    expect(await view(15)).toMatchObject({ state: 'quarantined' });
    expect(await decide('anna', reject('the municipality'))).toEqual({ decided: 1, awaitingSecond: 0 });
    expect(await view(15)).toMatchObject({ state: 'rejected' });
  });

  it('is judged anew when the rules of its source change', async () => {
    await storeLines(store, [absurd(12)]);
    await processAll(store);
    expect(await view(12)).toMatchObject({ state: 'quarantined' });
    const profile = ruleProfileSchema.parse({ rules: { energyAboveConnector: { severity: 'warns' } } });
    await store.tx((db) => setRules(db, { sourceId: 'csms', profile, reason: 'new chargers of 150 kW, set-up follows' }, { actor: 'chief' }));
    const waiting = await waitingForSetup(store.pool, { sourceId: 'csms', code: 'anyRule', key: 'v2' }, { limit: 100 });
    expect(waiting.map((w) => w.recordKey)).toEqual(['se*wlt*12']);
    await store.tx((db) =>
      processPage(
        db,
        waiting.map((w) => w.rawId),
        'retry',
      ),
    );
    expect(await view(12)).toMatchObject({ state: 'booked', issues: expect.arrayContaining([expect.objectContaining({ code: 'energyAboveConnector', severity: 'warns' })]) });
    await storeLines(store, [absurd(13)]);
    await processAll(store);
    const { rows } = await store.pool.query("SELECT profile_version, severity, computed, allowed FROM finding WHERE code = 'energyAboveConnector' ORDER BY id DESC LIMIT 1");
    expect(rows).toEqual([{ profile_version: 2, severity: 'warns', computed: '199000', allowed: '73503' }]);
    await expect(store.tx((db) => setRules(db, { sourceId: 'csms', profile: ruleProfileSchema.parse({ rules: { nothing: {} } }), reason: 'a typing error' }, { actor: 'chief' }))).rejects.toThrow(
      'rules.nothing: no such rule',
    );
  });

  it('a rejected correction leaves what is billed; said again it waits anew, for a decision of its own', async () => {
    await store.tx((db) => setRules(db, { sourceId: 'csms', profile: ruleProfileSchema.parse({}), reason: 'back to the defaults' }, { actor: 'chief' }));
    const day = { start: '10.12.2019 18:00', end: '10.12.2019 21:00' };
    await storeLines(store, [session(20, day), session(20, { ...day, kWh: '199' })]);
    await processAll(store);
    expect(await view(20)).toMatchObject({ state: 'booked', energyWh: '10500', waitingFor: 'decision' });
    expect(await decide('ops', { action: 'reject', reason: 'the meter says otherwise', selection: await idsOf(20) })).toEqual({ decided: 1, awaitingSecond: 0 });
    expect(await view(20)).toMatchObject({ state: 'booked', revision: 1, energyWh: '10500', waitingFor: null, issues: [] });
    await storeLines(store, [session(20, { ...day, kWh: '199' })]);
    await processAll(store);
    const { rows } = await store.pool.query("SELECT waiting_raw_id FROM record_head WHERE cdr_id = '20'");
    await store.tx((db) => processPage(db, [String(rows[0].waiting_raw_id)], 'retry'));
    expect(await view(20)).toMatchObject({ state: 'booked', energyWh: '10500', waitingFor: 'decision' });
  });

  describe('above the limit of the source', () => {
    const limited = (secondPersonAbove: { minor?: number; energyWh?: number }) =>
      store.tx((db) => setRules(db, { sourceId: 'csms', profile: ruleProfileSchema.parse({ secondPersonAbove }), reason: 'four eyes' }, { actor: 'chief' }));
    /** 30 kWh in half an hour, some 75 kr: more than the connector of 22 kW gives in that time. */
    const short = (id: number) => session(id, { kWh: '30', start: `${id - 20}.12.2019 18:00`, end: `${id - 20}.12.2019 18:30` });

    it('is a correction that makes more of a small record than one person may decide', async () => {
      await limited({ energyWh: 100_000 });
      await storeLines(store, [short(31)]);
      await processAll(store);
      const selection = await idsOf(31);
      const correct = (correction: { energyWh?: number; endAt?: string }) => ({ action: 'correct' as const, correction, reason: 'photo of the meter', selection });
      expect(await decide('anna', correct({ energyWh: 100_001 }))).toEqual({ decided: 0, awaitingSecond: 1 });
      // What other figures come to is not told before they are rated.
      await limited({ minor: 100_000 });
      expect(await decide('anna', correct({ energyWh: 900_000 }))).toEqual({ decided: 0, awaitingSecond: 1 });
      expect(await decide('anna', correct({ endAt: '2019-12-11T20:00:00Z' }))).toEqual({ decided: 0, awaitingSecond: 1 });
      // Less energy comes to no more than what is at risk.
      expect(await decide('anna', correct({ energyWh: 3_000 }))).toEqual({ decided: 1, awaitingSecond: 0 });
      expect(await view(31)).toMatchObject({ state: 'booked', energyWh: '3000' });
    });

    it('is a newer version that waits beside a small one that is billed', async () => {
      await limited({ energyWh: 100_000 });
      const day = { start: '12.12.2019 18:00', end: '12.12.2019 21:00' };
      await storeLines(store, [session(32, day), session(32, { ...day, kWh: '199' })]);
      await processAll(store);
      expect(await view(32)).toMatchObject({ state: 'booked', energyWh: '10500', waitingFor: 'decision' });
      const accept: RecordDecision = { action: 'accept', reason: 'a bus, by its log', selection: await idsOf(32) };
      expect(await decide('anna', accept)).toEqual({ decided: 0, awaitingSecond: 1 });
      expect(await decide('bo', accept)).toEqual({ decided: 1, awaitingSecond: 0 });
      expect(await view(32)).toMatchObject({ state: 'booked', revision: 2, energyWh: '199000', waitingFor: null });
    });

    it('is held against the money in the books, by the last rate there is', async () => {
      // 100 kr; an eurocent is 10.5 öre, a forint (of two digits) 0.03.
      await limited({ minor: 10_000 });
      await store.pool.query(
        "INSERT INTO fx_rate (source, rate_on, currency, into_currency, version, rate, author) SELECT fx_source, d::date, c, 'SEK', 1, r, 'test' FROM legal_entity, (VALUES ('EUR', '2019-12-01', 99), ('EUR', '2019-12-02', 10.5), ('HUF', '2019-12-02', 0.03)) t (c, d, r) WHERE id = 'ent_se'",
      );
      await storeLines(store, [short(33)]);
      await processAll(store);
      const selection = await idsOf(33);
      const waitsFor = async (minor: number, currency: string) => {
        await store.pool.query("UPDATE record_head SET at_risk_minor = $1, at_risk_currency = $2 WHERE source_id = 'csms' AND cdr_id = '33'", [minor, currency]);
        const reject: RecordDecision = { action: 'reject', reason: 'as agreed', billedBy: `${minor} ${currency}`, selection };
        return (await store.tx((db) => decideRecords(db, reject, { actor: 'anna' }))).awaitingSecond;
      };
      // 9.53 EUR = 100.07 kr, 9.52 EUR = 99.96 kr; 3,333.33 HUF = 99.9999 kr. Nobody knows what a krona of Norway is.
      expect(await waitsFor(953, 'EUR')).toBe(1);
      expect(await waitsFor(952, 'EUR')).toBe(0);
      expect(await waitsFor(333_333, 'HUF')).toBe(0);
      expect(await waitsFor(1, 'NOK')).toBe(1);
    });

    it.each([
      ['held it', { action: 'hold' }],
      ['rejected it', { action: 'reject' }],
    ] as const)('does not take effect by a first word that its author took back, who %s since', async (_, { action }) => {
      await limited({ energyWh: 20_000 });
      const id = action === 'hold' ? 34 : 35;
      await storeLines(store, [short(id)]);
      await processAll(store);
      const selection = await idsOf(id);
      const accept: RecordDecision = { action: 'accept', reason: 'a bus, by its log', selection };
      const waiting = async () => (await quarantineByCause(store.pool)).find((c) => c.cause === 'energyAboveConnector')?.awaitingSecond ?? 0;
      const before = await waiting();
      expect(await decide('anna', accept)).toEqual({ decided: 0, awaitingSecond: 1 });
      await decide('anna', { action, reason: 'the log is of another bus', selection });
      // Who holds a record asks nobody else for anything.
      expect((await waiting()) - before).toBe(action === 'hold' ? 0 : 1);
      expect(await decide('bo', accept)).toEqual({ decided: 0, awaitingSecond: 1 });
      await store.tx(async (db) => processPage(db, [String((await db.query('SELECT waiting_raw_id FROM record_head WHERE cdr_id = $1', [String(id)])).rows[0].waiting_raw_id)], 'retry'));
      expect(await view(id)).toMatchObject({ state: 'quarantined' });
      expect(await decide('anna', accept)).toEqual({ decided: 1, awaitingSecond: 0 });
      expect(await view(id)).toMatchObject({ state: 'booked' });
    });
  });

  it.each<[string, number, RecordDecision['action'], { startAt?: string; endAt?: string; energyWh?: number }]>([
    ['accepted though it ends before it starts', 46, 'accept', {}],
    ['corrected to an end before its start', 47, 'correct', { endAt: '2019-12-20T10:00:00Z' }],
    ['corrected to more energy than can be rated', 48, 'correct', { energyWh: 9_000_000_000_000 }],
  ])('waits on for a decision, not for set-up that nobody could add, when it is %s', async (_, id, action, correction) => {
    await store.tx((db) => setRules(db, { sourceId: 'csms', profile: ruleProfileSchema.parse({}), reason: 'back to the defaults' }, { actor: 'chief' }));
    const [start, end] = [`${id - 20}.12.2019 18:00`, `${id - 20}.12.2019 18:30`];
    await storeLines(store, [session(id, action === 'accept' ? { start: end, end: start } : { kWh: '30', start, end })]);
    await processAll(store);
    const selection = await idsOf(id);
    await decide('ops', action === 'correct' ? { action, correction, reason: 'photo of the meter', selection } : { action: 'accept', reason: 'looks right', selection });
    expect(await view(id)).toMatchObject({ state: 'quarantined', waitingFor: 'decision' });
    const right = { startAt: `2019-12-${id - 20}T17:00:00Z`, endAt: `2019-12-${id - 20}T19:00:00Z`, energyWh: 20_000 };
    expect(await decide('ops', { action: 'correct', correction: right, reason: 'photo of the meter, read again', selection })).toEqual({ decided: 1, awaitingSecond: 0 });
    expect(await view(id)).toMatchObject({ state: 'booked', energyWh: '20000' });
  });

  it('is found and decided by cause also where no rule names one: a session that ends before it starts, with that rule switched off', async () => {
    const off = { severity: 'off' } as const;
    const profile = ruleProfileSchema.parse({ rules: { endBeforeStart: off, durationMismatch: off, tinySession: off } });
    await store.tx((db) => setRules(db, { sourceId: 'csms', profile, reason: 'clocks of old chargers' }, { actor: 'chief' }));
    await storeLines(store, [session(40, { kWh: '7', start: '14.12.2019 18:00', end: '14.12.2019 12:00' })]);
    await processAll(store);
    expect(await quarantineByCause(store.pool)).toContainEqual(expect.objectContaining({ cause: 'unknown', waitingFor: 'decision', records: 1, energyWh: '7000' }));
    expect((await listRecords(store.pool, { cause: 'unknown', limit: 5 })).items).toMatchObject([{ recordKey: 'se*wlt*40' }]);
    expect(await decide('ops', { action: 'reject', reason: 'a clock that was wrong', selection: { cause: 'unknown', sourceId: 'csms', expected: 1 } })).toMatchObject({ decided: 1 });
    expect(await view(40)).toMatchObject({ state: 'rejected' });
  });

  it('leaves a state that verifies, balanced to the Wh', async () => {
    expect((await energyBalance(store.pool)).filter((b) => b.difference !== 0n)).toEqual([]);
    expect((await verifyAll(store, () => undefined)).sections.filter((s) => s.problem !== null)).toEqual([]);
  });
});
