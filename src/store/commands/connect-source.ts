import { hasCredentials } from '../../contracts/has-credentials.ts';
import type { SourceConnection } from '../../contracts/source-connection.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

/** Says how the CDRs of a source are fetched from now on; what was swept stays swept. The same again changes nothing. Refused for an unknown source, and for an address with a password in it. */
export async function connectSource(
  db: Db,
  input: { readonly sourceId: string; readonly settings: SourceConnection; readonly reason: string },
  by: By,
): Promise<{ readonly version: number; readonly changed: boolean }> {
  const { sourceId, settings, reason } = input;
  if ((await db.query('SELECT FROM source WHERE id = $1 FOR UPDATE', [sourceId])).rowCount === 0) throw new Refused('notFound', `there is no source "${sourceId}"`);
  // It would stand in the audit trail for good, and in the words of each sweep: with one no request is made.
  if ('url' in settings && hasCredentials(settings.url)) throw new Refused('invalid', 'url: it holds a user or a password: leave them out, and name a tokenFile of the worker');
  const text = JSON.stringify(settings);
  const before = (await db.query('SELECT version, settings, settings = $2::jsonb AS same FROM source_connection WHERE source_id = $1', [sourceId, text])).rows[0];
  if (before?.same === true) return { version: before.version, changed: false };
  const { rows } = await db.query<{ version: number }>(
    `INSERT INTO source_connection AS c (source_id, settings, author) VALUES ($1, $2, $3)
     ON CONFLICT (source_id) DO UPDATE SET settings = excluded.settings, version = c.version + 1, author = excluded.author, changed_at = now() RETURNING version`,
    [sourceId, text, by.actor],
  );
  await audit(db, by, { action: 'source.connect', subject: sourceId, reason, after: { settings, before: before?.settings ?? null } });
  return { version: rows[0]?.version ?? 1, changed: true };
}
