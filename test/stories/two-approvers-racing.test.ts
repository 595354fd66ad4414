import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { session } from '../support/intake.ts';
import { type Story, tell } from '../support/story.ts';

let story: Story;

beforeAll(async () => {
  story = await tell({ extraUsers: { 'approver-2': ['finance-approver'], 'approver-3': ['finance-approver'] } });
});
afterAll(() => story.end());

const once = async (runId: string) => {
  expect(await story.rows('SELECT count(*)::int AS documents, count(DISTINCT account_id)::int AS accounts FROM document WHERE run_id = $1', [runId])).toEqual([{ documents: 4, accounts: 4 }]);
  expect(await story.rows('SELECT count(*)::int AS stamps FROM issue_stamp s JOIN document d ON d.id = s.document_id WHERE d.run_id = $1', [runId])).toEqual([{ stamps: 4 }]);
  expect(await story.rows('SELECT state, count(*)::int AS n FROM erp_posting WHERE run_id = $1 GROUP BY 1', [runId])).toEqual([{ state: 'verified', n: 4 }]);
};
const arrive = (first: number, month: string) =>
  story.arrive(...['Bl2-1', 'Bl2-2', 'AdA6-1'].map((user, i) => session(first + i, { user, start: `0${i + 3}.${month} 18:00`, end: `0${i + 3}.${month} 21:00`, kWh: `${7 + i},5` })));

describe('two people who approve the same content at the same moment', () => {
  it('issue it once: one approval counts, the other is told that the run is past it', async () => {
    await arrive(1, '12.2019');
    const { runId, hash } = await story.review('2019-12');
    const answers = await Promise.all(['approver', 'approver-2', 'approver-3'].map((user) => story.decide(user, runId, hash)));
    expect(answers.filter((a) => a.status === 200)).toHaveLength(1);
    for (const late of answers.filter((a) => a.status !== 200)) expect(late.body).toMatchObject({ status: 409, code: expect.stringMatching(/^(wrongState|notRunning)$/) });
    await story.closed(runId);
    expect(await story.rows("SELECT count(*)::int AS approvals FROM approval WHERE run_id = $1 AND decision = 'approve'", [runId])).toEqual([{ approvals: 1 }]);
    await once(runId);
    await story.holds();
  });
  it('and one who clicks twice gets one approval and the same answer under one Idempotency-Key', async () => {
    await arrive(11, '01.2020');
    const { runId, hash } = await story.review('2020-01');
    const body = { contentHash: hash, decision: 'approve', comment: 'looked at it' };
    const answers = await Promise.all([1, 2].map(() => story.ask('approver', 'POST', `/v1/runs/${runId}/approval`, body, 'click')));
    const [first] = answers.filter((a) => a.status === 200);
    // While the first is still under way the second may be told to wait for it.
    for (const answer of answers) expect(answer.status === 409 || answer.body.approvalId === first?.body.approvalId).toBe(true);
    await story.closed(runId);
    expect((await story.ask('approver', 'POST', `/v1/runs/${runId}/approval`, body, 'click')).body).toEqual(first?.body);
    expect(await story.rows('SELECT count(*)::int AS approvals FROM approval WHERE run_id = $1', [runId])).toEqual([{ approvals: 1 }]);
    await once(runId);
    await story.holds();
  });
  it('or of whom one approves while the other rejects: whoever is first decides, and nothing is issued in between', async () => {
    await arrive(21, '02.2020');
    const { runId, hash } = await story.review('2020-02');
    const [approved, rejected] = await Promise.all([story.decide('approver', runId, hash), story.decide('approver-2', runId, hash, 'reject')]);
    expect(approved?.status).toBe(200);
    expect([200, 409]).toContain(rejected?.status);
    await story.closed(runId);
    const decisions = await story.rows('SELECT decision FROM approval WHERE run_id = $1 ORDER BY decided_at', [runId]);
    expect(decisions.at(-1)).toEqual({ decision: 'approve' });
    expect(decisions).toHaveLength(rejected?.status === 200 ? 2 : 1);
    await once(runId);
    await story.holds();
  });
  it('of whom one shapes the run first: the approval of what was there before comes too late', async () => {
    await arrive(31, '03.2020');
    const { runId, hash } = await story.review('2020-03');
    const exclusion = { scope: 'account', subjectId: 'acc_driver_16', outcome: 'carry', reason: 'disputed' };
    const [shaped, approved] = await Promise.all([story.ask('preparer', 'POST', `/v1/runs/${runId}/exclusions`, exclusion), story.decide('approver', runId, hash)]);
    // Exactly one of the two takes effect.
    expect([shaped?.status, approved?.status]).toSatisfy(([s, a]: number[]) => (s === 201 && a === 409) || (s === 409 && a === 200));
    if (approved?.status === 409) await story.approve(runId, await story.built(runId, hash));
    await story.closed(runId);
    expect(await story.rows("SELECT count(*)::int AS n FROM document WHERE run_id = $1 AND account_id = 'acc_driver_16'", [runId])).toEqual([{ n: shaped?.status === 201 ? 0 : 1 }]);
    await story.holds();
  });
});
