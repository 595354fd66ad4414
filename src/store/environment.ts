import { audit, type By } from './commands/audit.ts';
import type { Db } from './db.ts';
import { hasSampleKeys } from './reads/api-keys.ts';

export type Environment = 'production' | 'staging' | 'test' | 'development';

/**
 * Refuses to run on a database of another environment, and in production on one with sample users. A database is of the environment of the
 * first process that ran on it, so that one that was started without WATTLEDGER_ENV does not put sample data into production. Throws an
 * Error that names the remedy.
 */
export async function requireEnvironment(db: Db, environment: Environment): Promise<void> {
  await refuseOther(db, environment);
  if (environment === 'production' && (await hasSampleKeys(db)))
    throw new Error('this database has sample users: a production environment refuses them; revoke their keys first (`wattledger keys list`, `keys revoke`)');
  // Only now: what is refused does not say what the database is of. Of two that say it at once one is too late.
  await db.query('INSERT INTO database_environment (environment) VALUES ($1) ON CONFLICT DO NOTHING', [environment]);
  await refuseOther(db, environment);
}

/** Refuses a database of another environment before anything is migrated; one from before it said what it is of says nothing. */
export async function refuseOtherEnvironment(db: Db, environment: Environment): Promise<void> {
  const { rows } = await db.query("SELECT to_regclass('database_environment') IS NOT NULL AS says");
  if (rows[0]?.says) await refuseOther(db, environment);
}

async function refuseOther(db: Db, environment: Environment): Promise<void> {
  const { rows } = await db.query<{ environment: Environment }>('SELECT environment FROM database_environment');
  const its = rows[0]?.environment;
  if (its !== undefined && its !== environment)
    throw new Error(
      `this database is of the environment ${its}, and WATTLEDGER_ENV is ${environment}: set WATTLEDGER_ENV=${its}; a copy becomes another one by \`wattledger environment ${environment} --reason WHY\``,
    );
}

/** Makes a copy of a database one of another environment; as its owner. */
export async function moveEnvironment(db: Db, environment: Environment, reason: string, by: By): Promise<void> {
  const before = (await db.query<{ environment: Environment }>('SELECT environment FROM database_environment')).rows[0]?.environment ?? null;
  await db.query('INSERT INTO database_environment (environment) VALUES ($1) ON CONFLICT (one) DO UPDATE SET environment = EXCLUDED.environment, since = now()', [environment]);
  await audit(db, by, { action: 'environment.move', subject: environment, reason, after: { environment, before } });
}
