import type { Db } from '../db.ts';

/** A closing looks over all of its entity: whoever issues meanwhile waits for it, and no lock is held for them yet. */
const patience = '10min';

const take = (lock: string) => async (db: Db, runId: string) => {
  const before = (await db.query<{ before: string }>("SELECT current_setting('lock_timeout') AS before, set_config('lock_timeout', $1, true)", [patience])).rows[0]?.before ?? '0';
  await db.query(`SELECT ${lock}(hashtextextended('issuing/' || entity_id, 0)) FROM billing_run WHERE id = $1`, [runId]);
  await db.query("SELECT set_config('lock_timeout', $1, true)", [before]);
};

/**
 * Keeps a run's entity from closing a run until the caller's transaction ends, before it issues: each close report counts as billed what is
 * stamped after the one before it, so a document is stamped by the clock after this lock, as a run is closed by it. Taken before any other lock.
 */
export const besideClosing = take('pg_advisory_xact_lock_shared');

/** Waits for what is being issued of a run's entity, and keeps more from being issued until the caller's transaction ends. Taken before any other lock. */
export const besideIssuing = take('pg_advisory_xact_lock');
