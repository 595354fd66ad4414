import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archiveDocuments } from '../../src/activities/archive-documents.ts';
import { authorityTasks } from '../../src/contracts/document-rules.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import { cursorAt } from '../../src/store/reads/page.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import { onAllPages, type Person, signIn, textOf } from '../support/console.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

let api: ApiUnderTest;
let preparer: Person;
let approver: Person;
const text = async (person: Person, path: string) => textOf((await person.get(path)).body);
const rows = async (sql: string) => (await api.store.pool.query(sql)).rows;

beforeAll(async () => {
  api = await startApi(undefined, {
    setUp: (seed) => {
      seed.drivers['card'] = 'CARD-1';
    },
  });
  await api.store.pool.query("UPDATE account SET strategy = 'cardReceipt' WHERE id = 'acc_driver_card'");
  await storeLines(api.store, [session(1, { garage: 'Bl2', kWh: '40' }), session(2, { garage: 'Bl2', user: 'CARD-1', kWh: '20' })]);
  await processAll(api.store);
  const runId = await closeSet(api.store, '2019-12');
  await api.store.tx((db) => closeOwnerSet(db, runId));
  await issueRun(api.store, runId, '2020-01-07');
  await archiveDocuments(api.store, runId, 'all');
  const ours = (['settlementStatement', 'selfBilling', 'selfBillingCredit'] as const).flatMap((type) =>
    authorityTasks.map((task) => ({ type, task, authority: task === 'outgoingPayment' || task === 'number' ? 'wattledger' : 'erp' })),
  );
  expect((await api.call('approver', 'PUT', '/v1/entities/ent_se/document-rules', { rules: { authorities: ours }, reason: 'we pay owners ourselves' })).status).toBe(200);
  const proposed = await api.call('preparer', 'PUT', '/v1/accounts/acc_brf_north/payee-bank-account', { scheme: 'bankgiro', number: '50501055', reason: 'by letter of January' });
  expect((await api.call('approver', 'POST', `/v1/set-up/proposals/${proposed.body.proposalId}/decision`, { decision: 'publish', comment: 'called back' })).status).toBe(200);
  preparer = await signIn(api, 'preparer');
  approver = await signIn(api, 'both');
});
afterAll(() => api.stop());

describe('payments on the console', () => {
  it('are proposed by one and approved by another, who then fetches the file for the bank', async () => {
    expect(await text(preparer, '/payments')).toContain('Nothing was proposed yet.');
    const wanted = { entityId: 'ent_se', currency: '', dueUntil: '2020-12-31', executeOn: '2020-03-02', format: 'pain.001.001.03', reason: 'due in February' };
    const made = await preparer.order('/payments/propose', wanted);
    expect(made.status).toBe(303);
    const path = made.headers.get('location') ?? '';
    expect(await text(preparer, path)).toContain('You proposed it: somebody else has to decide.');
    expect((await preparer.get(`${path}/approve`)).status).toBe(403);
    const page = (await approver.get(path)).body;
    for (const words of ['bankgiro …1055', 'acc_brf_north', 'Approve']) expect(textOf(page)).toContain(words);
    expect([(await preparer.get(`${path}/file`)).status, (await approver.get(`${path}/file`)).status]).toEqual([403, 409]);
    const [contentHash = ''] = /[0-9a-f]{64}/.exec(page) ?? [];
    // Another content than what was shown is refused, above the form.
    const stale = await approver.order(`${path}/approve?contentHash=${'0'.repeat(64)}`, { contentHash: '0'.repeat(64), comment: 'compared' });
    expect([stale.status, textOf(stale.body)]).toEqual([409, expect.stringContaining('has another content than the hash')]);
    expect((await approver.order(`${path}/approve?contentHash=${contentHash}`, { contentHash, comment: 'compared with the statements' })).status).toBe(303);
    const payer = await signIn(api, 'approver');
    const file = await payer.get(`${path}/file`);
    expect([file.status, file.body]).toEqual([200, expect.stringContaining('pain.001.001.03')]);
    expect(await text(approver, '/payments')).toContain('approved');
  });

  it('show what failed at a card, and ask again once it is mended', async () => {
    const before = await text(preparer, '/payments');
    expect(before).toContain('there is nothing by which the payment provider knows the card');
    const [{ document_id: id }] = await rows('SELECT document_id FROM card_payment');
    await api.call('preparer', 'PUT', '/v1/accounts/acc_driver_card/card', { reference: 'tok_1' });
    expect((await preparer.order(`/payments/cards/${id}/retry`, { reason: 'a reference came' })).status).toBe(303);
    const after = await text(preparer, '/payments');
    expect(after).not.toContain('there is nothing by which');
    expect(after).toContain('tok_1');
    expect((await preparer.get('/payments/cards.csv?entityId=ent_se')).body).toContain(`${id}-2,capture,stored,tok_1`);
  });
});

