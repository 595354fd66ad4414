import { createHash } from 'node:crypto';
import pg from 'pg';

/** What store functions need of a connection: a plain client or one inside a transaction. */
export type Db = Pick<pg.ClientBase, 'query'>;

// Of this pool alone: Prisma reads through the driver's own parsers.
const types = new pg.TypeOverrides();
// bigint columns hold money and energy: exact, never a JavaScript number.
types.setTypeParser(pg.types.builtins.INT8, BigInt);
// Calendar dates stay text: a Date would drag a zone in.
types.setTypeParser(pg.types.builtins.DATE, (text) => text);

export type Store = {
  readonly pool: pg.Pool;
  /** Runs `work` in one READ COMMITTED transaction on one connection; rolls back when it throws. */
  tx<T>(work: (db: pg.PoolClient) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

/** Opens the application's pool (role without DDL). The session zone is UTC, so dates never depend on the host. */
export function openStore(databaseUrl: string, max = 8): Store {
  const pool = new pg.Pool({ connectionString: databaseUrl, max, types, options: '-c TimeZone=UTC -c lock_timeout=30s' });
  // An idle connection cut by a server restart must not end the process; the next query opens a new one.
  pool.on('error', () => undefined);
  // Nor one that is cut while in use: its query fails, and whoever waits for that is told.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return {
    pool,
    async tx(work) {
      const client = await pool.connect();
      let broken: Error | undefined;
      try {
        await client.query('BEGIN');
        const result = await work(client);
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch((rollback: Error) => {
          broken = rollback;
        });
        throw error;
      } finally {
        client.release(broken);
      }
    },
    close: () => pool.end(),
  };
}

/**
 * The pool, for a few fixed statements that run all the time: each connection parses and plans a text once. Not for texts that differ from
 * call to call, nor where a good plan depends on the values.
 */
export function planningOnce(pool: pg.Pool): Db {
  const names = new Map<string, string>();
  const nameOf = (text: string): string => {
    const name = names.get(text) ?? createHash('sha256').update(text).digest('hex').slice(0, 32);
    names.set(text, name);
    return name;
  };
  return { query: ((text: string, values: unknown[]) => pool.query({ name: nameOf(text), text, values })) as Db['query'] };
}
