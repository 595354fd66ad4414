import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { session } from '../support/intake.ts';
import { type Story, tell } from '../support/story.ts';

let story: Story;
let november: { runId: string; hash: string };
let december: string;
const inMonth = (id: number, month: '11' | '12', kWh: string, user = 'Bl2-1') => session(id, { user, kWh, start: `1${id % 10}.${month}.2019 18:00`, end: `1${id % 10}.${month}.2019 21:00` });
const energyOf = async (runId: string) =>
  Object.fromEntries(
    (
      await story.rows(
        "SELECT l.service_month AS month, sum(l.energy_wh)::int AS wh FROM document_line l JOIN document d ON d.id = l.document_id WHERE d.run_id = $1 AND d.type = 'invoice' AND d.state <> 'discarded' GROUP BY 1 ORDER BY 1",
        [runId],
      )
    ).map((r) => [r.month, r.wh]),
  );

beforeAll(async () => {
  // A plan of 50 kWh for a fee: each month of it is due once, in the run of its month.
  story = await tell({
    setUp: (seed) => {
      seed.plans['basic'] = {
        kind: 'supply',
        status: 'active',
        clauses: [
          { kind: 'fee', id: 'fee', amount: '39.20', billed: 'arrears', refund: 'prorata' },
          { kind: 'included', id: 'energy', kWhPerMonth: '50', rolloverMonths: 0 },
        ],
      };
      seed.drivers['16'] = { token: 'Bl2-1', plan: 'basic' };
    },
  });
  await story.arrive(inMonth(1, '11', '10'), inMonth(2, '11', '20', 'AdA6-1'), inMonth(3, '12', '5'), inMonth(4, '12', '6', 'AdA6-1'));
});
afterAll(() => story.end());

describe('while November is still in review and December collects', () => {
  it('each has its own run, and neither waits for the other', async () => {
    november = await story.review('2019-11');
    december = await story.plan('2019-12');
    await story.reached(december, 'collecting');
    expect(await story.run(november.runId)).toMatchObject({ state: 'inReview', contentHash: november.hash });
    expect(await energyOf(november.runId)).toEqual({ '2019-11': 30_000 });
  });
  it('a late session of November is listed beside its closed set, and changes neither run by itself', async () => {
    await story.arrive(inMonth(5, '11', '3'), inMonth(6, '11', '4', 'AdA6-1'));
    expect(await story.run(november.runId)).toMatchObject({ contentHash: november.hash, late: { charges: 2, energyWh: '7000' } });
    expect(await story.run(december)).toMatchObject({ state: 'collecting', late: { charges: 0 } });
  });
  it('goes to November when finance pulls it in, and only that account’s', async () => {
    expect(await story.does('preparer', 'POST', `/v1/runs/${november.runId}/pull-in?accountId=acc_driver_16`)).toEqual({ charges: 1 });
    november = { ...november, hash: await story.built(november.runId, november.hash) };
    expect(await energyOf(november.runId)).toEqual({ '2019-11': 33_000 });
  });
  it('goes to December otherwise, under its own service month, and is claimed once', async () => {
    await story.cutOff(december);
    await story.reached(december, 'inReview');
    await story.built(december);
    // 5 + 6 kWh of December, and the 4 that November did not take.
    expect(await energyOf(december)).toEqual({ '2019-11': 4000, '2019-12': 11_000 });
    expect(await story.run(november.runId)).toMatchObject({ late: { charges: 0 } });
  });
  it('and once December is in review too, it stands beside both sets; pulled into December, it is November’s no more (D35)', async () => {
    const before = await story.built(december);
    await story.arrive(inMonth(7, '11', '2'));
    for (const runId of [november.runId, december]) expect(await story.run(runId)).toMatchObject({ late: { charges: 1, energyWh: '2000' } });
    await story.does('preparer', 'POST', `/v1/runs/${december}/pull-in`);
    const hash = await story.built(december, before);
    expect(await story.run(november.runId)).toMatchObject({ contentHash: november.hash, late: { charges: 0 } });
    expect((await story.ask('preparer', 'POST', `/v1/runs/${november.runId}/pull-in`)).body).toEqual({ charges: 0 });
    expect(await story.built(november.runId)).toBe(november.hash);
    // Only the approval of the run that it entered is void.
    expect((await story.decide('approver', december, before)).body).toMatchObject({ code: 'staleHash', currentContentHash: hash });
  });
  it('either may be issued first: numbers follow the issue, months follow the sessions', async () => {
    await story.approve(december, await story.built(december));
    await story.closed(december);
    expect(await story.run(november.runId)).toMatchObject({ state: 'inReview', contentHash: november.hash });
    await story.approve(november.runId, november.hash);
    await story.closed(november.runId);
    const numbers = await story.rows(
      "SELECT d.run_id AS run, min(s.number)::int AS first, max(s.number)::int AS last FROM issue_stamp s JOIN document d ON d.id = s.document_id WHERE d.type = 'invoice' GROUP BY 1 ORDER BY 2",
    );
    expect(numbers).toEqual([
      { run: december, first: 1, last: 2 },
      { run: november.runId, first: 3, last: 4 },
    ]);
    expect([await energyOf(november.runId), await energyOf(december)]).toEqual([{ '2019-11': 33_000 }, { '2019-11': 6000, '2019-12': 11_000 }]);
    const fees = await story.rows(
      "SELECT c.service_month AS month, k.run_id AS run, c.net_minor AS net FROM rated_charge c JOIN claim k USING (charge_id) WHERE c.role = 'subscriptionFee' AND c.payer_account_id = 'acc_driver_16' ORDER BY 1",
    );
    expect(fees).toEqual([
      { month: '2019-11', run: november.runId, net: 3920n },
      { month: '2019-12', run: december, net: 3920n },
    ]);
    await story.holds();
  });
  it('the run after both makes up what November’s allowance covers of its late session', async () => {
    const { runId, hash } = await story.review('2020-01');
    // What the customer gets back was shared with the site's owner: 12.5 % of 5.30. That he owes something is for somebody to sign.
    const { items } = await story.does('auditor', 'GET', `/v1/runs/${runId}/findings?severity=blocks`);
    expect(items).toMatchObject([{ rule: 'documentNegative', computed: '-0.66' }]);
    await story.does('both', 'POST', `/v1/runs/${runId}/finding-decisions`, { findingIds: items.map((f: { findingId: string }) => f.findingId), reason: 'looked at it' });
    await story.approve(runId, hash);
    await story.closed(runId);
    // Of November 13 kWh were in its own run, covered there, and 2 in December’s, at the full price: 2 x 2.65 = 5.30, at most, by day.
    const rows = await story.rows(
      `SELECT k.run_id AS run, c.service_month AS month, -sum(c.quantity)::int AS wh, sum(c.net_minor)::int AS net FROM rated_charge c JOIN claim k USING (charge_id)
       WHERE c.role = 'allowance' AND c.payer_account_id = 'acc_driver_16' GROUP BY 1, 2 ORDER BY 1, 2`,
    );
    expect(rows).toMatchObject([
      { run: november.runId, month: '2019-11', wh: -13_000 },
      { run: december, month: '2019-12', wh: -5_000 },
      { run: runId, month: '2019-11', wh: -2_000, net: -530 },
    ]);
    // Fees alone remain, 39.20 with 25 % each.
    expect(await story.rows("SELECT sum(gross_minor)::int AS gross FROM rated_charge WHERE payer_account_id = 'acc_driver_16'")).toEqual([{ gross: 3 * 4900 }]);
    await story.holds();
  });
});
