import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archiveDocuments } from '../../src/activities/archive-documents.ts';
import { closeRun } from '../../src/store/cycle/close-run.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
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
  // Linked where there is one: a driver's invoice has nobody's address for it.
  const driver = ids.get('driverInvoice');
  expect((await person.get(`/documents/${id}`)).body).toContain(`href="/documents/${id}.xml"`);
  expect((await person.get(`/documents/${driver}`)).body).toContain(`href="/documents/${driver}.pdf"`);
  expect((await person.get(`/documents/${driver}`)).body).not.toContain('.xml"');
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
    "INSERT INTO document (id, run_id, group_name, account_id, entity_id, type, state, currency, net_minor, vat_minor, rounding_minor, payable_minor, energy_wh, charge_count, content_hash, strategy) SELECT 'doc_draft', run_id, group_name, account_id, entity_id, type, 'draft', currency, 0, 0, 0, 0, 0, 0, content_hash, strategy FROM document LIMIT 1",
  );
  expect((await get('/v1/documents/doc_draft.pdf')).body).toMatchObject({ status: 409, code: 'notIssued' });
  await api.store.pool.query("DELETE FROM document WHERE id = 'doc_draft'");
});

it('what was issued is archived: its files are the same bytes whatever is renamed later', async () => {
  const id = ids.get('fleetInvoice') ?? '';
  const { rows } = await api.store.pool.query<{ run_id: string; group_name: string; party_id: string }>(
    'SELECT d.run_id, d.group_name, a.party_id FROM document d JOIN account a ON a.id = d.account_id WHERE d.id = $1',
    [id],
  );
  const [{ run_id: runId, group_name: group, party_id: partyId } = { run_id: '', group_name: '', party_id: '' }] = rows;
  expect(await archiveDocuments(api.store, runId, group)).toBe(2);
  expect(await archiveDocuments(api.store, runId, group)).toBe(0);
  const before = (await get(`/v1/documents/${id}.xml`)).body;
  await api.store.pool.query("UPDATE party SET name = 'Renamed AB' WHERE id = $1", [partyId]);
  expect((await get(`/v1/documents/${id}.xml`)).body).toBe(before);
  expect(before).not.toContain('Renamed AB');
  expect((await (await signIn(api, 'auditor')).get(`/documents/${id}`)).body).toContain(`href="/documents/${id}.xml"`);
  // A driver has a PDF alone.
  const archived = await api.store.pool.query("SELECT subject_id, form FROM archived_file WHERE subject_kind = 'document'");
  const formsOf = (subject: string | undefined) => archived.rows.flatMap((f) => (f.subject_id === subject ? [f.form] : [])).sort();
  expect([formsOf(ids.get('driverInvoice')), formsOf(id)]).toEqual([['pdf'], ['pdf', 'xml']]);
  const sections = (await verifyAll(api.store)).sections.filter((s) => s.name === 'archived files');
  expect(sections).toEqual([{ name: 'archived files', checked: 3, problem: null, counts: {} }]);
});

it('the annex is a CSV of the sessions, and a closed run has its files; an open one says that it has none yet', async () => {
  const annex = await get(`/v1/documents/${ids.get('fleetInvoice')}.csv`);
  expect([annex.status, annex.headers.get('content-type')]).toEqual([200, 'text/csv; charset=utf-8']);
  const [head, row, ...rest] = annex.body.split('\r\n');
  expect(head).toBe('document,source,country_code,party_id,cdr_id,start,end,service_date,site,cost_center,unit,kwh,net,gross,currency');
  expect(row).toMatch(/^2020-00000\d,csms,SE,WLT,\d+,2019-12-\S+Z,2019-12-\S+Z,2019-12-/);
  expect(rest).toEqual(['']);
  expect((await get(`/v1/documents/${ids.get('fleetInvoice')}/invoice-reconciliation`)).body).toMatchObject({ status: 422, code: 'noSettlement' });
  const runId = 'run_ent_se_2019-12_live';
  expect((await get(`/v1/runs/${runId}/files/sie`)).body).toMatchObject({ status: 409, code: 'notClosed' });
  expect((await get('/v1/runs/run_none/files/sie')).status).toBe(404);
  for (const state of ['handingOver', 'reconciled'] as const) await api.store.tx((db) => advanceRun(db, runId, state));
  await api.store.tx((db) => closeRun(db, runId));
  const sie = await get(`/v1/runs/${runId}/files/sie`);
  expect([sie.status, sie.headers.get('content-disposition')]).toEqual([200, `attachment; filename="${runId}.si"`]);
  const manifest = (await get(`/v1/runs/${runId}/files/manifest`)).body;
  expect(manifest.files).toMatchObject([{ form: 'sie', sha256: sie.headers.get('x-content-sha256') }, { form: 'journal' }]);
  expect(manifest.totals).toMatchObject({ vouchers: 2 });
  expect(Number(manifest.totals.debit)).toBe(Number(manifest.totals.credit));
  expect((await api.call('partner', 'GET', `/v1/runs/${runId}/files/sie`)).status).toBe(403);
  const person = await signIn(api, 'auditor');
  expect((await person.get(`/runs/${runId}`)).body).toContain(`href="/runs/${runId}/files/sie"`);
  expect((await person.get(`/runs/${runId}/files/report`)).body.slice(0, 5)).toBe('%PDF-');
});

