import pg from 'pg';
import { expect } from 'vitest';
import { openStore } from '../../src/store/db.ts';
import { type Verification, verifyAll } from '../../src/verify/verify-all.ts';
import { copyOf, type TestDatabase } from './database.ts';

/** Verifies a copy of a database, to which nobody may be connected, after a superuser, whom no trigger stops, has run `sql` on it. */
export async function verifiedAfter(original: TestDatabase, ...sql: string[]): Promise<Verification> {
  const database = await copyOf(original);
  const superuser = new pg.Client({ connectionString: database.superuserUrl });
  await superuser.connect();
  const store = openStore(database.url);
  try {
    await superuser.query('SET session_replication_role = replica');
    for (const statement of sql) expect((await superuser.query(statement)).rowCount, statement).toBeGreaterThan(0);
    return await verifyAll(store);
  } finally {
    await store.close();
    await superuser.end();
    await database.drop();
  }
}

/** What does not hold, by section. */
export const problemsOf = ({ sections }: Verification): Readonly<Record<string, string>> => Object.fromEntries(sections.flatMap((s) => (s.problem === null ? [] : [[s.name, s.problem]])));
