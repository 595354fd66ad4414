import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hiddenOf, onAllPages, type Person, signIn, textOf } from '../support/console.ts';
import { session } from '../support/intake.ts';
import { type Story, tell } from '../support/story.ts';

let story: Story;
let [preparer, approver, auditor, both] = [] as unknown as [Person, Person, Person, Person];
const text = async (person: Person, path: string) => textOf((await person.get(path)).body);

// By day a kWh costs 2.65 net: 10 kWh are 26.50, 5 kWh 13.25.
beforeAll(async () => {
  story = await tell();
  await story.arrive(session(1, { user: 'Bl2-1', kWh: '10' }), session(2, { user: 'Bl2-2', kWh: '5' }));
  [preparer, approver, auditor, both] = (await Promise.all(['preparer', 'approver', 'auditor', 'both'].map((user) => signIn(story.api, user)))) as [Person, Person, Person, Person];
});
afterAll(() => story.end());

describe('exclusion rules on the console', () => {
  const rule = {
    entityId: 'ent_se',
    scope: 'site',
    subjectId: 'site_bl2',
    outcome: 'carry',
    amountAbove: '20.00',
    validFrom: '2019-12-01',
    validTo: '2090-02-01',
    reviewOn: '2020-01-15',
    reason: 'the meter of the site is being tested',
  };
  let path: string;

  it('show whom a rule would meet before it is proposed, and keep what was typed when it is refused', async () => {
    expect(await text(auditor, '/rules')).toContain('No rule of that kind.');
    expect((await auditor.get('/rules')).body).not.toContain('/rules/exclusions/propose');
    expect((await auditor.get('/rules/exclusions/propose')).status).toBe(403);
    const shown = textOf((await preparer.check('/rules/exclusions/propose', rule)).body);
    expect(shown).toContain('December 2019: 1 account, 1 session, 10.000 kWh, net 26.50 SEK');
    expect(shown).toContain('(acc_driver_16): 1 session, 10.000 kWh, net 26.50 SEK');
    path = (await preparer.order('/rules/exclusions/propose', rule)).headers.get('location') ?? '';
    expect(path).toMatch(/^\/rules\/exclusions\/xru_/);
    const refused = async (more: object, words: string) => {
      const answer = await preparer.order('/rules/exclusions/propose', { ...rule, ...more });
      expect([answer.status >= 400, textOf(answer.body)]).toEqual([true, expect.stringContaining(words)]);
      expect(answer.body).toContain('the meter of the site is being tested</textarea>');
    };
    await refused({ subjectId: 'site_nowhere' }, 'has no site "site_nowhere"');
    await refused({ validTo: '2019-11-01' }, 'Until before: must be after validFrom');
    await refused({ energyBelowKwh: '13,7' }, 'Only sessions below: "13,7" is not in kWh');
    await refused({ outcome: 'writeOff', maxAgeMonths: '2' }, 'Carried for at most, in months: only what is carried has a maximum age');
  });

  it('are signed by a second person, show what they did, and end', async () => {
    expect(await text(preparer, path)).toContain('You proposed it: somebody else has to sign.');
    expect((await preparer.get(`${path}/sign`)).status).toBe(403);
    expect(await text(approver, path)).toContain('above 20.00 SEK');
    expect((await approver.order(`${path}/sign`, { comment: 'as agreed with operations' })).status).toBe(303);
    const { runId } = await story.review('2019-12');
    expect(await text(auditor, path)).toMatch(/December 2019 in review SEK 0\.00 26\.50 0\.00 0\.00 0\.00 26\.50 0 kWh 0\.000 10\.000/);
    expect(await text(auditor, '/rules?state=inForce')).toContain('carried, for 3 months at most');
    // 26.50 are left out anew and carried on, in all and by the rule.
    const leftOut = (await auditor.get(`/runs/${runId}/left-out`)).body;
    expect(leftOut).toContain(`href="${path}"`);
    expect(textOf(leftOut).match(/SEK 0\.00 26\.50 0\.00 0\.00 0\.00 26\.50/g)).toHaveLength(2);
    const another = /href="(\/rules\/exclusions\/propose\?[^"]*)"/.exec((await preparer.get(path)).body)?.[1]?.replaceAll('&amp;', '&') ?? '';
    expect((await preparer.get(another)).body).toContain(`value="${path.split('/').at(-1)}"`);
    const hash = await story.built(runId);
    expect((await preparer.order(`${path}/end`, { reason: 'the meter is right' })).status).toBe(303);
    await story.built(runId, hash);
    expect(await text(auditor, path)).toContain('preparer, ');
    expect(await text(auditor, '/rules?state=ended')).toContain('site site_bl2');
    expect((await auditor.get('/rules/exclusions/xru_none')).status).toBe(404);
  });
});

