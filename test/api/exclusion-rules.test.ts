import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import { type ApiUnderTest, startApi } from '../support/api.ts';
import { closeSet } from '../support/bill.ts';
import { signIn, textOf } from '../support/console.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

let api: ApiUnderTest;
let runId: string;
let ruleId: string;
const rule = {
  entityId: 'ent_se',
  scope: 'site',
  subjectId: 'site_bl2',
  outcome: 'carry',
  predicate: { amountAbove: '20.00', currency: 'SEK' },
  validFrom: '2019-12-01',
  validTo: '2020-02-01',
  reviewOn: '2020-01-15',
};
const reason = 'the meter of the site is being tested';
const build = () => api.store.tx((db) => buildDocuments(db, runId));

// By day a kWh costs 2.65 net: 10 kWh are 26.50, 5 kWh 13.25.
beforeAll(async () => {
  api = await startApi();
  await storeLines(api.store, [session(1, { user: 'Bl2-1', kWh: '10' }), session(2, { user: 'Bl2-2', kWh: '5' })]);
  await processAll(api.store);
  runId = await closeSet(api.store, '2019-12');
  await api.store.tx((db) => advanceRun(db, runId, 'previewing'));
  await build();
  await api.store.tx((db) => advanceRun(db, runId, 'inReview'));
});
afterAll(() => api.stop());

