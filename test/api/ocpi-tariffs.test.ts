import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { ocpiVersions } from '../../src/contracts/ocpi.ts';
import { publishTariff } from '../../src/store/commands/publish-tariff.ts';
import { workflowNames } from '../../src/workflows/messages.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { signIn, textOf } from '../support/console.ts';
import { ocpiCall, peerSetUp } from '../support/ocpi-calls.ts';
import { OcpiPeer } from '../support/ocpi-peer.ts';
import { ocpiSales } from '../support/ocpi-sales.ts';

const accounts = ['acc_emsp_aurora', 'acc_emsp_fjord', 'acc_emsp_polar'];
let api: ApiUnderTest;
const peers = new Map<string, OcpiPeer>();
let rounds = 0;
const idOf = (version: string) => `p${version.replaceAll('.', '')}`;
const waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
const told = async (version: string) => (await api.call('ops', 'GET', `/v1/ocpi/peers/${idOf(version)}`)).body.tariffs;
/** As the Schedule does each minute, to the end of what it starts. */
const round = async (version: string) => {
  rounds += 1;
  await api.client.workflow.execute(workflowNames.ocpiRounds, { taskQueue: api.taskQueue, workflowId: `ocpi-${rounds}` });
  return api.client.workflow.getHandle(`tariffs/${idOf(version)}`).result();
};

beforeAll(async () => {
  api = await startApi(async () => filesErp('/nonexistent'));
  for (const [i, version] of ocpiVersions.entries()) {
    const peer = await new OcpiPeer(version).start();
    peer.takesTariffs = version !== '2.1.1';
    peers.set(version, peer);
    const partners = [{ accountId: accounts[i], countryCode: 'NO', partyId: 'NRD', sendFrom: '2019-12-01' }];
    expect((await api.call('ops', 'PUT', `/v1/ocpi/peers/${idOf(version)}`, peerSetUp(peer, { partners }))).status).toBe(200);
    expect((await api.call('ops', 'POST', `/v1/ocpi/peers/${idOf(version)}/registration`, { versionsUrl: `${peer.url}/versions`, token: peer.newToken() })).body).toEqual({ version });
  }
});
afterAll(async () => {
  await api.stop();
  for (const peer of peers.values()) await peer.stop();
});

describe.each([...ocpiVersions])('our tariffs, to a partner in %s', (version) => {
  it('are told by PUT as they stand, once', async () => {
    const peer = peers.get(version) as OcpiPeer;
    expect(await round(version)).toMatchObject({ refused: 0 });
    const [[path, body] = []] = [...peer.told];
    expect(path).toMatch(/^\/tariffs\/SE\/WLT\/./);
    expect(body).toMatchObject({ currency: 'SEK', elements: expect.any(Array), last_updated: expect.any(String), ...(version === '2.1.1' ? {} : { country_code: 'SE', party_id: 'WLT' }) });
    expect(await told(version)).toMatchObject([{ state: 'sent', version: 1, attempts: 1, answer: null }]);
    const puts = peer.calls.filter((c) => c.method === 'PUT').length;
    await api.client.workflow.execute(workflowNames.ocpiTariffs, { taskQueue: api.taskQueue, workflowId: `again/${version}`, args: [{ peerId: idOf(version), push: true, pull: false }] });
    expect(peer.calls.filter((c) => c.method === 'PUT')).toHaveLength(puts);
    expect(textOf((await (await signIn(api, 'ops')).get(`/ocpi-peers/${idOf(version)}`)).body)).toMatch(/Our tariffs \S+ version 1 sent/);
  });
});

describe('a tariff of a partner', () => {
  it('is changed in part by PATCH in 2.1.1 alone', async () => {
    const tokenOf = (version: string) => String(peers.get(version)?.calls.findLast((c) => c.path === '/credentials')?.body['token']);
    const call = (version: string, method: string, body?: object) => ocpiCall(api, tokenOf(version), method, `/ocpi/${version}/tariffs/NO/NRD/T1`, body);
    for (const version of ocpiVersions) {
      expect((await call(version, 'PATCH', { currency: 'SEK', last_updated: '2026-01-02T00:00:00Z' })).status).toBe(404);
      await call(version, 'PUT', { id: 'T1', currency: 'NOK', elements: [{}], last_updated: '2026-01-01T00:00:00Z' });
      const patched = await call(version, 'PATCH', { currency: 'SEK', last_updated: '2026-01-02T00:00:00Z' });
      expect([version, patched.status, (await call(version, 'GET')).body.data.currency]).toEqual(version === '2.1.1' ? [version, 200, 'SEK'] : [version, 404, 'NOK']);
    }
  });

  it('is changed by a PATCH that tells no time, also where the clock of the partner is ahead', async () => {
    const token = String(peers.get('2.1.1')?.calls.findLast((c) => c.path === '/credentials')?.body['token']);
    const call = (method: string, body?: object) => ocpiCall(api, token, method, '/ocpi/2.1.1/tariffs/NO/NRD/T3', body);
    const whole = { id: 'T3', currency: 'NOK', elements: [{}], last_updated: new Date(Date.now() + 60_000).toISOString() };
    await call('PUT', whole);
    expect((await call('PATCH', { currency: 'SEK' })).status).toBe(200);
    expect((await call('GET')).body.data.currency).toBe('SEK');
    // What they said before it, come late, is older.
    await call('PUT', { ...whole, last_updated: new Date().toISOString() });
    expect((await call('GET')).body.data.currency).toBe('SEK');
  });
});

