import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectationSchema } from '../../src/contracts/completeness.ts';
import { cancelExpectations, openExpectations } from '../../src/store/commands/expectations.ts';
import { stateWatermark } from '../../src/store/commands/state-watermark.ts';
import { signCarry } from '../../src/store/commands/steer-run.ts';
import { lookForCutOff, setCutOff } from '../../src/store/cycle/cut-off.ts';
import { matchExpectations } from '../../src/store/cycle/match-expectations.ts';
import { unsignedWaiting } from '../../src/store/cycle/run-reads.ts';
import type { Store } from '../../src/store/db.ts';
import { listExpectations, missingCdrs } from '../../src/store/reads/expectations.ts';
import { closeSet } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let drop: () => Promise<void>;
let store: Store;
const now = new Date();
const by = { actor: 'partner' };
const open = (...rows: object[]) =>
  store.tx((db) =>
    openExpectations(
      db,
      'csms',
      rows.map((row) => expectationSchema.parse(row)),
      by,
    ),
  );
const arrive = async (...lines: string[]) => {
  await storeLines(store, lines);
  await processAll(store);
};
const listed = async (state?: 'open' | 'matched' | 'cancelled') => (await listExpectations(store.pool, 'csms', state, { limit: 200 })).items;
/** Where a session of the export stands, as one from a network that names EVSE, session and authorization. */
const place = (cdr: string, where: { evse?: string; session?: string; authorization?: string }) =>
  store.pool.query('UPDATE session_span SET place = $2, session_id = $3, authorization_id = $4 WHERE cdr_key = $1', [
    `se*wlt*${cdr}`,
    where.evse ?? null,
    where.session ?? null,
    where.authorization ?? null,
  ]);

beforeAll(async () => {
  ({ store, drop } = await seeded());
  // November tells what December's missing sessions are worth.
  await arrive(session(1, { start: '10.11.2019 10:00', end: '10.11.2019 12:00', kWh: '10' }), session(2, { start: '11.11.2019 10:00', end: '11.11.2019 12:00', kWh: '20' }));
});
afterAll(() => drop());

