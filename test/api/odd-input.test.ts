import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { putApiKeys } from '../../src/store/commands/api-keys.ts';
import { keepAnswer } from '../../src/store/commands/keep-answer.ts';
import { cursorAt } from '../../src/store/reads/page.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

describe('an entity that there is not', () => {
  it.each(['accounting-periods', 'accounting-periods/2019-12/proof', 'accounting-periods/2019-12/accrual-against-actual', 'preview-rules', 'release-rules', 'document-rules'])(
    'has no %s: a slip of the pen proves nothing',
    async (path) => {
      expect(await api.call('auditor', 'GET', `/v1/entities/ent_sse/${path}`)).toMatchObject({ status: 404, body: { code: 'notFound', detail: 'There is no entity "ent_sse".' } });
      expect((await api.call('auditor', 'GET', `/v1/entities/ent_se/${path}`)).status).toBe(200);
    },
  );
});

describe('what somebody mistyped', () => {
  it.each([
    ['a reason that says nothing', 'preparer', '/v1/runs/run_x/exclusions', { scope: 'account', subjectId: 'acc_x', outcome: 'carry', reason: 'x' }, 'reason: must have at least 3 characters'],
    ['a reason that is missing', 'preparer', '/v1/runs/run_x/exclusions', { scope: 'account', subjectId: 'acc_x', outcome: 'carry' }, 'reason: is missing'],
    ['an outcome that there is not', 'preparer', '/v1/runs/run_x/exclusions', { scope: 'account', subjectId: 'acc_x', outcome: 'lose', reason: 'a reason' }, 'outcome: must be one of writeOff, carry'],
    ['an amount with a comma', 'preparer', '/v1/runs/run_x/adjustments', { amount: '-12,50' }, 'amount: must be an amount with a point, such as -12.50'],
    ['a cut-off in words', 'preparer', '/v1/runs', { entityId: 'ent_se', period: '2020-01', cutOffAt: 'yesterday' }, 'cutOffAt: must be an instant such as 2020-01-31T23:00:00Z'],
  ])('is told in words: %s', async (_, user, path, body, words) => {
    const { status, body: problem } = await api.call(user, 'POST', path, body);
    expect([status, problem.detail]).toEqual([422, expect.stringContaining(words)]);
    expect(problem.detail).not.toMatch(/pattern|>=|expected/);
  });
});

describe('what no database holds', () => {
  it.each([
    ['a path', '/v1/sources/x%00y/watermarks'],
    ['a path of the set-up', '/v1/sources/x%00y'],
    ['a query', '/v1/records?sourceId=x%00y'],
    ['a year before the first', '/v1/ledger/trial-balance?until=0000-01-01'],
    ['an instant after the last year', '/v1/energy-balance?asOf=9999-12-31T23:59:59.999-12:00'],
    ['a month before the first', '/v1/sources/csms/completeness?month=0000-01'],
    ['a month after the last', '/v1/entities/ent_se/accounting-periods/9999-12/accrual-against-actual'],
  ])('in %s is refused, and is nobody’s fault but the request’s', async (_, path) => {
    expect(await api.call('admin', 'GET', path)).toMatchObject({ status: 422, body: { code: 'invalid' } });
  });

  it('is no period of a run either', async () => {
    for (const period of ['0000-01', '0000-W01', '9999-12', '9999-W52', '9999-Q4'])
      expect(await api.call('preparer', 'POST', '/v1/runs', { entityId: 'ent_se', period, kind: 'dry' })).toMatchObject({ status: 422, body: { code: 'invalid' } });
  });

  it.each([
    ['a NUL', 'half\u0000'],
    ['half a surrogate pair', 'half\ud800'],
  ])('in a body is refused: %s', async (_, text) => {
    expect(await api.call('admin', 'POST', '/v1/entities/ent_se/gl-mappings', { keys: { k: text }, reason: 'a new chart' })).toMatchObject({ status: 422, body: { code: 'invalid' } });
  });
});

