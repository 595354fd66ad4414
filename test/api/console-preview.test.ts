import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hiddenOf, type Person, signIn, textOf } from '../support/console.ts';
import { processAll, session } from '../support/intake.ts';
import { type Story, tell } from '../support/story.ts';

let story: Story;
let november: string;
let runId: string;
let page: string;
let [preparer, approver, auditor, ops] = [] as unknown as [Person, Person, Person, Person];
const inMonth = (id: number, month: '11' | '12', kWh: string, user = 'Bl2-1') => session(id, { user, kWh, start: `1${id % 10}.${month}.2019 18:00`, end: `1${id % 10}.${month}.2019 21:00` });
/** Decimal text as the pages write it. */
const grouped = (text: string) => text.replace(/\B(?=(\d{3})+(\.|$))/g, ',');
const signed = (text: string) => (text.startsWith('-') || /^0(\.0+)?$/.test(text) ? grouped(text) : `+${grouped(text)}`);

beforeAll(async () => {
  story = await tell();
  await story.arrive(inMonth(1, '11', '10'), inMonth(2, '11', '20', 'AdA6-1'), inMonth(3, '12', '15'), inMonth(4, '12', '6', 'AdA6-1'), inMonth(5, '12', '7', 'Bl2-2'), session(9, { kWh: '1370' }));
  const first = await story.review('2019-11');
  november = first.runId;
  await story.approve(november, first.hash);
  await story.closed(november);
  ({ runId } = await story.review('2019-12'));
  page = `/runs/${runId}`;
  [preparer, approver, auditor, ops] = (await Promise.all(['preparer', 'approver', 'auditor', 'ops'].map((user) => signIn(story.api, user)))) as [Person, Person, Person, Person];
});
afterAll(() => story.end());

describe('the difference of a preview', () => {
  it('shows last month and now, and causes that sum to the difference, as the API gives them', async () => {
    const diff = await story.does('auditor', 'GET', `/v1/runs/${runId}/diff?against=lastMonth`);
    const { body } = await auditor.get(`${page}/diff?against=lastMonth`);
    const text = textOf(body);
    expect(text).toContain(`November 2019, build 1 of ${november} . Now: build 1.`);
    expect(diff.totals).toHaveLength(2);
    for (const total of diff.totals) {
      const cents = (value: string) => Number(value.replace('.', ''));
      expect(total.causes.reduce((sum: number, c: { payable: string }) => sum + cents(c.payable), 0)).toBe(cents(total.difference.payable));
      for (const { payable } of [total.difference, ...total.causes]) expect(text).toContain(signed(payable));
      expect(text).toContain(grouped(total.before.payable));
    }
    expect(text).toContain('customer had nothing before');
    expect(body).not.toMatch(/<script|style=/);
  });
  it('says in the page why there is nothing to compare with, and compares with any run by its id', async () => {
    const none = await auditor.get(`${page}/diff?against=previousPreview`);
    expect([none.status, textOf(none.body)]).toEqual([200, expect.stringContaining('was built once: there is no preview before')]);
    expect(textOf((await auditor.get(`${page}/diff?against=&runId=${november}`)).body)).toContain('build 1 of');
    expect(textOf((await auditor.get(`${page}/diff?against=run_none`)).body)).toContain('has no preview "run_none" to compare with');
    expect((await auditor.get('/runs/run_none/diff')).status).toBe(404);
  });
  it('to the preview before tells what an adjustment did', async () => {
    const before = await story.built(runId);
    const adjustment = { accountId: 'acc_driver_17', amount: '-500.00', vatCode: 'SE25', glKey: 'rounding', costCenter: '109', description: 'Goodwill', reason: 'cable broken' };
    expect((await preparer.order(`${page}/adjust`, adjustment)).status).toBe(303);
    await story.built(runId, before);
    const text = textOf((await auditor.get(`${page}/diff?against=previousPreview`)).body);
    expect(text).toContain('Before: build 1 of this run. Now: build 2.');
    // 500.00 with VAT are 400.00 without: the adjustment, and the VAT of the whole document.
    expect(text).toContain('manual adjustments by hand 0.000 -400.00');
    expect(text).toContain('Together 0.000 -500.00');
  });
});

