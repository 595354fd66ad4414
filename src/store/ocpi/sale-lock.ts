import type { Db } from '../db.ts';

const keyOf = "hashtextextended('ocpi/' || $1, 0)";

/**
 * Makes this transaction the only one that makes or lets go of CDRs for a peer. Take the clock afterwards: then what bears an earlier time
 * than a look of the peer's has committed before it.
 */
export async function lockSales(db: Db, peerId: string): Promise<void> {
  await db.query(`SELECT pg_advisory_xact_lock(${keyOf})`, [peerId]);
}

/** Waits until nobody makes or lets go of CDRs for a peer, and keeps others from it until this transaction ends. */
export async function awaitSales(db: Db, peerId: string): Promise<void> {
  await db.query(`SELECT pg_advisory_xact_lock_shared(${keyOf})`, [peerId]);
}
