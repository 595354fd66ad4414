import { type SourceConnection, sourceConnectionSchema } from '../../contracts/source-connection.ts';
import type { Db } from '../db.ts';
import type { CountsNote } from '../intake/peer-counts.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

/** A source's connection as it holds; instants as ISO text. */
export type ConnectionView = {
  readonly sourceId: string;
  readonly version: number;
  readonly settings: SourceConnection;
  readonly sweptUntil: string | null;
  /** Of an OCPI peer: how the last look at its daily counts went; null before the first. */
  readonly counts: CountsNote | null;
  readonly author: string;
  readonly changedAt: string;
};

/** Undefined when the source has none. */
export async function connectionView(db: Db, sourceId: string): Promise<ConnectionView | undefined> {
  const r = (await db.query('SELECT * FROM source_connection WHERE source_id = $1', [sourceId])).rows[0];
  if (r === undefined) return undefined;
  return {
    sourceId,
    version: r.version,
    settings: sourceConnectionSchema.parse(r.settings),
    sweptUntil: r.swept_until?.toISOString() ?? null,
    counts: r.counts,
    author: r.author,
    changedAt: r.changed_at.toISOString(),
  };
}

/** Sources that are swept by a Schedule. */
export async function sweptSources(db: Db): Promise<readonly { readonly sourceId: string; readonly connection: SourceConnection }[]> {
  const { rows } = await db.query('SELECT source_id, settings FROM source_connection ORDER BY source_id');
  return rows.map((r) => ({ sourceId: r.source_id, connection: sourceConnectionSchema.parse(r.settings) }));
}

export type SweepView = {
  readonly id: string;
  readonly workflowId: string;
  readonly from: string;
  readonly to: string;
  readonly state: 'running' | 'done' | 'failed';
  readonly pages: number;
  readonly pulled: number;
  readonly fresh: number;
  readonly stated: number | null;
  readonly problem: string | null;
  readonly startedAt: string;
  readonly finishedAt: string | null;
};

/** The sweeps of a source, newest first. */
export async function listSweeps(db: Db, sourceId: string, page: PageOrder): Promise<Page<SweepView>> {
  const list = ['sweeps', sourceId] as const;
  const { rows } = await db.query('SELECT * FROM sweep WHERE source_id = $1 AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3', [sourceId, keyBefore(list, page), page.limit + 1]);
  return pageOf(list, rows, page.limit, (r) => r.id.toString(), viewOf);
}

// biome-ignore lint/suspicious/noExplicitAny: a row of the driver
function viewOf(r: any): SweepView {
  return {
    id: r.id.toString(),
    workflowId: r.workflow_id,
    from: r.from_at.toISOString(),
    to: r.to_at.toISOString(),
    state: r.state,
    pages: r.pages,
    pulled: r.pulled,
    fresh: r.fresh,
    stated: r.stated,
    problem: r.problem,
    startedAt: r.started_at.toISOString(),
    finishedAt: r.finished_at?.toISOString() ?? null,
  };
}
