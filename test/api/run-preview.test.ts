import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addAdjustment } from '../../src/store/commands/adjust-run.ts';
import { planRun } from '../../src/store/commands/plan-run.ts';
import { addExclusion } from '../../src/store/commands/shape-run.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { decideRun } from '../../src/store/cycle/decide-run.ts';
import { issueDocuments } from '../../src/store/cycle/issue-documents.ts';
import { closeRecordSet } from '../../src/store/cycle/record-set.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import { cursorAt } from '../../src/store/reads/page.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { onAllPages, signIn } from '../support/console.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

let api: ApiUnderTest;
let november: string;
let december: string;
const by = { actor: 'preparer' };
const diff = async (against: string, more = '') => (await api.call('auditor', 'GET', `/v1/runs/${december}/diff?against=${against}${more}`)).body;
const rebuild = () => api.store.tx((db) => buildDocuments(db, december));
const adjust = (amountMinor: bigint) =>
  api.store.tx((db) =>
    addAdjustment(db, december, { accountId: 'acc_driver_18', amountMinor, vatCode: 'SE25', glAccount: '3740', costCenter: '100', description: 'Goodwill', reason: 'broken cable' }, by),
  );

async function bill(period: string): Promise<string> {
  const { store } = api;
  const { runId } = await store.tx((db) => planRun(db, { entityId: 'ent_se', period, by }));
  await store.tx((db) => advanceRun(db, runId, 'collecting'));
  await store.tx((db) => closeRecordSet(db, runId));
  await store.tx((db) => advanceRun(db, runId, 'previewing'));
  await store.tx((db) => buildDocuments(db, runId));
  await store.tx((db) => advanceRun(db, runId, 'inReview'));
  return runId;
}
/** Issues what stands in review: only what is issued is corrected by a later run. */
async function issue(runId: string): Promise<void> {
  const { store } = api;
  const { contentHash } = await store.tx((db) => buildDocuments(db, runId));
  const decided = await store.tx((db) => decideRun(db, { runId, approvalId: runId, decision: 'approve', contentHash, actor: 'approver', comment: 'looked at it' }));
  expect(decided).toEqual({ ok: true });
  await store.tx((db) => advanceRun(db, runId, 'issuing'));
  expect(await store.tx((db) => issueDocuments(db, runId, '2019-12-06'))).toMatchObject({ left: 0 });
}
const inNovember = (id: number, user: string, kWh: string) => session(id, { user, kWh, start: '05.11.2019 12:00', end: '05.11.2019 18:00' });

// By day a kWh costs 2.65, with VAT 3.3125; a session's gross is rounded, and its VAT taken out of it; invoices are in whole kronor.
beforeAll(async () => {
  api = await startApi();
  await storeLines(api.store, [inNovember(1, 'Bl2-1', '10'), inNovember(2, 'Bl2-2', '20')]);
  await processAll(api.store);
  november = await bill('2019-11');
  await issue(november);
  await storeLines(api.store, [
    session(11, { user: 'Bl2-1', kWh: '12' }),
    session(12, { user: 'Bl2-3', kWh: '5' }),
    inNovember(3, 'Bl2-1', '1').replace('05.11.2019', '06.11.2019').replace('05.11.2019', '06.11.2019'),
    inNovember(2, 'Bl2-2', '21'),
  ]);
  await processAll(api.store);
  december = await bill('2019-12');
});
afterAll(() => api.stop());

