import { type SourceConnection, sourceConnectionSchema } from '../../contracts/source-connection.ts';
import type { Db } from '../db.ts';
import { type Head, type HeadKey, headKeyText } from './load-page.ts';

/** A sweep as its worker needs it. */
export type SweepPlan = { readonly sweepId: string; readonly from: Date; readonly to: Date; readonly cursor: string | null; readonly connection: SourceConnection };
export type SweepPage = { readonly pulled: number; readonly fresh: number; readonly next: string | null; readonly stated: number | null };

const firstWindowMs = 90 * 86_400_000;
/** A sweep that nobody has touched for so long has no worker any more: its next page may take as long as all its retries. */
const abandonedAfter = '30 minutes';

/** The connection of a source; undefined when it has none. */
export async function connectionOf(db: Db, sourceId: string): Promise<{ readonly connection: SourceConnection; readonly sweptUntil: Date | null } | undefined> {
  const row = (await db.query('SELECT settings, swept_until FROM source_connection WHERE source_id = $1', [sourceId])).rows[0];
  return row === undefined ? undefined : { connection: sourceConnectionSchema.parse(row.settings), sweptUntil: row.swept_until };
}

/**
 * Begins a sweep: from an overlap before the last full one until now, or the window given. The same workflow again goes on where its sweep
 * is. Undefined while another one is at it, or when the source has no connection to sweep.
 */
export async function beginSweep(
  db: Db,
  input: { readonly sourceId: string; readonly workflowId: string; readonly now: Date; readonly window?: { readonly from: Date; readonly to: Date } | undefined },
): Promise<SweepPlan | undefined> {
  const { sourceId, workflowId, now } = input;
  const found = await connectionOf(db, sourceId);
  if (found === undefined || found.connection.kind === 'folder') return undefined;
  const { connection, sweptUntil } = found;
  await db.query(
    `UPDATE sweep SET state = 'failed', problem = 'its worker is gone', finished_at = now() WHERE source_id = $1 AND state = 'running' AND workflow_id <> $2 AND touched_at < now() - interval '${abandonedAfter}'`,
    [sourceId, workflowId],
  );
  const first = connection.from === undefined ? now.getTime() - firstWindowMs : Date.parse(connection.from);
  const from = input.window?.from ?? new Date(sweptUntil === null ? first : sweptUntil.getTime() - connection.overlapMinutes * 60_000);
  // Without a cursor all of it is asked for, and counted from nothing.
  const { rows } = await db.query(
    `INSERT INTO sweep (source_id, workflow_id, from_at, to_at) VALUES ($1, $2, $3, $4) ON CONFLICT (source_id) WHERE state = 'running'
     DO UPDATE SET touched_at = now(), pages = CASE WHEN sweep.cursor IS NOT NULL THEN sweep.pages ELSE 0 END, pulled = CASE WHEN sweep.cursor IS NOT NULL THEN sweep.pulled ELSE 0 END,
       fresh = CASE WHEN sweep.cursor IS NOT NULL THEN sweep.fresh ELSE 0 END WHERE sweep.workflow_id = excluded.workflow_id
     RETURNING id, from_at, to_at, cursor`,
    [sourceId, workflowId, from, input.window?.to ?? now],
  );
  const [row] = rows;
  return row === undefined ? undefined : { sweepId: row.id.toString(), from: row.from_at, to: row.to_at, cursor: row.cursor, connection };
}

/** Notes a page whose CDRs are stored, in the transaction that stores them. Throws when the sweep is another worker's by now. */
export async function noteSweepPage(db: Db, sweepId: string, page: SweepPage): Promise<void> {
  const { rowCount } = await db.query(
    `UPDATE sweep SET pages = pages + 1, pulled = pulled + $2, fresh = fresh + $3, cursor = $4, stated = coalesce($5, stated), touched_at = now() WHERE id = $1 AND state = 'running'`,
    [sweepId, page.pulled, page.fresh, page.next, page.stated],
  );
  if (rowCount === 0) throw new Error(`sweep ${sweepId} is over: another one has taken its place`);
}

