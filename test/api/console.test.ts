import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { type ErpPort, ErpRefused } from '../../src/adapters/erp/port.ts';
import { expectationSchema } from '../../src/contracts/completeness.ts';
import { openExpectations } from '../../src/store/commands/expectations.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { hiddenOf, type Person, sameSite, signIn, textOf } from '../support/console.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-erp-'));
const runId = 'run_ent_se_2019-12_live';
const page = `/runs/${runId}`;
const hostile = '<script>alert("1")</script>';
let api: ApiUnderTest;
let refuse: string | undefined;
let preparer: Person;
let approver: Person;
let both: Person;
let ops: Person;
let auditor: Person;

const run = async () => (await api.call('auditor', 'GET', `/v1/runs/${runId}`)).body;
const reached = (state: string) => expect.poll(async () => (await run()).state, { timeout: 30_000, interval: 100 }).toBe(state);
const built = async (other?: string) => {
  await expect.poll(async () => ((await run()).contentHash ?? other) !== other, { timeout: 20_000, interval: 50 }).toBe(true);
  return (await run()).contentHash as string;
};
const audited = async (action: string) => (await api.store.pool.query('SELECT actor, reason FROM audit_event WHERE action = $1 ORDER BY id', [action])).rows;

beforeAll(async () => {
  const real = filesErp(folder);
  const erp: ErpPort = { ...real, post: (document) => (document.accountId === refuse ? Promise.reject(new ErpRefused('the customer is blocked')) : real.post(document)) };
  api = await startApi(async () => erp);
  await storeLines(api.store, [
    ...['Bl2-1', 'Bl2-2', 'NR1-3', 'AdA6-1', 'Share-2'].flatMap((user, u) => [0, 1].map((i) => session(100 * u + i, { user, kWh: `${9 + u},${i}5` }))),
    session(901, { garage: 'UT2' }),
    session(902, { user: 'Nobody' }),
  ]);
  await processAll(api.store);
  await api.store.pool.query('UPDATE party SET name = $1 WHERE id = (SELECT party_id FROM account WHERE id = $2)', [hostile, 'acc_driver_16']);
  [preparer, approver, both, ops, auditor] = (await Promise.all(['preparer', 'approver', 'both', 'ops', 'auditor'].map((user) => signIn(api, user)))) as [Person, Person, Person, Person, Person];
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true });
});

