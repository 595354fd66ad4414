import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { releaseRulesSchema } from '../../src/contracts/release-rules.ts';
import type { Seed } from '../../src/contracts/seed.ts';
import { setReleaseRules } from '../../src/store/commands/set-release-rules.ts';
import { session } from '../support/intake.ts';
import { type Outcome, type Story, tell, until } from '../support/story.ts';

// Issue takes a hundred documents to a transaction: three batches.
const customers = 230;
const numberOf = (i: number) => String(i).padStart(3, '0');
const setUp = (seed: Seed) => {
  // Its planned faults come again with each worker, and each waits twice as long as the one before.
  seed.erp.faults = [];
  for (let i = 0; i < customers; i += 1) seed.drivers[`k${numberOf(i)}`] = `K${numberOf(i)}-1`;
};
const lines = [
  ...Array.from({ length: customers }, (_, i) =>
    session(1000 + i, { user: `K${numberOf(i)}-1`, kWh: `${5 + (i % 20)},${(i * 7) % 10}`, start: `${10 + (i % 18)}.12.2019 18:00`, end: `${10 + (i % 18)}.12.2019 21:00` }),
  ),
  session(1, { user: 'AdA6-1', kWh: '20' }),
  session(2, { user: 'Share-2', kWh: '8' }),
  // Waits for its token, and is signed to be carried.
  session(3, { user: 'Nobody' }),
];
/** All at once: how a canary goes first is a story of its own. */
const withoutCanary = (story: Story) =>
  story.store.tx((db) => setReleaseRules(db, { entityId: 'ent_se', rules: releaseRulesSchema.parse({ canary: { documents: 0 } }), reason: 'all at once' }, { actor: 'set-up' }));
const whileDown = [session(4, { user: 'Bl2-1', kWh: '12' })];

/** Holds up whoever writes what the lock protects: the worker can be met in the middle of a transaction. */
async function gate(story: Story, lock: string): Promise<{ readonly reached: () => Promise<boolean>; open(): Promise<void> }> {
  const client = new pg.Client({ connectionString: story.api.database.superuserUrl });
  await client.connect();
  await client.query('BEGIN');
  await client.query(lock);
  return {
    // Somebody waits for what this connection holds.
    reached: async () =>
      (await story.rows('SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = $1 AND cardinality(pg_blocking_pids(pid)) > 0', ['Lock'])).length > 0,
    open: () => client.end(),
  };
}

