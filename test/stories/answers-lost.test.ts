import { type ActivityInterceptorsFactory, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { session } from '../support/intake.ts';
import { type Outcome, type Story, tell, until } from '../support/story.ts';

/** Activities whose first answer was lost after what they did had committed. */
const lost = { armed: false, of: new Set<string>() };
const losing: ActivityInterceptorsFactory = ({ info }) => ({
  inbound: {
    async execute(input, next) {
      const answer = await next(input);
      if (!lost.armed || info.attempt > 1) return answer;
      lost.of.add(info.activityType);
      throw new Error('the answer is lost');
    },
  },
});

/** A month whose approval is taken back while it is held, and given again; answers what it came to. */
async function month(story: Story): Promise<Outcome & { readonly cancelled: string }> {
  await story.arrive(session(1), session(2, { user: 'AdA6-1', kWh: '20' }), session(3, { user: 'Share-2', kWh: '8' }), session(4, { user: 'Nobody' }));
  const { runId, hash } = await story.review('2019-12');
  const order = (user: string, what: string) => story.does(user, 'POST', `/v1/runs/${runId}/${what}`, { reason: 'looked at it' });
  await order('ops', 'pause');
  await story.approve(runId, hash);
  await story.reached(runId, 'approved');
  await order('approver', 'reopen');
  await story.reached(runId, 'inReview');
  await story.approve(runId, await story.built(runId));
  await order('ops', 'resume');
  await until('the canary', async () => {
    const { state, problem } = await story.run(runId);
    if (problem?.includes('waits for release')) await order('ops', 'release');
    return { seen: `${state}: ${problem}`, ...(['reconciled', 'closed'].includes(state) ? { done: true } : {}) };
  });
  await story.closed(runId);
  const next = await story.plan('2020-01');
  await story.reached(next, 'collecting');
  await story.does('ops', 'POST', `/v1/runs/${next}/cancel`, { reason: 'too early' });
  await until('the end of the cancelled run', async () => {
    const { status } = await story.api.client.workflow.getHandle('run/ent_se/2020-01/live').describe();
    return { seen: status.name, ...(status.name === 'COMPLETED' ? { done: true } : {}) };
  });
  return { ...(await story.outcome(runId)), cancelled: (await story.run(next)).state };
}

describe('a run of whose activities each loses its first answer after its effect', () => {
  let calm: Awaited<ReturnType<typeof month>>;
  let story: Story;

  beforeAll(async () => {
    const create = Worker.create.bind(Worker);
    vi.spyOn(Worker, 'create').mockImplementation((options) => create({ ...options, interceptors: { activity: [losing] } }));
    const undisturbed = await tell();
    calm = await month(undisturbed);
    await undisturbed.end();
    lost.armed = true;
    story = await tell();
  }, 120_000);
  afterAll(async () => {
    vi.restoreAllMocks();
    await story.end();
  });

  it('comes to what it comes to undisturbed', { timeout: 180_000 }, async () => {
    expect(await month(story)).toEqual(calm);
    await story.holds();
    const steps = ['moveRun', 'closeSet', 'buildPreview', 'decide', 'reopen', 'pause', 'planCanary', 'issueGroup', 'archiveGroup', 'handOverBatch', 'reconcileGroup', 'closeRun', 'cancel'];
    expect([...lost.of]).toEqual(expect.arrayContaining(steps));
  });

  it('has each order once in its audit trail, and each reminder', { timeout: 60_000 }, async () => {
    const trail = async (...actions: string[]) =>
      (await story.api.store.pool.query('SELECT action, count(*)::int AS n, count(DISTINCT request_id)::int AS requests FROM audit_event WHERE action = ANY($1) GROUP BY 1 ORDER BY 1', [actions]))
        .rows;
    expect(await trail('run.pause', 'run.resume')).toEqual(['run.pause', 'run.resume'].map((action) => ({ action, n: 1, requests: 1 })));
    const rules = { reminders: { afterHours: 1 / 3600, everyHours: 1 / 3600 } };
    await story.does('admin', 'PUT', '/v1/entities/ent_se/release-rules', { rules, reason: 'finance is quick' });
    await story.arrive(session(5, { start: '05.11.2019 10:00', end: '05.11.2019 12:00' }));
    await story.review('2019-11');
    const [reminded] = await until('a second reminder', async () => {
      const seen = await trail('run.reminder');
      return { seen, ...(seen[0]?.requests > 1 || seen[0]?.n > 2 ? { done: seen } : {}) };
    });
    expect(reminded?.n).toBe(reminded?.requests);
    expect([...lost.of]).toContain('remind');
  });
});