describe('sign-in', () => {
  const send = (fields: Record<string, string>, headers: Record<string, string> = sameSite) => api.call(undefined, 'POST', '/sign-in', new URLSearchParams(fields).toString(), headers);
  it('is asked for first, and leads to the page that was asked for, never to another host', async () => {
    const away = await api.call(undefined, 'GET', '/runs/x?cursor=1');
    expect([away.status, away.headers.get('location')]).toEqual([303, '/sign-in?next=%2Fruns%2Fx%3Fcursor%3D1']);
    expect((await send({ key: 'token-auditor', next: '/quarantine?a=1' })).headers.get('location')).toBe('/quarantine?a=1');
    for (const next of ['//evil.example', 'https://evil.example', '/\\evil.example', 'javascript:alert(1)']) expect((await send({ key: 'token-auditor', next })).headers.get('location')).toBe('/');
  });
  it('brings back a form that was sent when the session was over, as it was filled in, and carries nothing out', async () => {
    const typed = { entityId: 'ent_se', period: '2019-12', accountIds: 'acc_driver_16, acc_driver_17', onceKey: 'once-1' };
    const sent = (fields: Record<string, string>) => api.call(undefined, 'POST', '/runs/plan', new URLSearchParams(fields).toString(), { ...sameSite, cookie: 'wl_session=over' });
    const over = await sent({ ...typed, csrf: 'of-the-session-that-is-over', step: 'carryOut' });
    expect([over.status, textOf(over.body)]).toEqual([401, expect.stringContaining('was not carried out')]);
    expect(hiddenOf(over.body)).toEqual(typed);
    const wrong = await sent({ ...hiddenOf(over.body), signInKey: 'token-nobody', step: 'edit' });
    expect([wrong.status, textOf(wrong.body), hiddenOf(wrong.body)]).toEqual([401, expect.stringContaining('No API key that is in force is like this'), typed]);
    const partner = await sent({ ...typed, signInKey: 'token-partner', step: 'edit' });
    expect([partner.status, partner.headers.get('set-cookie')]).toEqual([403, null]);
    // Whatever the step says: first it is looked at again.
    for (const step of ['edit', 'check', 'carryOut']) {
      const back = await sent({ ...hiddenOf(over.body), signInKey: 'token-preparer', step });
      expect([back.status, back.headers.get('set-cookie')]).toEqual([200, expect.stringMatching(/^wl_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)]);
      for (const value of ['2019-12', 'acc_driver_16, acc_driver_17']) expect(back.body).toContain(`value="${value}"`);
      expect(back.body).not.toContain('token-preparer');
    }
    expect((await api.call('auditor', 'GET', '/v1/runs')).body.items).toEqual([]);
    // Nothing was typed: there is nothing to bring back.
    const out = await api.call(undefined, 'POST', '/sign-out', 'csrf=x', { ...sameSite, cookie: 'wl_session=over' });
    expect([out.status, out.headers.get('location')]).toEqual([303, '/sign-in']);
  });
  it('keeps a random id in an HttpOnly, SameSite=Strict cookie, never the key', async () => {
    const cookie = (await send({ key: 'token-auditor', next: '/' })).headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^wl_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    expect((await send({ key: 'token-auditor', next: '/' }, { ...sameSite, 'x-forwarded-proto': 'https' })).headers.get('set-cookie')).toContain('; Secure');
  });
  it('refuses an unknown key, an empty one, and a partner’s', async () => {
    const wrong = await send({ key: 'token-nobody', next: '/' });
    expect([wrong.status, wrong.headers.get('set-cookie'), textOf(wrong.body)]).toEqual([401, null, expect.stringContaining('No API key that is in force is like this')]);
    expect((await send({ key: '', next: '/' })).status).toBe(401);
    const partner = await send({ key: 'token-partner', next: '/' });
    expect([partner.status, partner.headers.get('set-cookie')]).toEqual([403, null]);
  });
  it('ends with the sign-out, and a made-up cookie opens nothing', async () => {
    const person = await signIn(api, 'admin');
    const { body } = await person.get('/');
    const csrf = /name="csrf" value="([^"]+)"/.exec(body)?.[1] ?? '';
    expect((await person.post('/sign-out', { csrf })).headers.get('location')).toBe('/sign-in');
    expect((await person.get('/')).status).toBe(303);
    expect((await api.call(undefined, 'GET', '/', undefined, { cookie: 'wl_session=abc' })).status).toBe(303);
  });
  it('runs no script, loads nothing from elsewhere, and is kept by no cache', async () => {
    const { body, headers } = await auditor.get('/');
    expect(headers.get('content-security-policy')).toBe("default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).not.toMatch(/<script|<style|style=|https?:\/\/|onclick/i);
    const sheet = /href="(\/console-[^"]+\.css)"/.exec(body)?.[1] ?? '';
    expect((await api.call(undefined, 'GET', sheet)).headers.get('content-type')).toContain('text/css');
  });
});

describe('forms from elsewhere', () => {
  it('are refused without the site’s origin, with another’s, and without the session’s own token', async () => {
    const form = { entityId: 'ent_se', period: '2019-12', step: 'carryOut' };
    const { csrf = '' } = hiddenOf((await preparer.get('/runs/plan')).body);
    expect((await preparer.post('/runs/plan', { ...form, csrf }, { origin: 'https://evil.example' })).status).toBe(403);
    expect((await preparer.post('/runs/plan', { ...form, csrf }, { origin: '' })).status).toBe(403);
    const other = hiddenOf((await ops.get('/quarantine/retry')).body)['csrf'] ?? '';
    for (const token of ['', 'x', other]) {
      const answer = await preparer.post('/runs/plan', { ...form, csrf: token });
      expect([answer.status, textOf(answer.body)]).toEqual([403, expect.stringContaining('not of your present session')]);
    }
    expect((await api.call('auditor', 'GET', '/v1/runs')).body.items).toEqual([]);
  });
});

