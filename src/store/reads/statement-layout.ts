import { type StatementLayout, statementLayoutSchema } from '../../contracts/statement-layout.ts';
import type { Db } from '../db.ts';

export type StatementLayoutView = { readonly sourceId: string; readonly version: number; readonly layout: StatementLayout; readonly author: string; readonly changedAt: string };

/** How statement files of a source are read; undefined when nobody said. */
export async function statementLayoutOf(db: Db, sourceId: string): Promise<StatementLayoutView | undefined> {
  const r = (await db.query('SELECT * FROM statement_layout WHERE source_id = $1', [sourceId])).rows[0];
  return r === undefined ? undefined : { sourceId, version: r.version, layout: statementLayoutSchema.parse(r.layout), author: r.author, changedAt: r.changed_at.toISOString() };
}