describe('GET /v1/runs/{runId}/diff', () => {
  it('explains each account and the total by causes that sum to the difference', async () => {
    const found = await diff('lastMonth');
    expect(found.against).toEqual({ runId: november, period: '2019-11', build: 1 });
    // 12 kWh instead of 10: 31.80 - 26.50. A kWh of November came late: 2.65. Payable 43.00 - 33.00, so VAT and rounding are 10.00 - 7.95 = 2.05.
    expect(found.items[0]).toMatchObject({
      accountId: 'acc_driver_16',
      before: { net: '26.50', payable: '33.00', energyWh: '10000' },
      after: { net: '34.45', payable: '43.00', energyWh: '13000' },
      difference: { documents: 0, net: '7.95', vat: '1.98', payable: '10.00', energyWh: '3000' },
      causes: [
        { cause: 'volume', payable: '5.30', energyWh: '2000' },
        { cause: 'late', payable: '2.65', energyWh: '1000' },
        { cause: 'vatAndRounding', payable: '2.05', energyWh: '0' },
      ],
    });
    // Its 20 kWh of November were 21: -53.00 + 55.65. It did not charge in December: -53.00. Payable 3.00 - 66.00 = -63.00.
    expect(found.items[1]).toMatchObject({
      accountId: 'acc_driver_17',
      causes: [
        { cause: 'correction', payable: '2.65', energyWh: '1000' },
        { cause: 'customerGone', payable: '-53.00', energyWh: '-20000' },
        { cause: 'vatAndRounding', payable: '-12.65', energyWh: '0' },
      ],
    });
    // 5 kWh are 16.56 with VAT of 3.31: net 13.25, payable 17.00.
    expect(found.items[2]).toMatchObject({
      accountId: 'acc_driver_18',
      causes: [
        { cause: 'newCustomer', payable: '13.25', energyWh: '5000' },
        { cause: 'vatAndRounding', payable: '3.75', energyWh: '0' },
      ],
    });
    // 99.00 before, 63.00 after: 5.30 + 2.65 + 2.65 + 13.25 - 53.00 - 6.85 = -36.00.
    expect(found.totals).toMatchObject([
      {
        currency: 'SEK',
        side: 'billed',
        before: { documents: 2, payable: '99.00' },
        after: { documents: 3, payable: '63.00' },
        difference: { documents: 1, payable: '-36.00', energyWh: '-11000' },
        causes: [
          { cause: 'volume', payable: '5.30', energyWh: '2000' },
          { cause: 'late', payable: '2.65', energyWh: '1000' },
          { cause: 'correction', payable: '2.65', energyWh: '1000' },
          { cause: 'newCustomer', payable: '13.25', energyWh: '5000' },
          { cause: 'customerGone', payable: '-53.00', energyWh: '-20000' },
          { cause: 'vatAndRounding', payable: '-6.85', energyWh: '0' },
        ],
      },
    ]);
  });

  it('compares with a run by its id, and pages without changing the totals', async () => {
    const whole = await diff(november);
    const first = await diff(november, '&limit=2');
    const rest = await diff(november, `&limit=2&cursor=${first.nextCursor}`);
    expect([...first.items, ...rest.items]).toEqual(whole.items);
    expect(rest.nextCursor).toBeNull();
    expect(first.totals).toEqual(whole.totals);
  });

  it.each([
    ['another run', 'runs/{december}/documents?', 'runs/{november}/documents?'],
    ['another account', 'runs/{december}/documents?', 'runs/{december}/documents?account=acc_driver_16&'],
    ['another strategy', 'runs/{december}/documents?strategy=driverInvoice&', 'runs/{december}/documents?strategy=cardReceipt&'],
    ['another run', 'runs/{december}/totals?by=account&', 'runs/{november}/totals?by=account&'],
    ['another run', 'runs/{december}/diff?against={november}&', 'runs/{november}/diff?against={december}&'],
    ['another comparison', 'runs/{december}/diff?against={november}&', 'runs/{december}/diff?against={december}&'],
    ['another state', 'records?', 'records?state=booked&'],
    ['another source', 'records?', 'records?sourceId=csms&'],
    ['another account of the chart', 'ledger/entries?', 'ledger/entries?glAccount=3001&'],
    ['another ledger account', 'ledger/balances?by=account&', 'ledger/balances?by=account&ledgerAccount=revenue&'],
    ['another day', 'ledger/trial-balance?', 'ledger/trial-balance?until=2019-12-31&'],
    ['another site', 'energy-balance?', 'energy-balance?siteId=site_bl2&'],
    ['another instant', 'energy-balance?', 'energy-balance?asOf=2019-12-31T00:00:00Z&'],
    ['another start', 'trace?run={december}&', 'trace?run={november}&'],
  ])('is paged by cursors that %s is refused by: %s', async (_, path, other) => {
    const to = (text: string) => `/v1/${text.replaceAll('{december}', december).replaceAll('{november}', november)}limit=1`;
    const { nextCursor } = (await api.call('auditor', 'GET', to(path))).body;
    expect(nextCursor).toEqual(expect.any(String));
    expect(await api.call('auditor', 'GET', `${to(path)}&cursor=${nextCursor}`)).toMatchObject({ status: 200 });
    expect(await api.call('auditor', 'GET', `${to(other)}&cursor=${nextCursor}`)).toMatchObject({ status: 422, body: { detail: expect.stringContaining('with the same path and filters') } });
  });

  it('names the strategy by which an account was billed, and sums it there, whatever it is billed by since', async () => {
    const before = await diff(november);
    expect(before.items[0]).toMatchObject({ accountId: 'acc_driver_16', strategy: 'driverInvoice' });
    // As if it was owed by us from now on: what the two previews come to is billed all the same.
    const strategy = (name: string) => api.store.pool.query("UPDATE account SET strategy = $1 WHERE id = 'acc_driver_16'", [name]);
    await strategy('selfBilling');
    expect(await diff(november)).toEqual(before);
    await strategy('driverInvoice');
  });

  it('compares with the preview before the last change, which is refused while there is none', async () => {
    expect(await diff('previousPreview')).toMatchObject({ status: 409, code: 'wrongState' });
    expect(await diff('run_of_nobody')).toMatchObject({ status: 404 });
    const lastMonth = await diff('lastMonth');
    // 10.00 with VAT: net 8.00. The document falls from 17.00 to 7.00.
    await adjust(-1000n);
    await rebuild();
    const { items, totals } = await diff('previousPreview');
    const manual = [
      { cause: 'manual', payable: '-8.00', energyWh: '0' },
      { cause: 'vatAndRounding', payable: '-2.00', energyWh: '0' },
    ];
    expect(items.map((i: { causes: unknown }) => i.causes)).toEqual([[], [], manual]);
    expect(totals[0]).toMatchObject({ before: lastMonth.totals[0].after, difference: { payable: '-10.00' }, causes: manual });
    // What is carried goes off the document as exclusion: 31.80 and 2.65.
    await api.store.tx((db) => addExclusion(db, december, { scope: 'account', subjectId: 'acc_driver_16', outcome: 'carry', reason: 'disputed' }, by));
    await rebuild();
    expect((await diff('previousPreview')).totals[0].causes).toEqual([
      { cause: 'exclusion', payable: '-34.45', energyWh: '-13000' },
      { cause: 'vatAndRounding', payable: '-8.55', energyWh: '0' },
    ]);
    // An empty build is no build.
    await rebuild();
    expect((await diff('previousPreview')).build).toBe(3);
  });
});

