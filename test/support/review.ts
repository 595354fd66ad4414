import { randomUUID } from 'node:crypto';
import { planRun } from '../../src/store/commands/plan-run.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import type { Preview } from '../../src/store/cycle/content-hashes.ts';
import { type DecisionResult, decideRun } from '../../src/store/cycle/decide-run.ts';
import { closeRecordSet } from '../../src/store/cycle/record-set.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import type { Store } from '../../src/store/db.ts';
import { processAll, session, storeLines } from './intake.ts';
import { seeded } from './seeded.ts';

export type Review = {
  readonly store: Store;
  readonly runId: string;
  readonly superuserUrl: string;
  rows(sql: string, params?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  /** Builds what is touched. */
  build(): Promise<Preview>;
  /** Decides for a group's present hash, or without a group for the run's. */
  decide(actor: string, group?: string, decision?: 'approve' | 'reject'): Promise<DecisionResult>;
  hashOf(group?: string): Promise<string>;
  stop(): Promise<void>;
};

/** The run of December of the sample entity, in review; `groups` says which accounts are released apart. */
export async function startReview(
  groups: Readonly<Record<string, string>> = {},
  users = ['Bl2-1', 'Bl2-2', 'NR1-3', 'AdA6-1', 'AdO3-2', 'Share-2'],
  garageOf: (user: string) => string = () => 'Bl2',
): Promise<Review> {
  const { store, database, drop } = await seeded();
  for (const [account, group] of Object.entries(groups)) await store.pool.query('UPDATE account SET release_group = $2 WHERE id = $1', [account, group]);
  await storeLines(
    store,
    users.flatMap((user, u) => [0, 1].map((i) => session(100 * u + i, { user, garage: garageOf(user), kWh: `${9 + u},${i}5` }))),
  );
  await processAll(store);
  const { runId } = await store.tx((db) => planRun(db, { entityId: 'ent_se', period: '2019-12', by: { actor: 'preparer' } }));
  await store.tx((db) => advanceRun(db, runId, 'collecting'));
  await store.tx((db) => closeRecordSet(db, runId));
  await store.tx((db) => advanceRun(db, runId, 'previewing'));
  const build = () => store.tx((db) => buildDocuments(db, runId));
  await build();
  await store.tx((db) => advanceRun(db, runId, 'inReview'));
  const rows: Review['rows'] = async (sql, params = []) => (await store.pool.query(sql, [...params])).rows;
  const hashOf = async (group?: string) =>
    String(
      (
        await rows(
          group === undefined
            ? "SELECT encode(content_hash, 'hex') AS hash FROM billing_run WHERE id = $1"
            : "SELECT encode(content_hash, 'hex') AS hash FROM release_group WHERE run_id = $1 AND name = $2",
          group === undefined ? [runId] : [runId, group],
        )
      )[0]?.['hash'],
    );
  return {
    store,
    runId,
    superuserUrl: database.superuserUrl,
    rows,
    build,
    hashOf,
    async decide(actor, group, decision = 'approve') {
      const contentHash = await hashOf(group);
      return store.tx((db) => decideRun(db, { runId, approvalId: randomUUID(), decision, contentHash, group, actor, comment: 'looked at it' }));
    },
    stop: drop,
  };
}
