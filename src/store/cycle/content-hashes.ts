import type { RunState } from '../../core/cycle/run-states.ts';
import { combineHashes, groupHash } from '../../core/document/compose.ts';
import { groupBy } from '../../core/group-by.ts';
import type { Db } from '../db.ts';
import { leftOutHashes } from './left-out-hash.ts';
import { inReview } from './release-groups.ts';
import { groupStates } from './run-state.ts';

/** A group of a run; its hash as hex, null while it is built. */
export type GroupStanding = { readonly name: string; readonly state: RunState; readonly contentHash: string | null };
export type Preview = { readonly contentHash: string; readonly documents: number /** Nothing of it is in review any more. */; readonly approved: boolean; readonly groups: readonly GroupStanding[] };

const nothing = Buffer.alloc(0);

/** The hash of each group in review over its document hashes in account order and what it leaves out; the run's over its groups' in order of their names. */
export async function writeHashes(db: Db, runId: string): Promise<Preview> {
  const documents = await documentHashes(db, runId);
  const leftOut = await leftOutHashes(db, runId);
  for (const { name, state } of await groupStates(db, runId)) {
    if (!inReview.includes(state)) continue;
    const left = leftOut.get(name) ?? nothing;
    await db.query('UPDATE release_group SET content_hash = $3, left_out_hash = $4 WHERE run_id = $1 AND name = $2', [runId, name, groupHash(documents.get(name) ?? [], left), left]);
  }
  const groups = await groupStates(db, runId);
  const run = combineHashes(groups.map((g) => g.hash ?? Buffer.alloc(0)));
  await db.query('UPDATE billing_run SET content_hash = $2 WHERE id = $1', [runId, run]);
  await db.query("UPDATE run_account x SET state = 'ready' FROM release_group g WHERE x.run_id = $1 AND x.state = 'pending' AND g.run_id = x.run_id AND g.name = x.group_name AND g.state = ANY($2)", [
    runId,
    inReview,
  ]);
  const count = [...documents.values()].reduce((sum, hashes) => sum + hashes.length, 0);
  return { contentHash: run.toString('hex'), documents: count, approved: false, groups: groups.map(standingOf) };
}

/** The preview of a run as it stands, without building anything. */
export async function readPreview(db: Db, runId: string): Promise<Preview> {
  const { rows } = await db.query<{ hash: string | null; n: bigint }>(
    "SELECT encode(r.content_hash, 'hex') AS hash, (SELECT count(*) FROM document d WHERE d.run_id = r.id) AS n FROM billing_run r WHERE r.id = $1",
    [runId],
  );
  const groups = await groupStates(db, runId);
  return { contentHash: rows[0]?.hash ?? '', documents: Number(rows[0]?.n ?? 0n), approved: !groups.some((g) => inReview.includes(g.state)), groups: groups.map(standingOf) };
}

function standingOf(group: { readonly name: string; readonly state: RunState; readonly hash: Buffer | null }): GroupStanding {
  return { name: group.name, state: group.state, contentHash: group.hash?.toString('hex') ?? null };
}

/** Keeps the groups' hashes with the newest build of a preview, so that each hash that could be looked at leads to its build. */
export async function keepGroupHashes(db: Db, runId: string): Promise<void> {
  await db.query(
    `INSERT INTO preview_group (run_id, build, name, content_hash, left_out_hash) SELECT g.run_id, b.build, g.name, g.content_hash, g.left_out_hash FROM release_group g
     JOIN (SELECT max(build) AS build FROM preview_build WHERE run_id = $1) b ON b.build IS NOT NULL WHERE g.run_id = $1 AND g.content_hash IS NOT NULL ON CONFLICT DO NOTHING`,
    [runId],
  );
}

/** Content hashes of a run's documents by group, in the order in which their group's hash covers them. */
export async function documentHashes(db: Db, runId: string): Promise<ReadonlyMap<string, readonly Buffer[]>> {
  const { rows } = await db.query<{ group_name: string; content_hash: Buffer }>('SELECT group_name, content_hash FROM document WHERE run_id = $1 ORDER BY group_name, account_id, currency, id', [
    runId,
  ]);
  return new Map([...groupBy(rows, (r) => r.group_name)].map(([name, own]) => [name, own.map((r) => r.content_hash)]));
}
