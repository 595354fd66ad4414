import type { StatementLayout } from '../../contracts/statement-layout.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

/** Says how statement files of a source are read from now on; what was stated stays. The same again changes nothing. Refused for an unknown source. */
export async function setStatementLayout(
  db: Db,
  input: { readonly sourceId: string; readonly layout: StatementLayout; readonly reason: string },
  by: By,
): Promise<{ readonly version: number; readonly changed: boolean }> {
  const { sourceId, layout, reason } = input;
  if ((await db.query('SELECT FROM source WHERE id = $1 FOR UPDATE', [sourceId])).rowCount === 0) throw new Refused('notFound', `there is no source "${sourceId}"`);
  const text = JSON.stringify(layout);
  const before = (await db.query('SELECT version, layout, layout = $2::jsonb AS same FROM statement_layout WHERE source_id = $1', [sourceId, text])).rows[0];
  if (before?.same === true) return { version: before.version, changed: false };
  const { rows } = await db.query<{ version: number }>(
    `INSERT INTO statement_layout AS l (source_id, layout, author) VALUES ($1, $2, $3)
     ON CONFLICT (source_id) DO UPDATE SET layout = excluded.layout, version = l.version + 1, author = excluded.author, changed_at = now() RETURNING version`,
    [sourceId, text, by.actor],
  );
  await audit(db, by, { action: 'source.statementLayout', subject: sourceId, reason, after: { layout, before: before?.layout ?? null } });
  return { version: rows[0]?.version ?? 1, changed: true };
}