describe('a form of an earlier session', () => {
  it('is shown again with what was typed and the present session’s token, and carries nothing out before it is sent again', async () => {
    const earlier = await signIn(api, 'preparer');
    const { csrf = '' } = hiddenOf((await earlier.get('/runs/plan')).body);
    const typed = { entityId: 'ent_se', period: '2019-12', accountIds: 'acc_driver_16, acc_driver_17', onceKey: 'once-2' };
    const present = hiddenOf((await preparer.get('/runs/plan')).body)['csrf'];
    for (const step of ['edit', 'check', 'carryOut']) {
      const answer = await preparer.post('/runs/plan', { ...typed, csrf, step });
      expect([answer.status, textOf(answer.body)]).toEqual([403, expect.stringContaining('not of your present session, and was not carried out')]);
      for (const value of ['2019-12', 'acc_driver_16, acc_driver_17']) expect(answer.body).toContain(`value="${value}"`);
      expect(hiddenOf(answer.body)).toMatchObject({ csrf: present, onceKey: 'once-2' });
    }
    expect((await api.call('auditor', 'GET', '/v1/runs')).body.items).toEqual([]);
    // It is checked as any other once it comes with that token.
    expect(textOf((await preparer.post('/runs/plan', { ...typed, csrf: present ?? '', step: 'check' })).body)).toContain('is this right?');
    // Who may not order it is not shown it, and nobody is signed out by it.
    expect((await auditor.post('/runs/plan', { ...typed, csrf, step: 'carryOut' })).body).not.toContain('acc_driver_16');
    expect([(await preparer.post('/sign-out', { ...typed, csrf })).status, (await preparer.get('/')).status]).toEqual([403, 200]);
  });
});

describe('planning and steering', () => {
  it('plans a run once, however often the form is sent, and shows what the API says against it', async () => {
    const hidden = hiddenOf((await preparer.get('/runs/plan')).body);
    const wrong = await preparer.post('/runs/plan', { ...hidden, entityId: 'ent_se', period: '2019-13', step: 'carryOut' });
    expect([wrong.status, wrong.body]).toEqual([422, expect.stringContaining('value="2019-13"')]);
    expect(textOf(wrong.body)).toContain('is no month, week or quarter: write 2019-12');
    const form = { ...hidden, entityId: 'ent_se', period: '2019-12' };
    const asked = await preparer.post('/runs/plan', { ...form, step: 'check' });
    expect([asked.status, textOf(asked.body)]).toEqual([200, expect.stringContaining('Plan a run: is this right?')]);
    for (let i = 0; i < 2; i += 1) expect((await preparer.post('/runs/plan', { ...form, step: 'carryOut' })).headers.get('location')).toBe(page);
    expect((await api.call('auditor', 'GET', '/v1/runs')).body.items).toHaveLength(1);
    expect(textOf((await preparer.get(page)).body)).toContain('Planned.');
    expect(textOf((await preparer.get(page)).body)).not.toContain('Planned.');
  });
  it('pauses, resumes and cuts off for ops, with a reason each', async () => {
    await reached('inReview');
    await built();
    expect((await ops.order(`${page}/pause`, { reason: 'waiting for the bank' })).headers.get('location')).toBe(page);
    expect(await run()).toMatchObject({ paused: true });
    expect(textOf((await ops.get(page)).body)).toContain('ops It is paused: resume it.');
    expect((await ops.order(`${page}/resume`, { reason: 'it is there' })).status).toBe(303);
    expect(await run()).toMatchObject({ paused: false });
    const late = await ops.order(`${page}/cut-off`, { reason: 'all partners have delivered' });
    expect([late.status, textOf(late.body)]).toEqual([409, expect.stringContaining('take late sessions in with pull-in')]);
    expect(late.body).toContain('all partners have delivered</textarea>');
  });
  it('moves a cut-off to a local time of the entity, and keeps why', async () => {
    const planned = await preparer.order('/runs/plan', { entityId: 'ent_se', period: '2099-01' });
    const other = planned.headers.get('location') ?? '';
    await expect.poll(async () => (await api.call('auditor', 'GET', `/v1${other}`)).body.state, { timeout: 20_000 }).toBe('collecting');
    expect(textOf((await ops.order(`${other}/cut-off`, { at: 'soon', reason: 'the hub is late' })).body)).toContain('"soon" is not a date and time');
    const form = { ...hiddenOf((await ops.get(`${other}/cut-off`)).body), reason: 'the hub is late', step: 'carryOut' };
    expect((await ops.post(`${other}/cut-off`, { ...form, at: '2099-07-01T12:00' })).status).toBe(303);
    // Summer time of Stockholm is two hours ahead of UTC.
    expect((await api.call('auditor', 'GET', `/v1${other}`)).body.cutOffAt).toBe('2099-07-01T10:00:00.000Z');
    expect(textOf((await ops.get(other)).body)).toContain('2099-07-01 12:00:00 Europe/Stockholm');
    expect(await audited('run.cutOff')).toEqual([{ actor: 'ops', reason: 'the hub is late' }]);
    // Back in the browser, and another time typed: it says so, and goes out when it is sent once more.
    const back = await ops.post(`${other}/cut-off`, { ...form, at: '2099-07-02T12:00' });
    expect([back.status, textOf(back.body)]).toEqual([422, expect.stringContaining('This form was carried out already, and was changed since: nothing more was done.')]);
    expect(back.body).toContain('value="2099-07-02T12:00"');
    expect((await ops.post(`${other}/cut-off`, { ...form, ...hiddenOf(back.body), at: '2099-07-02T12:00' })).status).toBe(303);
    expect((await api.call('auditor', 'GET', `/v1${other}`)).body.cutOffAt).toBe('2099-07-02T10:00:00.000Z');
    expect((await ops.order(`${other}/cancel`, { reason: 'planned by mistake' })).headers.get('location')).toBe(other);
    expect((await api.call('auditor', 'GET', `/v1${other}`)).body.state).toBe('cancelled');
  });
});