describe('a body that is none', () => {
  it.each([
    ['text', 'text/plain', '{}', 415, 'unsupportedMediaType', 'application/json'],
    ['half of it', 'application/json', '{"entityId":', 400, 'badRequest', 'send one JSON object'],
    ['nothing', 'application/json', '', 400, 'badRequest', 'send one JSON object'],
  ])('is refused with what to send: %s', async (_, type, body, status, code, remedy) => {
    const answer = await api.call('preparer', 'POST', '/v1/runs', body, { 'content-type': type });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/problem+json']);
    expect(answer.body).toMatchObject({ status, code, detail: expect.stringContaining(remedy) });
  });
});

it('a key is of writes alone: what asks for the head of an answer, with a key by habit, gets it, and nothing of it is kept', async () => {
  for (const path of ['/v1/card-payments.csv?entityId=ent_se', '/v1/accounts'])
    expect([path, (await api.call('admin', 'HEAD', path, undefined, { 'idempotency-key': 'habit' })).status]).toEqual([path, 200]);
  expect((await api.store.pool.query("SELECT FROM idempotency_key WHERE key = 'habit'")).rows).toEqual([]);
});

it('what was answered under a key is given to nobody whom the route refuses by now, on every route that writes', async () => {
  // A partner without a source may nothing.
  await api.store.tx((db) => putApiKeys(db, [{ id: 'moved', actor: 'moved', token: 'token-moved', roles: ['partner'], sourceId: null, sample: true }]));
  const writes = Object.entries(paths).flatMap(([path, methods]) => (path.startsWith('/v1/') ? Object.keys(methods).map((m) => [m.toUpperCase(), path.replace(/\{\w+\}/g, 'x')] as const) : []));
  for (const [method, path] of writes.filter(([m]) => m !== 'GET')) {
    const [route, key] = [`${method} ${path}`, `${method} ${path}`.slice(0, 200)];
    const requestHash = createHash('sha256')
      .update(`${route}\n`)
      .update(method === 'DELETE' ? '' : '{}')
      .digest();
    await keepAnswer(api.store.pool, { actor: 'moved', key, route, requestHash, status: 200, answer: { told: 'before' } });
    const answer = await api.call('moved', method, path, method === 'DELETE' ? undefined : '{}', { 'idempotency-key': key, 'content-type': 'application/json' });
    expect([route, answer.status, answer.body.code]).toEqual([route, 403, 'forbidden']);
  }
});