describe('release rules on the console', () => {
  const rules = async () => (await story.does('auditor', 'GET', '/v1/entities/ent_se/release-rules')).rules;

  it('are the defaults until an approver changes them, one thing at a time', async () => {
    expect(await text(auditor, '/rules/release')).toContain('One person approves, whatever the amount.');
    expect((await preparer.get('/rules/release/ent_se/canary')).status).toBe(403);
    const before = await rules();
    const asked = { strategy: 'fleetInvoice', currency: 'SEK', reason: 'larger than a month of all drivers' };
    expect(textOf((await approver.order('/rules/release/ent_se/second-approver', asked)).body)).toContain('Say at least one of: Group above, One document above.');
    expect((await approver.order('/rules/release/ent_se/second-approver', { ...asked, groupAbove: '250000.00' })).status).toBe(303);
    expect(await rules()).toEqual({ ...before, secondApprover: [{ strategy: 'fleetInvoice', currency: 'SEK', groupAbove: 25_000_000 }] });
    expect(await text(auditor, '/rules/release')).toContain('fleet invoice, SEK 250,000.00 SEK');
    expect((await approver.order('/rules/release/ent_se/canary', { documents: '3', smallestGroup: '10', release: 'wait', reason: 'new ERP' })).status).toBe(303);
    expect((await approver.order('/rules/release/ent_se/canary-of-strategy', { strategy: 'cardReceipt', documents: '5', reason: 'new ERP' })).status).toBe(303);
    expect((await approver.order('/rules/release/ent_se/reminders', { afterHours: '48', everyHours: '12.5', reason: 'holidays' })).status).toBe(303);
    expect(await rules()).toMatchObject({
      canary: { documents: 3, smallestGroup: 10, release: 'wait', strategies: { cardReceipt: { documents: 5 } } },
      reminders: { afterHours: 48, everyHours: 12.5 },
    });
    const wrong = await approver.order('/rules/release/ent_se/canary', { documents: 'many', smallestGroup: '10', release: 'wait', reason: 'new ERP' });
    expect([wrong.status, textOf(wrong.body)]).toEqual([422, expect.stringContaining('"many" is no whole number')]);
    expect(wrong.body).toContain('value="many"');
  });

  it('are taken out as they were looked at, not as somebody changed them meanwhile', async () => {
    const path = /href="(\/rules\/release\/ent_se\/drop-approver\?[^"]*)"/.exec((await approver.get('/rules/release')).body)?.[1]?.replaceAll('&amp;', '&') ?? '';
    expect((await approver.order('/rules/release/ent_se/canary-of-strategy', { strategy: 'cardReceipt', reason: 'as the others again' })).status).toBe(303);
    expect((await rules()).canary.strategies).toEqual({});
    const stale = await approver.order(path, { reason: 'no longer needed' });
    expect([stale.status, textOf(stale.body)]).toEqual([409, expect.stringContaining('The rules were changed meanwhile')]);
    const now = /href="(\/rules\/release\/ent_se\/drop-approver\?[^"]*)"/.exec((await approver.get('/rules/release')).body)?.[1]?.replaceAll('&amp;', '&') ?? '';
    expect((await approver.order(now, { reason: 'no longer needed' })).status).toBe(303);
    expect((await rules()).secondApprover).toEqual([]);
  });

  it.each([
    ['canary', { documents: '7', smallestGroup: '30', release: 'auto' }],
    ['reminders', { afterHours: '5', everyHours: '5' }],
    ['canary-of-strategy', { strategy: 'fleetInvoice', documents: '9' }],
    ['second-approver', { strategy: 'fleetInvoice', currency: 'SEK', groupAbove: '10.00' }],
  ])('are set by whoever looked at the version that holds, not by the later of two: %s', async (name, fields) => {
    const path = `/rules/release/ent_se/${name}`;
    const listed = new RegExp(`href="(${path}[^"]*)"`).exec((await approver.get('/rules/release')).body)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const later = hiddenOf((await both.get(path)).body);
    expect((await approver.order('/rules/release/ent_se/reminders', { afterHours: '24', everyHours: '24', reason: 'holidays' })).status).toBe(303);
    const held = await rules();
    const form = { ...fields, reason: 'as I read it' };
    const stale = [await both.post(path, { ...later, ...form, step: 'carryOut' }), await both.order(listed, form)];
    for (const answer of stale)
      expect([answer.status, textOf(answer.body)]).toEqual([409, expect.stringMatching(/The rules were changed meanwhile: version \d+ holds\. Leave this form, and open it again/)]);
    expect(await rules()).toEqual(held);
    expect((await both.order(path, form)).status).toBe(303);
  });
});