describe('a run in review', () => {
  it('shows the totals of money and energy that the API gives, and who is waited for', async () => {
    const { byStrategy, contentHash } = await run();
    const text = textOf((await auditor.get(page)).body);
    // Drivers 16 and 17 with two sessions each: 9.05 + 9.15 and 10.05 + 10.15 kWh.
    expect(byStrategy.find((s: { strategy: string }) => s.strategy === 'driverInvoice')).toMatchObject({ documents: 2, energyWh: '38400' });
    expect(text).toContain('driver invoice 2 38.400');
    for (const s of byStrategy) {
      for (const figure of [s.net, s.vat, s.payable, `${s.energyWh.slice(0, -3)}.${s.energyWh.slice(-3)}`]) expect(text).toContain(figure);
    }
    expect(text).toContain(contentHash);
    expect(text).toContain('finance-approver Review the preview; approve or reject it.');
    expect(text).toContain('unknown token');
    expect(textOf((await auditor.get('/')).body)).toContain('finance-approver Review the preview');
  });
  it('lists its documents by account and strategy, pages them, and escapes hostile names', async () => {
    const all = (await auditor.get(`${page}/documents`)).body;
    expect(all).not.toContain('<script');
    expect(all).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;');
    const names = async (query: string) => [...(await auditor.get(`${page}/documents?${query}`)).body.matchAll(/<div class="hint">(acc_\w+)<\/div>/g)].map((m) => m[1]);
    expect(await names('')).toHaveLength(6);
    expect(await names('strategy=fleetInvoice')).toEqual(['acc_fleet_home_care', 'acc_fleet_taxi']);
    expect(await names('account=acc_driver_17')).toEqual(['acc_driver_17']);
    expect(await names(`account=${encodeURIComponent('<SCRIPT')}`)).toEqual(['acc_driver_16']);
    expect(await names(`account=${encodeURIComponent('%')}`)).toEqual([]);
    const api50 = (await api.call('auditor', 'GET', `/v1/runs/${runId}/documents?strategy=fleetInvoice`)).body.items;
    expect(api50.map((d: { accountId: string }) => d.accountId)).toEqual(['acc_fleet_home_care', 'acc_fleet_taxi']);
  });
  it('shows a document with lines, VAT that sums to its own, and every charge with its sentence', async () => {
    const [first] = (await api.call('auditor', 'GET', `/v1/runs/${runId}/documents?account=acc_driver_16`)).body.items;
    const document = (await api.call('auditor', 'GET', `/v1/documents/${first.documentId}`)).body;
    const ore = (text: string) => BigInt(text.replace('.', ''));
    expect(document.vatByCode.reduce((sum: bigint, v: { vat: string }) => sum + ore(v.vat), 0n)).toBe(ore(document.vat));
    const { body } = await auditor.get(`/documents/${first.documentId}`);
    const text = textOf(body);
    expect(body).not.toContain('<script');
    expect(text).toContain(`Annex: ${document.chargeCount} charges`);
    expect(text).toContain(document.contentHash);
    const chargeId = /<td>(\d+)<div class="hint">line/.exec(body)?.[1];
    const { explanation } = (await api.call('auditor', 'GET', `/v1/charges/${chargeId}`)).body;
    expect(text).toContain(textOf(explanation.sentence));
    expect((await auditor.get('/documents/doc_none')).status).toBe(404);
    expect(textOf((await preparer.get(`/documents/${first.documentId}`)).body)).toContain('Exclude this account');
    expect(text).not.toContain('Exclude this account');
  });
  it('excludes and takes back, keeps what was typed after a refusal, and asks for the reason', async () => {
    const before = await built();
    const fields = { scope: 'account', subjectId: 'acc_driver_16', outcome: 'carry', reason: `disputed ${hostile}` };
    const missing = await preparer.order(`${page}/exclude`, { ...fields, reason: ' ' });
    expect([missing.status, textOf(missing.body)]).toEqual([422, expect.stringContaining('Fill in: Reason.')]);
    expect(missing.body).toContain('value="acc_driver_16"');
    const short = await preparer.order(`${page}/exclude`, { ...fields, reason: 'no' });
    expect([short.status, textOf(short.body)]).toEqual([422, expect.stringContaining('Reason:')]);
    const nobody = await preparer.order(`${page}/exclude`, { ...fields, subjectId: 'acc_nobody' });
    expect([nobody.status, textOf(nobody.body)]).toEqual([404, expect.stringContaining('holds nothing of account acc_nobody')]);
    expect(nobody.body).toContain('value="acc_nobody"');
    expect(nobody.body).toContain('<option value="carry" selected="">');
    expect(nobody.body).not.toContain('<script');
    expect((await preparer.order(`${page}/exclude`, fields)).headers.get('location')).toBe(page);
    expect(await built(before)).not.toBe(before);
    const shown = (await preparer.get(page)).body;
    expect(shown).not.toContain('<script');
    expect(textOf(shown)).toContain('account acc_driver_16 carry disputed');
    const withdraw = /href="([^"]+\/withdraw)"/.exec(shown)?.[1] ?? '';
    expect((await auditor.get(page)).body).not.toContain('/withdraw');
    expect((await preparer.order(withdraw, {})).headers.get('location')).toBe(page);
    await expect.poll(async () => (await run()).contentHash, { timeout: 20_000 }).toBe(before);
  });
  it('pulls late arrivals in by account, names who did, and puts them out again', async () => {
    const before = await built();
    await storeLines(api.store, [session(950, { user: 'Bl2-1', kWh: '5' })]);
    await processAll(api.store);
    const beside = textOf((await preparer.get(page)).body);
    expect(beside).toContain('1 charge, 5.000 kWh: not in the documents');
    expect(beside).not.toContain('Put late arrivals out again');
    expect((await preparer.order(`${page}/pull-in?accountId=acc_driver_16`, { accountId: 'acc_driver_16', reason: 'promised to the driver' })).status).toBe(303);
    expect(await built(before)).not.toBe(before);
    expect(textOf((await preparer.get(page)).body)).toContain('preparer pulled in 1 charge, 5.000 kWh.');
    expect(await audited('run.pullIn')).toEqual([{ actor: 'preparer', reason: 'promised to the driver' }]);
    expect((await preparer.order(`${page}/put-out`, {})).status).toBe(303);
    await expect.poll(async () => (await run()).contentHash, { timeout: 20_000 }).toBe(before);
  });
});