describe('findings of a preview', () => {
  it('are counted on the run’s page, which says that they block, and are listed with what mends them', async () => {
    const run = textOf((await auditor.get(page)).body);
    expect(run).toContain('finance 1 finding blocks the approval: mend what it names, or sign that it is right');
    expect(run).toContain('1 that blocks, 1 not signed');
    const { items } = await story.does('auditor', 'GET', `/v1/runs/${runId}/findings?severity=blocks`);
    const { body } = await auditor.get(`${page}/findings?severity=blocks`);
    for (const f of items) expect(textOf(body)).toContain(`${f.text} ${f.remedy}`);
    // Who only looks gets nothing to choose.
    expect(body).not.toContain('type="checkbox"');
    expect((await auditor.get(`${page}/sign-findings?findingIds=${items[0].findingId}`)).status).toBe(403);
    expect(textOf((await auditor.get(`${page}/findings?severity=info`)).body)).toContain('Nothing of this kind was found.');
  });
  it('are signed with a reason by who looked, shown with it, and no longer block', async () => {
    const list = (await preparer.get(`${page}/findings`)).body;
    const id = /name="findingIds" value="(\d+)"[^>]*document negative/.exec(list)?.[1] ?? '';
    const form = await preparer.get(`${page}/sign-findings?findingIds=${id}`);
    expect(textOf(form.body)).toContain('it comes to -');
    const missing = await preparer.order(`${page}/sign-findings?findingIds=${id}`, { findingIds: id, reason: '' });
    expect([missing.status, textOf(missing.body)]).toEqual([422, expect.stringContaining('Fill in: Reason.')]);
    expect((await preparer.order(`${page}/sign-findings?findingIds=${id}`, { findingIds: id, reason: 'agreed with the driver' })).headers.get('location')).toBe(`${page}/findings`);
    expect(textOf((await preparer.get(`${page}/findings`)).body)).toContain('Signed 1 finding.');
    expect(textOf((await auditor.get(`${page}/findings?severity=blocks`)).body)).toContain('preparer: agreed with the driver');
    expect(textOf((await auditor.get(page)).body)).toContain('1 that blocks, all signed');
    const unknown = await approver.order(`${page}/sign-findings`, { findingIds: '999999', reason: 'looked at it' });
    expect([unknown.status, textOf(unknown.body)]).toEqual([404, expect.stringContaining('has no finding 999999')]);
  });
  it('are shown before they are signed, however many others were found before', async () => {
    const { pool } = story.api.store;
    // A thousand as the one that was signed, and one more: that one is about to be signed.
    await pool.query(
      `WITH added AS (INSERT INTO finding (run_id, document_id, code, severity, subject, params) SELECT run_id, document_id, code, severity, subject || ' ' || n, params FROM finding, generate_series(1, 1001) n
         WHERE id = (SELECT min(l.finding_id) FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 AND f.code = 'documentNegative') RETURNING id)
       INSERT INTO run_finding (finding_id, run_id) SELECT id, $1 FROM added`,
      [runId],
    );
    const last = (await pool.query('SELECT max(finding_id)::text AS id FROM run_finding WHERE run_id = $1', [runId])).rows[0].id;
    expect(textOf((await preparer.get(`${page}/sign-findings?findingIds=${last}`)).body)).toContain('it comes to -');
    await pool.query("DELETE FROM run_finding l USING finding f WHERE f.id = l.finding_id AND l.run_id = $1 AND f.subject ~ ' [0-9]+$'", [runId]);
  });
});