/** What a sweep came to; `problem` when it brought less than the other side says there is. */
export type SweepEnd = { readonly pages: number; readonly pulled: number; readonly fresh: number; readonly stated: number | null; readonly problem: string | null };

/**
 * Ends a sweep that saw its last page. Where it brought all that was stated, the next one begins at its end; else at the same place again. `goesOn`: the source is
 * swept until `to` without a gap.
 */
export async function endSweep(db: Db, sweepId: string): Promise<SweepEnd & { readonly sourceId: string; readonly to: Date; readonly goesOn: boolean }> {
  const { rows } = await db.query(
    `UPDATE sweep SET state = CASE WHEN pulled < stated THEN 'failed' ELSE 'done' END, problem = CASE WHEN pulled < stated THEN format('%s CDRs came, %s were stated', pulled, stated) END, finished_at = now()
     WHERE id = $1 AND state = 'running' RETURNING *`,
    [sweepId],
  );
  const [row] = rows;
  if (row === undefined) throw new Error(`sweep ${sweepId} is over already`);
  let goesOn = false;
  if (row.problem === null) {
    // A window somebody ordered may lie anywhere: it moves nothing unless it goes on from what is swept.
    const { rowCount } = await db.query(
      `UPDATE source_connection c SET swept_until = $2 WHERE source_id = $1 AND (swept_until IS NULL OR swept_until < $2)
       AND $3 <= coalesce(swept_until, (c.settings->>'from')::timestamptz, $4)`,
      [row.source_id, row.to_at, row.from_at, new Date(row.to_at.getTime() - firstWindowMs)],
    );
    goesOn = rowCount !== 0;
  }
  return { sourceId: row.source_id, to: row.to_at, goesOn, pages: row.pages, pulled: row.pulled, fresh: row.fresh, stated: row.stated, problem: row.problem };
}

/** Notes of a sweep that is tried again why it failed, in full. */
export async function noteSweepProblem(db: Db, sweepId: string, problem: string): Promise<void> {
  await db.query("UPDATE sweep SET problem = $2 WHERE id = $1 AND state = 'running'", [sweepId, problem.slice(0, 500)]);
}

/** Ends a sweep that was given up; the next one begins where it did. What was noted of the problem in full stays. */
export async function failSweep(db: Db, sweepId: string, problem: string): Promise<void> {
  await db.query("UPDATE sweep SET state = 'failed', problem = CASE WHEN starts_with(problem, $2) THEN problem ELSE $2 END, finished_at = now() WHERE id = $1 AND state = 'running'", [
    sweepId,
    problem.slice(0, 500),
  ]);
}

/** What is known of each key: its standing and its waiting version. */
export async function knownVersions(db: Db, keys: readonly HeadKey[]): Promise<Map<string, Pick<Head, 'standing' | 'waiting'>>> {
  const { rows } = await db.query(
    `SELECT h.source_id, h.owner_country, h.owner_party, h.cdr_id, h.facts_hash, h.source_updated_at, h.waiting_raw_id, h.waiting_hash, h.waiting_updated_at
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS t(s, c, p, i)
     CROSS JOIN LATERAL (SELECT * FROM record_head WHERE source_id = t.s AND owner_country = t.c::char(2) AND owner_party = t.p AND cdr_id = t.i) h`,
    [keys.map((k) => k.sourceId), keys.map((k) => k.ownerCountry), keys.map((k) => k.ownerParty), keys.map((k) => k.cdrId)],
  );
  return new Map(
    rows.map((r) => [
      headKeyText({ sourceId: r.source_id, ownerCountry: r.owner_country, ownerParty: r.owner_party, cdrId: r.cdr_id }),
      {
        standing: r.facts_hash === null ? null : { hash: r.facts_hash, updatedAt: r.source_updated_at?.getTime() ?? null },
        waiting: r.waiting_raw_id === null ? null : { rawId: r.waiting_raw_id, hash: r.waiting_hash, updatedAt: r.waiting_updated_at?.getTime() ?? null },
      },
    ]),
  );
}
