import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { processPage } from '../../src/activities/process-page.ts';
import { parserFor } from '../../src/adapters/sources/registry.ts';
import { ruleProfileSchema } from '../../src/contracts/rule-profile.ts';
import { decideRecords } from '../../src/store/commands/decide-records.ts';
import { setRules } from '../../src/store/commands/set-rules.ts';
import type { Store } from '../../src/store/db.ts';
import { pendingMessages, storeRawMessages } from '../../src/store/intake/store-raw.ts';
import { energyBalance } from '../../src/store/reads/energy-balance.ts';
import { findRecord, listRecords } from '../../src/store/reads/records.ts';
import { registerGaps } from '../../src/store/reads/register-gaps.ts';
import { timelineOf } from '../../src/store/reads/timeline.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import type { TestDatabase } from '../support/database.ts';
import { processAll, retryAll } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let database: TestDatabase;
let store: Store;
let drop: () => Promise<void>;
const context = { ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' };

beforeAll(async () => {
  ({ store, database, drop } = await seeded('demo', (seed) => {
    const [csms] = seed.sources;
    if (csms === undefined) throw new Error('the seed has sources');
    const more = [
      { ...csms, id: 'meters', name: 'Metering CSMS', format: 'json-csms', repeatProfile: 'revise' as const },
      { ...csms, id: 'hub', name: 'Hub', route: 'ocpiHub' as const, format: 'ocpi-2-2-1', repeatProfile: 'revise' as const },
    ];
    return { ...seed, sources: [...seed.sources, ...more] };
  }));
  for (const source of ['meters', 'hub']) {
    for (const uid of ['CARD-1', 'CARD-2']) {
      await store.pool.query("INSERT INTO mapping (source_id, kind, external_key, internal_id, author) VALUES ($1, 'token', $2, 'acc_emsp_aurora', 'test')", [source, uid]);
    }
  }
});
afterAll(() => drop());

type Session = { id: number | string; evse?: string; token?: string; start?: string; stop?: string; wh?: number; meterStart?: number; updatedAt?: string };
const own = ({ id, evse = 'SE*WLT*E1', token = 'CARD-1', start = '2019-12-05T18:00:00Z', stop = '2019-12-05T21:00:00Z', wh = 10_000, meterStart = 100_000, updatedAt }: Session) =>
  JSON.stringify({ transactionId: id, siteId: 'Bl2', evseId: evse, connectorId: 1, idTag: token, startTime: start, stopTime: stop, meterStart, meterStop: meterStart + wh, updatedAt });
const cdr = ({ id, evse = 'se*wlt*e1', token = 'card-1', start = '2019-12-05T18:00:30Z', stop = '2019-12-05T20:59:00Z', wh = 10_050, updatedAt }: Session) =>
  JSON.stringify({
    country_code: 'SE',
    party_id: 'WLT',
    id: `${id}`,
    start_date_time: start,
    end_date_time: stop,
    session_id: `HUB-${id}`,
    cdr_token: { uid: token.toUpperCase() },
    cdr_location: { id: 'Bl2', evse_id: evse },
    currency: 'SEK',
    charging_periods: [{ start_date_time: start, dimensions: [{ type: 'ENERGY', volume: wh / 1000 }] }],
    total_cost: { excl_vat: 30 },
    total_energy: wh / 1000,
    last_updated: updatedAt ?? '2019-12-06T00:00:00Z',
  });

async function receive(sourceId: 'meters' | 'hub', ...messages: string[]): Promise<void> {
  const parser = parserFor(sourceId === 'meters' ? 'json-csms' : 'ocpi-2-2-1');
  const stored = messages.map((text) => ({ recordKey: parser.keyOf(Buffer.from(text), { ...context, sourceId }), bytes: Buffer.from(text), lineNo: null }));
  await store.tx((db) => storeRawMessages(db, { sourceId, batchId: null, receivedAt: new Date(), messages: stored }));
}
const head = async (sourceId: string, id: string) => {
  const view = await findRecord(store.pool, `${sourceId}/se*wlt*${id}`);
  if (view === undefined) throw new Error(`no record of ${sourceId} ${id}`);
  return view;
};
const booked = async (sourceId: string, id: string) => {
  const { rows } = await store.pool.query(
    "SELECT coalesce(sum(c.energy_wh), 0)::bigint AS wh, coalesce(sum(c.net_minor), 0)::bigint AS net FROM record_head h LEFT JOIN rated_charge c ON c.record_id = h.record_id AND c.role <> 'siteShareEstimate' WHERE h.source_id = $1 AND h.cdr_id = $2",
    [sourceId, id],
  );
  return rows[0].wh as bigint;
};
const balanced = async () => expect((await energyBalance(store.pool)).filter((b) => b.difference !== 0n)).toEqual([]);

describe('one session by two routes', () => {
  it.each([
    ['own metering first', ['meters', 'hub']],
    ['the hub first', ['hub', 'meters']],
    ['both in one page', ['both']],
  ])('is billed once, by own metering: %s', async (name, order) => {
    const n = `${['own metering first', 'the hub first', 'both in one page'].indexOf(name) + 1}`;
    const day = `2019-12-1${n}`;
    const at = { evse: `SE*WLT*E10${n}`, start: `${day}T18:00:00Z`, stop: `${day}T21:00:00Z` };
    for (const step of order) {
      if (step !== 'hub') await receive('meters', own({ ...at, id: `10${n}` }));
      if (step !== 'meters') await receive('hub', cdr({ ...at, evse: at.evse.toLowerCase(), id: `20${n}` }));
      await processAll(store);
    }
    const [winner, loser] = [await head('meters', `10${n}`), await head('hub', `20${n}`)];
    expect(winner).toMatchObject({ state: 'booked', energyWh: '10000', sessionKey: `meters/se*wlt*10${n}` });
    expect(loser).toMatchObject({ state: 'rejected', energyWh: '10050', sessionKey: winner.sessionKey, linkedTo: winner.recordId, issues: [{ code: 'sameSession' }] });
    expect([await booked('meters', `10${n}`), await booked('hub', `20${n}`)]).toEqual([10_000n, 0n]);
    expect((await timelineOf(store.pool, { sourceId: 'hub', recordKey: `se*wlt*20${n}` }, loser))?.answer).toContain('is the same session, and is billed instead');
    await balanced();
  });

  it('is matched by the CDR id too, and the hub’s record comes back when own metering turns out to be another session', async () => {
    const at = { start: '2019-12-15T18:00:00Z', stop: '2019-12-15T21:00:00Z' };
    await receive('hub', cdr({ ...at, id: 301, evse: 'SE*WLT*E301' }));
    await receive('meters', own({ ...at, id: 302, evse: 'SE*WLT*E301', updatedAt: '2019-12-16T00:00:00Z' }));
    await processAll(store);
    expect(await head('hub', '301')).toMatchObject({ state: 'rejected' });
    await receive('meters', own({ ...at, id: 302, evse: 'SE*WLT*E399', updatedAt: '2019-12-17T00:00:00Z' }));
    await processAll(store);
    expect(await head('hub', '301')).toMatchObject({ state: 'booked', linkedTo: null, sessionKey: 'hub/se*wlt*301' });
    expect([await booked('meters', '302'), await booked('hub', '301')]).toEqual([10_000n, 10_050n]);

    await receive('meters', own({ ...at, id: 301, evse: 'SE*WLT*E398', token: 'CARD-2' }));
    await processAll(store);
    expect(await head('hub', '301')).toMatchObject({ state: 'rejected', linkedTo: (await head('meters', '301')).recordId });
    await balanced();
  });

  it('is billed beside one of another year that another system counted to the same id', async () => {
    await receive('meters', own({ id: 305, evse: 'SE*WLT*E305', start: '2018-12-15T18:00:00Z', stop: '2018-12-15T21:00:00Z', token: 'CARD-2' }));
    await receive('hub', cdr({ id: 305, evse: 'SE*WLT*E306', start: '2019-12-15T18:00:00Z', stop: '2019-12-15T21:00:00Z' }));
    await processAll(store);
    expect([await head('meters', '305'), await head('hub', '305')]).toMatchObject([
      { state: 'booked', linkedTo: null },
      { state: 'booked', linkedTo: null },
    ]);
    expect([await booked('meters', '305'), await booked('hub', '305')]).toEqual([10_000n, 10_050n]);
    await balanced();
  });

  it('takes a newer version of what somebody rejected for the session that is billed by now', async () => {
    const at = { evse: 'SE*WLT*E311', start: '2019-12-14T18:00:00Z', stop: '2019-12-14T21:00:00Z' };
    await receive('hub', cdr({ ...at, id: 311, wh: 190_000 }));
    await processAll(store);
    const { recordId, state } = await head('hub', '311');
    expect(state).toBe('quarantined');
    await store.tx((db) => decideRecords(db, { selection: { recordIds: [recordId] }, action: 'reject', reason: 'more than the place gives' }, { actor: 'ops' }));
    await retryAll(store);
    expect(await head('hub', '311')).toMatchObject({ state: 'rejected', linkedTo: null });
    await receive('meters', own({ ...at, id: 312 }));
    await processAll(store);
    await receive('hub', cdr({ ...at, id: 311, updatedAt: '2019-12-20T00:00:00Z' }));
    await processAll(store);
    expect(await head('hub', '311')).toMatchObject({ state: 'rejected', linkedTo: (await head('meters', '312')).recordId });
    expect([await booked('meters', '312'), await booked('hub', '311')]).toEqual([10_000n, 0n]);
    await balanced();
  });

  it.each([
    ['the correction first', 0],
    ['own metering first', 1],
  ])('is found where somebody corrected it to: %s', async (_, n) => {
    const at = { evse: `SE*WLT*E32${n}`, start: `2019-12-2${6 + n}T18:00:00Z`, stop: `2019-12-2${6 + n}T21:00:00Z` };
    // A clock that is a day ahead, and more than the place gives.
    await receive('hub', cdr({ ...at, id: `32${n}`, start: `2019-12-2${7 + n}T18:00:00Z`, stop: `2019-12-2${7 + n}T21:00:00Z`, wh: 190_000 }));
    await processAll(store);
    const correct = async () => {
      const { recordId } = await head('hub', `32${n}`);
      const correction = { startAt: at.start, endAt: at.stop, energyWh: 10_050 };
      await store.tx((db) => decideRecords(db, { selection: { recordIds: [recordId] }, action: 'correct', correction, reason: 'photo of the clock' }, { actor: 'ops' }));
      await retryAll(store);
    };
    const meter = async () => {
      await receive('meters', own({ ...at, id: `33${n}` }));
      await processAll(store);
    };
    for (const step of n === 0 ? [correct, meter] : [meter, correct]) await step();
    expect(await head('hub', `32${n}`)).toMatchObject({ state: 'rejected', linkedTo: (await head('meters', `33${n}`)).recordId });
    expect([await booked('meters', `33${n}`), await booked('hub', `32${n}`)]).toEqual([10_000n, 0n]);
    await balanced();
  });

  const older = { elsewhere: true, updatedAt: '2019-11-20T00:00:00Z' };
  const stays = { elsewhere: false, updatedAt: '2019-11-21T00:00:00Z' };
  const cannotPass = { elsewhere: true, updatedAt: '2019-11-22T00:00:00Z', wh: 190_000 };
  it.each([
    ['an older version of it lies elsewhere', 1, [stays], [older]],
    ['a newer version of it lies elsewhere and cannot pass', 2, [stays], [cannotPass]],
    ['of two versions on the page the newer lies elsewhere and cannot pass', 3, [], [stays, cannotPass]],
  ])('is billed once where the other route’s record comes on a page with what does not move it: %s', async (_, n, before, onThePage) => {
    const at = { start: `2019-11-1${n}T18:00:00Z`, stop: `2019-11-1${n}T21:00:00Z` };
    const versions = (told: readonly (typeof older & { wh?: number })[]) =>
      told.map(({ elsewhere, ...version }) => own({ ...at, ...version, id: `34${n}`, evse: `SE*WLT*E3${elsewhere ? 5 : 4}${n}` }));
    await receive('meters', ...versions(before));
    await processAll(store);
    await receive('hub', cdr({ ...at, evse: `SE*WLT*E34${n}`, id: `35${n}` }));
    await receive('meters', ...versions(onThePage));
    const page = await pendingMessages(store.pool, { limit: 100 });
    expect(page).toHaveLength(1 + onThePage.length);
    await store.tx((db) => processPage(db, page));
    const winner = await head('meters', `34${n}`);
    expect(winner).toMatchObject({ state: 'booked', energyWh: '10000' });
    expect(await head('hub', `35${n}`)).toMatchObject({ state: 'rejected', linkedTo: winner.recordId });
    expect([await booked('meters', `34${n}`), await booked('hub', `35${n}`)]).toEqual([10_000n, 0n]);
    await balanced();
  });

  it('is billed once when both routes are processed at the same time', async () => {
    for (let n = 0; n < 10; n += 1) {
      const at = { evse: `SE*WLT*E50${n}`, start: '2019-12-18T18:00:00Z', stop: '2019-12-18T21:00:00Z' };
      await receive('meters', own({ ...at, id: `50${n}` }));
      await receive('hub', cdr({ ...at, id: `60${n}` }));
    }
    const pages = await pendingMessages(store.pool, { limit: 100 });
    await Promise.all(pages.map((rawId) => store.tx((db) => processPage(db, [rawId]))));
    for (let n = 0; n < 10; n += 1) expect([(await head('meters', `50${n}`)).state, (await head('hub', `60${n}`)).state]).toEqual(['booked', 'rejected']);
    await balanced();
  });
});

describe('a newer version that cannot pass', () => {
  // 190 kWh in three hours, at a connector of 22 kW.
  const session = (id: number) => ({ id, evse: `SE*WLT*E${id}`, start: `2019-12-2${id - 701}T18:00:00Z`, stop: `2019-12-2${id - 701}T21:00:00Z` });
  const good = (id: number, updatedAt: string) => own({ ...session(id), updatedAt });
  const bad = (id: number, updatedAt: string) => own({ ...session(id), wh: 190_000, updatedAt });

  it.each([
    ['in order', [0, 1]],
    ['the other way round', [1, 0]],
  ])('waits beside what is billed: %s', async (name, order) => {
    const id = name === 'in order' ? 701 : 702;
    const versions = [good(id, '2019-12-21T00:00:00Z'), bad(id, '2019-12-22T00:00:00Z')];
    for (const i of order) {
      await receive('meters', versions[i] ?? '');
      await processAll(store);
    }
    expect(await head('meters', `${id}`)).toMatchObject({ state: 'booked', revision: 1, energyWh: '10000', waitingFor: 'decision', issues: [{ code: 'energyAboveConnector' }] });
    expect(await booked('meters', `${id}`)).toBe(10_000n);
    expect((await listRecords(store.pool, { cause: 'energyAboveConnector', limit: 50 })).items.map((r) => r.recordKey)).toContain(`se*wlt*${id}`);
    await balanced();
    // Said again, it is a repeat; a still newer one that passes makes it pointless.
    await receive('meters', versions[1] ?? '', good(id, '2019-12-23T00:00:00Z'));
    await processAll(store);
    expect(await head('meters', `${id}`)).toMatchObject({ state: 'booked', revision: 1, waitingFor: null, issues: [] });
  });
});

describe('what only neighbours tell', () => {
  it('finds overlaps on an EVSE and by a token, and bills all the same', async () => {
    await receive('meters', own({ id: 801, evse: 'SE*WLT*E801', start: '2019-12-25T10:00:00Z', stop: '2019-12-25T12:00:00Z' }));
    await processAll(store);
    await receive(
      'meters',
      own({ id: 802, evse: 'SE*WLT*E801', token: 'CARD-2', start: '2019-12-25T11:00:00Z', stop: '2019-12-25T13:00:00Z' }),
      own({ id: 803, evse: 'SE*WLT*E803', start: '2019-12-25T11:30:00Z', stop: '2019-12-25T13:00:00Z' }),
    );
    await processAll(store);
    const first = (await head('meters', '801')).recordId;
    const codes = async (id: string) => (await head('meters', id)).issues.map((i) => [i.code, i.text.includes(`record ${first} `)]);
    expect([await codes('801'), await codes('802'), await codes('803')]).toEqual([[], [['overlapOnEvse', true]], [['overlapOnToken', true]]]);
    const { rows } = await store.pool.query("SELECT rule_version, computed, allowed, profile_version, severity FROM finding WHERE code = 'overlapOnEvse'");
    expect(rows).toEqual([{ rule_version: 1, computed: '3600', allowed: '60', profile_version: 0, severity: 'warns' }]);
  });

  it('judges overlaps by the category of the payer too, as the source says', async () => {
    const profile = ruleProfileSchema.parse({ rules: { overlapOnEvse: { byCategory: { eMSP: { severity: 'blocks' }, driver: { severity: 'off' } } } } });
    await store.tx((db) => setRules(db, { sourceId: 'meters', profile, reason: 'partners dispute overlaps' }, { actor: 'chief' }));
    await receive('meters', own({ id: 811, evse: 'SE*WLT*E801', token: 'CARD-2', start: '2019-12-25T11:15:00Z', stop: '2019-12-25T12:45:00Z' }));
    await processAll(store);
    expect(await head('meters', '811')).toMatchObject({ state: 'quarantined', waitingFor: 'decision', issues: [{ code: 'overlapOnEvse', severity: 'blocks' }] });
    await store.tx((db) => setRules(db, { sourceId: 'meters', profile: ruleProfileSchema.parse({}), reason: 'back to the defaults' }, { actor: 'chief' }));
  });

  it('finds sessions that were never reported, by the register of the connector', async () => {
    const at = (id: number, hour: string, meterStart: number) =>
      own({ id, evse: 'SE*WLT*E900', token: 'CARD-2', start: `2019-12-26T${hour}:00:00Z`, stop: `2019-12-26T${hour}:40:00Z`, meterStart, wh: 5000 });
    await receive('meters', at(901, '08', 200_000), at(902, '09', 205_000), at(904, '12', 217_500), at(905, '13', 222_510));
    await processAll(store);
    const gaps = async () =>
      (await registerGaps(store.pool, { sourceId: 'meters', toleranceWh: 100, limit: 50 })).items.filter((g) => g.evse === 'SE*WLT*E900').map((g) => [g.from, g.to, g.missingWh]);
    expect(await gaps()).toEqual([['2019-12-26T09:40:00.000Z', '2019-12-26T12:00:00.000Z', '7500']]);
    // The late one closes all of the gap but 2,500 Wh.
    await receive('meters', at(903, '10', 210_000));
    await processAll(store);
    expect(await gaps()).toEqual([['2019-12-26T10:40:00.000Z', '2019-12-26T12:00:00.000Z', '2500']]);
  });

  it('lists the records of a token and of a session', async () => {
    expect((await listRecords(store.pool, { sessionId: 'HUB-301', limit: 5 })).items.map((r) => r.recordKey)).toEqual(['se*wlt*301']);
    const ofToken = (await listRecords(store.pool, { token: 'CARD-2', limit: 50 })).items;
    expect(ofToken.length).toBeGreaterThan(4);
    expect(new Set(ofToken.map((r) => r.token))).toEqual(new Set(['CARD-2']));
  });
});

describe('the database keeps the source of a session', () => {
  const refusalOf = (work: Promise<unknown>) =>
    work.then(
      () => 'accepted',
      (error: pg.DatabaseError) => error.code,
    );

  it('refuses one of a source that is not there, written or moved', async () => {
    expect(
      await refusalOf(
        store.pool.query(
          "INSERT INTO session_span (record_id, entity_id, source_id, raw_id, cdr_key, token_ref, start_at, end_at, energy_wh) VALUES (999999, 'nordvolt', 'nobody', 1, 'k', 't', now(), now(), 0)",
        ),
      ),
    ).toBe('23503');
    expect(await refusalOf(store.pool.query("UPDATE session_span SET source_id = 'nobody' WHERE record_id = (SELECT min(record_id) FROM session_span)"))).toBe('23503');
  });

  it('keeps a source that has any, whoever takes it away', async () => {
    const owner = new pg.Client({ connectionString: database.adminUrl });
    await owner.connect();
    try {
      await owner.query('BEGIN');
      await owner.query("DELETE FROM mapping WHERE source_id = 'hub'");
      await owner.query("DELETE FROM token WHERE source_id = 'hub'");
      expect(await refusalOf(owner.query("DELETE FROM source WHERE id = 'hub'"))).toBe('23503');
    } finally {
      await owner.query('ROLLBACK');
      await owner.end();
    }
  });
});

it('leaves a state that verifies', async () => {
  expect((await verifyAll(store, () => undefined)).sections.filter((s) => s.problem !== null)).toEqual([]);
  await balanced();
});
