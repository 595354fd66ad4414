import { createHash } from 'node:crypto';
import pg from 'pg';

const maxPlanned = 4;

const connectWithinMs = 10_000;
const silentForMs = 30_000;

/**
 * A connection to a server that may vanish without a word, as behind a firewall: one that does not answer is given up while it is
 * connected to, and found gone while it is waited for, unless what was sent has not arrived: then the kernel says when. Of the connection,
 * not of its pool, whose own limit would count the wait for a free one.
 */
export class MortalClient extends pg.Client {
  constructor(config: pg.ClientConfig = {}) {
    super({ ...config, connectionTimeoutMillis: connectWithinMs, keepAlive: true, keepAliveInitialDelayMillis: silentForMs });
  }
}

/** What store functions need of a connection: a plain client or one inside a transaction. */
export type Db = Pick<pg.ClientBase, 'query'>;

const attempts = 5;
const deadlockDetected = '40P01';

// Of this pool alone: Prisma reads through the driver's own parsers.
const types = new pg.TypeOverrides();
// bigint columns hold money and energy: exact, never a JavaScript number.
types.setTypeParser(pg.types.builtins.INT8, BigInt);
// Calendar dates stay text: a Date would drag a zone in.
types.setTypeParser(pg.types.builtins.DATE, (text) => text);

/** Thrown inside a transaction that met another one's work: run again, it will see it. */
export class TryAgain extends Error {
  override name = 'TryAgain';
}

export type Store = {
  /** Where it was opened, for whoever needs connections of their own. */
  readonly databaseUrl: string;
  readonly pool: pg.Pool;
  /**
   * For a few fixed statements that run all the time: connections of their own that plan a text once, whatever its values. Not for texts
   * that differ from call to call, nor where a good plan depends on the values.
   */
  readonly planned: Db;
  /** Runs `work` in one READ COMMITTED transaction on one connection; rolls back when it throws. Runs it anew, five times at most, when it met another transaction. */
  tx<T>(work: (db: pg.PoolClient) => Promise<T>): Promise<T>;
  /** The same for work that has many statements and little to do for each, such as for a single CDR: it takes longer to plan them than to run them. On connections like `planned`. */
  txPlanned<T>(work: (db: Db) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

/** Opens the application's pools (role without DDL). The session zone is UTC, so dates never depend on the host. */
export function openStore(databaseUrl: string, max = 8): Store {
  const pool = openPool(databaseUrl, max, '');
  const planned = '-c plan_cache_mode=force_generic_plan';
  const plannedPool = openPool(databaseUrl, maxPlanned, planned);
  const plannedTxPool = openPool(databaseUrl, max, planned);
  return {
    databaseUrl,
    pool,
    planned: planningOnce(plannedPool),
    tx: (work) => anewWhenMet(() => once(pool, work)),
    txPlanned: (work) => anewWhenMet(() => once(plannedTxPool, (db) => work(planningOnce(db)))),
    async close() {
      await Promise.all([pool, plannedPool, plannedTxPool].map((p) => p.end()));
    },
  };
}

async function anewWhenMet<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt === attempts || !(error instanceof TryAgain || (error as { code?: string }).code === deadlockDetected)) throw error;
    }
  }
}

async function once<T>(pool: pg.Pool, work: (db: pg.PoolClient) => Promise<T>): Promise<T> {
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
}

type Asks<T extends readonly unknown[]> = readonly [...{ readonly [K in keyof T]: () => Promise<T[K]> }];

/** What independent questions answer, in their order: asked at once of a pool, and in turn where `db` is one connection, which takes one at a time. */
export async function atOnce<T extends readonly unknown[]>(db: Db, asks: Asks<T>): Promise<T> {
  const all: readonly (() => Promise<unknown>)[] = asks;
  if (db instanceof pg.Pool) return (await Promise.all(all.map((ask) => ask()))) as unknown as T;
  const answers: unknown[] = [];
  for (const ask of all) answers.push(await ask());
  return answers as unknown as T;
}

function openPool(connectionString: string, max: number, options: string): pg.Pool {
  const pool = new pg.Pool({ Client: MortalClient, connectionString, max, types, options: `-c TimeZone=UTC -c lock_timeout=30s ${options}` });
  // An idle connection cut by a server restart must not end the process; the next query opens a new one.
  pool.on('error', () => undefined);
  // Nor one that is cut while in use: its query fails, and whoever waits for that is told.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

const names = new Map<string, string>();
/** The columns of what selects all of them may change while it is connected, and then a plan that was kept is of no use. */
const selectsAll = /[\s.]\*[\s,]/;

/** A statement with values has a name of its text, under which a connection keeps its plan. */
function planningOnce(db: Db): Db {
  const nameOf = (text: string): string => {
    const name = names.get(text) ?? createHash('sha256').update(text).digest('hex').slice(0, 32);
    names.set(text, name);
    return name;
  };
  const query = (text: unknown, values: unknown) =>
    (db.query as (...args: unknown[]) => unknown)(...(typeof text === 'string' && values !== undefined && !selectsAll.test(text) ? [{ name: nameOf(text), text, values }] : [text, values]));
  return { query: query as Db['query'] };
}
