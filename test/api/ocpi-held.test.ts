import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { workflowNames } from '../../src/workflows/messages.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { cliOf } from '../support/cli.ts';
import { signIn, textOf } from '../support/console.ts';
import { ocpiCall, peerSetUp } from '../support/ocpi-calls.ts';
import { OcpiPeer } from '../support/ocpi-peer.ts';
import { ocpiSales } from '../support/ocpi-sales.ts';

let api: ApiUnderTest;
let peer: OcpiPeer;
let sales: ReturnType<typeof ocpiSales>;
const push = () => sales.push('nordic');
const deliveries = (state: string) => sales.deliveries('nordic', state);
const overview = async () => (await sales.overview('nordic')).deliveries;
const rules = (body: object) => api.call('ops', 'PUT', '/v1/accounts/acc_emsp_aurora/partner-rules', { rules: body, reason: 'as the partner says' });
/** What the partner finds when it looks, of all or since an instant. */
const listed = async (from?: string): Promise<{ total_energy: number; last_updated: string }[]> => {
  const token = String(peer.calls.findLast((c) => c.path === '/credentials')?.body['token']);
  return (await ocpiCall(api, token, 'GET', `/ocpi/2.2.1/cdrs${from === undefined ? '' : `?date_from=${from}`}`)).body.data;
};
const sell = (id: number, kWh: string) => sales.sell(id, 'Share-1', { kWh });

beforeAll(async () => {
  api = await startApi(async () => filesErp('/nonexistent'));
  sales = ocpiSales(api);
  peer = await new OcpiPeer().start();
  const partners = [{ accountId: 'acc_emsp_aurora', countryCode: 'NO', partyId: 'NRD', sendFrom: '2019-12-01' }];
  await api.call('ops', 'PUT', '/v1/ocpi/peers/nordic', peerSetUp(peer, { partners }));
  await api.call('ops', 'POST', '/v1/ocpi/peers/nordic/registration', { versionsUrl: `${peer.url}/versions`, token: peer.newToken() });
  await sales.locateSites();
});
afterAll(async () => {
  await api.stop();
  await peer.stop();
});

