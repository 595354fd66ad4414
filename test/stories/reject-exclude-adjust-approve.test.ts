import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunReport } from '../../src/store/reads/run-report.ts';
import { session } from '../support/intake.ts';
import { type Story, tell } from '../support/story.ts';

let story: Story;
let runId: string;
let first: string;
let last: string;
let report: RunReport;
const payable = async (accountId: string) => {
  const { items } = await story.does('auditor', 'GET', `/v1/runs/${runId}/documents?limit=200`);
  return items.find((d: { accountId: string }) => d.accountId === accountId)?.payable;
};

beforeAll(async () => {
  story = await tell();
  await story.arrive(
    session(1, { kWh: '10' }),
    session(2, { user: 'Bl2-2', kWh: '20' }),
    session(3, { user: 'AdA6-1', kWh: '30' }),
    // At another garage of the fleet.
    session(4, { user: 'AsO10-4', garage: 'AsO10', kWh: '40' }),
    session(5, { user: 'Share-2', kWh: '8' }),
    session(6, { user: 'Share-2', kWh: '9' }),
  );
  ({ runId, hash: first } = await story.review('2019-12'));
});
afterAll(() => story.end());

describe('a preview that finance does not like', () => {
  it('is rejected with a comment, stays in review, and says by whom and why', async () => {
    // 30 + 40 kWh at 2.234 without VAT: 67.02 + 89.36 = 156.38; with 25 % 195.475, half away from zero.
    expect(await payable('acc_fleet_taxi')).toBe('195.48');
    expect((await story.decide('approver', runId, first, 'reject')).status).toBe(200);
    await expect.poll(async () => (await story.run(runId)).problem).toBe('rejected by approver: looked at it');
    expect(await story.run(runId)).toMatchObject({ state: 'inReview', contentHash: first });
  });
  it('loses what is excluded: an account that is carried, one session that is written off', async () => {
    await story.does('preparer', 'POST', `/v1/runs/${runId}/exclusions`, { scope: 'account', subjectId: 'acc_driver_17', outcome: 'carry', reason: 'the driver disputes the meter' });
    const [record] = await story.rows("SELECT record_id::text AS id FROM record_head WHERE cdr_id = '6'");
    await story.does('preparer', 'POST', `/v1/runs/${runId}/exclusions`, { scope: 'record', subjectId: record.id, outcome: 'writeOff', reason: 'the charger was tested' });
    const excluded = await story.built(runId, first);
    expect(excluded).not.toBe(first);
    expect(await payable('acc_driver_17')).toBeUndefined();
  });
  it('gains what is adjusted, to the öre', async () => {
    const before = await story.built(runId);
    const goodwill = { accountId: 'acc_fleet_taxi', amount: '-50.00', vatCode: 'SE25', glAccount: '3740', costCenter: 'TA1', description: 'Goodwill', reason: 'charger out of order' };
    await story.does('preparer', 'POST', `/v1/runs/${runId}/adjustments`, goodwill);
    last = await story.built(runId, before);
    // 156.38 - 50 = 106.38; with 25 % 132.975.
    expect(await payable('acc_fleet_taxi')).toBe('132.98');
  });
  it('is approved as it stands now, and issued exactly so', async () => {
    const shown = await story.rows("SELECT id, encode(canonical, 'hex') AS bytes, content_hash FROM document WHERE run_id = $1 ORDER BY id", [runId]);
    await story.approve(runId, last);
    report = await story.closed(runId);
    expect(await story.rows("SELECT id, encode(canonical, 'hex') AS bytes, content_hash FROM document WHERE run_id = $1 AND state = 'issued' ORDER BY id", [runId])).toEqual(shown);
    expect((await story.run(runId)).contentHash).toBe(last);
  });
  it('tells the whole way in its report: both decisions, both exclusions with their energy, the adjustment', async () => {
    expect(report).toMatchObject({
      approvals: [{ decision: 'reject' }, { decision: 'approve' }],
      exclusions: [
        { scope: 'account', outcome: 'carry', energyWh: '20000' },
        { scope: 'record', outcome: 'writeOff', energyWh: '9000' },
      ],
      adjustments: [{ amount: '-50.00', author: 'preparer' }],
    });
    // 10 + 30 + 40 + 8 billed, 20 carried, 9 excluded.
    expect(report.energyBalance).toEqual([expect.objectContaining({ month: '2019-12', received: '117000', billed: '88000', carried: '20000', excluded: '9000', difference: '0' })]);
    await story.holds();
  });
  it('leaves what it carried to the next run, which bills it with its own service month', async () => {
    await story.arrive(session(10, { start: '10.01.2020 18:00', end: '10.01.2020 20:00', kWh: '4' }));
    const next = await story.review('2020-01');
    const lines = await story.rows(
      'SELECT service_month, sum(l.energy_wh)::bigint AS wh FROM document_line l JOIN document d ON d.id = l.document_id WHERE d.run_id = $1 AND d.account_id = $2 GROUP BY 1',
      [next.runId, 'acc_driver_17'],
    );
    expect(lines).toEqual([{ service_month: '2019-12', wh: 20_000n }]);
    await story.approve(next.runId, next.hash);
    await story.closed(next.runId);
    await story.holds();
  });
});