describe('preview rules on the console', () => {
  const path = '/rules/previews';
  const change = `${path}/ent_se/change`;
  const own = async () => (await story.does('auditor', 'GET', '/v1/entities/ent_se/preview-rules')).own.rules;
  const driver = 'rules.documentAbove.limits.driverInvoiceMinor';

  it('stand in words with their defaults, and are changed by who may', async () => {
    const shown = await text(auditor, path);
    expect(shown).toContain('Nobody has set anything: the defaults hold.');
    expect(shown).toContain('A driver invoice comes to at most 10,000.00 SEK the same -');
    // As test/store/another-currency.test.ts has it: 50.00 EUR are held against a limit of 400.00 SEK as 530.00.
    expect(shown).toContain('Amounts are in the currency of the entity’s books; what is in another is held against them at the last rate.');
    expect((await auditor.get(path)).body).not.toContain(change);
    expect((await preparer.get(change)).status).toBe(403);
    expect((await approver.get(`${change}?rule=nothing`)).status).toBe(404);
    expect((await approver.get('/rules/previews/ent_none/change')).status).toBe(404);
    expect((await auditor.get(`${path}?entity=ent_none`)).status).toBe(404);
  });

  it('name each bad field beside it, show what would change, and are set', async () => {
    const asked = { 'rules.vatMissing.severity': 'warns', [driver]: '2500.50', 'rules.energyJump.limits.minWh': '400', reason: 'agreed with finance' };
    const wrong = await approver.check(change, { ...asked, [driver]: '2 500,50', 'rules.energyJump.limits.percent': '2000000' });
    expect(wrong.status).toBe(422);
    expect(wrong.body).toMatch(/name="rules\.documentAbove\.limits\.driverInvoiceMinor"[^>]*value="2 500,50"[^>]*aria-invalid="true"[^>]*\/><p class="wrong"[^>]*>[^<]*such as 1000\.00/);
    const tooLarge = await approver.check(change, { ...asked, 'rules.energyJump.limits.percent': '2000000' });
    expect([tooLarge.status, textOf(tooLarge.body)]).toEqual([422, expect.stringContaining('Energy jump, From this share of the former median, %: at most 1000000 %')]);
    const crossed = await approver.check(change, { ...asked, 'rules.segmentPriceMoved.limits.minPercent': '171' });
    expect([crossed.status, textOf(crossed.body)]).toEqual([
      422,
      expect.stringMatching(/Lowest price, of the former one, %: nothing lies between 171 and maxPercent, 170: .*Highest price, of the former one, %: nothing lies between minPercent, 171, and 170/),
    ]);
    for (const name of ['minPercent', 'maxPercent']) expect(crossed.body).toMatch(new RegExp(`name="rules\\.segmentPriceMoved\\.limits\\.${name}"[^>]*aria-invalid="true"[^>]*\\/><p class="wrong"`));
    const unsaid = await approver.check(change, { ...asked, reason: '' });
    expect([unsaid.status, unsaid.body]).toEqual([422, expect.stringMatching(/<\/textarea><p class="wrong"[^>]*>Fill this in\./)]);
    const sure = textOf((await approver.check(change, asked)).body);
    expect(sure).toContain('Document above, A driver invoice comes to at most 10,000.00 SEK, the default → 2,500.50 SEK');
    expect(sure).toContain('VAT missing, Severity blocks, the default → warns');
    expect(sure).not.toContain('Energy jump, Severity');
    expect((await approver.order(change, asked)).headers.get('location')).toBe(`${path}?entity=ent_se`);
    // 2,500.50 SEK are 250,050 öre; 400 kWh are 400,000 Wh.
    const set = { vatMissing: { severity: 'warns' }, documentAbove: { limits: { driverInvoiceMinor: 250_050 } }, energyJump: { limits: { minWh: 400_000 } } };
    expect(await own()).toEqual(set);
    const form = (await approver.get(`${change}?rule=documentAbove`)).body;
    expect(form).toContain('value="2500.50"');
    expect(form).not.toContain('rules.vatMissing');
    // One rule alone: the others stay. An empty field is the default again.
    const stale = await approver.get(`${change}?rule=documentAbove`);
    expect((await approver.order(`${change}?rule=documentAbove`, { 'rules.documentAbove.severity': 'off', reason: 'it looks at nothing here' })).status).toBe(303);
    expect(await own()).toEqual({ ...set, documentAbove: { severity: 'off' } });
    const late = await approver.post(change, { ...hiddenOf(stale.body), 'rules.documentAbove.severity': 'info', reason: 'too late', step: 'carryOut' });
    expect([late.status, textOf(late.body)]).toEqual([409, expect.stringContaining('The rules were changed meanwhile: version 2 holds.')]);
    const same = await approver.check(`${change}?rule=documentAbove`, { 'rules.documentAbove.severity': 'off', reason: 'the same' });
    expect([same.status, textOf(same.body)]).toEqual([422, expect.stringContaining('Nothing would change')]);
  });

  it('show every version, and go back to the defaults', async () => {
    const shown = await text(auditor, path);
    expect(shown).toContain('Severity off blocks version 2, approver it looks at nothing here');
    expect(shown).toMatch(/1 2\d{3}-\d\d-\d\d [\d:]{8} Europe\/Stockholm approver agreed with finance Document above, A driver invoice comes to at most: 10,000\.00 SEK, the default → 2,500\.50 SEK/);
    expect(textOf((await approver.check(`${path}/ent_se/reset`, { reason: 'a fresh start' })).body)).toContain('VAT missing, Severity warns → blocks, the default');
    expect((await approver.order(`${path}/ent_se/reset`, { reason: 'a fresh start' })).status).toBe(303);
    expect(await own()).toEqual({});
    expect(await text(auditor, path)).toContain('Severity blocks the same version 3, approver a fresh start');
  });

  it('are refused by the API where another version holds than was looked at', async () => {
    const put = (after: number) => story.ask('approver', 'PUT', '/v1/entities/ent_se/preview-rules', { rules: { rules: {} }, reason: 'by a script', after });
    expect(await put(2)).toMatchObject({ status: 409, body: { detail: expect.stringContaining('version 3 holds, not 2') } });
    expect(await put(3)).toMatchObject({ status: 200, body: { version: 4 } });
  });
});