describe('findings of a preview', () => {
  const findings = async (query = '') => (await api.call('auditor', 'GET', `/v1/runs/${december}/findings${query}`)).body.items;
  const set = (user: string, rules: unknown) => api.call(user, 'PUT', '/v1/entities/ent_se/preview-rules', { rules: { rules }, reason: 'agreed with finance' });

  it('stay what they are until what they are about changes, with what was signed of them', async () => {
    await adjust(-5000n);
    await rebuild();
    const [negative] = await findings('?severity=blocks');
    expect(negative).toMatchObject({ rule: 'documentNegative', ruleVersion: 1, rulesVersion: 0, severity: 'blocks', accountId: 'acc_driver_18', computed: '-43.00', signed: null });
    expect((await api.call('auditor', 'GET', `/v1/runs/${december}`)).body.findings).toMatchObject({ blocks: 1, unsigned: 1 });
    const sign = (id: string) => api.call('preparer', 'POST', `/v1/runs/${december}/finding-decisions`, { findingIds: [id], reason: 'agreed with the customer' });
    expect(await sign(negative.findingId)).toMatchObject({ status: 200, body: { signed: 1 } });
    expect(await sign('999999')).toMatchObject({ status: 404 });
    // Another account is built again: the same finding, still signed.
    await api.store.tx((db) => addExclusion(db, december, { scope: 'account', subjectId: 'acc_driver_17', outcome: 'carry', reason: 'disputed' }, by));
    await rebuild();
    expect(await findings('?severity=blocks')).toMatchObject([{ findingId: negative.findingId, signed: { by: 'preparer', reason: 'agreed with the customer' } }]);
    expect((await api.call('auditor', 'GET', `/v1/runs/${december}`)).body.findings).toMatchObject({ blocks: 1, unsigned: 0 });
    // The amount changes: a new finding, signed by nobody.
    await adjust(-100n);
    await rebuild();
    const [changed] = await findings('?severity=blocks');
    expect(changed).toMatchObject({ computed: '-44.00', signed: null });
    expect(changed.findingId).not.toBe(negative.findingId);
  });

  it('follow the rules of the entity, of which every version is kept', async () => {
    expect(await set('preparer', {})).toMatchObject({ status: 403 });
    expect(await set('approver', { documentNegative: { limits: { minMinor: 5 } }, nothing: {} })).toMatchObject({
      status: 422,
      body: { detail: expect.stringMatching(/rules\.documentNegative\.limits\.minMinor: no such rule or limit.*; rules\.nothing: no such/) },
    });
    expect(await set('approver', { energyJump: { limits: { percent: 1_000_001 } } })).toMatchObject({ status: 422, body: { detail: expect.stringContaining('at most 1000000 %') } });
    // Both own, and one against the other's default of 300 %.
    for (const limits of [{ minPercent: 150, maxPercent: 149 }, { minPercent: 301 }])
      expect(await set('approver', { priceOutOfBand: { limits } })).toMatchObject({
        status: 422,
        body: { code: 'invalid', detail: expect.stringMatching(/priceOutOfBand\.limits\.minPercent: nothing lies between .*priceOutOfBand\.limits\.maxPercent: nothing lies between/) },
      });
    expect(await set('approver', { documentNegative: { severity: 'warns' }, documentAbove: { limits: { driverInvoiceMinor: 100 } } })).toMatchObject({ status: 200, body: { version: 1 } });
    await adjust(-200n);
    await rebuild();
    expect(await findings()).toMatchObject([{ rule: 'documentNegative', severity: 'warns', rulesVersion: 1 }]);
    expect(await set('approver', { documentNegative: { severity: 'off' } })).toMatchObject({ body: { version: 2 } });
    await adjust(-300n);
    await rebuild();
    expect(await findings()).toEqual([]);
    const { body } = await api.call('auditor', 'GET', '/v1/entities/ent_se/preview-rules');
    expect(body).toMatchObject({ version: 2, own: { rules: { documentNegative: { severity: 'off' } } } });
    expect(body.rules.length).toBeGreaterThan(15);
  });

  it('lists every version of rules, newest first, with who, when, why and what changed beside the one before', async () => {
    const versions = async (kind: string, query = '') => (await api.call('auditor', 'GET', `/v1/entities/ent_se/${kind}-rules/versions${query}`)).body;
    const first = await versions('preview', '?limit=1');
    expect(first).toEqual({
      items: [
        {
          version: 2,
          rules: { rules: { documentNegative: { severity: 'off' } } },
          changed: [
            { field: 'rules.documentAbove.limits.driverInvoiceMinor', before: 100, after: null },
            { field: 'rules.documentNegative.severity', before: 'warns', after: 'off' },
          ],
          reason: 'agreed with finance',
          author: 'approver',
          validFrom: expect.stringMatching(/^2\d{3}-\d\d-\d\dT.*Z$/),
          validTo: null,
        },
      ],
      nextCursor: cursorAt(['versions of previewRules', 'ent_se'], '2'),
    });
    const rest = await versions('preview', `?cursor=${first.nextCursor}`);
    expect(rest).toMatchObject({
      items: [
        {
          version: 1,
          changed: [
            { field: 'rules.documentAbove.limits.driverInvoiceMinor', before: null, after: 100 },
            { field: 'rules.documentNegative.severity', before: null, after: 'warns' },
          ],
          validTo: first.items[0].validFrom,
        },
      ],
      nextCursor: null,
    });
    expect(await versions('document')).toEqual({ items: [], nextCursor: null });
    const put = (kind: string, rules: unknown) => api.call('approver', 'PUT', `/v1/entities/ent_se/${kind}-rules`, { rules, reason: 'agreed with finance' });
    expect((await put('document', { payoutThresholdMinor: 5_000 })).status).toBe(200);
    expect((await put('release', { canary: { documents: 3 } })).status).toBe(200);
    // Of the first what differs from the defaults: nothing else was said.
    expect((await versions('document')).items).toMatchObject([{ version: 1, changed: [{ field: 'payoutThresholdMinor', before: 0, after: 5_000 }], author: 'approver' }]);
    expect((await versions('release')).items).toMatchObject([{ version: 1, changed: [{ field: 'canary.documents', before: 2, after: 3 }], author: 'approver' }]);
    expect(await versions('preview', '?cursor=x')).toMatchObject({ status: 422 });
    expect(await api.call('partner', 'GET', '/v1/entities/ent_se/preview-rules/versions')).toMatchObject({ status: 403 });
  });
});

