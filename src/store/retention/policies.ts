import type { RetentionClass } from '../../contracts/retention.ts';
import type { Db } from '../db.ts';
import { classes } from './classes.ts';

export type Policy = {
  readonly class: RetentionClass;
  readonly keep: number;
  readonly unit: 'months' | 'days';
  readonly countedFrom: string;
  readonly floor: number;
  readonly floorReason: string;
  readonly changedBy: string | null;
  readonly changedAt: Date | null;
};
/** How much of a class is due, and since when the oldest of it is there. */
export type Due = { readonly due: bigint; readonly oldest: Date | null };

/** How long a class is kept; locked for the transaction when it is to be changed. */
export async function policyOf(db: Db, name: RetentionClass, lock: '' | 'FOR UPDATE' = ''): Promise<Policy> {
  const { rows } = await db.query(
    `SELECT class, keep, unit, counted_from AS "countedFrom", floor, floor_reason AS "floorReason", changed_by AS "changedBy", changed_at AS "changedAt" FROM retention_policy WHERE class = $1 ${lock}`,
    [name],
  );
  if (rows[0] === undefined) throw new Error(`retention_policy has no row of class ${name}: restore it`);
  return rows[0];
}

/** What of a class is due at an instant under a policy; it only reads. */
export async function dueOf(db: Db, name: RetentionClass, keep: number, asOf: Date): Promise<Due> {
  const { rows } = await db.query<Due>(`SELECT count(*) AS due, min(at) AS oldest FROM (${classes[name].due}) d`, [keep, asOf]);
  return rows[0] ?? { due: 0n, oldest: null };
}
