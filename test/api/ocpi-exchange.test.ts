import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import type { Db } from '../../src/store/db.ts';
import { judgeHeldAgain } from '../../src/store/ocpi/judge-sales.ts';
import { prepareSales } from '../../src/store/ocpi/prepare-sales.ts';
import { findPeer } from '../../src/store/reads/ocpi/peers.ts';
import { salesOf } from '../../src/store/reads/ocpi/sales.ts';
import { workflowNames } from '../../src/workflows/messages.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { signIn, textOf } from '../support/console.ts';
import { cdrOfPeer, ocpiCall, peerSetUp } from '../support/ocpi-calls.ts';
import { OcpiPeer } from '../support/ocpi-peer.ts';
import { ocpiSales } from '../support/ocpi-sales.ts';

let api: ApiUnderTest;
let peer: OcpiPeer;
let hub: OcpiPeer;
let rounds = 0;
const rows = async (sql: string, params: unknown[] = []) => (await api.store.pool.query(sql, params)).rows;
const sweep = async () => {
  const { body } = await api.call('ops', 'POST', '/v1/sources/ocpi-peer/sweeps', {});
  return api.client.workflow.getHandle(body.workflowId).result();
};
let sales: ReturnType<typeof ocpiSales>;
const push = (peerId: string) => sales.push(peerId);
const overview = (peerId: string) => sales.overview(peerId);
const sell = (id: number, user: string, kWh = '10') => sales.sell(id, user, { kWh });
const round = () => {
  rounds += 1;
  return api.client.workflow.execute(workflowNames.ocpiRounds, { taskQueue: api.taskQueue, workflowId: `ocpi-${rounds}` });
};
const setUp = (peerId: string, of: OcpiPeer, more: object) => api.call('ops', 'PUT', `/v1/ocpi/peers/${peerId}`, peerSetUp(of, more));

beforeAll(async () => {
  api = await startApi(async () => filesErp('/nonexistent'));
  sales = ocpiSales(api);
  peer = await new OcpiPeer().start();
  hub = await new OcpiPeer().start();
  hub.party = { country_code: 'FR', party_id: 'GIR' };
});
afterAll(async () => {
  await api.stop();
  await peer.stop();
  await hub.stop();
});

describe('we register at a peer', () => {
  it('by its invitation; it looks us up before it answers, and what it refuses changes nothing', async () => {
    const partners = [{ accountId: 'acc_emsp_aurora', countryCode: 'NO', partyId: 'NRD', sendFrom: '2019-12-01' }];
    expect((await setUp('nordic', peer, { sourceId: 'ocpi-peer', partners })).status).toBe(200);
    const register = (token: string) => api.call('ops', 'POST', '/v1/ocpi/peers/nordic/registration', { versionsUrl: `${peer.url}/versions`, token });
    expect(await register('wrong')).toMatchObject({ status: 502, body: { code: 'peerFailed' } });
    expect(await overview('nordic')).toMatchObject({ state: 'prepared', problem: expect.stringContaining('401') });
    const invitation = peer.newToken();
    peer.fail = (call) => (call.path === '/credentials' ? { status: 200, body: { status_code: 3001, status_message: 'cannot reach you' } } : undefined);
    expect((await register(invitation)).body.detail).toContain('cannot reach you');
    expect(await rows('SELECT state FROM ocpi_token')).toEqual([]);
    peer.fail = () => undefined;
    expect((await register(invitation)).body).toEqual({ version: '2.2.1' });
    const posted = peer.calls.findLast((c) => c.path === '/credentials');
    expect(posted?.body).toMatchObject({ url: 'http://localhost/ocpi/versions', roles: [{ role: 'CPO', party_id: 'WLT' }, { role: 'EMSP' }] });
    expect((await ocpiCall(api, String(posted?.body['token']), 'GET', '/ocpi/2.2.1/cdrs')).status).toBe(200);
    expect((await register(invitation)).status).toBe(409);
  });

  it('and renews: both tokens are others, in one step', async () => {
    const before = String(peer.calls.findLast((c) => c.path === '/credentials')?.body['token']);
    expect((await api.call('ops', 'POST', '/v1/ocpi/peers/nordic/registration')).body).toEqual({ version: '2.2.1' });
    const put = peer.calls.findLast((c) => c.path === '/credentials');
    expect([put?.method, put?.body['token'] === before]).toEqual(['PUT', false]);
    expect((await ocpiCall(api, before, 'GET', '/ocpi/versions')).status).toBe(401);
    expect((await ocpiCall(api, String(put?.body['token']), 'GET', '/ocpi/versions')).status).toBe(200);
  });
});