describe('what is beside a run', () => {
  it('is told whole: late arrivals of every account, by pages on the console, and in the report, and every day that is not equal', async () => {
    const { pool } = api.store;
    // Drivers like acc_driver_16, each with a token of its own.
    const clone = (table: string, of: string, changes: string) =>
      pool.query(`INSERT INTO ${table} SELECT (jsonb_populate_record(NULL::${table}, to_jsonb(t) || ${changes})).* FROM ${table} t, generate_series(1, 230) n WHERE ${of}`);
    await clone('account', "t.id = 'acc_driver_16'", "jsonb_build_object('id', 'acc_many_' || n)");
    await clone('mapping', "t.internal_id = 'acc_driver_16' AND t.external_key = 'Bl2-1'", "jsonb_build_object('internal_id', 'acc_many_' || n, 'external_key', 'Many-' || n)");
    await clone('contract', "t.account_id = 'acc_driver_16'", "jsonb_build_object('id', 'con_many_' || n, 'account_id', 'acc_many_' || n)");
    await clone('contract_version', "t.contract_id = (SELECT id FROM contract WHERE account_id = 'acc_driver_16')", "jsonb_build_object('contract_id', 'con_many_' || n)");
    await storeLines(
      api.store,
      Array.from({ length: 230 }, (_, n) => session(1000 + n, { user: `Many-${n + 1}`, kWh: '5' })),
    );
    await processAll(api.store);
    const preparer = await signIn(api, 'preparer');
    const shown = await onAllPages(preparer, `/runs/${december}`, /pull-in\?accountId=(acc_many_\d+)"/g);
    expect([shown.length, new Set(shown).size]).toEqual([230, 230]);
    // A day of each of 250 parties whose CDRs came by the source, none of which came.
    await pool.query(`INSERT INTO control_total (source_id, on_date, origin, party, stated_count, stated_wh, author)
      SELECT 'csms', '2019-12-05', 'partner', 'NO*' || lpad(n::text, 3, '0'), 1, 1000, 'partner' FROM generate_series(1, 250) n`);
    const { late, missing } = (await api.call('auditor', 'GET', `/v1/runs/${december}/report`)).body;
    expect(late.filter((l: { accountId: string }) => l.accountId.startsWith('acc_many_'))).toHaveLength(230);
    expect(missing.days.filter((d: { party: string | null }) => d.party?.startsWith('NO*'))).toHaveLength(250);
  });
});
