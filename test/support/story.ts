import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject } from 'vitest';
import { filesErp } from '../../src/adapters/erp/files.ts';
import type { ErpPort } from '../../src/adapters/erp/port.ts';
import type { Seed } from '../../src/contracts/seed.ts';
import type { Role } from '../../src/store/reads/api-keys.ts';
import { energyBalance } from '../../src/store/reads/energy-balance.ts';
import type { RunReport } from '../../src/store/reads/run-report.ts';
import type { RunSummary } from '../../src/store/reads/run-summary.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { taskQueue } from '../../src/workflows/messages.ts';
import { type Answer, type ApiUnderTest, startApi } from './api.ts';
import { processAll, storeLines } from './intake.ts';

export type StoryOptions = {
  /** Changes the sample operator before it is set up. */
  readonly setUp?: (seed: Seed) => void;
  readonly extraUsers?: Readonly<Record<string, readonly Role[]>>;
  /** `process`: as `wattledger worker`, which the story starts and kills; its ERP is the sample's, with its faults. `none`: the same, not started yet. */
  readonly worker?: 'here' | 'process' | 'none';
  /** Puts something before the ERP of a worker that runs here. */
  readonly erp?: (real: ErpPort) => ErpPort;
};
/** What a run came to: the same for the same data, whatever happened on the way. */
export type Outcome = { readonly contentHash: string | null; readonly totals: RunSummary['byStrategy']; readonly numbered: readonly string[]; readonly energy: readonly object[] };

export type Story = Awaited<ReturnType<typeof tell>>;

/** Looks until `look` answers something; for a minute and a half, and then tells what it saw last. */
export async function until<T>(what: string, look: () => Promise<{ readonly done?: T; readonly seen: unknown }>): Promise<T> {
  for (const since = Date.now(); ; ) {
    const { done, seen } = await look();
    if (done !== undefined) return done;
    if (Date.now() - since > 90_000) throw new Error(`${what} did not come; last seen: ${JSON.stringify(seen)}`);
    await sleep(60);
  }
}

const worded = (answer: Answer) => `${answer.status} ${JSON.stringify(answer.body)}`;

