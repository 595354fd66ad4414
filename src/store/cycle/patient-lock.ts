import type { Db } from '../db.ts';

const patience = '10min';

/** Takes a lock that others hold for as long as work on a whole run takes: it is waited for longer than others are. */
export async function patiently(db: Db, take: () => Promise<unknown>): Promise<void> {
  const before = (await db.query<{ before: string }>("SELECT current_setting('lock_timeout') AS before, set_config('lock_timeout', $1, true)", [patience])).rows[0]?.before ?? '0';
  await take();
  await db.query("SELECT set_config('lock_timeout', $1, true)", [before]);
}