describe('what is misspelt', () => {
  it('in a query is refused by its name on every route that is described, before anything is done or shown without it', async () => {
    const described: Readonly<Record<string, object>> = JSON.parse(readFileSync('docs/openapi.json', 'utf8')).paths;
    const operations = Object.entries(described)
      .filter(([path]) => path.startsWith('/v1/'))
      .flatMap(([path, methods]) => Object.keys(methods).map((method) => [method.toUpperCase(), path] as const));
    expect(operations.length).toBeGreaterThan(150);
    for (const [method, path] of operations) {
      const answer = await api.call('admin', method, `${path.replace(/\{\w+\}/g, 'x')}?accont=acc_driver_16`, method === 'GET' ? undefined : {});
      expect([method, path, answer.status, answer.body.detail]).toEqual([method, path, 422, expect.stringContaining('There is no query parameter "accont"')]);
    }
  });

  it('is told with what the route takes, and each of several', async () => {
    const answer = await api.call('preparer', 'DELETE', '/v1/runs/run_1/pull-in?account=acc_driver_16&Limit=1');
    expect(answer.body).toMatchObject({
      status: 422,
      code: 'invalid',
      detail: 'There is no query parameter "account", "Limit": this takes accountId.',
      errors: [
        { path: 'account', message: 'this takes accountId' },
        { path: 'Limit', message: 'this takes accountId' },
      ],
    });
  });

  it('is a body where none is taken, such as the account that is to be put out: all would be', async () => {
    const sent = (path: string, body: unknown) => api.call('preparer', 'DELETE', path, body);
    expect((await sent('/v1/runs/run_1/pull-in', { accountId: 'acc_driver_16' })).body).toMatchObject({
      status: 422,
      code: 'invalid',
      detail: 'This takes no body: leave it out, or say it in the query, which takes accountId.',
    });
    expect((await sent('/v1/runs/run_1/exclusions/ex_1', { reason: 'it was wrong' })).body).toMatchObject({ status: 422, detail: 'This takes no body: leave it out.' });
    for (const nothing of [undefined, {}, '']) expect((await sent('/v1/runs/run_1/pull-in', nothing)).status).toBe(404);
  });

  it.each([
    ['a selection, without which everybody is billed', 'preparer', '/v1/runs', { entityId: 'ent_se', period: '2019-12', selektion: { accountIds: ['acc_driver_16'] } }, 'selektion'],
    ['what a dry run supposes', 'preparer', '/v1/runs', { entityId: 'ent_se', period: '2019-12', kind: 'dry', whatIf: { rateagain: true } }, 'rateagain'],
    ['the amount off a line, without which all of it is credited', 'preparer', '/v1/documents/doc_1/credit', { reason: 'goodwill', lines: [{ lineNo: 1, ammount: '1.00' }] }, 'ammount'],
    [
      'the amount that was captured, without which it is all',
      'preparer',
      '/v1/card-payments/answers',
      { answers: [{ key: 'k', outcome: 'captured', settledOn: '2020-01-08', Amount: '1.00' }] },
      'Amount',
    ],
    ['records of a decision', 'ops', '/v1/decisions', { action: 'accept', reason: 'looked at', recordIDs: ['1'], cause: 'implausible' }, 'recordIDs'],
  ])('in a body is refused by its name: %s', async (_, user, path, sent, name) => {
    const answer = await api.call(user, 'POST', path, sent);
    expect([answer.status, answer.body.code, answer.body.detail]).toEqual([422, 'invalid', expect.stringContaining(`"${name}"`)]);
    expect((await api.store.pool.query('SELECT count(*)::int AS n FROM billing_run')).rows).toEqual([{ n: 0 }]);
  });
});

type Operation = { readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[] };
const paths: Readonly<Record<string, { readonly get?: Operation }>> = JSON.parse(readFileSync('docs/openapi.json', 'utf8')).paths;
const there: Readonly<Record<string, string>> = {
  '{entityId}': 'ent_se',
  '{sourceId}': 'csms',
  '{accountId}': 'acc_brf_north',
  '{runId}': 'run_1',
  '{peerId}': 'peer_1',
  '{seriesId}': 'se3',
  '{loadId}': 'load_1',
};
const needed: Readonly<Record<string, string>> = { by: 'account', month: '2019-12', against: 'lastMonth' };
const paged = Object.entries(paths).flatMap(([path, { get }]) => {
  const parameters = get?.parameters ?? [];
  if (!parameters.some((p) => p.name === 'cursor')) return [];
  const query = parameters.filter((p) => p.in === 'query' && p.required).map((p) => `${p.name}=${needed[p.name]}`);
  if (path === '/v1/trace') query.push('account=acc_brf_north');
  return [`${path.replace(/\{\w+\}/g, (name) => there[name] ?? name)}?${[...query, ''].join('&')}`];
});

describe('a cursor', () => {
  // Lists of what the empty database has nothing of answer 404 before they look at a cursor.
  it.each(paged)('that %s did not give out is refused with what to do, and never read as another place of the list', async (path) => {
    for (const cursor of ['nonsense', 'doc_1', '17', cursorAt('another list', '17')]) {
      const answer = await api.call('admin', 'GET', `${path}cursor=${cursor}`);
      if (answer.status !== 404) expect(answer).toMatchObject({ status: 422, body: { code: 'invalid', detail: expect.stringContaining('leave it out to start from the beginning') } });
    }
  });

  it('is asked of nearly all lists here', async () => {
    const asked = await Promise.all(paged.map(async (path) => (await api.call('admin', 'GET', `${path}cursor=nonsense`)).status));
    expect(asked.filter((status) => status === 422).length).toBeGreaterThan(25);
  });
});
