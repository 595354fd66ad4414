import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { cliOf } from '../support/cli.ts';
import { processAll, storeCdrs } from '../support/intake.ts';
import { cdrOfPeer } from '../support/ocpi-calls.ts';
import { OcpiPeer } from '../support/ocpi-peer.ts';

let api: ApiUnderTest;
const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-statements-'));
const at = '/v1/sources/ocpi-peer';
/** As a hub writes it: a preamble, its own names, decimal commas, dates as in France. */
const statement = (...lines: string[]) => ['Relevé de décembre;;;;;', 'Date;Opérateur;Nb CDR;Energie (kWh);Montant HT;Devise', ...lines].join('\r\n');
const good = statement('05/12/2019;NO*NRD;1;10,500;31,00;SEK', '05/12/2019;DK*OTH;1;10,500;31,00;SEK', '06/12/2019;NO*NRD;2;21,000;62,00;SEK');
const layout = {
  per: 'day',
  columns: { on: 'Date', count: 'Nb CDR', energy: 'Energie (kWh)', amount: 'Montant HT', currency: 'Devise', party: 'Opérateur' },
  dateFormat: 'DD/MM/YYYY',
  energyUnit: 'kWh',
  decimal: ',',
  skipLines: 1,
};
const put = (user = 'ops', more: object = {}) => api.call(user, 'PUT', `${at}/statement-layout`, { layout: { ...layout, ...more }, reason: 'as the hub writes it' });
const load = (text: string, query = '', user = 'ops') => api.call(user, 'POST', `${at}/statements${query}`, text, { 'content-type': 'text/csv' });
const kept = async () => (await api.call('auditor', 'GET', `${at}/control-totals?month=2019-12`)).body.items;