describe('totals of a preview', () => {
  it.each(['strategy', 'account', 'site', 'costCenter', 'customerCostCenter', 'glAccount', 'vatCode', 'serviceMonth'])('by %s sum to the run’s own', async (by) => {
    const { items } = await story.does('auditor', 'GET', `/v1/runs/${runId}/totals?by=${by}`);
    const sum = (side: string, of: 'net' | 'energyWh') =>
      items.filter((t: { side: string }) => t.side === side).reduce((n: number, t: Record<typeof of, string>) => n + Number(t[of].replace('.', '')), 0);
    const { byStrategy } = await story.run(runId);
    const own = (side: string, of: 'net' | 'energyWh') => byStrategy.filter((s) => (s.strategy === 'selfBilling') === (side === 'owed')).reduce((n, s) => n + Number(s[of].replace('.', '')), 0);
    for (const side of ['billed', 'owed']) for (const of of ['net', 'energyWh'] as const) expect([side, of, sum(side, of)]).toEqual([side, of, own(side, of)]);
    const text = textOf((await auditor.get(`${page}/totals?by=${by}`)).body);
    for (const t of items) expect(text).toContain(`${t.side} ${t.documents} ${t.lines}`);
  });
  it('come in pages, and only by what there is', async () => {
    const all = (await story.does('auditor', 'GET', `/v1/runs/${runId}/totals?by=account`)).items;
    const first = await story.does('auditor', 'GET', `/v1/runs/${runId}/totals?by=account&limit=2`);
    const rest = await story.does('auditor', 'GET', `/v1/runs/${runId}/totals?by=account&cursor=${encodeURIComponent(first.nextCursor)}`);
    expect([...first.items, ...rest.items]).toEqual(all);
    expect((await auditor.get(`${page}/totals?by=weather`)).status).toBe(422);
  });
});

describe('the trace', () => {
  it('starts from each end and comes to the others', async () => {
    const [document] = (await story.does('auditor', 'GET', `/v1/runs/${november}/documents?account=acc_driver_16`)).items;
    const ends = { record: 'csms/se*wlt*1', document: document.legalNumber, erp: document.erp.externalId, account: 'acc_driver_16' };
    for (const [from, id] of Object.entries(ends)) {
      const text = textOf((await auditor.get(`/trace?from=${from}&id=${encodeURIComponent(id)}`)).body);
      for (const end of ['csms/se*wlt*1', document.legalNumber, document.erp.externalId, `issue/${document.documentId}`]) expect([from, text]).toEqual([from, expect.stringContaining(end)]);
    }
    expect((await auditor.get('/trace')).status).toBe(200);
    const none = await auditor.get('/trace?from=record&id=csms%2Fnothing');
    expect([none.status, textOf(none.body)]).toEqual([404, expect.stringContaining('There is no record "csms/nothing".')]);
    expect(textOf((await auditor.get('/trace?from=erp&id=nothing')).body)).toContain('No charge hangs on it.');
    expect((await auditor.get('/trace?from=weather&id=1')).status).toBe(422);
  });
});

describe('a correction of a waiting record', () => {
  it('is offered where it waits, refuses what is no fact, and bills it with the evidence', async () => {
    const waiting = (await ops.get('/quarantine/records?cause=energyOutOfRange')).body;
    const path = /href="(\/quarantine\/correct\?recordId=\d+)"/.exec(waiting)?.[1] ?? '';
    const recordId = path.split('=')[1] ?? '';
    expect((await ops.get(`/records/${recordId}`)).body).toContain(path);
    expect((await auditor.get(`/records/${recordId}`)).body).not.toContain('/quarantine/correct');
    const nothing = await ops.order(path, { reason: 'the display showed 13.7 kWh' });
    expect([nothing.status, textOf(nothing.body)]).toEqual([422, expect.stringContaining('Name at least one of energy, start and end.')]);
    const wrong = await ops.order(path, { energy: '13,7', reason: 'the display showed 13.7 kWh' });
    expect([wrong.status, textOf(wrong.body)]).toEqual([422, expect.stringContaining('write 13.7')]);
    for (const [field, label] of [
      ['startAt', 'Start'],
      ['endAt', 'End'],
    ] as const) {
      const told = async (at: string) => textOf((await ops.order(path, { [field]: at, reason: 'the display showed it' })).body);
      expect(await told('half past')).toContain(`${label}: "half past" is not a date and time`);
      expect(await told('2019-03-31T02:30')).toContain(`${label}: the clocks of Europe/Stockholm skip`);
    }
    expect((await ops.order(path, { energy: '13.7', endAt: '2019-12-05T20:30', reason: 'the display showed 13.7 kWh at half past eight' })).headers.get('location')).toBe(`/records/${recordId}`);
    await processAll(story.store);
    await expect
      .poll(async () => (await story.rows('SELECT state, energy_wh FROM record_head WHERE record_id = $1', [recordId]))[0], { timeout: 20_000 })
      .toEqual({ state: 'booked', energy_wh: 13_700n });
    // Half past eight in winter is 19:30 in UTC.
    expect(await story.rows('SELECT end_at FROM charge_record WHERE record_id = $1', [recordId])).toEqual([{ end_at: new Date('2019-12-05T19:30:00Z') }]);
    expect((await ops.get('/quarantine/correct?recordId=999999')).status).toBe(404);
  });
});