describe('roles', () => {
  it('are offered no form they may not send, and get 403 when they send it anyway', async () => {
    const links = async (person: Person) => [...(await person.get(page)).body.matchAll(/class="button" href="[^"]*_live\/([\w-]+)/g)].map((m) => m[1]);
    expect(await links(auditor)).toEqual([]);
    expect(await links(preparer)).toEqual(['exclude', 'adjust', 'pull-in']);
    expect(await links(approver)).toEqual(['approve', 'reject', 'sign-carry']);
    expect(await links(ops)).toEqual(['pause', 'cancel']);
    const { csrf = '' } = hiddenOf((await approver.get(`${page}/approve`)).body);
    const exclusion = { csrf, step: 'carryOut', scope: 'account', subjectId: 'acc_driver_16', outcome: 'carry', reason: 'not my business' };
    expect((await approver.post(`${page}/exclude`, exclusion)).status).toBe(403);
    for (const order of ['exclude', 'adjust', 'pull-in', 'approve', 'reject', 'pause', 'cancel', 'cut-off', 'retry', 'sign-carry']) {
      const answer = await auditor.get(`${page}/${order}`);
      expect([order, answer.status, textOf(answer.body)]).toEqual([order, 403, expect.stringContaining('This needs one of the roles')]);
    }
    expect((await run()).state).toBe('inReview');
  });
  it('find no order that does not exist, and no run', async () => {
    expect((await ops.get(`${page}/constructor`)).status).toBe(404);
    expect((await ops.get('/runs/run_none')).status).toBe(404);
    expect((await ops.get('/records/999999')).status).toBe(404);
  });
});

