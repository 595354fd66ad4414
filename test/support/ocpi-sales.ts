import { expect } from 'vitest';
import type { ApiUnderTest } from './api.ts';
import { processAll, session, storeLines } from './intake.ts';

/** What a CDR says of a site of ours. */
const siteLocation = {
  address: 'Norra vägen 2',
  city: 'Stockholm',
  country: 'SWE',
  coordinates: { latitude: '59.334591', longitude: '18.063240' },
  connector_standard: 'IEC_62196_T2',
  connector_format: 'SOCKET',
  connector_power_type: 'AC_3_PHASE',
};

/** Our sales to partners over OCPI connections, as ops sees to them. */
export function ocpiSales(api: ApiUnderTest) {
  const at = (peerId: string, more = '') => `/v1/ocpi/peers/${peerId}${more}`;
  return {
    /** A session of a partner's driver at one of our chargers, booked. */
    async sell(id: number, user: string, more: Parameters<typeof session>[1] = {}): Promise<void> {
      await storeLines(api.store, [session(id, { garage: 'AdO1', user, kWh: '10', ...more })]);
      await processAll(api.store);
    },
    /** Gives every site of ours the location that CDRs wait for. */
    async locateSites(): Promise<void> {
      const { rows } = await api.store.pool.query("SELECT id FROM site WHERE kind = 'own'");
      for (const { id } of rows) expect((await api.call('ops', 'PUT', `/v1/ocpi/locations/${id}`, siteLocation)).status).toBe(200);
    },
    /** Sends what waits for a peer, to the end. */
    async push(peerId: string): Promise<void> {
      const { body } = await api.call('ops', 'POST', at(peerId, '/retry'), { reason: 'mended' });
      await api.client.workflow.getHandle(body.workflowId).result();
    },
    async overview(peerId: string) {
      return (await api.call('ops', 'GET', at(peerId))).body;
    },
    async deliveries(peerId: string, state: string) {
      return (await api.call('ops', 'GET', at(peerId, `/deliveries?state=${state}`))).body.items;
    },
  };
}
