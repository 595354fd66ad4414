import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { session } from '../support/intake.ts';
import { type Story, tell } from '../support/story.ts';

let story: Story;
let runId: string;
const everything = ['finance-preparer', 'finance-approver', 'ops', 'admin'] as const;
const authors = [
  'author-mapping',
  'author-record',
  'author-price',
  'author-tariff',
  'author-contract',
  'author-account',
  'author-exclusion',
  'author-adjustment',
  'author-pull',
  'author-finding',
  'author-rules',
];

/** A user with every role, whose only fault is what he did, may not approve; `what` names it. */
async function refused(user: string, what: RegExp | string): Promise<void> {
  const answer = await story.decide(user, runId, await story.built(runId));
  expect(answer.body).toMatchObject({ status: 403, code: 'ownWork', detail: what instanceof RegExp ? expect.stringMatching(what) : expect.stringContaining(what) });
  expect(await story.run(runId)).toMatchObject({ state: 'inReview' });
}

beforeAll(async () => {
  story = await tell({ extraUsers: Object.fromEntries(authors.map((name) => [name, everything])) });
  const flat = { id: 'fleet-night', currency: 'SEK', elements: [{ price_components: [{ type: 'ENERGY', price: '2.10', vat: '25', step_size: 1 }] }] };
  const { proposalId } = await story.does('author-tariff', 'POST', '/v1/tariff-proposals', { tariff: flat, validFrom: '2019-11-30T23:00:00Z', reason: 'prices of December' });
  await story.does('both', 'POST', `/v1/tariff-proposals/${proposalId}/decision`, { decision: 'publish', comment: 'looked at it' });
  await story.does('author-price', 'POST', '/v1/price-assignments', { entityId: 'ent_se', tariffId: 'fleet-night', segment: 'fleet', siteId: 'site_bl7' });
  const agreement = { kind: 'supply', status: 'active', clauses: [{ kind: 'discount', id: 'loyal', perKwh: '0.10' }] };
  await story.does('author-contract', 'POST', '/v1/contracts/ctr_driver_16/proposals', { validFrom: '2019-11-30T23:00:00Z', agreement, reason: 'new terms' });
  await story.does('author-account', 'PUT', '/v1/accounts/acc_driver_17', { paymentTermsDays: 20, reason: 'asked for' });
  await story.arrive(
    session(1),
    session(2, { user: 'AdA6-1', garage: 'Bl7', kWh: '20' }),
    // Nobody has mapped this token, and the other meter was read as energy.
    session(3, { user: 'Bl9-1', kWh: '6' }),
    session(4, { user: 'Bl2-2', kWh: '1370' }),
  );
  await story.does('author-mapping', 'POST', '/v1/mappings', { sourceId: 'csms', kind: 'token', externalKey: 'Bl9-1', internalId: 'acc_driver_18' });
  const [held] = await story.rows("SELECT record_id::text AS id FROM record_head WHERE cdr_id = '4' AND state = 'quarantined'");
  await story.does('author-record', 'POST', '/v1/decisions', { action: 'correct', recordIds: [held.id], correction: { energyWh: 13_700 }, reason: 'the display showed 13.7 kWh' });
  for (;;) {
    const [{ waiting }] = await story.rows("SELECT count(*)::int AS waiting FROM record_head WHERE state <> 'booked'");
    if (waiting === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  ({ runId } = await story.review('2019-12'));
});
afterAll(() => story.end());

describe('who authored something that takes effect in a run does not approve it', () => {
  it.each<[string, string, RegExp | string]>([
    ['the mapping of a token', 'author-mapping', 'mapping Bl9-1'],
    ['a correction of a record that waited', 'author-record', /decision on record \d+/],
    ['the tariff of a charge', 'author-tariff', 'tariff fleet-night/1'],
    ['the contract of an account', 'author-contract', 'contract ctr_driver_16 version 2'],
    ['the terms of an account', 'author-account', 'account acc_driver_17'],
    ['the assignment of a price', 'author-price', /price assignment/],
  ])('not by %s', async (_what, user, words) => {
    await refused(user, words);
  });
  it('not by an exclusion, until it is withdrawn', async () => {
    const { id } = await story.does('author-exclusion', 'POST', `/v1/runs/${runId}/exclusions`, { scope: 'site', subjectId: 'site_bl7', outcome: 'carry', reason: 'disputed' });
    await refused('author-exclusion', `exclusion ${id}`);
    await story.does('preparer', 'DELETE', `/v1/runs/${runId}/exclusions/${id}`);
    await story.built(runId);
  });
  it('not by late arrivals that were pulled in', async () => {
    await story.arrive(session(50, { kWh: '5' }));
    await story.does('author-pull', 'POST', `/v1/runs/${runId}/pull-in`);
    await refused('author-pull', 'late arrivals pulled in');
  });
  it('not by an adjustment, nor by the signature under the finding that it raised', async () => {
    const before = await story.built(runId);
    // 200 kr in the customer's favour on some 100 kr: an invoice of less than nothing.
    const goodwill = { accountId: 'acc_driver_18', amount: '-200.00', vatCode: 'SE25', glAccount: '3740', costCenter: '109', description: 'Goodwill', reason: 'cable broken' };
    await story.does('author-adjustment', 'POST', `/v1/runs/${runId}/adjustments`, goodwill);
    const hash = await story.built(runId, before);
    await refused('author-adjustment', /adjustment adj_/);
    expect((await story.decide('approver', runId, hash)).body).toMatchObject({ status: 409, code: 'blockingFindings' });
    const { items } = await story.does('auditor', 'GET', `/v1/runs/${runId}/findings?severity=blocks`);
    await story.does('author-finding', 'POST', `/v1/runs/${runId}/finding-decisions`, { findingIds: items.map((f: { findingId: string }) => f.findingId), reason: 'agreed with the customer' });
    await refused('author-finding', /signature on finding \d+/);
  });
  it('not by the rules that judged it', async () => {
    await story.does('author-rules', 'PUT', '/v1/entities/ent_se/preview-rules', { rules: { rules: { energyJump: { severity: 'off' } } }, reason: 'a new garage' });
    await refused('author-rules', 'rules of previews, version 1');
  });
  it('but by anybody else, and then it is issued', async () => {
    await story.approve(runId, await story.built(runId));
    const { approvals } = await story.closed(runId);
    expect(approvals).toMatchObject([{ decision: 'approve', actor: 'approver' }]);
    await story.holds();
  });
});
