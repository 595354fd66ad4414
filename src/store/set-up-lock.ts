import type { Db } from './db.ts';

/** One writer of set-up at a time, an erasure among them: what was planned holds until it is committed, and nothing is written of a person who goes meanwhile. */
export async function lockSetUp(db: Db): Promise<void> {
  await db.query("SELECT pg_advisory_xact_lock(hashtextextended('set-up', 0))");
}