describe('document rules on the console', () => {
  const path = '/rules/documents';
  const change = `${path}/ent_se/change`;
  const own = async () => (await story.does('auditor', 'GET', '/v1/entities/ent_se/document-rules')).own;

  it('are set by amounts and choices, and what cannot stand is told beside its field', async () => {
    expect(await text(auditor, path)).toContain('Paid from 0.00 SEK the same -');
    expect(await text(auditor, path)).toContain('what is billed or owed in another is held by none of them');
    const asked = { 'late.driver.policy': 'holdBelow', 'late.driver.thresholdMinor': '25.00', 'minimumInvoice.fleetInvoice': '150', 'authorities.invoice.number': 'erp', reason: 'a new ERP' };
    const refused = async (more: object, field: string, words: string) => {
      const answer = await approver.check(change, { ...asked, ...more });
      expect([answer.status, answer.body]).toEqual([422, expect.stringMatching(new RegExp(`id="field-${field.replaceAll('.', '\\.')}-wrong">[^<]*${words}`))]);
    };
    await refused({ 'late.driver.policy': 'nextInvoice' }, 'late.driver.thresholdMinor', 'only what is held has an amount');
    await refused({ 'authorities.receipt.number': 'erp' }, 'authorities.receipt.number', '&quot;erp&quot; is none of the choices');
    await refused({ 'accounting.voucherSeries': 'w1' }, 'accounting.voucherSeries', 'must be one or two capital letters');
    await refused({ payoutThresholdMinor: '1000000.01' }, 'payoutThresholdMinor', 'at most 1,000,000.00 SEK');
    expect(textOf((await approver.check(change, asked)).body)).toContain('What comes late, drivers, They are on the next invoice, the default → held until it reaches an amount');
    expect((await approver.order(change, asked)).status).toBe(303);
    const tasks = { number: 'erp', delivery: 'wattledger', collection: 'erp', reminders: 'erp', outgoingPayment: 'erp' };
    expect(await own()).toEqual({
      late: { driver: { policy: 'holdBelow', thresholdMinor: 2_500 } },
      minimumInvoice: { fleetInvoice: 15_000 },
      authorities: Object.entries(tasks).map(([task, authority]) => ({ type: 'invoice', task, authority })),
      payoutThresholdMinor: 0,
      accounting: { voucherSeries: 'W' },
    });
    expect(await text(auditor, path)).toContain('Fleet invoice from 150.00 SEK none version 1, approver a new ERP');
    expect((await approver.order(`${path}/ent_se/reset`, { reason: 'the ERP was not ready' })).status).toBe(303);
    expect(await own()).toMatchObject({ late: {}, minimumInvoice: {}, authorities: [] });
  });
});

