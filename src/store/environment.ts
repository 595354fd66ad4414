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
  await db.query('INSERT INTO database_environment (environment) VALUES ($1) ON CONFLICT DO NOTHING', [environment]);
  const { rows } = await db.query<{ environment: Environment }>('SELECT environment FROM database_environment');
  const its = rows[0]?.environment;
  if (its !== undefined && its !== environment)
    throw new Error(
      `this database is of the environment ${its}, and WATTLEDGER_ENV is ${environment}: set WATTLEDGER_ENV=${its}; a copy becomes another one by \`wattledger environment ${environment} --reason WHY\``,
    );
  if (environment === 'production' && (await hasSampleKeys(db))) throw new Error('this database has sample users: a production environment refuses them; revoke their keys first');
}

/** Makes a copy of a database one of another environment; as its owner. */
export async function moveEnvironment(db: Db, environment: Environment, reason: string, by: By): Promise<void> {
  const before = (await db.query<{ environment: Environment }>('SELECT environment FROM database_environment')).rows[0]?.environment ?? null;
  await db.query('INSERT INTO database_environment (environment) VALUES ($1) ON CONFLICT (one) DO UPDATE SET environment = EXCLUDED.environment, since = now()', [environment]);
  await audit(db, by, { action: 'environment.move', subject: environment, reason, after: { environment, before } });
}