describe('delivery', () => {
  const queued = (query = '') => get(`/v1/deliveries?entityId=ent_se${query}`);
  it('goes as e-invoice where it can, else by e-mail where one is known, else on paper to an address', async () => {
    const { body } = await queued();
    expect(body.items.map((d: { accountId: string; channel: string; state: string; problem: string | null }) => [d.accountId.replace(/_\d+$/, ''), d.channel, d.state, d.problem]).sort()).toEqual([
      ['acc_driver', 'print', 'queued', 'addressMissing'],
      ['acc_fleet_taxi', 'peppol', 'queued', null],
    ]);
    // Nothing can be printed without an address.
    expect((await api.call('ops', 'POST', '/v1/print-batches', { entityId: 'ent_se' })).body).toEqual({ batchId: null, documents: 0 });
    await api.store.pool.query(`UPDATE party p SET address = '{"street": "Åvägen 1", "postalCode": "111 22", "city": "Lund"}' FROM account a WHERE a.party_id = p.id AND a.id LIKE 'acc_driver%'`);
    expect((await queued('&channel=print')).body.items).toMatchObject([{ problem: null }]);
  });

  it('on paper is a batch with a manifest of addressees, pages and sums, is sent once, and printed again when it comes back', async () => {
    const id = ids.get('driverInvoice') ?? '';
    const { batchId } = (await api.call('ops', 'POST', '/v1/print-batches', { entityId: 'ent_se' }, { 'idempotency-key': 'print-1' })).body;
    const manifest = (await get(`/v1/print-batches/${batchId}/manifest`)).body;
    const document = (await get(`/v1/documents/${id}`)).body;
    const pdf = await get(`/v1/documents/${id}.pdf`);
    expect(manifest).toMatchObject({
      documents: 1,
      pages: 2,
      sums: [{ currency: 'SEK', payable: document.payable }],
      items: [
        {
          no: 1,
          documentId: id,
          legalNumber: document.legalNumber,
          sha256: pdf.headers.get('x-content-sha256'),
          pages: 2,
          addressee: [expect.any(String), 'Åvägen 1', '111 22 Lund'],
          payable: document.payable,
          ocr: document.ocr,
          attempt: 1,
        },
      ],
    });
    expect((await api.call('auditor', 'POST', `/v1/print-batches/${batchId}/sent`)).status).toBe(403);
    expect((await api.call('ops', 'POST', `/v1/print-batches/${batchId}/sent`)).body).toEqual({ documents: 1 });
    expect((await api.call('ops', 'POST', `/v1/print-batches/${batchId}/sent`)).status).toBe(409);
    const note = (state: string) => api.call('ops', 'POST', `/v1/documents/${id}/delivery`, { state, detail: 'moved away' });
    expect((await note('returned')).status).toBe(200);
    expect((await note('sent')).body).toMatchObject({ status: 409, detail: expect.stringContaining('is returned: it cannot become sent') });
    expect((await note('queued')).status).toBe(200);
    const again = (await api.call('ops', 'POST', '/v1/print-batches', { entityId: 'ent_se' })).body;
    expect((await get(`/v1/print-batches/${again.batchId}/manifest`)).body.items).toMatchObject([{ documentId: id, attempt: 2, sha256: manifest.items[0].sha256 }]);
    const person = await signIn(api, 'auditor');
    expect((await person.get(`/documents/${id}`)).body).toContain('by print, 2 times');
  });

  it('on paper is not sent with its batch when nobody can be addressed any more: it is in no manifest, and waits', async () => {
    const id = ids.get('driverInvoice') ?? '';
    const [{ batchId }] = (await queued(`&documentId=${id}`)).body.items;
    const {
      rows: [party],
    } = await api.store.pool.query("UPDATE party p SET address = address - 'street' FROM account a JOIN document d ON d.account_id = a.id WHERE d.id = $1 AND p.id = a.party_id RETURNING p.id", [id]);
    expect((await get(`/v1/print-batches/${batchId}/manifest`)).body).toMatchObject({ documents: 0, items: [] });
    expect((await api.call('ops', 'POST', `/v1/print-batches/${batchId}/sent`)).body).toEqual({ documents: 0 });
    expect((await queued(`&documentId=${id}`)).body.items).toMatchObject([{ state: 'queued', batchId: null, problem: 'addressMissing' }]);
    await api.store.pool.query(`UPDATE party SET address = address || '{"street": "Åvägen 1"}' WHERE id = $1`, [party.id]);
    expect((await api.call('ops', 'POST', '/v1/print-batches', { entityId: 'ent_se' })).body).toMatchObject({ documents: 1 });
  });

  it('on paper is printed no more once it went by another way before its batch was sent', async () => {
    const id = ids.get('driverInvoice') ?? '';
    const [{ batchId }] = (await queued(`&documentId=${id}`)).body.items;
    expect((await api.call('ops', 'POST', `/v1/documents/${id}/delivery`, { state: 'sent', channel: 'email', detail: 'asked for it by e-mail' })).status).toBe(200);
    expect((await get(`/v1/print-batches/${batchId}/manifest`)).body).toMatchObject({ documents: 0, items: [] });
    expect((await api.call('ops', 'POST', `/v1/print-batches/${batchId}/sent`)).body).toEqual({ documents: 0 });
  });
});
