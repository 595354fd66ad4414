import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { session } from '../support/intake.ts';
import { type Story, tell } from '../support/story.ts';

let story: Story;
let runId: string;
let reviewed: string;
let pulled: string;

beforeAll(async () => {
  story = await tell();
  await story.arrive(session(1), session(2, { user: 'Bl2-2', kWh: '7,25' }), session(3, { user: 'AdA6-1', kWh: '20' }));
});
afterAll(() => story.end());

describe('a session that arrives when the set is closed', () => {
  it('is taken in by the run itself as long as the cut-off has not come', async () => {
    runId = await story.plan('2019-12');
    await story.reached(runId, 'collecting');
    await story.arrive(session(4, { kWh: '1,5' }));
    await story.cutOff(runId);
    await story.reached(runId, 'inReview');
    reviewed = await story.built(runId);
    // 10.5 + 7.25 + 20 + 1.5 kWh.
    const { byStrategy } = await story.run(runId);
    expect(byStrategy.filter((s) => s.strategy !== 'selfBilling').reduce((sum, s) => sum + Number(s.energyWh), 0)).toBe(39_250);
  });
  it('stands beside it afterwards: neither the hash nor a document changes, whatever arrives, and however often', async () => {
    const documents = () => story.rows('SELECT id, content_hash, built_at FROM document WHERE run_id = $1 ORDER BY id', [runId]);
    const before = await documents();
    await story.arrive(session(50, { kWh: '5' }), session(51, { user: 'Bl2-2', kWh: '2' }));
    // The same again, and one of the month before.
    await story.arrive(session(50, { kWh: '5' }), session(52, { user: 'AdA6-1', kWh: '3', start: '05.11.2019 18:00', end: '05.11.2019 21:00' }));
    expect(await story.run(runId)).toMatchObject({ state: 'inReview', contentHash: reviewed, late: { charges: 3, energyWh: '10000' } });
    expect(await documents()).toEqual(before);
  });
  it('enters when finance pulls it in, which voids what was looked at: the old hash can no longer be approved', async () => {
    expect(await story.does('preparer', 'POST', `/v1/runs/${runId}/pull-in?accountId=acc_driver_16`)).toEqual({ charges: 1 });
    pulled = await story.built(runId, reviewed);
    expect(await story.run(runId)).toMatchObject({ late: { charges: 2, energyWh: '5000' } });
    expect((await story.decide('approver', runId, reviewed)).body).toMatchObject({ status: 409, code: 'staleHash', currentContentHash: pulled });
  });
  it('is billed by this run when pulled in, and is open for the next one when not', async () => {
    await story.approve(runId, pulled);
    await story.closed(runId);
    expect((await story.run(runId)).contentHash).toBe(pulled);
    const issued = await story.rows("SELECT d.account_id, d.energy_wh FROM document d WHERE d.run_id = $1 AND d.type = 'invoice' ORDER BY 1", [runId]);
    // 10.5 + 1.5 + 5 kWh; 7.25 kWh; 20 kWh.
    expect(issued).toEqual([
      { account_id: 'acc_driver_16', energy_wh: 17_000n },
      { account_id: 'acc_driver_17', energy_wh: 7_250n },
      { account_id: 'acc_fleet_taxi', energy_wh: 20_000n },
    ]);
    const balance = (await story.does('auditor', 'GET', `/v1/runs/${runId}/report`)).energyBalance;
    expect(balance).toMatchObject([
      { month: '2019-11', open: '3000', billed: '0', difference: '0' },
      { month: '2019-12', open: '2000', billed: '44250', difference: '0' },
    ]);
    await story.holds();
  });
});
