import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeApi } from '../../src/api/app.ts';
import { closeRun } from '../../src/store/cycle/close-run.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

type Parameter = { readonly name: string; readonly in: string; readonly required?: boolean; readonly schema: { readonly enum?: readonly string[] } };
type Described = Readonly<Record<string, { readonly get?: { readonly parameters?: readonly Parameter[] } }>>;
const paths: Described = JSON.parse(JSON.stringify(describeApi())).paths;

let api: ApiUnderTest;
let runId: string;
beforeAll(async () => {
  api = await startApi();
  await storeLines(api.store, [session(1, { user: 'Bl2-1' }), session(2, { user: 'AdA6-1' }), session(3, { user: 'nobody' })]);
  await processAll(api.store);
  runId = await closeSet(api.store, '2019-12');
  await issueRun(api.store, runId, '2020-01-07', true);
  for (const state of ['handingOver', 'reconciled'] as const) await api.store.tx((db) => advanceRun(db, runId, state));
  await api.store.tx((db) => closeRun(db, runId));
});
afterAll(() => api.stop());

// `call` itself throws for whatever is not as it is described.
it('every route that is read answers what its description says, of all there is', async () => {
  const one = async (sql: string) => String(Object.values((await api.store.pool.query(sql)).rows[0] ?? { none: 'none' })[0]);
  const idOf: Readonly<Record<string, string>> = {
    records: await one("SELECT record_id FROM record_head WHERE state = 'booked'"),
    charges: await one('SELECT min(charge_id) FROM charge_identity'),
    documents: await one('SELECT min(id) FROM document'),
    accounts: await one("SELECT account_id FROM document WHERE type = 'invoice'"),
    sites: await one('SELECT min(id) FROM site'),
    contracts: await one('SELECT min(id) FROM contract'),
    'tariff-versions': await one('SELECT min(id) FROM tariff_version'),
    parties: await one('SELECT min(id) FROM party'),
    sources: 'csms',
    entities: 'ent_se',
  };
  const named: Readonly<Record<string, string>> = {
    runId,
    entityId: 'ent_se',
    sourceId: 'csms',
    accountId: idOf['accounts'] ?? '',
    connectionId: await one('SELECT min(id) FROM erp_connection'),
    month: '2019-12',
    form: 'manifest',
    against: 'lastMonth',
  };
  const unanswered: string[] = [];
  for (const [path, { get }] of Object.entries(paths)) {
    if (get === undefined) continue;
    const at = path.replace(/([\w-]+)\/\{(\w+)\}/g, (_, list, name) => `${list}/${encodeURIComponent(named[name] ?? idOf[list] ?? 'none')}`).replace(/\{month\}/, '2019-12');
    const needed = (get.parameters ?? []).filter((p) => p.in === 'query' && p.required).map((p) => `${p.name}=${named[p.name] ?? p.schema.enum?.[0]}`);
    if (path.startsWith('/v1/trace')) needed.push(`run=${runId}`);
    const { status } = await api.call('admin', 'GET', `${at}?${needed.join('&')}`);
    if (status !== 200) unanswered.push(`${path} ${status}`);
  }
  // What nothing here made is asked for where it is made.
  expect(unanswered).toEqual([
    '/v1/imports/{batchId} 404',
    '/v1/sources/{sourceId}/connection 404',
    '/v1/sources/{sourceId}/statement-layout 404',
    '/v1/runs/{runId}/diff 404',
    '/v1/exclusion-rules/{ruleId} 404',
    '/v1/exclusion-rules/{ruleId}/hits 404',
    '/v1/documents/{id}/invoice-reconciliation 422',
    '/v1/rebills/{id} 404',
    '/v1/print-batches/{batchId}/manifest 404',
    '/v1/payments/{paymentId} 404',
    '/v1/payments/{paymentId}/file 404',
    '/v1/fleet-units/{id} 404',
    '/v1/set-up/loads/{id} 404',
    '/v1/price-series/{id}/points 404',
    '/v1/price-series/{id}/gaps 404',
    '/v1/ocpi/peers/{peerId} 404',
    '/v1/ocpi/peers/{peerId}/deliveries 404',
  ]);
});

it('a field that may be left out of a request is described as one', async () => {
  expect((await api.call('ops', 'PUT', `/v1/accounts/acc_emsp_aurora/partner-rules`, { rules: { minEnergyWh: 100 }, reason: 'they refuse less' })).status).toBe(200);
  expect((await api.call('approver', 'PUT', '/v1/entities/ent_se/document-rules', { rules: { late: { driver: { policy: 'separateInvoice' } } }, reason: 'apart from the next' })).status).toBe(200);
});