describe('standing approvals on the console', () => {
  it('are proposed by one, signed by another, and ended', async () => {
    const path = '/rules/standing-approvals';
    expect(await text(auditor, path)).toContain('Nothing is approved in advance.');
    expect((await preparer.get(`${path}/propose`)).status).toBe(403);
    const day = (fromNow: number) => new Date(Date.now() + fromNow * 86_400_000).toISOString().slice(0, 10);
    const asked = { entityId: 'ent_se', currency: 'SEK', documentCap: '500.00', dayCap: '300.00', validFrom: day(-2), validTo: day(100), reason: 'receipts of a few kronor' };
    const refused = await approver.order(`${path}/propose`, asked);
    expect([refused.status, textOf(refused.body)]).toEqual([422, expect.stringContaining('that of a day no less')]);
    expect((await approver.order(`${path}/propose`, { ...asked, dayCap: '90000.00' })).status).toBe(303);
    expect(await text(approver, path)).toContain('somebody else has to sign');
    const sign = /href="(\/rules\/standing-approvals\/[^"]*\/sign)"/.exec((await both.get(path)).body)?.[1] ?? '';
    expect((await approver.order(sign, { reason: 'looked at it' })).status).toBe(403);
    expect((await both.order(sign, { reason: 'looked at it' })).status).toBe(303);
    expect(await text(auditor, path)).toContain(`card receipt ent_se in force 500.00 SEK 90,000.00 SEK from ${asked.validFrom} until before ${asked.validTo}`);
    expect((await both.order(sign.replace('/sign', '/revoke'), { reason: 'not any more' })).status).toBe(303);
    expect(await text(auditor, path)).toContain('revoked by both');
    // What approves nothing any more is not shown as in force, and there is nothing to decide of it.
    expect((await approver.order(`${path}/propose`, { ...asked, dayCap: '90000.00', validFrom: '2020-01-01', validTo: '2020-07-01' })).status).toBe(303);
    const page = (await both.get(path)).body;
    expect(textOf(page)).toContain('card receipt ent_se expired 500.00 SEK 90,000.00 SEK from 2020-01-01 until before 2020-07-01');
    expect(page).not.toMatch(/href="\/rules\/standing-approvals\/[^"]*\/(sign|revoke)"/);
  });

  it('are all to be had and decided, however many there are, on the console as by the API', async () => {
    // All of one instant, so that only their ids tell them apart.
    await story.api.store.pool.query(`INSERT INTO standing_approval (id, entity_id, strategy, currency, document_cap_minor, day_cap_minor, valid_from, valid_to, reason, proposed_by, proposed_at)
      SELECT 'sta_' || n, 'ent_se', 'cardReceipt', 'SEK', 100, 100, '2019-01-01', '2090-01-01', 'of a move', 'mover', '2019-01-01' FROM generate_series(1, 230) n`);
    const [{ n }] = (await story.api.store.pool.query("SELECT count(*)::integer AS n FROM standing_approval WHERE entity_id = 'ent_se'")).rows;
    const path = '/rules/standing-approvals';
    const signable = await onAllPages(approver, path, /href="\/rules\/standing-approvals\/(sta_[^"]*)\/sign"/g);
    expect([signable.length, new Set(signable).size]).toEqual([230, 230]);
    expect((await approver.order(`${path}/${signable.at(-1)}/sign`, { reason: 'looked at it' })).status).toBe(303);
    expect((await approver.get(`${path}/sta_of_nobody/sign`)).status).toBe(404);
    const first = (await story.does('auditor', 'GET', '/v1/standing-approvals?entityId=ent_se&limit=200')) as { items: { id: string }[]; nextCursor: string };
    const rest = (await story.does('auditor', 'GET', `/v1/standing-approvals?entityId=ent_se&limit=200&cursor=${first.nextCursor}`)) as typeof first;
    expect([new Set([...first.items, ...rest.items].map((s) => s.id)).size, rest.nextCursor]).toEqual([n, null]);
  });
});

