import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiUnderTest, startApi } from '../support/api.ts';

let api: ApiUnderTest;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

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
