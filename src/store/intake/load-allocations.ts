import type { ChargeRecord } from '../../contracts/charge-record.ts';
import type { Db } from '../db.ts';

/** The allocations of records as their current revisions were sealed, by record. */
export async function loadAllocations(db: Db, recordIds: readonly bigint[]): Promise<ReadonlyMap<bigint, ChargeRecord['allocation']>> {
  const { rows } = await db.query<{ record_id: bigint; allocation: ChargeRecord['allocation'] }>(
    `SELECT DISTINCT ON (record_id) record_id, convert_from(canonical, 'UTF8')::jsonb->'allocation' AS allocation FROM charge_record WHERE record_id = ANY($1::bigint[]) ORDER BY record_id, revision DESC`,
    [recordIds],
  );
  return new Map(rows.map((r) => [r.record_id, r.allocation]));
}