describe('two PATCHes of a tariff at once', () => {
  it('both count', async () => {
    const token = String(peers.get('2.1.1')?.calls.findLast((c) => c.path === '/credentials')?.body['token']);
    const call = (method: string, body?: object) => ocpiCall(api, token, method, '/ocpi/2.1.1/tariffs/NO/NRD/T2', body);
    await call('PUT', { id: 'T2', currency: 'NOK', elements: [{}], last_updated: '2026-01-01T00:00:00Z' });
    const patches = await api.store.tx(async (db) => {
      await db.query("SELECT FROM ocpi_peer WHERE id = 'p211' FOR UPDATE");
      const both = [call('PATCH', { currency: 'SEK', last_updated: '2026-01-02T00:00:00Z' }), call('PATCH', { tariff_alt_url: 'https://nrd.example/t2', last_updated: '2026-01-02T00:00:00Z' })];
      await expect.poll(async () => (await api.store.pool.query(waiting)).rowCount).toBe(2);
      return both;
    });
    expect((await Promise.all(patches)).map((p) => p.status)).toEqual([200, 200]);
    expect((await call('GET')).body.data).toMatchObject({ currency: 'SEK', tariff_alt_url: 'https://nrd.example/t2' });
  });
});

describe('a tariff of ours', () => {
  const peer = () => peers.get('2.2.1') as OcpiPeer;

  /** As a second person publishes it: the newest version with a minimum, in force from an instant on. */
  const publish = (version: number, minimum: string, validFrom: string) =>
    api.store.pool.query(
      `INSERT INTO tariff_version (id, tariff_id, version, currency, valid_from, body, body_hash, author, second_person)
       SELECT id || '-' || $1::int, tariff_id, $1::int, currency, $3::timestamptz, body || jsonb_build_object('min_price', jsonb_build_object('excl_vat', $2::text)), body_hash, author, second_person
       FROM tariff_version WHERE tariff_id = 'roaming' AND version = 1`,
      [version, minimum, validFrom],
    );
  const refuses = (methods: readonly string[], answers: number[]) => {
    peer().fail = (call) =>
      methods.includes(call.method) && answers.length > 0 ? { status: answers.shift() ?? 200, body: { status_code: 2001, status_message: `no ${call.method} here` } } : undefined;
  };

  it('whose newer version the partner refuses is taken back there, since by the one it has nothing is sold any more; what is lost is tried again', async () => {
    await publish(2, '50.00', '2019-12-10T00:00:00Z');
    refuses(['PUT'], [503, 200]);
    expect(await round('2.2.1')).toEqual({ changed: 0, sent: 0, refused: 1, withdrawn: 1 });
    expect(peer().told.size).toBe(0);
    expect(await told('2.2.1')).toMatchObject([{ version: 2, state: 'refused', answer: expect.stringContaining('no PUT here'), thereVersion: null }]);
    expect(textOf((await (await signIn(api, 'ops')).get('/ocpi-peers/p221')).body)).toContain('version 2 refused, none stands there');
    // Said once: the rounds have nothing to add.
    const asked = peer().calls.length;
    await api.client.workflow.execute(workflowNames.ocpiTariffs, { taskQueue: api.taskQueue, workflowId: 'refused/again', args: [{ peerId: 'p221', push: true, pull: false }] });
    expect(peer().calls).toHaveLength(asked);
  });

  it('that is refused holds all the same: sessions are sold by it, and who pulls sees it', async () => {
    const sales = ocpiSales(api);
    await sales.locateSites();
    // 1 kWh x 2.95 + 4.00 flat + at most an hour at 0.10 = 7.05: the minimum of version 2 makes it 50.
    await sales.sell(401, 'Share-11', { kWh: '1', start: '20.12.2019 10:00', end: '20.12.2019 11:00' });
    await sales.push('p221');
    expect(peer().taken).toMatchObject([{ total_cost: { excl_vat: 50 }, tariffs: [{ id: 'roaming', min_price: { excl_vat: 50 } }] }]);
    const token = String(peer().calls.findLast((c) => c.path === '/credentials')?.body['token']);
    expect((await ocpiCall(api, token, 'GET', '/ocpi/2.2.1/tariffs')).body.data).toMatchObject([{ id: 'roaming', min_price: { excl_vat: 50 } }]);
  });

  it('goes out by a retry, once the partner takes it', async () => {
    refuses([], []);
    await api.call('ops', 'POST', '/v1/ocpi/peers/p221/retry', { reason: 'they take it now' });
    expect(await round('2.2.1')).toMatchObject({ sent: 1, refused: 0, withdrawn: 0 });
    expect([...peer().told.values()]).toMatchObject([{ min_price: { excl_vat: 50 } }]);
    expect(await told('2.2.1')).toMatchObject([{ version: 2, state: 'sent', thereVersion: 2 }]);
  });

  it('that the partner neither takes nor gives back says what may stand there, until a retry', async () => {
    await publish(3, '60.00', '2019-12-11T00:00:00Z');
    refuses(['PUT', 'DELETE'], [200, 200]);
    expect(await round('2.2.1')).toMatchObject({ sent: 0, refused: 2, withdrawn: 0 });
    expect(await told('2.2.1')).toMatchObject([{ version: 3, state: 'notTakenBack', answer: expect.stringContaining('no DELETE here'), thereVersion: 2 }]);
    await api.call('ops', 'POST', '/v1/ocpi/peers/p221/retry', { reason: 'they take it now' });
    expect(await round('2.2.1')).toMatchObject({ sent: 1, refused: 0 });
    expect([...peer().told.values()]).toMatchObject([{ min_price: { excl_vat: 60 } }]);
  });

  it('that is sold by no more is taken back', async () => {
    const { rows } = await api.store.pool.query("UPDATE price_assignment SET valid_to = now() WHERE segment = 'eMSP' RETURNING id");
    expect(rows.length).toBeGreaterThan(0);
    expect(await round('2.2.1')).toMatchObject({ withdrawn: 1 });
    expect(peer().told.size).toBe(0);
    expect(await told('2.2.1')).toMatchObject([{ state: 'withdrawn' }]);
    const token = String(peer().calls.findLast((c) => c.path === '/credentials')?.body['token']);
    expect((await ocpiCall(api, token, 'GET', '/ocpi/2.2.1/tariffs')).body.data).toEqual([]);
  });

  /** What the partner pulls that changed from an instant on. */
  const pulled = async (from: Date) => {
    const token = String(peer().calls.findLast((c) => c.path === '/credentials')?.body['token']);
    return (await ocpiCall(api, token, 'GET', `/ocpi/2.2.1/tariffs?date_from=${from.toISOString()}`)).body.data;
  };

  it('that is older than its sale to partners is news to them since it is sold', async () => {
    const looked = new Date();
    expect((await api.call('approver', 'POST', '/v1/price-assignments', { entityId: 'ent_se', tariffId: 'roaming', segment: 'eMSP', validFrom: looked.toISOString() })).status).toBe(201);
    const [found, ...others] = await pulled(looked);
    expect(others).toEqual([]);
    expect(found).toMatchObject({ id: 'roaming', min_price: { excl_vat: 60 } });
    expect(Date.parse(found.last_updated)).toBeGreaterThanOrEqual(looked.getTime());
    // For another site too: they know it.
    const again = new Date();
    const { rows } = await api.store.pool.query<{ id: string }>('SELECT id FROM site ORDER BY id LIMIT 1');
    expect((await api.call('approver', 'POST', '/v1/price-assignments', { entityId: 'ent_se', tariffId: 'roaming', segment: 'eMSP', siteId: rows[0]?.id })).status).toBe(201);
    expect(await pulled(again)).toEqual([]);
  });

  it('that is published while the partner looks is in what it looks at now or next', async () => {
    const published = { ...(await pulled(new Date(0)))[0], min_price: { excl_vat: 70 } };
    const { elements, id, currency } = published;
    const tariff = { id, currency, elements, min_price: { excl_vat: '70.00' } };
    const { body } = await api.call('preparer', 'POST', '/v1/tariff-proposals', { tariff, validFrom: '2019-12-12T00:00:00Z', reason: 'a higher minimum' });
    const [looked, look] = await api.store.tx(async (db) => {
      await db.query('SELECT now()');
      await new Promise((wake) => setTimeout(wake, 20));
      const at = new Date();
      expect(await pulled(at)).toEqual([]);
      await publishTariff(db, body.proposalId, 'agreed', { actor: 'approver' });
      const next = pulled(at);
      await Promise.race([next, expect.poll(async () => (await api.store.pool.query(waiting)).rowCount).toBe(1)]);
      return [at, next] as const;
    });
    for (const found of [await look, await pulled(looked)]) expect(found).toMatchObject([{ id: 'roaming', min_price: { excl_vat: 70 } }]);
  });
});
