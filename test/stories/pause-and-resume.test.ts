import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ErpUnavailable } from '../../src/adapters/erp/port.ts';
import { session } from '../support/intake.ts';
import { type Story, tell, until } from '../support/story.ts';

let story: Story;
let runId: string;
let erpIsUp = false;
const pause = (reason = 'waiting for the bank') => story.does('ops', 'POST', `/v1/runs/${runId}/pause`, { reason });
const resume = () => story.does('ops', 'POST', `/v1/runs/${runId}/resume`, { reason: 'it is there' });
/** What stands when nothing has moved for a while. */
async function rests() {
  await new Promise((resolve) => setTimeout(resolve, 1500));
  return story.run(runId);
}

beforeAll(async () => {
  story = await tell({ erp: (real) => ({ ...real, post: (document) => (erpIsUp ? real.post(document) : Promise.reject(new ErpUnavailable('the ERP is not available', 200))) }) });
  await story.arrive(session(1), session(2, { user: 'Bl2-2', kWh: '7,25' }), session(3, { user: 'AdA6-1', kWh: '20' }));
  runId = await story.plan('2019-12');
  await story.reached(runId, 'collecting');
});
afterAll(() => story.end());

describe('a run that is paused', () => {
  it('while it collects, closes its set when the time has come, and goes no further until it is resumed', async () => {
    await pause();
    await story.cutOff(runId);
    await until('the closed set', async () => {
      const { setClosedAt } = await story.run(runId);
      return { seen: setClosedAt, ...(setClosedAt === null ? {} : { done: true }) };
    });
    expect(await rests()).toMatchObject({ state: 'collecting', paused: true, byStrategy: [] });
    await resume();
    await story.reached(runId, 'inReview');
  });
  it('stays so when its workflow is ended and started again', async () => {
    const before = await story.built(runId);
    await pause();
    await story.api.client.workflow.getHandle('run/ent_se/2019-12/live').terminate('moved to another cluster');
    await story.does('ops', 'POST', `/v1/runs/${runId}/retry`, {});
    await until('its approval', async () => {
      const answer = await story.decide('approver', runId, before);
      return { seen: answer.body, ...(answer.status === 200 ? { done: true } : {}) };
    });
    expect(await rests()).toMatchObject({ state: 'approved', paused: true, postings: {} });
    await story.does('approver', 'POST', `/v1/runs/${runId}/reopen`, { reason: 'not yet' });
    await resume();
    await story.reached(runId, 'inReview');
  });
  it('while it is reviewed, can be shaped and approved, but issues nothing until it is resumed', async () => {
    const before = await story.built(runId);
    await pause();
    const adjustment = { accountId: 'acc_fleet_taxi', amount: '25.00', vatCode: 'SE25', glAccount: '3740', costCenter: '100', description: 'Card lost', reason: 'as agreed' };
    await story.does('preparer', 'POST', `/v1/runs/${runId}/adjustments`, adjustment);
    await story.approve(runId, await story.built(runId, before));
    expect(await rests()).toMatchObject({ state: 'approved', paused: true, postings: {} });
    expect(await story.rows('SELECT count(*)::int AS stamps FROM issue_stamp')).toEqual([{ stamps: 0 }]);
    await resume();
    await story.reached(runId, 'handingOver');
    expect(await story.rows("SELECT count(*)::int AS stamps FROM issue_stamp s JOIN document d ON d.id = s.document_id WHERE d.type = 'invoice'")).toEqual([{ stamps: 3 }]);
  });
  it('while it hands over, lets what is on its way arrive, and closes only when it is resumed', async () => {
    await pause();
    erpIsUp = true;
    await until('the ERP to hold all', async () => {
      const { postings } = await story.run(runId);
      return { seen: postings, ...(Object.keys(postings).every((state) => state === 'verified') ? { done: true } : {}) };
    });
    expect(await rests()).toMatchObject({ state: 'handingOver', paused: true });
    await resume();
    await story.closed(runId);
    await story.holds();
  });
  it('is paused once, however long the step takes that holds it meanwhile', { timeout: 90_000 }, async () => {
    const next = await story.plan('2020-01');
    await story.reached(next, 'collecting');
    const step = await story.store.pool.connect();
    await step.query(`BEGIN; SELECT FROM billing_run WHERE id = '${next}' FOR NO KEY UPDATE`);
    const pausing = story.does('ops', 'POST', `/v1/runs/${next}/pause`, { reason: 'waiting for the bank' });
    // Longer than a worker is waited for that says nothing.
    await new Promise((resolve) => setTimeout(resolve, 16_000));
    await step.query('ROLLBACK');
    step.release();
    await pausing;
    const { events } = await story.api.client.workflow.getHandle('run/ent_se/2020-01/live').fetchHistory();
    const scheduled = events?.find((e) => e.activityTaskScheduledEventAttributes?.activityType?.name === 'pause')?.eventId;
    expect(events?.find((e) => `${e.activityTaskStartedEventAttributes?.scheduledEventId}` === `${scheduled}`)?.activityTaskStartedEventAttributes?.attempt).toBe(1);
    expect(await story.run(next)).toMatchObject({ state: 'collecting', paused: true });
  });
  it('cannot be paused any more once it is closed; each pause is in the audit trail with its reason', async () => {
    expect((await story.ask('ops', 'POST', `/v1/runs/${runId}/pause`, { reason: 'too late' })).body).toMatchObject({ status: 409 });
    expect(await story.rows("SELECT action, reason FROM audit_event WHERE subject = $1 AND action IN ('run.pause', 'run.resume') ORDER BY id", [runId])).toEqual(
      [1, 2, 3, 4].flatMap(() => [
        { action: 'run.pause', reason: 'waiting for the bank' },
        { action: 'run.resume', reason: 'it is there' },
      ]),
    );
  });
});