beforeAll(async () => {
  api = await startApi();
  const nordic = new OcpiPeer();
  const other = new OcpiPeer();
  other.party = { country_code: 'DK', party_id: 'OTH' };
  const cdr = (peer: OcpiPeer, id: string, day: number, hour = 10) => {
    const time = (h: number) => `2019-12-0${day}T${String(h).padStart(2, '0')}:00:00Z`;
    const periods = [{ start_date_time: time(hour), dimensions: [{ type: 'ENERGY', volume: 10.5 }] }];
    return JSON.stringify(cdrOfPeer(peer, id, { start_date_time: time(hour), end_date_time: time(hour + 1), charging_periods: periods }));
  };
  await storeCdrs(api.store, [cdr(nordic, 'N1', 5), cdr(other, 'D1', 5, 14), cdr(nordic, 'N2', 6)]);
  await processAll(api.store);
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('a statement file of a hub', () => {
  it('wants its layout set up first, by ops or an admin, each version known', async () => {
    expect((await load(good)).body).toMatchObject({ status: 404, detail: expect.stringContaining('PUT /v1/sources/ocpi-peer/statement-layout') });
    expect((await put('partner')).status).toBe(403);
    expect((await put('ops', { decimal: ';' })).status).toBe(422);
    expect((await put()).body).toEqual({ version: 1, changed: true });
    expect((await put()).body).toEqual({ version: 1, changed: false });
    expect((await api.call('auditor', 'GET', `${at}/statement-layout`)).body).toMatchObject({ version: 1, author: 'ops', layout: { origin: 'hub', encoding: 'utf-8' } });
  });

  it('is shown beside what arrived before anything is kept', async () => {
    const { status, body } = await load(good);
    expect([status, body.applied, body.lines, body.refused]).toEqual([200, false, 3, []]);
    expect(body.items).toMatchObject([
      { on: '2019-12-05', party: 'DK*OTH', change: 'stated', status: 'equal', origin: 'hub' },
      { on: '2019-12-05', party: 'NO*NRD', change: 'stated', status: 'equal', stated: { count: 1, energyWh: '10500', amount: '31.0000' }, received: { count: 1, energyWh: '10500', amount: '31' } },
      { on: '2019-12-06', party: 'NO*NRD', change: 'stated', status: 'differs', difference: { count: -1, energyWh: '-10500' } },
    ]);
    expect(await kept()).toEqual([]);
  });

  it('is not answered with what was shown when it is applied under the same Idempotency-Key', async () => {
    const once = (query: string) => api.call('ops', 'POST', `${at}/statements${query}`, good, { 'content-type': 'text/csv', 'idempotency-key': 'december' });
    const { digest } = (await once('')).body;
    expect(await once(`?apply=${digest}`)).toMatchObject({ status: 422, body: { code: 'idempotencyKeyReused' } });
    expect((await once('')).headers.get('idempotent-replay')).toBe('true');
  });

  it('is stated as it was shown, once; another file or layout than the one shown is refused', async () => {
    const { digest } = (await load(good)).body;
    expect(await load(`${good}\r\n`, `?apply=${digest}`)).toMatchObject({ status: 409, body: { code: 'staleHash' } });
    const done = (await load(good, `?apply=${digest}&fileName=december.csv`)).body;
    expect([done.applied, done.items.map((i: { change: string }) => i.change)]).toEqual([true, ['stated', 'stated', 'stated']]);
    expect((await load(good, `?apply=${digest}`)).body.items.map((i: { change: string }) => i.change)).toEqual(['repeated', 'repeated', 'repeated']);
    expect(await kept()).toMatchObject([
      { on: '2019-12-05', party: 'DK*OTH', origin: 'hub', version: 1, count: 1, energyWh: '10500', amount: '31.0000', currency: 'SEK', author: 'ops' },
      { on: '2019-12-05', party: 'NO*NRD', version: 1 },
      { on: '2019-12-06', party: 'NO*NRD', version: 1, count: 2 },
    ]);
    const { rows } = await api.store.pool.query("SELECT after FROM audit_event WHERE action = 'source.controlTotals'");
    expect(rows).toMatchObject([{ after: { statement: { digest, fileName: 'december.csv', layoutVersion: 1 } } }]);
  });

  it('that corrects an earlier one is the next version, and both are kept', async () => {
    const corrected = good.replace('06/12/2019;NO*NRD;2;21,000;62,00', '06/12/2019;NO*NRD;1;10,500;31,00');
    const { digest } = (await load(corrected)).body;
    expect((await load(corrected, `?apply=${digest}`)).body.items.map((i: { change: string; status: string }) => [i.change, i.status])).toEqual([
      ['repeated', 'equal'],
      ['repeated', 'equal'],
      ['corrected', 'equal'],
    ]);
    expect((await kept()).filter((t: { on: string }) => t.on === '2019-12-06').map((t: { version: number; count: number }) => [t.version, t.count])).toEqual([
      [1, 2],
      [2, 1],
    ]);
  });

  it('has its bad lines named by their number in the file, and is then not stated at all', async () => {
    const bad = statement('05/12/2019;NO*NRD;1;10.500;31,00;SEK', '31/11/2019;NO*NRD;1;10,500;31,00;SEK', '07/12/2019;NO*NRD;1;10,500;31,00');
    const { body } = await load(bad);
    expect(body.items).toEqual([]);
    expect(body.refused.map((r: { line: number }) => r.line)).toEqual([3, 4, 5]);
    expect(body.refused[1].errors).toEqual(['"31/11/2019" is no date as DD/MM/YYYY']);
    const before = (await kept()).length;
    expect(await load(bad, `?apply=${body.digest}`)).toMatchObject({ status: 422, body: { code: 'linesRefused', refused: expect.arrayContaining([expect.objectContaining({ line: 3 })]) } });
    expect(await kept()).toHaveLength(before);
  });

  it('is a partner’s own matter: its key reaches its own source alone', async () => {
    expect((await load(good, '', 'partner')).status).toBe(200);
    expect((await api.call('partner', 'POST', '/v1/sources/csms/statements', good, { 'content-type': 'text/csv' })).status).toBe(403);
    expect((await load(good, '', 'auditor')).status).toBe(403);
    expect((await load('', '')).status).toBe(422);
  });

  it('is shown and stated from the command line', { timeout: 120_000 }, async () => {
    const cli = await cliOf(api, 'ops');
    await put('ops', { per: 'month' });
    const file = path.join(folder, 'december.csv');
    writeFileSync(file, good.replace('06/12/2019;NO*NRD;2;21,000;62,00', '06/12/2019;NO*NRD;1;10,500;31,00'));
    const shown = await cli('statement', file, '--source', 'ocpi-peer');
    expect(shown).toMatchObject({ status: 0, stderr: '' });
    expect(shown.stdout).toContain('2019-12 NO*NRD  stated  equal  2 CDRs 21000 Wh 62.0000 SEK stated, 2 CDRs 21000 Wh 62 SEK arrived\n');
    expect(shown.stdout).toContain('3 lines, 2 totals; nothing is kept yet\n');
    expect((await cli('statement', file, '--source', 'ocpi-peer', '--apply')).stdout).toContain('3 lines, 2 totals; they are stated\n');
    writeFileSync(file, statement('06/12/2019;NO*NRD;one;1;1;SEK'));
    expect(await cli('statement', file, '--source', 'ocpi-peer', '--apply')).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/^line 3: Nb CDR: "one" is no number[\s\S]*1 lines refused; nothing is kept yet\n$/),
    });
    expect((await kept()).filter((t: { on: string }) => t.on === '2019-12')).toHaveLength(2);
  });
});