describe('an expectation', () => {
  it('is worth what it states, else what a session and a kWh of its site came to in the month before', async () => {
    await open(
      { key: 'stated', openedAt: '2019-12-03T10:00:00Z', estimatedWh: 9_000, amount: '31.5', currency: 'SEK' },
      { key: 'energy', openedAt: '2019-12-04T10:00:00Z', siteKey: 'Bl2', estimatedWh: 6_000 },
      { key: 'nothing', openedAt: '2019-12-05T10:00:00Z', siteKey: 'Bl2', token: 'Bl2-1' },
    );
    const [{ net } = { net: 0n }] = (await store.pool.query('SELECT sum(net_minor)::bigint AS net FROM rated_charge WHERE payer_account_id IS NOT NULL')).rows;
    const worth = (wh: bigint) => `${(2n * net * wh + 30_000n) / 60_000n / 100n}.${(((2n * net * wh + 30_000n) / 60_000n) % 100n).toString().padStart(2, '0')}`;
    expect(await listed('open')).toMatchObject([
      { key: 'stated', energyWh: '9000', atRisk: { amount: '31.50', currency: 'SEK' }, kind: 'session', sessionId: 'stated' },
      { key: 'energy', siteId: 'site_bl2', energyWh: '6000', atRisk: { amount: worth(6_000n), currency: 'SEK' } },
      // (10 + 20 kWh) ÷ 2 sessions
      { key: 'nothing', energyWh: '15000', atRisk: { amount: worth(15_000n), currency: 'SEK' } },
    ]);
    const [missing] = await missingCdrs(store.pool, { sourceIds: ['csms'], before: now });
    expect(missing).toMatchObject({ open: 3, energyWh: 30_000n, oldest: '2019-12-03T10:00:00.000Z', unknown: 0, signed: 0 });
  });
  it('keeps a reference of the token alone, and takes the newer words while it is open', async () => {
    const { rows } = await store.pool.query("SELECT token_ref FROM expectation WHERE key = 'nothing'");
    expect(rows[0].token_ref).toMatch(/^[\w-]{22}$/);
    expect(
      JSON.stringify((await store.pool.query("SELECT * FROM expectation e, audit_event a WHERE a.action = 'source.expect'")).rows, (_k, v) => (typeof v === 'bigint' ? v.toString() : v)),
    ).not.toContain('Bl2-1');
    expect(await open({ key: 'energy', openedAt: '2019-12-04T10:00:00Z', siteKey: 'Bl2', estimatedWh: 7_000 })).toEqual([{ key: 'energy', status: 'updated' }]);
    expect((await listed('open')).find((e) => e.key === 'energy')?.energyWh).toBe('7000');
  });
  it('resolves when its CDR comes: by CDR, session or authorization id, else by EVSE and start within a quarter of an hour', async () => {
    await arrive(
      session(10),
      session(11, { user: 'Bl2-2', start: '06.12.2019 10:00', end: '06.12.2019 11:00' }),
      session(12, { user: 'Bl2-2', start: '07.12.2019 10:00', end: '07.12.2019 11:00' }),
      session(13, { user: 'Bl2-2', start: '08.12.2019 10:00', end: '08.12.2019 11:00' }),
    );
    await place('11', { session: 'S-11' });
    await place('12', { authorization: 'A-12' });
    await place('13', { evse: 'SE*WLT*E1' });
    expect(
      await open(
        { key: '10', openedAt: '2019-12-05T17:00:00Z' },
        { key: 'S-11', openedAt: '2019-12-06T09:00:00Z' },
        { key: 'A-12', kind: 'authorization', openedAt: '2019-12-07T08:59:00Z' },
        // 10:00 in Stockholm is 09:00 UTC: 14 minutes apart, and 16.
        { key: 'near', openedAt: '2019-12-08T08:46:00Z', evseId: 'se*wlt*e1', token: 'Bl2-2' },
        { key: 'far', openedAt: '2019-12-08T09:16:00Z', evseId: 'se*wlt*e1' },
        // An offline charger is resolved by hand alone.
        { key: 'off', kind: 'offline', openedAt: '2019-12-08T09:00:00Z', evseId: 'se*wlt*e1' },
      ),
    ).toEqual([
      { key: '10', status: 'resolved' },
      { key: 'S-11', status: 'resolved' },
      { key: 'A-12', status: 'resolved' },
      { key: 'near', status: 'resolved' },
      { key: 'far', status: 'opened' },
      { key: 'off', status: 'opened' },
    ]);
    const matched = await store.pool.query('SELECT e.key, h.cdr_id FROM expectation e JOIN record_head h ON h.record_id = e.resolved_by ORDER BY e.key');
    expect(matched.rows).toEqual([
      { key: '10', cdr_id: '10' },
      { key: 'A-12', cdr_id: '12' },
      { key: 'S-11', cdr_id: '11' },
      { key: 'near', cdr_id: '13' },
    ]);
  });
  it('is resolved by the next look when the CDR comes later; one record resolves one, and another token is another session', async () => {
    await open(
      { key: 'first', openedAt: '2019-12-09T09:00:00Z', evseId: 'E2' },
      { key: 'second', openedAt: '2019-12-09T09:05:00Z', evseId: 'E2' },
      { key: 'other', openedAt: '2019-12-09T09:01:00Z', evseId: 'E2', token: 'Bl2-8' },
    );
    await arrive(session(20, { user: 'Bl2-2', start: '09.12.2019 10:01', end: '09.12.2019 11:00' }));
    await place('20', { evse: 'E2' });
    expect(await store.tx((db) => matchExpectations(db))).toBe(1);
    expect(await store.tx((db) => matchExpectations(db))).toBe(0);
    expect((await listed('open')).map((e) => e.key)).toEqual(['stated', 'energy', 'nothing', 'off', 'far', 'other', 'second']);
    expect((await listed('matched')).map((e) => e.key)).toContain('first');
  });
  it('is cancelled by hand with a reason, once', async () => {
    const cancel = (...keys: string[]) => store.tx((db) => cancelExpectations(db, { sourceId: 'csms', keys, reason: 'the charger is back and its store is empty' }, { actor: 'ops' }));
    expect(await cancel('off', 'far')).toEqual({ cancelled: 2 });
    expect(await cancel('off')).toEqual({ cancelled: 0 });
    await expect(cancel('never')).rejects.toThrow(/no expectation never/);
    expect((await listed('cancelled'))[0]).toMatchObject({ resolved: { by: 'ops', reason: 'the charger is back and its store is empty', recordId: null } });
    // What is resolved stays so.
    expect(await open({ key: 'off', kind: 'offline', openedAt: '2019-12-08T09:00:00Z' })).toEqual([{ key: 'off', status: 'resolved' }]);
  });
});