describe('approval', () => {
  it('is refused for a stale hash and for own work, in the API’s words; then sent back, and given', async () => {
    const stale = await built();
    const opened = hiddenOf((await approver.get(`${page}/approve?contentHash=${stale}`)).body);
    expect(opened['contentHash']).toBe(stale);
    const adjustment = { accountId: 'acc_fleet_taxi', amount: '-10', vatCode: 'SE25', glKey: 'rounding', costCenter: '100', description: 'Goodwill', reason: 'cable broken' };
    const wrong = await both.order(`${page}/adjust`, { ...adjustment, amount: '1.234' });
    expect([wrong.status, textOf(wrong.body), wrong.body]).toEqual([422, expect.stringContaining('2 decimals'), expect.stringContaining('value="1.234"')]);
    expect((await both.order(`${page}/adjust`, adjustment)).headers.get('location')).toBe(page);
    const hash = await built(stale);
    const asked = await approver.post(`${page}/approve`, { ...opened, comment: 'looked at it', step: 'check' });
    expect(textOf(asked.body)).toContain('Approve: is this right?');
    expect(textOf(asked.body)).toContain(`The content has changed since you looked at it; its present hash is ${hash}.`);
    expect(hiddenOf(asked.body)['contentHash']).toBe(stale);
    const late = await approver.post(`${page}/approve`, { ...opened, comment: 'looked at it', step: 'carryOut' });
    expect([late.status, textOf(late.body)]).toEqual([409, expect.stringContaining('The content has changed since it was looked at: review it again and approve the present hash.')]);
    const own = await both.order(`${page}/approve?contentHash=${hash}`, { comment: 'my own work' });
    expect([own.status, textOf(own.body)]).toEqual([403, expect.stringContaining('is the author of adjustment')]);
    expect(own.body).toContain('my own work</textarea>');
    expect((await approver.order(`${page}/reject?contentHash=${hash}`, { comment: 'look again' })).status).toBe(303);
    await expect.poll(async () => (await run()).problem).toBe('rejected by approver: look again');
    expect(textOf((await preparer.get(page)).body)).toContain('finance-preparer rejected by approver: look again. Change what it bills');
    refuse = 'acc_fleet_taxi';
    expect((await approver.order(`${page}/approve?contentHash=${hash}`, { comment: 'looked at it again' })).headers.get('location')).toBe(page);
    await reached('handingOver');
    expect(textOf((await auditor.get(page)).body)).toContain('approver looked at it again');
  });
});

