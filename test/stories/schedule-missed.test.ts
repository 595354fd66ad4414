import { ScheduleOverlapPolicy } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureSchedules } from '../../src/stack/schedules.ts';
import { planRun } from '../../src/store/commands/plan-run.ts';
import { scheduledEntities } from '../../src/store/reads/entities.ts';
import { taskQueue, workflowNames } from '../../src/workflows/messages.ts';
import { session } from '../support/intake.ts';
import { type Story, tell, until } from '../support/story.ts';

let story: Story;
const runs = () => story.rows("SELECT id, period, state, author FROM billing_run WHERE kind = 'live' ORDER BY id");
const opened = async () => {
  const found: string[] = [];
  for await (const workflow of story.api.client.workflow.list({ query: "WorkflowType = 'runOpener'" })) found.push(`${workflow.status.name}`);
  return found;
};
const inMonth = (id: number, month: string) => session(id, { start: `10.${month} 18:00`, end: `10.${month} 21:00` });

beforeAll(async () => {
  // No worker: the stack is down over three ends of months.
  story = await tell({ worker: 'none' });
  await story.arrive(inMonth(1, '10.2019'), inMonth(2, '11.2019'), inMonth(3, '12.2019'));
  await ensureSchedules(story.api.client, taskQueue, await scheduledEntities(story.store.pool, true));
});
afterAll(() => story.end());

describe('a stack that was down when months ended', () => {
  it('has missed its openings: nothing is planned', async () => {
    const opener = story.api.client.schedule.getHandle('opener-ent_se');
    // What the server starts for each firing that it missed, all at once.
    await opener.backfill({ start: new Date('2019-10-31T12:00:00Z'), end: new Date('2020-01-02T12:00:00Z'), overlap: ScheduleOverlapPolicy.ALLOW_ALL });
    await until('the missed openers', async () => {
      const found = await opened();
      return { seen: found, ...(found.length === 3 ? { done: true } : {}) };
    });
    expect(await runs()).toEqual([]);
  });
  it('opens what is missing when it is up again, once: the last month that has ended, and earlier ones in it', { timeout: 120_000 }, async () => {
    story.startWorker();
    await until('three openers that are done', async () => {
      const found = await opened();
      return { seen: found, ...(found.every((status) => status === 'COMPLETED') ? { done: true } : {}) };
    });
    expect(await runs()).toEqual([{ id: 'run_ent_se_2019-12_live', period: '2019-12', state: expect.any(String), author: 'run-opener' }]);
    // Its cut-off is past too, so it does not wait again.
    const runId = 'run_ent_se_2019-12_live';
    await story.reached(runId, 'inReview');
    await story.approve(runId, await story.built(runId));
    await story.closed(runId);
    const months = await story.rows("SELECT DISTINCT l.service_month AS month FROM document_line l JOIN document d ON d.id = l.document_id WHERE d.run_id = $1 AND d.type = 'invoice' ORDER BY 1", [
      runId,
    ]);
    expect(months.map((r) => r.month)).toEqual(['2019-10', '2019-11', '2019-12']);
    await story.holds();
  });
  it('starts a run that was planned and never began, and leaves its twin that runs alone', { timeout: 120_000 }, async () => {
    await story.arrive(inMonth(11, '01.2020'), inMonth(12, '02.2020'));
    const running = await story.plan('2020-01');
    await story.reached(running, 'collecting');
    // Committed, and then whoever was to start the workflow died.
    const orphan = await story.store.tx((db) => planRun(db, { entityId: 'ent_se', period: '2020-02', by: { actor: 'preparer' } }));
    const before = await story.api.client.workflow.getHandle('run/ent_se/2020-01/live').describe();
    const twice = await Promise.all([1, 2].map((n) => story.api.client.workflow.execute(workflowNames.runOpener, { taskQueue, workflowId: `opener/again-${n}`, args: [{ entityId: 'ent_se' }] })));
    expect(twice.flatMap((answer: { started: readonly string[] }) => answer.started)).toEqual([orphan.workflowId]);
    await story.reached(orphan.runId, 'inReview');
    expect((await story.api.client.workflow.getHandle('run/ent_se/2020-01/live').describe()).runId).toBe(before.runId);
    expect(await runs()).toHaveLength(3);
  });
  it('accrues the month that ended meanwhile once, however many firings were missed', { timeout: 120_000 }, async () => {
    const accrual = story.api.client.schedule.getHandle('accrual-ent_se');
    await accrual.backfill({ start: new Date('2019-10-31T12:00:00Z'), end: new Date('2020-01-08T12:00:00Z'), overlap: ScheduleOverlapPolicy.ALLOW_ALL });
    await until('accruals that are done and verified', async () => {
      const found: string[] = [];
      for await (const workflow of story.api.client.workflow.list({ query: "WorkflowType = 'monthAccrual'" })) found.push(`${workflow.status.name}`);
      const open = await story.rows("SELECT key FROM erp_posting WHERE key LIKE 'accrual/%' AND state <> 'verified'");
      const isDone = found.length === 3 && found.every((status) => status === 'COMPLETED') && open.length === 0;
      return { seen: [found, open], ...(isDone ? { done: true } : {}) };
    });
    const accruals = await story.rows("SELECT n, month = to_char(date_trunc('month', now() AT TIME ZONE 'Europe/Stockholm') - interval '1 month', 'YYYY-MM') AS ended FROM accrual");
    expect(accruals).toEqual([{ n: 1, ended: true }]);
  });
  it('has nothing to open once everything is planned, however often it looks', async () => {
    const again = await story.api.client.workflow.execute(workflowNames.runOpener, { taskQueue, workflowId: 'opener/once-more', args: [{ entityId: 'ent_se' }] });
    expect(again).toEqual({ started: [] });
    expect(await runs()).toHaveLength(3);
  });
});