/** A stage for a story: the API on a database and a Temporal namespace of its own, and a worker. Waits look at states, however long they take. */
export async function tell(options: StoryOptions = {}) {
  const { setUp, extraUsers, worker = 'here', erp = (real) => real } = options;
  const home = mkdtempSync(path.join(os.tmpdir(), 'wattledger-story-'));
  const erpFolder = path.join(home, 'erp', 'erp_files');
  const real = erp(filesErp(erpFolder));
  const api: ApiUnderTest = await startApi(worker === 'here' ? async () => real : undefined, {
    ...(setUp === undefined ? {} : { setUp }),
    ...(extraUsers === undefined ? {} : { extraUsers }),
    ...(worker === 'here' ? {} : { queue: taskQueue }),
  });
  const { store } = api;
  let running: ChildProcess | undefined;

  const story = {
    api,
    store,
    erpFolder,
    rows: async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows,
    /** A request as a user, whatever the answer. */
    ask: (user: string, method: string, route: string, body?: unknown, key?: string): Promise<Answer> => api.call(user, method, route, body, key === undefined ? {} : { 'idempotency-key': key }),
    /** A request that has to succeed; answers its body. */
    async does(user: string, method: string, route: string, body?: unknown) {
      const answer = await api.call(user, method, route, body);
      if (answer.status >= 300) throw new Error(`${user} ${method} ${route}: ${worded(answer)}`);
      return answer.body;
    },
    /** Sessions of the CSMS export arrive and are booked. */
    async arrive(...lines: readonly string[]): Promise<void> {
      await storeLines(store, lines);
      await processAll(store);
    },

    run: async (runId: string): Promise<RunSummary> => (await api.call('auditor', 'GET', `/v1/runs/${runId}`)).body,
    /** Plans the run of a month with a cut-off far away, and waits until it collects. */
    async plan(period: string, more: object = {}): Promise<string> {
      const cutOffAt = new Date(Date.now() + 86_400_000).toISOString();
      const { runId } = await story.does('preparer', 'POST', '/v1/runs', { entityId: 'ent_se', period, cutOffAt, ...more });
      return runId;
    },
    async reached(runId: string, state: string): Promise<RunSummary> {
      return until(`state ${state}`, async () => {
        const run = await story.run(runId);
        return { seen: `${run.state}: ${run.problem}`, ...(run.state === state ? { done: run } : {}) };
      });
    },
    /** The hash once everything that was touched is built, and it is not `other`. */
    async built(runId: string, other?: string): Promise<string> {
      return until('a new preview', async () => {
        const { contentHash, accounts, state, problem } = await story.run(runId);
        return { seen: { contentHash, accounts, state, problem }, ...(contentHash !== null && contentHash !== other && accounts.pending === 0 ? { done: contentHash } : {}) };
      });
    },
    cutOff: (runId: string) => story.does('ops', 'POST', `/v1/runs/${runId}/cut-off`, {}),
    /** A month from its planning to its review; answers the run and its hash. */
    async review(period: string): Promise<{ readonly runId: string; readonly hash: string }> {
      const runId = await story.plan(period);
      await story.reached(runId, 'collecting');
      await story.cutOff(runId);
      await story.reached(runId, 'inReview');
      return { runId, hash: await story.built(runId) };
    },
    decide: (user: string, runId: string, contentHash: string, decision: 'approve' | 'reject' = 'approve'): Promise<Answer> =>
      api.call(user, 'POST', `/v1/runs/${runId}/approval`, { contentHash, decision, comment: 'looked at it' }),
    async approve(runId: string, contentHash: string): Promise<void> {
      const answer = await story.decide('approver', runId, contentHash);
      if (answer.status !== 200) throw new Error(`the approval is refused: ${worded(answer)}`);
    },
    /** Follows a run to its close, and signs what waits on the way. */
    async closed(runId: string): Promise<RunReport> {
      await until('the close', async () => {
        const run = await story.run(runId);
        if (run.problem?.includes('carry decision')) await api.call('approver', 'POST', `/v1/runs/${runId}/carry-decisions`, { reason: 'asked for at its source' });
        return { seen: `${run.state}: ${run.problem}`, ...(run.state === 'closed' ? { done: true } : {}) };
      });
      return story.does('auditor', 'GET', `/v1/runs/${runId}/report`);
    },

    /** What a run issued, to be compared with another telling. */
    async outcome(runId: string): Promise<Outcome> {
      const { contentHash, byStrategy } = await story.run(runId);
      const documents = await story.rows(
        `SELECT d.account_id || ' ' || coalesce(s.legal_number, '-') || ' ' || encode(d.content_hash, 'hex') || ' ' || p.state AS line FROM document d
         LEFT JOIN issue_stamp s ON s.document_id = d.id LEFT JOIN erp_posting p ON p.document_id = d.id WHERE d.run_id = $1 ORDER BY d.account_id, d.id`,
        [runId],
      );
      return { contentHash, totals: byStrategy, numbered: documents.map((r) => r.line), energy: await energyBalance(store.pool) };
    },
    /** The ledger and the energy come to nothing, numbers have no gaps, and every hash is what it says. */
    async holds(): Promise<void> {
      expect(await story.rows('SELECT unit FROM ledger_entry GROUP BY unit HAVING sum(amount) <> 0')).toEqual([]);
      expect((await energyBalance(store.pool)).filter((month) => month.difference !== 0n)).toEqual([]);
      expect(
        await story.rows('SELECT series_id FROM issue_stamp WHERE series_id IS NOT NULL GROUP BY series_id HAVING min(number) <> 1 OR max(number) <> count(*) OR count(DISTINCT number) <> count(*)'),
      ).toEqual([]);
      expect((await verifyAll(store)).sections.filter((section) => section.problem !== null)).toEqual([]);
    },

    startWorker(): void {
      const env = { ...process.env, DATABASE_URL: api.database.url, TEMPORAL_ADDRESS: inject('temporalAddress'), TEMPORAL_NAMESPACE: api.client.options.namespace, WATTLEDGER_HOME: home };
      running = spawn(process.execPath, ['dist/cli.js', 'worker', '--with-parent'], { env, stdio: ['pipe', 'ignore', 'ignore'] });
    },
    /** kill -9: nothing is finished, nothing is said to anybody. */
    async killWorker(): Promise<void> {
      const victim = running;
      if (victim?.pid === undefined) throw new Error('there is no worker to kill');
      const ended = new Promise((resolve) => victim.once('close', resolve));
      victim.kill('SIGKILL');
      await ended;
      running = undefined;
    },
    async end(): Promise<void> {
      if (running !== undefined) await story.killWorker();
      await api.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
  if (worker === 'process') story.startWorker();
  return story;
}