describe('a sweep', () => {
  it('pulls all pages, and processes each CDR by the path of all CDRs', async () => {
    const settings = { kind: 'ocpi', from: '2019-01-01T00:00:00Z', pageSize: 3, everyMinutes: 1440 };
    expect((await api.call('admin', 'PUT', '/v1/sources/ocpi-peer/connection', { settings, reason: 'a peer to pull from' })).status).toBe(200);
    peer.cdrs = Array.from({ length: 7 }, (_, i) => {
      const at = `2019-12-0${i + 1}T1`;
      const periods = [
        {
          start_date_time: `${at}0:00:00Z`,
          dimensions: [
            { type: 'ENERGY', volume: 10.5 },
            { type: 'TIME', volume: 1 },
          ],
        },
      ];
      return cdrOfPeer(peer, `P-${i}`, { start_date_time: `${at}0:00:00Z`, end_date_time: `${at}1:00:00Z`, charging_periods: periods, last_updated: `${at}1:05:00Z` });
    });
    expect(await sweep()).toMatchObject({ pulled: 7, fresh: 7, problem: null });
    expect((await overview('nordic')).sweep).toMatchObject({ everyMinutes: 1440, last: { stated: 7, pulled: 7, fresh: 7, state: 'done' } });
    const heads = await rows("SELECT state, count(*)::integer AS n FROM record_head WHERE source_id = 'ocpi-peer' GROUP BY 1");
    expect(heads).toEqual([{ state: 'booked', n: 7 }]);
    expect(peer.calls.filter((c) => c.path.startsWith('/cdrs?')).at(-1)?.headers).toMatchObject({ 'ocpi-from-party-id': 'WLT', 'ocpi-to-party-id': 'NRD' });
  });

  it('finds what a lost push left out, and stores nothing that is known', async () => {
    const lost = cdrOfPeer(peer, 'LOST', { start_date_time: '2019-12-20T10:00:00Z', end_date_time: '2019-12-20T11:00:00Z', last_updated: new Date(Date.now() - 3_600_000).toISOString() });
    (lost['charging_periods'] as { start_date_time: string }[])[0] = { ...(lost['charging_periods'] as object[])[0], start_date_time: '2019-12-20T10:00:00Z' } as never;
    peer.cdrs = [...peer.cdrs, lost];
    // The window reaches a day back, so the CDR of an hour ago is in it though the last sweep ended after that.
    expect(await sweep()).toMatchObject({ pulled: 1, fresh: 1 });
    expect(await sweep()).toMatchObject({ pulled: 1, fresh: 0 });
    expect(await rows("SELECT state FROM record_head WHERE cdr_id = 'lost'")).toEqual([{ state: 'booked' }]);
    expect(await rows("SELECT count(*)::integer AS n FROM raw_message WHERE source_id = 'ocpi-peer'")).toEqual([{ n: 8 }]);
  });

  it('that gets fewer than X-Total-Count states says so and leaves the watermark', async () => {
    const { until } = (await overview('nordic')).sweep;
    peer.overstated = 2;
    expect(await sweep()).toMatchObject({ problem: '1 CDRs came, 3 were stated' });
    expect(await overview('nordic')).toMatchObject({ sweep: { until, last: { state: 'failed', problem: '1 CDRs came, 3 were stated' } } });
    peer.overstated = 0;
  });

  it('goes through a failure of the peer, and fails visibly on what it refuses', async () => {
    let failures = 1;
    peer.fail = (call) => {
      if (!call.path.startsWith('/cdrs?') || failures === 0) return undefined;
      failures -= 1;
      return { status: 503 };
    };
    expect(await sweep()).toMatchObject({ problem: null });
    peer.fail = (call) => (call.path.startsWith('/cdrs?') ? { status: 200, body: { status_code: 2001, status_message: 'no such window' } } : undefined);
    await expect(sweep()).rejects.toThrow();
    expect(await overview('nordic')).toMatchObject({ sweep: { last: { state: 'failed', problem: expect.stringContaining('no such window') } } });
    // The peer's words may name a driver: they are where erasure finds them, not in a history.
    const history = await api.client.workflow.getHandle('sweep/ocpi-peer').fetchHistory();
    const bytes = JSON.stringify(history, (_key, v) => (v instanceof Uint8Array || v?.type === 'Buffer' ? Buffer.from(v.data ?? v).toString('utf8') : v));
    expect(bytes).toContain('SweepFailed');
    expect(bytes).not.toContain('no such window');
    peer.fail = () => undefined;
    expect(await sweep()).toMatchObject({ problem: null });
  });

  it('stands beside a look at tariffs, which the rounds begin', async () => {
    peer.tariffs = [{ ...peer.party, id: 'T9', currency: 'NOK', elements: [{}], last_updated: '2019-11-01T00:00:00Z' }];
    expect(await round()).toMatchObject({ tariffs: 1 });
    expect(await api.client.workflow.getHandle('tariffs/nordic').result()).toMatchObject({ changed: 1, sent: 0 });
    expect(await rows('SELECT country_code, party_id, tariff_id, version FROM ocpi_tariff')).toEqual([{ country_code: 'NO', party_id: 'NRD', tariff_id: 'T9', version: 1 }]);
    expect(await round()).toMatchObject({ tariffs: 0 });
  });
});

