import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { session } from '../support/intake.ts';
import { type Story, tell } from '../support/story.ts';

let story: Story;
let runId: string;
let reviewed: string;
const adjustment = { accountId: 'acc_fleet_taxi', amount: '25.00', vatCode: 'SE25', glAccount: '3740', costCenter: 'TA1', description: 'Card lost', reason: 'as agreed' };

beforeAll(async () => {
  story = await tell();
  await story.arrive(session(1), session(2, { user: 'Bl2-2', kWh: '7,25' }), session(3, { user: 'AdA6-1', kWh: '20' }));
  ({ runId, hash: reviewed } = await story.review('2019-12'));
});
afterAll(() => story.end());

/** Does something that changes the content; the approval of what was there before has to be refused and to name what stands now. */
async function changes(change: () => Promise<unknown>): Promise<string> {
  const before = await story.built(runId);
  await change();
  const after = await story.built(runId, before);
  for (const decision of ['approve', 'reject'] as const) {
    expect((await story.decide('approver', runId, before, decision)).body).toMatchObject({ status: 409, code: 'staleHash', currentContentHash: after });
  }
  return after;
}

describe('an approval of a hash that is no longer the content', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['an adjustment', () => story.does('preparer', 'POST', `/v1/runs/${runId}/adjustments`, adjustment)],
    ['an exclusion', () => story.does('preparer', 'POST', `/v1/runs/${runId}/exclusions`, { scope: 'account', subjectId: 'acc_driver_17', outcome: 'carry', reason: 'disputed' })],
    [
      'a late arrival that is pulled in',
      async () => {
        await story.arrive(session(50, { kWh: '5' }));
        await story.does('preparer', 'POST', `/v1/runs/${runId}/pull-in`);
      },
    ],
    ['its being put out again', () => story.does('preparer', 'DELETE', `/v1/runs/${runId}/pull-in`)],
  ])('is refused after %s, and so is its rejection', async (_what, change) => {
    expect(await changes(change)).not.toBe(reviewed);
  });
  it('is refused at once, before anything is built again', async () => {
    const before = await story.built(runId);
    const { id } = await story.does('preparer', 'POST', `/v1/runs/${runId}/adjustments`, { ...adjustment, accountId: 'acc_driver_16' });
    expect((await story.decide('approver', runId, before)).body).toMatchObject({ status: 409, code: 'staleHash' });
    await story.does('preparer', 'DELETE', `/v1/runs/${runId}/adjustments/${id}`);
    expect(await story.built(runId)).toBe(before);
  });
  it('holds again once every change is taken back: the same content is the same hash', async () => {
    const { exclusions, adjustments } = await story.does('auditor', 'GET', `/v1/runs/${runId}/shapes`);
    for (const { id, withdrawnAt } of exclusions) if (withdrawnAt === null) await story.does('preparer', 'DELETE', `/v1/runs/${runId}/exclusions/${id}`);
    for (const { id, withdrawnAt } of adjustments) if (withdrawnAt === null) await story.does('preparer', 'DELETE', `/v1/runs/${runId}/adjustments/${id}`);
    await expect.poll(async () => (await story.run(runId)).contentHash, { timeout: 30_000 }).toBe(reviewed);
    await story.approve(runId, reviewed);
    await story.closed(runId);
    expect((await story.run(runId)).contentHash).toBe(reviewed);
    await story.holds();
  });
  it('is refused after the close as a decision that is past', async () => {
    expect((await story.decide('approver', runId, reviewed)).body).toMatchObject({ status: 409, code: expect.stringMatching(/^(wrongState|notRunning)$/) });
    expect(await story.rows('SELECT count(*)::int AS approvals FROM approval')).toEqual([{ approvals: 1 }]);
  });
});
