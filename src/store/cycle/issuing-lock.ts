import type { Db } from '../db.ts';
import { patiently } from './patient-lock.ts';

// A closing looks over all of its entity, and no lock is held for it yet.
const take = (lock: string) => (db: Db, runId: string) => patiently(db, () => db.query(`SELECT ${lock}(hashtextextended('issuing/' || entity_id, 0)) FROM billing_run WHERE id = $1`, [runId]));

/**
 * Keeps a run's entity from closing a run until the caller's transaction ends, before it issues: each close report counts as billed what is
 * stamped after the one before it, so a document is stamped by the clock after this lock, as a run is closed by it. Taken before any other lock.
 */
export const besideClosing = take('pg_advisory_xact_lock_shared');

/** Waits for what is being issued of a run's entity, and keeps more from being issued until the caller's transaction ends. Taken before any other lock. */
export const besideIssuing = take('pg_advisory_xact_lock');
