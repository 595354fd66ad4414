import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { verifyProof } from '../../src/core/seal/blocks.ts';
import { workflowNames } from '../../src/workflows/messages.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { processAll, session, storeCdrs, storeLines } from '../support/intake.ts';

let api: ApiUnderTest;

beforeAll(async () => {
  api = await startApi(async () => filesErp('/nonexistent'));
  const cdrs = readFileSync(new URL('../../data/ocpi/cdrs.ndjson', import.meta.url), 'utf8')
    .trim()
    .split('\n');
  await storeCdrs(api.store, cdrs.slice(0, 40));
  await storeLines(
    api.store,
    ['AdO3-2', 'Bl2-1', 'NR1-3', 'Share-2'].map((user, i) => session(i, { user })),
  );
  // A correction, and one that waits.
  await storeLines(api.store, [session(1, { user: 'Bl2-1', kWh: '11,25' }), session(99, { user: 'Nobody' })]);
  await processAll(api.store);
});
afterAll(() => api.stop());

describe('the JSON Schema of the charge record', () => {
  it('is published without a key, and every sealed record is valid by it', async () => {
    const { status, headers, body } = await api.call(undefined, 'GET', '/schemas/charge-record/1.json');
    expect([status, headers.get('content-type')]).toEqual([200, 'application/schema+json']);
    const ajv = new Ajv2020({ allErrors: true });
    addFormats.default(ajv);
    const validate = ajv.compile(body);
    const { rows } = await api.store.pool.query<{ canonical: Buffer }>('SELECT canonical FROM charge_record');
    expect(rows.length).toBeGreaterThan(40);
    for (const { canonical } of rows) {
      const record = JSON.parse(canonical.toString('utf8'));
      expect(record.schema).toBe(body.$id);
      expect(validate(record), ajv.errorsText(validate.errors)).toBe(true);
      expect(validate({ ...record, extra: 1 })).toBe(false);
      expect(validate({ ...record, facts: { ...record.facts, energyWh: '1' } })).toBe(false);
    }
  });
});

describe('the proof of a record', () => {
  const proofOf = async (id: string, user = 'auditor', query = '') => (await api.call(user, 'GET', `/v1/records/${encodeURIComponent(id)}/proof${query}`)).body;

  it('is pending while no block holds the record, and for one that is not sealed', async () => {
    expect(await proofOf('csms/se*wlt*1')).toEqual({ status: 'pending' });
    expect(await proofOf('csms/se*wlt*99')).toEqual({ status: 'pending' });
    expect(await proofOf('csms/se*wlt*12345')).toMatchObject({ status: 404, detail: 'There is no record "csms/se*wlt*12345".' });
    // Its country is not cut to that of another.
    expect(await proofOf('csms/sex*wlt*1')).toMatchObject({ status: 404, detail: 'There is no record "csms/sex*wlt*1".' });
    expect(await proofOf('csms/se*wlt*1', 'partner')).toMatchObject({ status: 404 });
  });

  it('is refused for a revision that was never sealed, as that revision is', async () => {
    const unknown = { status: 404, detail: 'Record "csms/se*wlt*1" has no sealed revision 9.' };
    expect(await proofOf('csms/se*wlt*1', 'auditor', '?revision=9')).toMatchObject(unknown);
    expect((await api.call('auditor', 'GET', `/v1/records/${encodeURIComponent('csms/se*wlt*1')}?revision=9`)).body).toMatchObject(unknown);
  });

  it('can be checked by anyone once the sealer ran, for the current revision and for an earlier one', async () => {
    const taskQueue = api.client.options.namespace;
    const sealed = await api.client.workflow.execute(workflowNames.blockSealer, { taskQueue, workflowId: 'sealer', args: [{ forMs: 0 }] });
    expect(sealed).toEqual({ blocks: 1, records: 45 });
    for (const [query, revision] of [
      ['', 2],
      ['?revision=1', 1],
    ] as const) {
      const view = await proofOf('csms/se*wlt*1', 'auditor', query);
      expect(view).toMatchObject({ status: 'sealed', revision, proof: { block: { height: '1', count: 45 } } });
      const { rows } = await api.store.pool.query("SELECT canonical FROM charge_record WHERE session_key = 'csms/se*wlt*1' AND revision = $1", [revision]);
      expect(verifyProof(rows[0].canonical, view.proof, view.blockHash)).toBe(true);
    }
    expect(await proofOf('csms/se*wlt*99')).toEqual({ status: 'pending' });
  });
});

