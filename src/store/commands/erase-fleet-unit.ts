import type { Db } from '../db.ts';
import { eraseUnits } from '../erase-parties.ts';
import { lockSetUp } from '../set-up-lock.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';
import { refuseNaming } from './refuse-naming.ts';

/**
 * Takes the label off a vehicle or driver of a fleet, with every version of it: for a person who has no account of their own. Tokens stay
 * the fleet's, and go when they have not been used for as long as they are kept. Erased again it changes nothing.
 */
export async function eraseFleetUnit(db: Db, unitId: string, reason: string, by: By): Promise<{ readonly erased: boolean }> {
  await lockSetUp(db);
  const unit = (
    await db.query<{ label: string; words: string[] }>(
      `SELECT label, ARRAY(SELECT w.words->>'label' FROM set_up_words w WHERE w.kind = 'fleetUnit' AND w.id = u.id) AS words FROM fleet_unit u WHERE id = $1 FOR UPDATE`,
      [unitId],
    )
  ).rows[0];
  if (unit === undefined) throw new Refused('notFound', `there is no fleet unit "${unitId}"`);
  refuseNaming(reason, [unit.label, ...unit.words]);
  const erased = (await eraseUnits(db, [unitId])) > 0;
  if (erased) await audit(db, by, { action: 'fleetUnit.erase', subject: unitId, reason });
  return { erased };
}
