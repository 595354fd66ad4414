import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { signIn, textOf } from '../support/console.ts';
import { processAll } from '../support/intake.ts';
import { cdrOfPeer } from '../support/ocpi-calls.ts';
import { OcpiPeer } from '../support/ocpi-peer.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi(undefined, {
    setUp: (seed) => {
      const like = seed.sources.find((s) => s.id === 'ocpi-peer') as (typeof seed.sources)[number];
      seed.sources.push({ ...like, id: 'hub', name: 'Hub', route: 'ocpiHub' });
    },
  });
});
afterAll(() => api.stop());

it('shows own, hub and partner ids of one session side by side, whichever record one comes from', async () => {
  const peer = new OcpiPeer();
  const send = (sourceId: string, body: object) => api.call('ops', 'POST', `/v1/sources/${sourceId}/cdrs`, body);
  const stood = { evse_id: 'SE*WLT*E7', id: 'AdO1', connector_id: '1' };
  expect((await send('ocpi-peer', cdrOfPeer(peer, 'P-7', { session_id: 'S-7', authorization_reference: 'A-7', cdr_location: stood }))).status).toBe(202);
  expect((await send('hub', cdrOfPeer(peer, 'HUB-70', { party_id: 'HUB', session_id: 'HS-70', cdr_location: stood }))).status).toBe(202);
  await processAll(api.store);
  const recordOf = async (id: string) => (await api.store.pool.query('SELECT record_id::text AS id FROM record_head WHERE cdr_id = $1', [id])).rows[0].id;
  const expected = [
    { side: 'partner', sourceId: 'ocpi-peer', owner: 'NO*NRD', state: 'booked', cdrId: 'P-7', sessionId: 'S-7', authorizationId: 'A-7', evseId: 'SE*WLT*E7', energyWh: '10500' },
    { side: 'hub', sourceId: 'hub', owner: 'NO*HUB', state: 'rejected', sessionId: 'HS-70', authorizationId: null, energyWh: '10500' },
  ];
  for (const id of ['p-7', 'hub-70']) {
    const { status, body } = await api.call('auditor', 'GET', `/v1/records/${await recordOf(id)}/ids`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ received: expected, sent: [] });
    expect(body.received[1].cdrId.toLowerCase()).toBe('hub-70');
  }
  const page = textOf((await (await signIn(api, 'auditor')).get(`/records/${await recordOf('hub-70')}`)).body);
  expect(page).toMatch(/partner ocpi-peer NO\*NRD P-7 S-7 A-7 SE\*WLT\*E7/);
  expect(page).toMatch(/hub hub NO\*HUB hub-70 HS-70/i);
  expect((await api.call('auditor', 'GET', '/v1/records/999999/ids')).status).toBe(404);
});
