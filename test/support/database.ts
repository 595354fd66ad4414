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

/** A database of the test's own, copied from one that is made once for all tests: by `fill`, in the database whose URL it is told, of which it keeps no connection. */
export async function filledDatabase(name: string, fill: (url: string) => Promise<void>): Promise<TestDatabase> {
  await locked(2, async (client) => {
    if ((await client.query('SELECT FROM pg_database WHERE datname = $1', [name])).rowCount !== 0) return;
    const filling = await freshDatabase();
    await fill(filling.url);
    await client.query(`ALTER DATABASE ${new URL(filling.url).pathname.slice(1)} RENAME TO ${name}`);
  });
  return createDatabase(name);
}

const on = (url: string, database: string) => {
  const at = new URL(url);
  at.pathname = database;
  return at.href;
};

async function createDatabase(template: string): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  // Copied as files: by its log a database takes twice as long. Two copies of one template at the same moment are refused.
  await locked(1, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE ${template} OWNER wattledger_owner STRATEGY FILE_COPY`));
  return {
    url: on(inject('databaseUrl'), name),
    adminUrl: on(inject('databaseAdminUrl'), name),
    superuserUrl: on(inject('superuserUrl'), name),
    drop: async () => {
      await locked(1, (client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`));
    },
  };
}

/** Does something as superuser while nobody else holds that lock. */
async function locked(lock: number, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: on(inject('superuserUrl'), 'postgres') });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [lock]);
    await work(client);
  } finally {
    await client.end();
  }
}
