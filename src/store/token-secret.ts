import type { Db } from './db.ts';

/** The key under which this database makes references of UIDs. */
export async function tokenSecret(db: Db): Promise<Buffer> {
  const { rows } = await db.query<{ secret: Buffer }>('SELECT secret FROM token_secret');
  if (rows[0] === undefined) throw new Error('the token secret is gone: restore it from a backup, or repeats of known CDRs are no longer recognised');
  return rows[0].secret;
}
