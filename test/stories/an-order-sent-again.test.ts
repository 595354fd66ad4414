import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { session } from '../support/intake.ts';
import { type Story, tell } from '../support/story.ts';

describe('an order to a run that is sent again since its answer was lost', () => {
  let story: Story;
  let superuser: pg.Client;
  beforeAll(async () => {
    story = await tell();
    superuser = new pg.Client({ connectionString: story.api.database.superuserUrl });
    await superuser.connect();
  }, 60_000);
  afterAll(async () => {
    await superuser.end();
    await story.end();
  });

  /** Orders something, of which the answer is lost before it is kept; answers how to send it again. */
  async function ordered(user: string, runId: string, verb: string) {
    const send = () => story.ask(user, 'POST', `/v1/runs/${runId}/${verb}`, { reason: 'looked at it' }, `key-${runId}-${verb}`);
    const first = await send();
    expect(first.status, JSON.stringify(first.body)).toBe(200);
    await superuser.query('DELETE FROM idempotency_key');
    return async () => {
      const again = await send();
      expect({ status: again.status, body: again.body }).toEqual({ status: 200, body: first.body });
    };
  }
  const order = (user: string, runId: string, verb: string) => story.does(user, 'POST', `/v1/runs/${runId}/${verb}`, { reason: 'as agreed' });
  const orders = async (runId: string) =>
    (await story.rows("SELECT action FROM audit_event WHERE subject = $1 AND action ~ '^run.(pause|resume|reopen|cancel)$' ORDER BY id", [runId])).map((r) => r.action);

  it('does nothing more, whatever was ordered between: a hold that somebody ended, and an approval that was given anew', async () => {
    await story.arrive(session(1));
    const { runId, hash } = await story.review('2019-12');
    const pauseAgain = await ordered('ops', runId, 'pause');
    const resumeAgain = await ordered('ops', runId, 'resume');
    await pauseAgain();
    expect((await story.run(runId)).paused).toBe(false);
    await order('ops', runId, 'pause');
    await resumeAgain();
    expect((await story.run(runId)).paused).toBe(true);
    await story.approve(runId, hash);
    const reopenAgain = await ordered('approver', runId, 'reopen');
    expect((await story.run(runId)).state).toBe('inReview');
    await reopenAgain();
    await story.approve(runId, await story.built(runId));
    await reopenAgain();
    expect((await story.run(runId)).state).toBe('approved');
    expect(await orders(runId)).toEqual(['run.pause', 'run.resume', 'run.pause', 'run.reopen']);
  }, 60_000);

  it('is answered as it was when the run is over by it', async () => {
    const runId = await story.plan('2020-01');
    await story.reached(runId, 'collecting');
    const cancelAgain = await ordered('ops', runId, 'cancel');
    await expect.poll(async () => (await story.api.client.workflow.getHandle('run/ent_se/2020-01/live').describe()).status.name, { timeout: 20_000 }).toBe('COMPLETED');
    await cancelAgain();
    expect(await orders(runId)).toEqual(['run.cancel']);
  }, 60_000);

  it('plans no second run: of a month, of some accounts, or a dry one; nor does it begin one anew that is over', async () => {
    const cutOffAt = new Date(Date.now() + 86_400_000).toISOString();
    const plan = (key: string, more: object) => story.ask('preparer', 'POST', '/v1/runs', { entityId: 'ent_se', period: '2020-02', ...more }, key);
    for (const [key, more] of [
      ['month', { cutOffAt }],
      ['final', { cutOffAt, selection: { accountIds: ['acc_driver_16'] } }],
      ['shown', { kind: 'dry' }],
    ] as const) {
      const first = await plan(key, more);
      await superuser.query('DELETE FROM idempotency_key');
      const again = await plan(key, more);
      expect([key, first.status, again.status, again.body]).toEqual([key, 201, 201, first.body]);
    }
    expect((await story.rows("SELECT id FROM billing_run WHERE label = '2020-02' ORDER BY id")).map((r) => r.id)).toEqual(['dry', 'live', 'live_2'].map((kind) => `run_ent_se_2020-02_${kind}`));
    await order('ops', 'run_ent_se_2020-02_live', 'cancel');
    const status = async () => (await story.api.client.workflow.getHandle('run/ent_se/2020-02/live').describe()).status.name;
    await expect.poll(status, { timeout: 20_000 }).toBe('COMPLETED');
    await superuser.query('DELETE FROM idempotency_key');
    expect((await plan('month', { cutOffAt })).body.runId).toBe('run_ent_se_2020-02_live');
    expect([await status(), (await story.run('run_ent_se_2020-02_live')).state]).toEqual(['COMPLETED', 'cancelled']);
    // By another request it is planned anew.
    expect((await plan('anew', { cutOffAt })).body.runId).toBe('run_ent_se_2020-02_live_3');
  }, 60_000);
});
