import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

export type TestDatabase = { readonly url: string; readonly adminUrl: string; readonly superuserUrl: string; drop(): Promise<void> };

/** A database of the test file's own, copied from the migrated template. */
export const freshDatabase = (): Promise<TestDatabase> => createDatabase('wattledger');

/** A copy of a database of a test, to do things to; nobody may be connected to the original. */
export const copyOf = (original: TestDatabase): Promise<TestDatabase> => createDatabase(new URL(original.url).pathname.slice(1));

/** A database without any table, for what tests the migrations themselves. */
export const emptyDatabase = (): Promise<TestDatabase> => createDatabase('template0');

async function createDatabase(template: string): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const on = (url: string, database: string) => {
    const at = new URL(url);
    at.pathname = database;
    return at.href;
  };
  const maintenance = on(inject('superuserUrl'), 'postgres');
  await run(maintenance, `CREATE DATABASE ${name} TEMPLATE ${template} OWNER wattledger_owner`);
  return {
    url: on(inject('databaseUrl'), name),
    adminUrl: on(inject('databaseAdminUrl'), name),
    superuserUrl: on(inject('superuserUrl'), name),
    drop: () => run(maintenance, `DROP DATABASE ${name} WITH (FORCE)`),
  };
}

async function run(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    // Two copies of one template at the same moment are refused.
    await client.query('SELECT pg_advisory_lock(1)');
    await client.query(sql);
  } finally {
    await client.end();
  }
}