describe('hand-over and close', () => {
  it('is retried by ops once the ERP’s refusal is mended', async () => {
    await expect.poll(async () => (await run()).problem, { timeout: 30_000 }).toMatch(/the customer is blocked/);
    expect(textOf((await ops.get('/')).body)).toContain('the customer is blocked');
    refuse = undefined;
    expect((await ops.order(`${page}/retry`, { reason: 'the customer is unblocked' })).headers.get('location')).toBe(page);
    expect(await audited('run.retry')).toEqual([{ actor: 'ops', reason: 'the customer is unblocked' }]);
    await reached('reconciled');
  });
  it('closes once the rest is signed, and shows the report that the API gives', async () => {
    await expect.poll(async () => (await run()).problem, { timeout: 20_000 }).toMatch(/signed carry decision/);
    expect(textOf((await approver.get('/')).body)).toContain('finance-approver Decide on the records that wait, or sign that they are carried');
    // Of a CDR that is missing no record waits: it is signed all the same.
    const expected = { key: 'lost', openedAt: '2019-12-03T10:00:00Z' };
    await api.store.tx((db) => openExpectations(db, 'csms', [expectationSchema.parse(expected)], { actor: 'ops' }));
    const waiting = await api.store.pool.query('SELECT record_id::text AS id FROM record_head WHERE waiting_raw_id IS NOT NULL');
    const signed = await api.call('approver', 'POST', `/v1/runs/${runId}/carry-decisions`, { recordIds: waiting.rows.map((r) => r.id), reason: 'asked for at the source' });
    expect(signed.body).toEqual({ signed: 2 });
    expect(textOf((await approver.get('/')).body)).toContain('finance-approver Mend what is open, or sign that it is carried: then it closes. session lost of source csms');
    const standing = (await approver.get(page)).body;
    expect(standing).toContain(`${page}/sign-carry`);
    expect(standing).not.toContain('http-equiv="refresh"');
    expect((await approver.order(`${page}/sign-carry`, { reason: 'asked for at the source' })).status).toBe(303);
    expect(textOf((await approver.get(page)).body)).toContain('Signed 1 carry decision.');
    await reached('closed');
    const report = (await api.call('auditor', 'GET', `/v1/runs/${runId}/report`)).body;
    const text = textOf((await auditor.get(`${page}/report`)).body);
    expect(text).toContain(`${report.numbers.first} to ${report.numbers.last}, 5 documents`);
    expect(text).toContain(`${report.erp.controlTotal.replace(/\B(?=(\d{3})+\.)/g, ',')} SEK`);
    expect(text.match(/balances/g)).toHaveLength(report.energyBalance.length);
    expect(text.match(/sums to zero/g)).toHaveLength(report.ledger.length);
    expect(text).toContain('waiting records, signed to be carried asked for at the source approver 2 21.000');
    expect(text).toContain('adjusted account acc_fleet_taxi cable broken both');
  });
});

describe('the quarantine', () => {
  it('shows causes with energy and money at risk, and their records with a timeline', async () => {
    const { items } = (await api.call('auditor', 'GET', '/v1/quarantine')).body;
    const text = textOf((await auditor.get('/quarantine')).body);
    for (const c of items) expect(text).toContain(c.remedy);
    expect(text).toContain('10.500');
    const records = (await auditor.get('/quarantine/records?cause=unknownToken')).body;
    expect(textOf(records)).toContain('csms/se*wlt*902');
    const id = /href="\/records\/(\d+)"/.exec(records)?.[1] ?? '';
    const record = textOf((await auditor.get(`/records/${id}`)).body);
    expect(record).toContain('Not on an invoice: it waits for');
    expect(record).toContain('When (Europe/Stockholm)');
    const billed = (await auditor.get(`/records/${encodeURIComponent('csms/se*wlt*0')}`)).body;
    expect(textOf(billed)).toContain('On an invoice:');
    expect(textOf(billed)).toContain('a margin of');
  });
  it('takes decisions on chosen records and on all of a cause, and refuses what others changed meanwhile', async () => {
    const id = /href="\/records\/(\d+)"/.exec((await ops.get('/quarantine/records?cause=unknownToken')).body)?.[1] ?? '';
    const accept = await ops.order(`/quarantine/decide?recordIds=${id}`, { recordIds: id, action: 'accept', reason: 'the driver is known' });
    expect([accept.status, textOf(accept.body)]).toEqual([409, expect.stringContaining('add that, and it goes on by itself')]);
    const more = await ops.order('/quarantine/decide?cause=unknownToken&sourceId=csms&expected=7', { action: 'hold', reason: 'asked for' });
    expect([more.status, textOf(more.body)]).toEqual([409, expect.stringContaining('1 records wait for unknownToken, not 7')]);
    expect((await ops.order('/quarantine/decide?cause=unknownToken&sourceId=csms&expected=1', { action: 'hold', reason: 'asked for' })).headers.get('location')).toBe('/quarantine');
    expect(await audited('record.hold')).toEqual([{ actor: 'ops', reason: 'asked for' }]);
    expect((await auditor.get('/quarantine/decide?recordIds=1')).status).toBe(403);
    expect((await auditor.get('/quarantine')).body).not.toContain('/quarantine/decide');
    expect((await ops.order(`/quarantine/decide?recordIds=${id}`, { recordIds: id, action: 'reject', reason: 'a test card' })).status).toBe(303);
    await processAll(api.store);
    expect((await ops.order('/quarantine/retry?cause=notVatRegistered&sourceId=csms', { cause: 'notVatRegistered', sourceId: 'csms' })).headers.get('location')).toBe('/quarantine');
    expect((await ops.order('/quarantine/retry', { cause: 'brokenRule', sourceId: 'csms' })).status).toBe(404);
  });
});