describe('a worker that is killed in every stage of a run', () => {
  let calm: Outcome;
  let story: Story;
  let runId: string;

  beforeAll(async () => {
    const undisturbed = await tell({ setUp, worker: 'process' });
    await withoutCanary(undisturbed);
    await undisturbed.arrive(...lines, ...whileDown);
    const { runId: calmRun, hash } = await undisturbed.review('2019-12');
    await undisturbed.approve(calmRun, hash);
    await undisturbed.closed(calmRun);
    calm = await undisturbed.outcome(calmRun);
    await undisturbed.holds();
    await undisturbed.end();

    story = await tell({ setUp, worker: 'process' });
    await withoutCanary(story);
    await story.arrive(...lines);
  }, 180_000);
  afterAll(() => story.end());

  /** Starts what `begin` starts, kills the worker once the gate is reached, and puts up another. */
  async function killedAt(lock: string, begin: () => Promise<unknown>, check: () => Promise<void> = async () => undefined): Promise<void> {
    const held = await gate(story, lock);
    await begin();
    await until(`the worker at ${lock}`, async () => ({ seen: (await story.run(runId)).state, ...((await held.reached()) ? { done: true } : {}) }));
    try {
      await check();
    } finally {
      await story.killWorker();
      await held.open();
    }
    story.startWorker();
  }

  it('while it collects: what arrives meanwhile is taken in, and the cut-off is kept', { timeout: 120_000 }, async () => {
    runId = await story.plan('2019-12');
    await story.reached(runId, 'collecting');
    await story.killWorker();
    await story.arrive(...whileDown);
    expect(await story.run(runId)).toMatchObject({ state: 'collecting' });
    story.startWorker();
  });
  it('while it closes the set: the charges are claimed all or none', { timeout: 120_000 }, async () => {
    await killedAt(
      'LOCK TABLE run_account IN SHARE MODE',
      () => story.cutOff(runId),
      async () => expect(await story.rows('SELECT FROM claim')).toEqual([]),
    );
  });
  it('while it builds the preview: no half of it is seen', { timeout: 120_000 }, async () => {
    const held = await gate(story, 'LOCK TABLE preview_build IN SHARE MODE');
    await until('the preview', async () => ({ seen: (await story.run(runId)).state, ...((await held.reached()) ? { done: true } : {}) }));
    expect(await story.run(runId)).toMatchObject({ state: 'previewing', contentHash: null, byStrategy: [] });
    await story.killWorker();
    await held.open();
    story.startWorker();
    await story.reached(runId, 'inReview');
    expect(await story.built(runId)).toBe(calm.contentHash);
  });
  it('while it waits for finance: the preview stands, and the approval finds it', { timeout: 120_000 }, async () => {
    await story.killWorker();
    expect(await story.run(runId)).toMatchObject({ state: 'inReview', contentHash: calm.contentHash });
    story.startWorker();
  });
  it('while it issues, in the middle of a batch: no number is taken by it', { timeout: 120_000 }, async () => {
    await killedAt(
      'LOCK TABLE erp_posting IN SHARE MODE',
      () => story.approve(runId, calm.contentHash ?? ''),
      async () => {
        expect((await story.run(runId)).state).toMatch(/^(canary|issuing)$/);
        expect(await story.rows('SELECT FROM issue_stamp')).toEqual([]);
      },
    );
  });
  it('while it issues, between two batches: it goes on behind what is issued', { timeout: 120_000 }, async () => {
    // Stopped at a document of a later batch. The gate before may be open before this one is shut: then everything is issued, and there is nothing to kill.
    const [late] = await story.rows("SELECT id FROM document WHERE run_id = $1 AND state = 'approved' ORDER BY account_id DESC, id DESC LIMIT 1", [runId]);
    expect(late).toBeDefined();
    await killedAt(
      `SELECT FROM document WHERE id = '${late.id}' FOR UPDATE`,
      async () => undefined,
      async () => {
        const [{ issued }] = await story.rows("SELECT count(*)::int AS issued FROM document WHERE run_id = $1 AND state = 'issued'", [runId]);
        expect(issued).toBeGreaterThan(0);
        expect(issued).toBeLessThan(customers);
      },
    );
  });
  it('while it hands over: what the ERP holds is found there, the rest is sent', { timeout: 120_000 }, async () => {
    // A file that nobody can read until it is taken away: the ERP does not answer about this document.
    const [row] = await story.rows("SELECT id AS key FROM document WHERE run_id = $1 AND type = 'invoice' ORDER BY id OFFSET 40 LIMIT 1", [runId]);
    const stuck = path.join(story.erpFolder, 'invoice', `${encodeURIComponent(row.key)}.json`);
    mkdirSync(path.dirname(stuck), { recursive: true });
    execFileSync('mkfifo', [stuck]);
    await until('the silent ERP', async () => {
      const [posting] = await story.rows('SELECT state, attempt FROM erp_posting WHERE key = $1', [row.key]);
      const { state, postings } = await story.run(runId);
      return { seen: [state, posting, postings], ...(state === 'handingOver' && posting?.state === 'sending' && (postings['verified'] ?? 0) >= 1 ? { done: true } : {}) };
    });
    await story.killWorker();
    rmSync(stuck);
    story.startWorker();
  });
  it('comes to the same content, totals, numbers and energy as a run that nobody disturbed, and everything verifies', { timeout: 180_000 }, async () => {
    await story.closed(runId);
    expect(await story.outcome(runId)).toEqual(calm);
    // Three customers besides, and one site owner.
    expect(calm.numbered).toHaveLength(customers + 4);
    await story.holds();
    expect(await story.rows('SELECT key FROM erp_posting WHERE state <> $1', ['verified'])).toEqual([]);
  });
});
