import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

/** Takes a manual amount back while it waits for a run, and with it what was to take it back later. Refused for what is in a run, or takes back what is billed. */
export async function withdrawWaiting(db: Db, id: string, reason: string, by: By): Promise<void> {
  const { rows } = await db.query<{ run_id: string | null; reversal_of: string | null; withdrawn_at: Date | null; waits: boolean }>(
    'SELECT run_id, reversal_of, withdrawn_at, adjustment_waits(id, run_id, reversal_of) AS waits FROM adjustment WHERE id = $1 FOR UPDATE',
    [id],
  );
  const [row] = rows;
  if (row === undefined) throw new Refused('notFound', `there is no adjustment ${id}`);
  if (row.withdrawn_at !== null) return;
  if (row.reversal_of !== null) throw new Refused('wrongState', `adjustment ${id} takes back ${row.reversal_of}: withdraw that one while it waits, or enter the opposite amount in a run`);
  if (!row.waits) throw new Refused('wrongState', `adjustment ${id} is in run ${row.run_id}: while that is in review it is taken back there, and once it is billed by the opposite amount`);
  await db.query('UPDATE adjustment SET withdrawn_at = now() WHERE id = $1 OR reversal_of = $1', [id]);
  await audit(db, by, { action: 'adjustment.withdraw', subject: id, reason, after: { runId: row.run_id } });
}