describe('a run', () => {
  it('does not close over a missing CDR that is neither resolved nor signed (invariant 12)', async () => {
    const runId = await closeSet(store, '2019-12');
    const missing = async () => (await unsignedWaiting(store.pool, runId)).filter((text) => text.includes('has no CDR'));
    expect(await missing()).toHaveLength(5);
    expect((await missing())[0]).toBe('session stated of source csms, opened 2019-12-03T10:00:00.000Z, has no CDR');
    const sign = (expectations?: string[]) => store.tx((db) => signCarry(db, { runId, expectations, reason: 'asked for at the source', by: { actor: 'approver' } }));
    expect(await sign(['csms/stated'])).toEqual({ signed: 1 });
    expect(await missing()).toHaveLength(4);
    expect(await sign()).toEqual({ signed: 4 });
    expect(await missing()).toEqual([]);
    expect((await missingCdrs(store.pool, { sourceIds: ['csms'], before: now, runId }))[0]).toMatchObject({ open: 5, signed: 5 });
    // Signed for this run; the next one asks again.
    expect((await missingCdrs(store.pool, { sourceIds: ['csms'], before: now, runId: 'another' }))[0]).toMatchObject({ open: 5, signed: 0 });
  });
  it('says how many more are missing than it names', async () => {
    const runId = 'run_ent_se_2019-12_live';
    await open(...Array.from({ length: 23 }, (_, i) => ({ key: `many-${i}`, openedAt: '2019-12-28T10:00:00Z' })));
    const missing = (await unsignedWaiting(store.pool, runId)).filter((text) => /has no CDR|missing/.test(text));
    expect([missing.length, missing.at(-1)]).toEqual([21, 'and 3 more of CDRs that are missing']);
    await store.tx((db) => cancelExpectations(db, { sourceId: 'csms', keys: Array.from({ length: 23 }, (_, i) => `many-${i}`), reason: 'never began' }, { actor: 'ops' }));
    expect((await unsignedWaiting(store.pool, runId)).filter((text) => text.includes('more of'))).toEqual([]);
  });
  it('with an automatic cut-off closes once each source is complete and nothing is missing that is not signed', async () => {
    const { rows } = await store.pool.query("SELECT id FROM billing_run WHERE period = '2019-12'");
    const runId = rows[0].id;
    await store.pool.query("UPDATE billing_run SET state = 'collecting', cut_off_at = now() + interval '5 days' WHERE id = $1", [runId]);
    const look = () => store.tx((db) => lookForCutOff(db, runId, now));
    const complete = (sourceId: string) => store.tx((db) => stateWatermark(db, { sourceId, completeUntil: new Date('2020-01-01T00:00:00Z'), origin: 'ops' }, now, by));
    await complete('csms');
    await complete('ocpi-peer');
    expect(await look()).toMatchObject({ automatic: false, closed: false });
    await store.tx((db) => setCutOff(db, runId, 'automatic'));
    await open({ key: 'late', openedAt: '2019-12-30T10:00:00Z' });
    expect(await look()).toMatchObject({ automatic: true, closed: false, lines: expect.arrayContaining(['Residential CSMS export: 1 expected CDRs have not come']) });
    await arrive(session(90, { user: 'Bl2-2', start: '30.12.2019 11:00', end: '30.12.2019 12:00' }));
    await place('90', { session: 'late' });
    expect(await look()).toMatchObject({ closed: true });
    expect((await store.pool.query('SELECT cut_off_at FROM billing_run WHERE id = $1', [runId])).rows[0].cut_off_at).toEqual(now);
    expect((await store.pool.query("SELECT reason FROM audit_event WHERE action = 'run.cutOff'")).rows).toEqual([{ reason: 'every source is complete' }]);
  });
});