describe('payments and cards beyond a page', () => {
  it('are all to be had, on the console as by the API', async () => {
    await rows(`INSERT INTO payment SELECT (jsonb_populate_record(NULL::payment, to_jsonb(p) || jsonb_build_object('id', 'pay_more_' || n, 'state', 'proposed', 'decided_by', NULL))).*
      FROM (SELECT * FROM payment LIMIT 1) p, generate_series(1, 210) n`);
    const [{ n }] = await rows('SELECT count(*)::integer AS n FROM payment');
    expect(new Set(await onAllPages(preparer, '/payments', /href="\/payments\/(pay_[^"/]+)"/g)).size).toBe(n);
    const first = (await api.call('auditor', 'GET', '/v1/payments?entityId=ent_se&limit=200')).body;
    const rest = (await api.call('auditor', 'GET', `/v1/payments?entityId=ent_se&limit=200&cursor=${first.nextCursor}`)).body;
    expect([first.items.length + rest.items.length, rest.nextCursor]).toEqual([n, null]);
    // What failed and what is asked turn apart.
    const beyond = (state: string, latestOnly: boolean) => cursorAt(['card payments', undefined, state, undefined, undefined, latestOnly], 'zzz');
    expect(await text(preparer, `/payments?failed=${beyond('failed', true)}`)).toContain('tok_1');
    const turned = (await preparer.get(`/payments?requested=${beyond('requested', false)}`)).body;
    expect(textOf(turned)).not.toContain('tok_1');
    expect(turned).toContain('<a href="/payments">First page</a>');
  });
});

describe('deliveries on the console', () => {
  it('are gathered for print, sent, and sent again when they come back', async () => {
    const queued = await rows("SELECT document_id FROM document_delivery WHERE channel = 'print' AND state = 'queued'");
    expect(queued.length).toBeGreaterThan(0);
    expect(await text(preparer, '/deliveries?channel=print&state=queued')).toContain('2020-000001');
    const made = await preparer.order('/deliveries/batches/make', { entityId: 'ent_se' });
    const path = made.headers.get('location') ?? '';
    expect(path).toMatch(/^\/deliveries\/batches\/print_/);
    expect(await text(preparer, path)).toContain('has not taken it yet');
    const manifest = JSON.parse(JSON.stringify((await preparer.get(`${path}/manifest.json`)).body));
    expect(manifest.documents).toBeGreaterThan(0);
    expect((await preparer.order(`${path}/sent`, {})).status).toBe(303);
    const [{ documentId }] = manifest.items;
    const note = (state: string) => preparer.order(`/deliveries/${documentId}/note`, { state, detail: 'the post says so' });
    expect((await note('returned')).status).toBe(303);
    expect(await text(preparer, '/deliveries?state=returned')).toContain('the post says so');
    expect([(await note('sent')).status]).toEqual([409]);
    expect((await note('queued')).status).toBe(303);
    expect(await rows(`SELECT state, attempt, batch_id FROM document_delivery WHERE document_id = '${documentId}'`)).toEqual([{ state: 'queued', attempt: 2, batch_id: null }]);
    const auditor = await signIn(api, 'auditor');
    expect((await auditor.get('/deliveries')).body).not.toContain('say what became of it');
    expect((await auditor.get(`/deliveries/${documentId}/note`)).status).toBe(403);
  });

  it('in batches that are all to be had, each once, those of one instant too', async () => {
    await rows("INSERT INTO print_batch (id, entity_id, author, made_at) SELECT 'print_old_' || n, 'ent_se', 'preparer', '2019-01-01' FROM generate_series(1, 230) n");
    const [{ n }] = await rows('SELECT count(*)::integer AS n FROM print_batch');
    const shown = await onAllPages(preparer, '/deliveries?state=returned', /href="\/deliveries\/batches\/(print_[^"/]+)"/g);
    expect([shown.length, new Set(shown).size]).toEqual([n, n]);
    // Deliveries and batches turn apart, and the filter stays.
    const beyond = (await preparer.get(`/deliveries?state=queued&batches=${cursorAt('print batches', 'print_old_1')}`)).body;
    expect(beyond).toContain('href="/deliveries?state=queued">First page</a>');
  });
});