describe('a large manual amount', () => {
  it('is signed by a second person on the page of its run, not by its author, and then no longer blocks', async () => {
    const before = await story.built(runId);
    const large = { accountId: 'acc_driver_17', amount: '20000.00', vatCode: 'SE25', glKey: 'rounding', costCenter: '109', description: 'Cable torn off', reason: 'invoice of the fitter' };
    expect((await preparer.order(`${page}/adjust`, large)).status).toBe(303);
    const hash = await story.built(runId, before);
    const unsigned = async () => (await story.rows("SELECT FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 AND f.code = 'adjustmentUnsigned'", [runId])).length;
    expect(await unsigned()).toBe(1);
    const path = /Cable torn off.*?href="([^"]+\/sign)"/s.exec((await approver.get(page)).body)?.[1] ?? '';
    for (const nobody of [preparer, auditor]) expect((await nobody.get(page)).body).not.toContain('/sign"');
    expect((await auditor.get(path)).status).toBe(403);
    expect(textOf((await preparer.order(path, { comment: 'looked at it' })).body)).toContain('is your own: a second person signs it');
    expect((await approver.order(path, { comment: 'saw the invoice' })).headers.get('location')).toBe(page);
    expect(textOf((await auditor.get(page)).body)).toContain('Cable torn off signed by approver');
    // The document is as it was.
    await expect.poll(unsigned, { timeout: 20_000 }).toBe(0);
    expect(await story.built(runId)).toBe(hash);
  });
});

describe('groups that wait after their canary', () => {
  it('are released by name: one that was chosen and is gone meanwhile is not taken for all that still wait', async () => {
    await story.rows("INSERT INTO release_group (run_id, name, state, problem) VALUES ($1, 'fleets', 'canary', 'was refused'), ($1, 'held', 'canary', 'was refused')", [runId]);
    const seen = hiddenOf((await ops.get(`${page}/release`)).body);
    await story.rows("UPDATE release_group SET state = 'issuing', problem = NULL WHERE run_id = $1 AND name = 'fleets'", [runId]);
    const typed = { ...seen, group: 'fleets', reason: 'mended in the ERP' };
    expect(hiddenOf((await ops.post(`${page}/release`, { ...typed, step: 'check' })).body)).toMatchObject({ group: 'fleets' });
    const sent = await ops.post(`${page}/release`, { ...typed, step: 'carryOut' });
    expect([sent.status, textOf(sent.body)]).toEqual([409, expect.stringContaining('group fleets waits after its canary: there is nothing to release')]);
    // So is one that waits alone, as it was looked at.
    expect(hiddenOf((await ops.get(`${page}/release`)).body)).toMatchObject({ group: 'held' });
    await story.rows("DELETE FROM release_group WHERE run_id = $1 AND name IN ('fleets', 'held')", [runId]);
  });
});
