import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { checkCompleteness } from '../../src/store/cycle/check-completeness.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import { collectingOf } from '../../src/store/reads/collecting.ts';
import { controlTotalDays } from '../../src/store/reads/control-totals.ts';
import { listRunFindings } from '../../src/store/reads/run-findings.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { closeSet } from '../support/bill.ts';
import { cliOf } from '../support/cli.ts';
import { signIn, textOf } from '../support/console.ts';
import { cdrOfPeer, peerSetUp } from '../support/ocpi-calls.ts';
import { OcpiPeer } from '../support/ocpi-peer.ts';

let api: ApiUnderTest;
let peer: OcpiPeer;
const source = '/v1/sources/ocpi-peer';
const window = { from: '2019-12-03', to: '2019-12-06' };
const connection = async () => (await api.call('ops', 'GET', `${source}/connection`)).body;
const workflow = async (path: string, body: object) => {
  const started = await api.call('ops', 'POST', `${source}/${path}`, body);
  expect(started.status).toBe(202);
  return api.client.workflow.getHandle(started.body.workflowId).result();
};
const count = (body: object = { window }) => workflow('counts', body);
const sweep = () => workflow('sweeps', { window: { from: '2019-12-01T00:00:00Z', to: '2020-01-01T00:00:00Z' } });
/** Each day with what the peer has of it and what is here. */
const days = async () =>
  (await controlTotalDays(api.store.pool, { sourceIds: ['ocpi-peer'], from: '2019-12-01', to: '2020-01-01' })).map((d) => [d.on, d.stated?.count, d.received.count, d.status, d.version]);
/** A CDR of a session on a day of December 2019, last updated on another. */
const cdr = (id: string, day: number, updatedAt: string, more: object = {}) => {
  const at = (hour: number) => `2019-12-${String(day).padStart(2, '0')}T${hour}:00:00Z`;
  const periods = [{ start_date_time: at(10), dimensions: [{ type: 'ENERGY', volume: 10.5 }] }];
  return cdrOfPeer(peer, id, { start_date_time: at(10), end_date_time: at(11), charging_periods: periods, last_updated: updatedAt, ...more });
};

beforeAll(async () => {
  api = await startApi(async () => filesErp('/nonexistent'));
  peer = await new OcpiPeer().start();
  expect((await api.call('ops', 'PUT', '/v1/ocpi/peers/nordic', peerSetUp(peer, { sourceId: 'ocpi-peer' }))).status).toBe(200);
  expect((await api.call('ops', 'POST', '/v1/ocpi/peers/nordic/registration', { versionsUrl: `${peer.url}/versions`, token: peer.newToken() })).status).toBe(200);
  const settings = { kind: 'ocpi', from: '2019-12-01T00:00:00Z', everyMinutes: 1440, countDays: 3 };
  expect((await api.call('ops', 'POST', `${source}/counts`, {})).body.code).toBe('wrongState');
  expect((await api.call('admin', 'PUT', `${source}/connection`, { settings, reason: 'a peer to pull from' })).status).toBe(200);
});
afterAll(async () => {
  await api.stop();
  await peer.stop();
});