describe('/v1/exclusion-rules', () => {
  it('shows what a rule would meet, keeps it as a proposal, and refuses what contradicts itself', async () => {
    const reach = [{ serviceMonth: '2019-12', currency: 'SEK', accounts: 1, sessions: 1, charges: 1, energyWh: '10000', net: '26.50' }];
    const { entityId, scope, subjectId, predicate } = rule;
    expect((await api.call('auditor', 'POST', '/v1/exclusion-rules/preview', { entityId, scope, subjectId, predicate })).body).toEqual({
      reach,
      accounts: [{ accountId: 'acc_driver_16', accountName: expect.any(String), currency: 'SEK', sessions: 1, charges: 1, energyWh: '10000', net: '26.50' }],
      moreAccounts: 0,
    });
    const made = await api.call('preparer', 'POST', '/v1/exclusion-rules', { rule, reason }, { 'idempotency-key': 'once' });
    expect(made).toMatchObject({ status: 201, body: { reach } });
    ruleId = made.body.id;
    expect((await api.call('preparer', 'POST', '/v1/exclusion-rules', { rule, reason }, { 'idempotency-key': 'once' })).body.id).toBe(ruleId);
    const refused = async (more: object, status: number, detail: RegExp) =>
      expect(await api.call('preparer', 'POST', '/v1/exclusion-rules', { rule: { ...rule, ...more }, reason })).toMatchObject({ status, body: { detail: expect.stringMatching(detail) } });
    await refused({ subjectId: 'site_nowhere' }, 404, /has no site "site_nowhere"/);
    await refused({ outcome: 'writeOff', maxAgeMonths: 2 }, 422, /only what is carried has a maximum age/);
    await refused({ atOurCost: true }, 422, /only what is written off can be at our cost/);
    await refused({ validTo: '2019-12-01' }, 422, /must be after validFrom/);
    await refused({ predicate: { amountAbove: '20.00' } }, 422, /an amount needs its currency/);
    await refused({ predicate: { amountAbove: '20.005', currency: 'SEK' } }, 422, /predicate/);
    // Bounds that nothing lies between: from 10.5 up to below 10.5 kWh, above 9.50 up to 9.5, from a day on until before it.
    for (const [lower, upper, more] of [
      ['energyFromWh', 'energyBelowWh', { energyFromWh: 10_500, energyBelowWh: 10_500 }],
      ['amountAbove', 'amountUpTo', { amountAbove: '9.50', amountUpTo: '9.5', currency: 'SEK' }],
      ['amountAbove', 'amountUpTo', { amountAbove: '10', amountUpTo: '9.99', currency: 'SEK' }],
      ['serviceFrom', 'serviceTo', { serviceFrom: '2019-12-02', serviceTo: '2019-12-01' }],
    ] as const) {
      await refused({ predicate: more }, 422, new RegExp(`predicate\\.${lower}: nothing lies between .*predicate\\.${upper}: nothing lies between`));
      expect(await api.call('auditor', 'POST', '/v1/exclusion-rules/preview', { entityId, scope, subjectId, predicate: more })).toMatchObject({ status: 422 });
    }
    await refused({ predicate: { amountAbove: 'x', amountUpTo: '9', currency: 'SEK' } }, 422, /must be an amount/);
    expect((await api.call('auditor', 'POST', '/v1/exclusion-rules/preview', { entityId, scope, subjectId, predicate: { amountAbove: '9.99', amountUpTo: '10', currency: 'SEK' } })).status).toBe(200);
    expect(await api.call('approver', 'POST', '/v1/exclusion-rules', { rule, reason })).toMatchObject({ status: 403 });
    const listed = await api.call('auditor', 'GET', '/v1/exclusion-rules?state=proposed&scope=site');
    expect(listed.body).toMatchObject({ items: [{ id: ruleId, state: 'proposed', maxAgeMonths: 3, predicate: { amountAbove: '20.00', currency: 'SEK' } }], nextCursor: null });
    expect((await api.call('auditor', 'GET', '/v1/exclusion-rules?state=inForce')).body.items).toEqual([]);
  });

  it('is put in force by a second person, and then shapes the run that is open', async () => {
    expect(await api.call('preparer', 'POST', `/v1/exclusion-rules/${ruleId}/signature`, { comment: 'as agreed' })).toMatchObject({ status: 403 });
    expect(await api.call('approver', 'POST', `/v1/exclusion-rules/${ruleId}/signature`, { comment: 'as agreed' })).toMatchObject({ status: 200, body: { id: ruleId, runs: 1 } });
    expect(await api.call('approver', 'POST', `/v1/exclusion-rules/${ruleId}/signature`, { comment: 'again' })).toMatchObject({ status: 409 });
    await build();
    const amount = { charges: 1, energyWh: '10000', net: '26.50' };
    const none = { charges: 0, energyWh: '0', net: '0.00' };
    const flow = { currency: 'SEK', opening: none, added: amount, moved: none, billed: none, writtenOff: none, closing: amount };
    expect((await api.call('auditor', 'GET', `/v1/runs/${runId}/shadow-balance`)).body).toEqual({
      rows: [{ cause: 'standing', ruleId, serviceMonth: '2019-12', ageMonths: 0, ...flow }],
      totals: [flow],
    });
    expect((await api.call('auditor', 'GET', `/v1/exclusion-rules/${ruleId}/hits`)).body).toEqual({ runs: [{ runId, period: '2019-12', runState: 'inReview', ageMonths: 0, ...flow }] });
    expect((await api.call('auditor', 'GET', '/v1/exclusion-rules/nobody/hits')).status).toBe(404);
    expect((await api.call('auditor', 'GET', '/v1/runs/nobody/shadow-balance')).status).toBe(404);
  });

  it('ends with a reason, and stays listed with who did what', async () => {
    expect(await api.call('approver', 'POST', `/v1/exclusion-rules/${ruleId}/end`, { reason: 'the meter is right' })).toMatchObject({ status: 200, body: { runs: 1 } });
    await build();
    expect((await api.call('auditor', 'GET', `/v1/runs/${runId}/shadow-balance`)).body).toEqual({ rows: [], totals: [] });
    expect((await api.call('auditor', 'GET', `/v1/exclusion-rules/${ruleId}`)).body).toMatchObject({
      rule: { state: 'ended', author: 'preparer', signedBy: 'approver', endedBy: 'approver', endReason: 'the meter is right' },
      earlier: [],
      reach: [{ net: '26.50' }],
    });
    const { rows } = await api.store.pool.query('SELECT actor, action FROM audit_event WHERE subject = $1 ORDER BY id', [ruleId]);
    expect(rows).toEqual([
      { actor: 'preparer', action: 'exclusionRule.propose' },
      { actor: 'approver', action: 'exclusionRule.sign' },
      { actor: 'approver', action: 'exclusionRule.end' },
    ]);
  });
});