describe('a CDR that its partner is known to refuse', () => {
  it('is held, with the reason and what to do, and is neither sent nor shown', async () => {
    for (const [lower, upper] of [
      ['minEnergyWh', 'maxEnergyWh'],
      ['minDurationS', 'maxDurationS'],
    ] as const)
      expect(await rules({ [lower]: 2, [upper]: 1 })).toMatchObject({ status: 422, body: { errors: [{ path: `rules.${lower}` }, { path: `rules.${upper}` }] } });
    expect((await rules({ minEnergyWh: 20_000 })).body).toEqual({ version: 1 });
    await sell(301, '10');
    await push();
    expect(peer.taken).toEqual([]);
    expect(await overview()).toMatchObject({ held: 1, queued: 0, sent: 0 });
    const [held] = await deliveries('held');
    expect(held).toMatchObject({ state: 'held', attempts: 0, sentAt: null, issues: [{ code: 'partnerRefuses', severity: 'blocks' }] });
    expect(held.issues[0].text).toMatch(
      /acc_emsp_aurora refuses CDRs with less energy in Wh: 10000, where 20000 holds\. Mend what the CDR says, settle the session by document, or correct the profile/,
    );
    expect(await listed()).toEqual([]);
    const page = textOf((await (await signIn(api, 'ops')).get('/ocpi-peers/nordic')).body);
    expect(page).toContain('1 held');
    expect(page).toContain('refuses CDRs with less energy in Wh: 10000');
  });

  it('stays so as long as the rules do, and goes out by the next round once they are mended', async () => {
    await push();
    expect(await overview()).toMatchObject({ held: 1, sent: 0 });
    await rules({ minEnergyWh: 15_000 });
    await push();
    expect((await deliveries('held'))[0].issues[0].text).toContain('where 15000 holds');
    // Its partner looks for what is new, and will not look back.
    const looked = new Date().toISOString();
    await rules({});
    await api.client.workflow.execute(workflowNames.ocpiRounds, { taskQueue: api.taskQueue, workflowId: 'ocpi-held' });
    await expect.poll(overview, { timeout: 20_000 }).toMatchObject({ held: 0, sent: 1, seen: 1 });
    expect(peer.taken).toMatchObject([{ total_energy: 10 }]);
    const [found] = await listed(looked);
    expect(found).toEqual(peer.taken[0]);
    expect(String(found?.last_updated) >= looked).toBe(true);
    expect(await listed(String(found?.last_updated))).toHaveLength(1);
  });

  it('is withdrawn when its session is corrected: what nobody has needs no credit', async () => {
    await rules({ minEnergyWh: 20_000 });
    await sell(302, '5');
    await push();
    await sell(302, '25');
    await push();
    expect(peer.taken.slice(1)).toMatchObject([{ total_energy: 25 }]);
    expect(await deliveries('withdrawn')).toMatchObject([{ kind: 'cdr', issues: [] }]);
    expect(await overview()).toMatchObject({ held: 0, queued: 0, sent: 2 });
  });

  it('keeps back what follows for its session; settled by document, none of it is ever sent', async () => {
    await rules({ credits: 'refuses' });
    await sell(302, '30');
    await push();
    const [credit] = await deliveries('held');
    expect(credit).toMatchObject({ kind: 'credit', issues: [{ code: 'partnerRefuses' }] });
    expect(await overview()).toMatchObject({ held: 1, queued: 1, sent: 2 });
    // Nor does it come by the list: who pulled the 30 kWh without the credit of the 25 would have both.
    expect((await listed()).map((sold) => sold.total_energy)).toEqual([10, 25]);
    const settle = (cdrId: string) => api.call('ops', 'POST', '/v1/ocpi/peers/nordic/by-document', { cdrIds: [cdrId], reason: 'on the invoice' });
    expect((await settle('WL-0-0')).status).toBe(422);
    expect((await settle(credit.cdrId)).body).toEqual({ withheld: 1 });
    await rules({});
    await push();
    expect(await overview()).toMatchObject({ held: 0, queued: 0, withheld: 2, sent: 2 });
    // What corrects it goes by document too.
    await sell(302, '31');
    await push();
    expect(await overview()).toMatchObject({ withheld: 4, sent: 2 });
    expect(peer.taken).toHaveLength(2);
  });
});

describe('from the command line', () => {
  it('deliveries are listed with their reasons, and one that is held is settled by document', { timeout: 120_000 }, async () => {
    const cli = await cliOf(api, 'ops');
    await rules({ minEnergyWh: 20_000 });
    await sell(303, '10');
    await push();
    const [{ cdrId }] = await deliveries('held');
    const held = await cli('ocpi', 'deliveries', 'nordic', '--state', 'held');
    expect(held).toMatchObject({ status: 1, stderr: '' });
    expect(held.stdout).toMatch(new RegExp(`^${cdrId}: held\n {2}${cdrId}: acc_emsp_aurora refuses CDRs with less energy in Wh: 10000, where 20000 holds`));
    expect(await cli('ocpi', 'list')).toMatchObject({ status: 1, stdout: expect.stringContaining('1 held') });
    expect(await cli('ocpi', 'by-document', 'nordic', cdrId)).toMatchObject({ status: 2, stderr: expect.stringContaining('reason') });
    expect(await cli('ocpi', 'by-document', 'nordic', cdrId, '--reason', 'on the invoice')).toEqual({ status: 0, stdout: '1 CDR is settled by document\n', stderr: '' });
    expect(await cli('ocpi', 'by-document', 'nordic', cdrId, '--reason', 'on the invoice')).toMatchObject({ status: 1, stderr: expect.stringContaining(`CDR ${cdrId} is not held for nordic`) });
    const withheld = await cli('ocpi', 'deliveries', 'nordic', '--state', 'withheld');
    expect([withheld.status, withheld.stdout.includes(`${cdrId}: withheld\n`)]).toEqual([0, true]);
  });
});