describe('a record read again', () => {
  const again = (user: string, id: string, query = '') => api.call(user, 'GET', `/v1/records/${encodeURIComponent(id)}/renormalised${query}`);

  it('shows ops and auditors how the present parser reads each revision’s message', async () => {
    expect((await again('auditor', 'csms/se*wlt*1')).body).toMatchObject({ revision: 2, status: 'same', differences: [] });
    expect((await again('ops', 'csms/se*wlt*1', '?revision=1')).body).toMatchObject({ revision: 1, status: 'same' });
    const { rows } = await api.store.pool.query("SELECT record_id FROM charge_record WHERE source_id = 'ocpi-peer' LIMIT 1");
    expect((await again('ops', String(rows[0].record_id))).body).toMatchObject({ revision: 1, status: 'same' });
  });

  it('is for them alone, and only for what is sealed', async () => {
    for (const user of ['partner', 'preparer']) expect((await again(user, 'csms/se*wlt*1')).status).toBe(403);
    expect((await again('ops', 'csms/se*wlt*99')).body).toMatchObject({ status: 404, detail: expect.stringContaining('no such sealed revision') });
    expect((await again('ops', 'csms/se*wlt*1', '?revision=9')).status).toBe(404);
  });
});

describe('the charges of a session', () => {
  it('are explained one by one, reversed ones too, with what the session earned in the books', async () => {
    const { body } = await api.call('auditor', 'GET', `/v1/records/${encodeURIComponent('csms/se*wlt*1')}/charges`);
    // Sold, shared; both taken back; sold and shared anew.
    expect(body.charges.map((c: { role: string; live: boolean }) => [c.role, c.live])).toEqual([
      ['driverSale', false],
      ['siteShareEstimate', false],
      ['driverSale', false],
      ['siteShareEstimate', false],
      ['driverSale', true],
      ['siteShareEstimate', true],
    ]);
    const [sale, share] = body.charges.slice(-2);
    expect(sale.explanation.sentence).toMatch(/^Sold to a driver, ENERGY\/\d: 11\.25 kWh at \d\.\d\d SEK per kWh, by clause sale of contract ctr_driver_16 version 1; /);
    expect(share.explanation.clause.terms).toEqual({ kind: 'netShare', id: 'share', percent: '12.5' });
    const cents = (text: string) => Math.round(Number(text) * 100);
    expect(cents(body.margin.margin)).toBe(cents(body.margin.sold) - cents(body.margin.shared));
    expect((await api.call('auditor', 'GET', `/v1/charges/${sale.chargeId}`)).body).toEqual(sale);
    expect((await api.call('auditor', 'GET', '/v1/charges/999999')).status).toBe(404);
    expect((await api.call('partner', 'GET', `/v1/charges/${sale.chargeId}`)).status).toBe(403);
  });
});

describe('a source that there is not', () => {
  it('is told from one that is quiet', async () => {
    for (const route of [
      'latency',
      'register-gaps',
      'expectations',
      'losses?month=2019-12',
      'evidence?month=2019-12',
      'control-totals?month=2019-12',
      'sweeps',
      'webhook-secrets',
      'watermarks',
      'rules',
    ]) {
      const { status, body } = await api.call('ops', 'GET', `/v1/sources/nope/${route}`);
      expect([route, status, body.detail]).toEqual([route, 404, 'There is no source "nope".']);
    }
    expect((await api.call('ops', 'POST', '/v1/sources/nope/sweeps', {})).body).toMatchObject({ status: 404, detail: 'There is no source "nope".' });
  });
});