describe('postings on the console', () => {
  it('that wait for a decision are counted, and shown alone, however many others are on their way', async () => {
    const [first, last] = [await rows('SELECT key FROM erp_posting ORDER BY key LIMIT 1'), await rows('SELECT key FROM erp_posting ORDER BY key DESC LIMIT 1')].map(([r]) => r.key as string);
    await api.store.pool.query("UPDATE erp_posting SET state = 'refused', answer = 'the customer is blocked' WHERE key = $1", [last]);
    const page = (await preparer.get('/erp')).body;
    expect(textOf(page)).toContain('1 posting to decide on: show these alone');
    expect(page).toContain(`/erp/${encodeURIComponent(last ?? '')}/retry`);
    const alone = await preparer.get('/erp?only=undecided');
    expect([alone.status, textOf(alone.body)]).toEqual([200, expect.stringContaining('the customer is blocked')]);
    const shown = (html: string) => html.split('aria-label="Connections"')[0]?.match(/class="state/g)?.length ?? 0;
    expect([first === last, shown(alone.body), shown(page) > 1]).toEqual([false, 1, true]);
  });

  it('are not said to be all in the ERP where only a later page has become empty', async () => {
    const beyond = cursorAt(['postings', ['refused', 'held', 'unknown', 'queued', 'drafted', 'posted', 'sending'], true, undefined, undefined, undefined], 'zzz');
    const text = textOf((await preparer.get(`/erp?cursor=${beyond}`)).body);
    expect([text.includes('Everything is in the ERP'), text.includes('Nothing more')]).toEqual([false, true]);
  });
});

describe('the first page', () => {
  it('shows a run that is open behind a page of later ones, live before dry, and says how many more there are', async () => {
    const planned = async (id: string, state: string, kind: string, daysAgo: number) =>
      api.store.pool.query(
        `INSERT INTO billing_run SELECT (jsonb_populate_record(r, jsonb_build_object('id', $1::text, 'workflow_id', $1::text, 'label', $1::text, 'state', $2::text, 'kind', $3::text, 'planned_at', now() - $4 * interval '1 day', 'closed_at', NULL))).*
         FROM billing_run r WHERE id = 'run_ent_se_2019-12_live'`,
        [id, state, kind, daysAgo],
      );
    await planned('2019-Q3', 'collecting', 'live', 40);
    for (let i = 0; i < 60; i++) await planned(`closed${i}`, 'closed', 'dry', 1);
    for (let i = 0; i < 15; i++) await planned(`dry${i}`, 'previewing', 'dry', 0);
    const waits = (await text(preparer, '/')).split('Quarantine by cause')[0] ?? '';
    expect(waits).toContain('2019-Q3, ');
    expect(waits).not.toContain('closed1');
    expect(waits.match(/dry\d+, /g)).toHaveLength(10);
    expect(waits).toContain('5 more open runs: see all runs below.');
  });
});