describe('how many CDRs a peer has of each day', () => {
  it('is asked each night by a Schedule, and by ops when they want', async () => {
    const schedule = await api.client.schedule.getHandle('count-ocpi-peer').describe();
    expect([schedule.spec.intervals?.[0]?.every, schedule.policies.overlap]).toEqual([86_400_000, 'SKIP']);
    expect((await api.call('auditor', 'POST', `${source}/counts`, {})).status).toBe(403);
    expect((await api.call('partner', 'POST', `${source}/counts`, {})).status).toBe(403);
    expect((await api.call('ops', 'POST', `${source}/counts`, { window: { from: '2019-12-06', to: '2019-12-03' } })).status).toBe(422);
  });

  it('is a control total of that day, by last_updated on both sides and in the zone of the source', async () => {
    // Two of the 3rd and one of the 4th in Stockholm: 23:30 UTC is the next day there.
    peer.cdrs = [cdr('A', 2, '2019-12-03T11:05:00Z'), cdr('B', 3, '2019-12-03T22:30:00Z'), cdr('C', 4, '2019-12-03T23:30:00Z')];
    await sweep();
    peer.calls.length = 0;
    expect(await count()).toEqual({ days: 4, stated: 4, changed: 4 });
    expect(await days()).toEqual([
      ['2019-12-03', 2, 2, 'equal', 1],
      ['2019-12-04', 1, 1, 'equal', 1],
      ['2019-12-05', 0, 0, 'equal', 1],
      ['2019-12-06', 0, 0, 'equal', 1],
    ]);
    const asked = peer.calls.map((c) => Object.fromEntries(new URL(c.path, peer.url).searchParams));
    expect(asked[0]).toEqual({ date_from: '2019-12-02T23:00:00.000Z', date_to: '2019-12-03T23:00:00.000Z', offset: '0', limit: '1' });
    expect(await count()).toEqual({ days: 4, stated: 4, changed: 0 });
    expect((await connection()).counts).toMatchObject({ until: null, days: 4, stated: 4, problem: null });
  });

  it('shows a push that was lost: a finding of the run while it collects, which ends by itself when the CDR is here', async () => {
    peer.cdrs.push(cdr('LOST', 5, '2019-12-04T10:00:00Z'));
    expect(await count()).toMatchObject({ changed: 1 });
    expect((await days())[1]).toEqual(['2019-12-04', 2, 1, 'differs', 2]);
    const runId = await closeSet(api.store, '2019-12');
    const ofPeer = async () => (await collectingOf(api.store.pool, runId)).sources.find((s) => s.sourceId === 'ocpi-peer');
    expect(await ofPeer()).toMatchObject({ controlTotals: { days: 4, equal: 3, differs: 1, missing: 0 }, complete: false, waitsFor: expect.arrayContaining(['the totals of 1 days differ']) });
    await api.store.tx((db) => advanceRun(db, runId, 'previewing'));
    await api.store.tx((db) => buildDocuments(db, runId));
    const findings = async () => {
      await api.store.tx((db) => checkCompleteness(db, runId));
      return (await listRunFindings(api.store.pool, runId, undefined, { limit: 50 })).items.filter((f) => f.rule === 'listedCountDiffers');
    };
    expect(await findings()).toMatchObject([{ severity: 'blocks', subject: 'source ocpi-peer', text: 'it has 2 CDRs that were last updated on 2019-12-04, and 1 of them are here' }]);
    await sweep();
    expect((await days())[1]).toEqual(['2019-12-04', 2, 2, 'equal', 2]);
    expect(await findings()).toEqual([]);
    expect(await ofPeer()).toMatchObject({ controlTotals: { days: 4, equal: 4 } });
  });

  it('counts a credit beside the CDR it takes back, a correction on its new day alone, and what is held', async () => {
    const [a] = peer.cdrs;
    peer.cdrs = [
      ...peer.cdrs.map((c) => (c['id'] === 'B' ? { ...c, last_updated: '2019-12-05T08:00:00Z', total_energy: 10.5 } : c)),
      { ...a, id: 'A-C', credit: true, credit_reference_id: 'A', last_updated: '2019-12-05T09:00:00Z' },
      cdr('HELD', 6, '2019-12-05T10:00:00Z', { currency: null }),
    ];
    await sweep();
    expect(await count()).toMatchObject({ stated: 4 });
    // A alone is left on the 3rd; C and LOST on the 4th; B, the credit and what cannot be read on the 5th.
    expect((await days()).map((d) => d.slice(0, 4))).toEqual([
      ['2019-12-03', 1, 1, 'equal'],
      ['2019-12-04', 2, 2, 'equal'],
      ['2019-12-05', 3, 3, 'equal'],
      ['2019-12-06', 0, 0, 'equal'],
    ]);
  });

  it('may differ for a reason, which is signed and holds while neither side changes', async () => {
    peer.overstated = 1;
    await count({ window: { from: '2019-12-06', to: '2019-12-06' } });
    const accept = { on: '2019-12-06', origin: 'xTotalCount', reason: 'they list a test' };
    expect((await api.call('preparer', 'POST', `${source}/control-totals/acceptances`, accept)).body).toEqual({ status: 'accepted' });
    expect((await days())[3]?.[3]).toBe('accepted');
    peer.overstated = 2;
    await count({ window: { from: '2019-12-06', to: '2019-12-06' } });
    expect((await days())[3]?.[3]).toBe('differs');
    peer.overstated = 0;
  });

  it('is stated by nobody else', async () => {
    const own = { on: '2019-12-06', count: 0, energyWh: 0, origin: 'xTotalCount' };
    expect((await api.call('partner', 'POST', `${source}/control-totals`, own)).body.refused).toMatchObject([{ line: 1, errors: [expect.stringContaining('asked for')] }]);
  });

  it('of a look by night is asked of the last closed days, and again of days that differed', async () => {
    peer.calls.length = 0;
    expect(await count({})).toMatchObject({ days: 3, stated: 3 });
    expect(peer.calls).toHaveLength(3);
    const { until } = (await connection()).counts;
    expect(Date.now() - Date.parse(until)).toBeLessThan(3 * 86_400_000);
    // One of the last two months that differs is asked of again.
    peer.overstated = 1;
    const long = new Date(Date.parse(until) - 20 * 86_400_000).toISOString().slice(0, 10);
    await count({ window: { from: long, to: long } });
    peer.overstated = 0;
    expect(await count({})).toMatchObject({ days: 4, stated: 4, changed: 1 });
  });

  it('is asked of no day that is not over', async () => {
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
    expect(await count({ window: { from: tomorrow, to: tomorrow } })).toEqual({ days: 0, stated: 0, changed: 0 });
    expect((await connection()).counts).toMatchObject({ days: 0, problem: 'no day of these is over' });
  });

  it('that a peer does not state is no total and no finding, and is shown as such', async () => {
    peer.statesTotal = false;
    expect(await count({ window: { from: '2019-12-10', to: '2019-12-11' } })).toEqual({ days: 2, stated: 0, changed: 0 });
    expect((await days()).some(([on]) => on === '2019-12-10')).toBe(false);
    expect((await connection()).counts).toMatchObject({ days: 2, stated: 0, problem: null });
    expect(textOf((await (await signIn(api, 'ops')).get('/ocpi-peers/nordic')).body)).toContain('it sends no X-Total-Count');
    peer.statesTotal = true;
  });

  it('goes through a failure of the peer, fails visibly on what it refuses, and is asked again by the next look', async () => {
    let failures = 2;
    peer.fail = (call) => {
      if (!call.path.startsWith('/cdrs?') || failures === 0) return undefined;
      failures -= 1;
      return { status: 503 };
    };
    expect(await count()).toMatchObject({ days: 4, stated: 4 });
    peer.fail = (call) => (call.path.startsWith('/cdrs?') ? { status: 200, body: { status_code: 2001, status_message: 'no such window' } } : undefined);
    await expect(count()).rejects.toThrow();
    expect((await connection()).counts).toMatchObject({ stated: 0, problem: expect.stringContaining('no such window') });
    peer.fail = () => undefined;
  });

  it('is asked from the command line', { timeout: 120_000 }, async () => {
    const cli = await cliOf(api, 'ops');
    expect(await cli('ocpi', 'count', 'nordic', '--from', window.from, '--to', window.to)).toEqual({ status: 0, stdout: 'nordic: 4 of 4 days\n', stderr: '' });
    expect(await cli('ocpi', 'count', 'nordic', '--from', window.from)).toMatchObject({ status: 2, stderr: expect.stringContaining('belong together') });
  });

  it('is asked no more once its connection says so', async () => {
    const settings = { kind: 'ocpi', from: '2019-12-01T00:00:00Z', everyMinutes: 1440, countDays: 0 };
    await api.call('admin', 'PUT', `${source}/connection`, { settings, reason: 'it counts otherwise' });
    await expect(api.client.schedule.getHandle('count-ocpi-peer').describe()).rejects.toThrow();
  });
});