describe('a dry run on the console', () => {
  it('is planned with what it supposes, and is compared with the live run of its period from either', async () => {
    const live = 'run_ent_se_2019-12_live';
    const planned = await preparer.order('/runs/plan-dry', { entityId: 'ent_se', period: '2019-12', calendarId: 'cal_monthly', rateAgain: 'yes' });
    const wrong = await preparer.order('/runs/plan-dry', { entityId: 'ent_se', period: '2019-12', calendarId: 'cal_nowhere' });
    expect([wrong.status, textOf(wrong.body)]).toEqual([404, expect.stringContaining('has no calendar "cal_nowhere"')]);
    const page = planned.headers.get('location') ?? '';
    expect([planned.status, page]).toEqual([303, '/runs/run_ent_se_2019-12_dry']);
    await story.reached('run_ent_se_2019-12_dry', 'closed');
    const shown = await text(auditor, page);
    expect(shown).toContain('Supposes every session rated again');
    expect(shown).toContain('Nothing of it was issued: it shows what would be.');
    const compare = `${page}/diff?against=${live}`;
    expect((await auditor.get(page)).body).toContain(`href="${compare}"`);
    expect(await text(auditor, compare)).toContain('There is no difference.');
    expect(await text(auditor, `/runs/${live}`)).toContain('Difference to the dry run dry run run_ent_se_2019-12_dry (every session rated again)');
  });

  it('beside more than twenty others says how many are not named', async () => {
    const dry = 'run_ent_se_2019-12_dry';
    for (const [table, its] of [
      ['billing_run', "'id', id || nth, 'workflow_id', workflow_id || nth, 'n', r.n + nth"],
      ['preview_build', "'run_id', run_id || nth"],
    ])
      await story.api.store.pool.query(
        `INSERT INTO ${table} SELECT (jsonb_populate_record(r, jsonb_build_object(${its}))).* FROM ${table} r, generate_series(1, 21) nth WHERE ${table === 'billing_run' ? 'id' : 'run_id'} = $1`,
        [dry],
      );
    const beside = '2 more runs of the period, older ones, can be compared by their ids';
    for (const path of ['', '/diff']) expect(await text(auditor, `/runs/run_ent_se_2019-12_live${path}`)).toContain(beside);
  });
});
