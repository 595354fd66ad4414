import type { Db } from '../db.ts';

const key = "hashtextextended('ocpi-tariffs', 0)";

/**
 * Makes this transaction the only one that changes what is sold by to roaming partners. Take the clock of the database afterwards: then what
 * bears an earlier time than a look of theirs has committed before it.
 */
export async function lockOffers(db: Db): Promise<void> {
  await db.query(`SELECT pg_advisory_xact_lock(${key})`);
}

/** Waits until nobody changes what is sold by to roaming partners, and keeps others from it until this transaction ends. */
export async function awaitOffers(db: Db): Promise<void> {
  await db.query(`SELECT pg_advisory_xact_lock_shared(${key})`);
}