describe('our sales', () => {
  const cdrsTaken = (of: OcpiPeer) => of.taken.map((c) => [c['id'], c['credit'] ?? false, (c['total_cost'] as { excl_vat: number }).excl_vat]);

  it('wait, named, for what their CDR lacks, and go out as soon as it is there', async () => {
    await sell(201, 'Share-1');
    await push('nordic');
    expect(await overview('nordic')).toMatchObject({ waitingFor: [{ what: expect.stringMatching(/^location of /), sales: expect.any(Number) }], deliveries: { sent: 0 } });
    expect(peer.taken).toEqual([]);
    await sales.locateSites();
    await push('nordic');
    const { deliveries } = await overview('nordic');
    // The eight pulled sessions were driven by Aurora's token too.
    expect(deliveries).toMatchObject({ waiting: 0, queued: 0, sent: 9, seen: 9, hubAcknowledged: 0, agreed: 0 });
    // 10 kWh x 2.95 + 4.00 flat + time at 0.10 an hour: as booked, to the öre.
    const [sold] = await rows("SELECT sum(net_minor)::integer AS net FROM rated_charge c JOIN record_head h USING (record_id) WHERE h.cdr_id = '201' AND c.role = 'emspSale'");
    expect(peer.taken.map((c) => (c['total_cost'] as { excl_vat: number }).excl_vat)).toContain(sold.net / 100);
    expect(peer.taken.find((c) => (c['cdr_token'] as { uid: string }).uid === 'Share-1')).toMatchObject({ country_code: 'SE', party_id: 'WLT', currency: 'SEK', total_energy: 10 });
  });

  it('go out once, and are there to be pulled in pages, by the one they are for alone', async () => {
    await push('nordic');
    expect(peer.taken).toHaveLength(9);
    const token = String(peer.calls.findLast((c) => c.path === '/credentials')?.body['token']);
    const seen: string[] = [];
    let path: string | undefined = '/ocpi/2.2.1/cdrs?limit=4&date_from=2020-01-01T00:00:00Z';
    while (path !== undefined) {
      const { body, headers } = await ocpiCall(api, token, 'GET', path);
      seen.push(...body.data.map((c: { id: string }) => c.id));
      expect([headers.get('x-total-count'), headers.get('x-limit')]).toEqual(['9', '4']);
      const next: string | undefined = /<([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1];
      path = next === undefined ? undefined : next.replace('http://localhost', '');
    }
    expect(seen).toEqual(peer.taken.map((c) => c['id']));
    expect((await ocpiCall(api, token, 'GET', '/ocpi/2.2.1/cdrs?date_to=2020-01-01T00:00:00Z')).body.data).toEqual([]);
    // A pulled CDR is what was pushed.
    expect((await ocpiCall(api, token, 'GET', '/ocpi/2.2.1/cdrs?limit=1')).body.data[0]).toEqual(peer.taken[0]);
  });

  it('that are corrected are credited in full and sent anew, in that order', async () => {
    const before = peer.taken.length;
    await sell(201, 'Share-1', '12');
    await push('nordic');
    const [credit, again] = cdrsTaken(peer).slice(before);
    const original = cdrsTaken(peer).find(([id]) => `${id}-C` === credit?.[0]);
    expect(credit).toEqual([`${original?.[0]}-C`, true, -Number(original?.[2])]);
    expect(again?.[1]).toBe(false);
    expect(peer.taken.at(-1)).toMatchObject({ total_energy: 12 });
    expect(peer.taken.at(-2)).toMatchObject({ credit_reference_id: original?.[0], total_energy: 10 });
  });

  it('are all in windows without a gap, also what is made, or let go, while the peer looks', async () => {
    const token = String(peer.calls.findLast((c) => c.path === '/credentials')?.body['token']);
    const listed = async (window: string) => (await ocpiCall(api, token, 'GET', `/ocpi/2.2.1/cdrs?limit=100&${window}`)).body.data.map((c: { id: string }) => c.id);
    const known = await findPeer(api.store.pool, 'nordic');
    if (known === undefined) throw new Error('nordic is set up');
    const held = async (db: Db) => db.query("UPDATE ocpi_delivery SET state = 'held', issues = '[]', rules_version = 0 WHERE sale_id = (SELECT max(id) FROM ocpi_sale WHERE peer_id = 'nordic')");
    const works: [string, (db: Db, clock: () => Date) => Promise<number>][] = [
      ['made', (db, clock) => prepareSales(db, known, clock)],
      ['let go', (db, clock) => judgeHeldAgain(db, known, clock)],
    ];
    await sell(204, 'Share-16');
    for (const [name, work] of works) {
      if (name === 'let go') {
        await held(api.store.pool);
        await api.call('ops', 'PUT', '/v1/accounts/acc_emsp_aurora/partner-rules', { rules: {}, reason: 'they take all' });
      }
      const before = await listed('');
      let first: Promise<string[]> | undefined;
      let until = '';
      await api.store.tx(async (db) => {
        expect([name, await work(db, () => new Date())]).toEqual([name, 1]);
        await setTimeout(5);
        until = new Date().toISOString();
        first = listed(`date_to=${until}`);
        await setTimeout(200);
      });
      const seen = [...((await first) ?? []), ...(await listed(`date_from=${until}`))];
      expect([name, seen.length, new Set(seen).size]).toEqual([name, before.length + 1, before.length + 1]);
    }
    // Nor is what waits for a look to end of a time before it.
    await sell(205, 'Share-16');
    let made = new Date(0);
    let writing: Promise<number> | undefined;
    const looked = await api.store.tx(async (db) => {
      await salesOf(db, 'nordic', { from: undefined, to: undefined, offset: 0, limit: 1 });
      writing = api.store.tx((other) =>
        prepareSales(other, known, () => {
          made = new Date();
          return made;
        }),
      );
      await setTimeout(200);
      return new Date();
    });
    expect(await writing).toBe(1);
    expect(made.getTime()).toBeGreaterThanOrEqual(looked.getTime());
    await push('nordic');
  });

  it('that the peer refuses hold back what follows for that session alone, until it is retried', async () => {
    await sell(202, 'Share-13');
    peer.fail = (call) =>
      call.method === 'POST' && (call.body['cdr_token'] as { uid: string })?.uid === 'Share-13' ? { status: 200, body: { status_code: 2001, status_message: 'unknown token' } } : undefined;
    await push('nordic');
    await sell(203, 'Share-16');
    await push('nordic');
    expect(await overview('nordic')).toMatchObject({ deliveries: { refused: 1, queued: 0 } });
    const refused = (await api.call('ops', 'GET', '/v1/ocpi/peers/nordic/deliveries?state=refused')).body.items;
    expect(refused).toMatchObject([{ state: 'refused', attempts: 2, answer: expect.stringContaining('unknown token'), sentAt: null }]);
    expect(peer.taken.at(-1)).toMatchObject({ cdr_token: { uid: 'Share-16' } });
    peer.fail = () => undefined;
    await push('nordic');
    expect(peer.taken.at(-1)).toMatchObject({ cdr_token: { uid: 'Share-13' } });
    expect((await overview('nordic')).deliveries).toMatchObject({ refused: 0, queued: 0 });
  });

  it('behind a hub are sent with the way to the partner, acknowledged by the hub, and seen when they are pulled', async () => {
    expect(
      (await setUp('hub', hub, { kind: 'hub', partners: [{ accountId: 'acc_emsp_fjord', countryCode: 'NO', partyId: 'FJO', sendFrom: '2019-12-01' }], correctionChannel: 'byDocument' })).status,
    ).toBe(200);
    expect((await api.call('ops', 'POST', '/v1/ocpi/peers/hub/registration', { versionsUrl: `${hub.url}/versions`, token: hub.newToken() })).status).toBe(200);
    await sell(210, 'Share-11');
    // As the Schedule does each minute.
    await round();
    await expect.poll(async () => (await overview('hub')).deliveries, { timeout: 20_000 }).toMatchObject({ queued: 0, sent: 1, hubAcknowledged: 1, seen: 0, agreed: 0 });
    const sent = hub.calls.findLast((c) => c.method === 'POST' && c.path === '/cdrs');
    expect(sent?.headers).toMatchObject({ 'ocpi-from-country-code': 'SE', 'ocpi-from-party-id': 'WLT', 'ocpi-to-country-code': 'NO', 'ocpi-to-party-id': 'FJO' });
    // A correction goes by document: neither the credit nor its replacement is sent, and neither can be pulled.
    await sell(210, 'Share-11', '14');
    await push('hub');
    expect((await overview('hub')).deliveries).toMatchObject({ sent: 1, withheld: 2 });
    expect(hub.taken).toHaveLength(1);
    const token = String(hub.calls.findLast((c) => c.path === '/credentials')?.body['token']);
    expect((await ocpiCall(api, token, 'GET', '/ocpi/2.2.1/cdrs')).body.data).toHaveLength(1);
    const [{ cdrId }] = (await api.call('ops', 'GET', '/v1/ocpi/peers/hub/deliveries?state=sent')).body.items;
    expect((await api.call('preparer', 'POST', '/v1/ocpi/peers/hub/agreements', { cdrIds: [cdrId], reason: 'settlement of December' })).body).toEqual({ agreed: 1 });
    expect((await overview('hub')).deliveries).toMatchObject({ agreed: 1 });
    expect((await api.call('preparer', 'POST', '/v1/ocpi/peers/hub/agreements', { cdrIds: [`${cdrId}-C`], reason: 'settlement of December' })).status).toBe(422);
  });
});

describe('the console', () => {
  it('shows connections and how far each CDR has come, and lets ops send again', async () => {
    const ops = await signIn(api, 'ops');
    const list = textOf((await ops.get('/ocpi-peers')).body);
    expect(list).toContain('hub FR*GIR');
    expect(list).toContain('send again');
    const page = textOf((await ops.get('/ocpi-peers/hub')).body);
    expect(page).toMatch(/0 to send, 0 refused, 0 held, 2 withheld, 1 sent, 1 acknowledged by the hub, 0 seen, 1 agreed/);
    expect((await ops.get('/ocpi-peers/none')).status).toBe(404);
    expect((await ops.order('/ocpi-peers/retry?peerId=hub', { peerId: 'hub', reason: 'the hub is back' })).status).toBe(303);
    expect(textOf((await ops.get('/ocpi-peers')).body)).toContain('0 CDRs are queued again; ocpi/hub sends them');
    const auditor = await signIn(api, 'auditor');
    expect(textOf((await auditor.get('/ocpi-peers')).body)).not.toContain('send again');
    expect((await auditor.get('/ocpi-peers/retry')).status).toBe(403);
  });
});

describe('the end', () => {
  it('is told to the peer; what was sent and received stays', async () => {
    expect((await api.call('ops', 'DELETE', '/v1/ocpi/peers/nordic/registration')).body).toEqual({ told: true });
    expect(peer.calls.at(-1)).toMatchObject({ method: 'DELETE', path: '/credentials' });
    expect(await overview('nordic')).toMatchObject({ state: 'unregistered', deliveries: { sent: expect.any(Number) } });
    await expect(sweep()).rejects.toThrow();
    expect((await overview('nordic')).sweep.last.problem).toContain('no registered OCPI peer');
  });
});