describe('POST /v1/runs/{runId}/adjustments', () => {
  it('takes a key of the GL mapping, the month, what it is about, its evidence and its twin', async () => {
    const evidence = { ref: 'dms:4711', sha256: 'b'.repeat(64) };
    const adjustment = {
      accountId: 'acc_driver_17',
      amount: '-2.50',
      vatCode: 'SE25',
      glKey: 'revenueReduction',
      costCenter: '109',
      description: 'Goodwill',
      reason: 'cable broken',
      twinPeriod: '2020-02',
      attachment: evidence,
    };
    const made = await api.call('preparer', 'POST', `/v1/runs/${runId}/adjustments`, adjustment);
    expect(made.status).toBe(201);
    expect((await api.call('auditor', 'GET', `/v1/runs/${runId}/shapes`)).body.adjustments).toMatchObject([
      { id: made.body.id, glKey: 'revenueReduction', glAccount: '3730', serviceMonth: '2019-12', attachment: evidence, signedBy: null, reverses: null, twin: { duePeriod: '2020-02', runId: null } },
    ]);
    expect(await api.call('preparer', 'POST', `/v1/runs/${runId}/adjustments/${made.body.id}/signature`, { comment: 'mine' })).toMatchObject({ status: 403 });
    expect(await api.call('approver', 'POST', `/v1/runs/${runId}/adjustments/${made.body.id}/signature`, { comment: 'seen it' })).toMatchObject({ status: 200 });
    expect((await api.call('auditor', 'GET', '/v1/adjustments/waiting')).body).toEqual({ items: [], nextCursor: null });
    const refused = await api.call('preparer', 'POST', `/v1/runs/${runId}/adjustments`, { ...adjustment, glKey: 'nothing' });
    expect(refused).toMatchObject({ status: 422, body: { detail: 'the GL mapping of ent_se has no key nothing for manual amounts: add it, or use another' } });
  });
});

it('whom a rule would meet is listed by the largest sums, and it says of how many more', async () => {
  const users = 'AdO1-2 AdO1-3 AdO1-4 AdO3-1 AdO3-2 AdO3-3 AdO3-4 AsO10-1 AsO10-2 AsO2-1 AsO4-1 AsO4-2 AsO6-1 AsO8-3 AsO8-4 Bl2-3 Bl2-7 Bl2-8 Bl7-1 MS1-1 MS1-2 MS11-1 MS22-1'.split(' ');
  await storeLines(
    api.store,
    users.map((user, i) => session(500 + i, { user, garage: 'UT7', kWh: String(10 + i), start: '09.12.2019 10:00', end: '09.12.2019 22:00' })),
  );
  await processAll(api.store);
  const asked = { entityId: 'ent_se', scope: 'site', subjectId: 'site_ut7' };
  const { body } = await api.call('auditor', 'POST', '/v1/exclusion-rules/preview', asked);
  expect([body.reach[0].accounts, body.accounts.length, body.moreAccounts]).toEqual([23, 20, 3]);
  const person = await signIn(api, 'preparer');
  const form = { ...asked, outcome: 'carry', validFrom: '2019-12-01', validTo: '2020-02-01', reviewOn: '2020-01-15', reason };
  expect(textOf((await person.check('/rules/exclusions/propose', form)).body)).toContain('and 3 accounts more');
  const made = await api.call('preparer', 'POST', '/v1/exclusion-rules', { rule: { ...form, reason: undefined }, reason });
  expect(textOf((await person.get(`/rules/exclusions/${made.body.id}`)).body)).toContain('and 3 more');
});
