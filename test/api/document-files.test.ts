import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import { signIn } from '../support/console.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

let api: ApiUnderTest;
let ids: ReadonlyMap<string, string>;
const get = (path: string, user = 'auditor') => api.call(user, 'GET', path);

beforeAll(async () => {
  api = await startApi();
  await storeLines(api.store, [session(1, { user: 'Bl2-1' }), session(2, { user: 'AdA6-1' })]);
  await processAll(api.store);
  await issueRun(api.store, await closeSet(api.store, '2019-12'), '2020-01-07');
  const { rows } = await api.store.pool.query<{ id: string; strategy: string }>('SELECT d.id, a.strategy FROM document d JOIN account a ON a.id = d.account_id');
  ids = new Map(rows.map((r) => [r.strategy, r.id]));
});
afterAll(() => api.stop());

it('an issued document is to be had as JSON, as PDF and as e-invoice, by the API and at the console', async () => {
  const id = ids.get('fleetInvoice');
  expect((await get(`/v1/documents/${id}.json`)).body).toMatchObject({ documentId: id, state: 'issued' });
  const pdf = await get(`/v1/documents/${id}.pdf`);
  expect([pdf.status, pdf.headers.get('content-type'), pdf.body.slice(0, 5)]).toEqual([200, 'application/pdf', '%PDF-']);
  expect(pdf.headers.get('content-disposition')).toMatch(/^inline; filename="2020-00000\d\.pdf"$/);
  const xml = await get(`/v1/documents/${id}.xml`);
  expect([xml.status, xml.headers.get('content-type')]).toEqual([200, 'application/xml; charset=utf-8']);
  expect(xml.body).toContain('<cbc:ID>SE:BANKGIRO</cbc:ID>');
  expect(xml.body).toContain('Godkänd för F-skatt');
  const person = await signIn(api, 'auditor');
  expect((await person.get(`/documents/${id}`)).body).toContain(`href="/documents/${id}.pdf"`);
  expect((await person.get(`/documents/${id}.pdf`)).body.slice(0, 5)).toBe('%PDF-');
  expect((await person.get(`/documents/${id}.xml`)).body).toBe(xml.body);
  // Nobody gets a file who may not look.
  expect((await api.call(undefined, 'GET', `/v1/documents/${id}.pdf`)).status).toBe(401);
  expect((await api.call('partner', 'GET', `/v1/documents/${id}.pdf`)).status).toBe(403);
  expect((await api.call(undefined, 'GET', `/documents/${id}.pdf`)).body).not.toContain('%PDF-');
});

it('what cannot be given says why: no e-invoice of a driver, no file of a draft, no document of that id', async () => {
  const driver = await get(`/v1/documents/${ids.get('driverInvoice')}.xml`);
  expect(driver.body).toMatchObject({ status: 422, code: 'notAnEInvoice', detail: expect.stringContaining('has no address for e-invoices') });
  expect((await get('/v1/documents/doc_none.pdf')).status).toBe(404);
  await api.store.pool.query(
    "INSERT INTO document (id, run_id, group_name, account_id, entity_id, type, state, currency, net_minor, vat_minor, rounding_minor, payable_minor, energy_wh, charge_count, content_hash) SELECT 'doc_draft', run_id, group_name, account_id, entity_id, type, 'draft', currency, 0, 0, 0, 0, 0, 0, content_hash FROM document LIMIT 1",
  );
  expect((await get('/v1/documents/doc_draft.pdf')).body).toMatchObject({ status: 409, code: 'notIssued' });
});
