import type { Db } from './db.ts';

const key = "hashtextextended('erasure', 0)";

/** SQL that every page of intake calls before it looks for mappings, and holds to its commit: pages do not wait for each other, only for an erasure. */
export const besideErasure = `pg_advisory_xact_lock_shared(${key})`;

/** Waits until no page of intake is under way; those that come wait for the commit. What they have booked is seen, and what comes finds no mapping. */
export async function pauseIntake(db: Db): Promise<void> {
  await db.query(`SELECT pg_advisory_xact_lock(${key})`);
}
