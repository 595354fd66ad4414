import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { type Db, MortalClient } from './db.ts';
import { type Environment, refuseOtherEnvironment } from './environment.ts';

const defaultFolder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../prisma/migrations');
// Any fixed number: whoever migrates this database takes it.
const lockKey = 7_246_001;

export type MigrateOptions = {
  /** Folder with one folder per migration, each with a `migration.sql`; the product's own by default. */
  readonly dir?: string;
  /** What the process that migrates is of; a database that is of another one is left as it is. */
  readonly environment?: Environment;
  /** Called with one line per applied migration. */
  readonly onProgress?: (line: string) => void;
};
type Recorded = { migration_name: string; checksum: string; finished_at: Date | null };

/**
 * Applies committed SQL migrations in name order as the owner role: one transaction per file, under an advisory lock,
 * recorded in `_prisma_migrations` with the file's SHA-256. Then makes partitions ahead.
 * Throws, naming the migration, when an applied file was edited, when a file fails (it is rolled back), or when an earlier
 * failure is on record; when the database has migrations that the folder lacks; when the role wattledger_app is missing; and when the database
 * is of another environment than the one that is told.
 */
export async function migrate(adminUrl: string, options: MigrateOptions = {}): Promise<{ readonly applied: readonly string[] }> {
  const { dir = defaultFolder, onProgress = () => undefined } = options;
  return locked(adminUrl, async (client) => {
    const role = await client.query("SELECT 1 FROM pg_roles WHERE rolname = 'wattledger_app'");
    if (role.rowCount === 0) throw new Error('role wattledger_app does not exist: create it (CREATE ROLE wattledger_app LOGIN) before migrating');
    if (options.environment !== undefined) await refuseOtherEnvironment(client, options.environment);
    await client.query(`CREATE TABLE IF NOT EXISTS _prisma_migrations (
      id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text,
      rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0)`);
    const { rows } = await client.query<Recorded>('SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL');
    const known = new Map(rows.map((r) => [r.migration_name, r]));
    const names = await migrationNames(dir);
    refuseNewer(rows, names);
    const applied: string[] = [];
    for (const name of names) {
      const sql = await readFile(path.join(dir, name, 'migration.sql'), 'utf8');
      const checksum = createHash('sha256').update(sql).digest('hex');
      const before = known.get(name);
      if (before === undefined) {
        await applyOne(client, name, sql, checksum);
        applied.push(name);
        onProgress(`applied migration ${name}`);
      } else if (before.finished_at === null) {
        throw new Error(`migration ${name} is on record as failed: repair the database, set rolled_back_at of its row in _prisma_migrations, and migrate again`);
      } else if (before.checksum !== checksum) {
        throw new Error(`migration ${name} was edited after it was applied: restore the file and add a new migration`);
      }
    }
    // A migration that grants on all tables reaches the history too, which the application has no business writing; it reads which there are.
    await client.query('REVOKE ALL ON _prisma_migrations FROM wattledger_app; GRANT SELECT (migration_name, rolled_back_at, finished_at) ON _prisma_migrations TO wattledger_app');
    await makePartitions(client);
    return { applied };
  });
}

/**
 * Refuses, for a process that does not migrate, a database that lacks migrations of this program, or has some that it does not know.
 * Throws an Error that names the remedy; also where the application may not see what it has, which every `migrate` lets it.
 */
export async function requireMigrated(db: Db, dir = defaultFolder): Promise<void> {
  const mayRead = "SELECT to_regclass('_prisma_migrations') IS NOT NULL AND has_column_privilege('_prisma_migrations', 'migration_name', 'SELECT') AS may";
  const told = (await db.query<{ may: boolean }>(mayRead)).rows[0]?.may;
  const { rows } = told ? await db.query<Omit<Recorded, 'checksum'>>('SELECT migration_name, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL') : { rows: [] };
  const names = await migrationNames(dir);
  refuseNewer(rows, names);
  const there = new Set(rows.filter((r) => r.finished_at !== null).map((r) => r.migration_name));
  const missing = names.filter((name) => !there.has(name));
  const [first] = missing;
  if (first !== undefined)
    throw new Error(
      `this database is older than the program: it lacks ${missing.length} of its migrations, from ${first} on. Run \`wattledger migrate\` with DATABASE_ADMIN_URL set, then start again`,
    );
}

/** Makes the partitions that ids and months will soon need, as the owner role; returns how many were missing. */
export async function ensurePartitions(adminUrl: string): Promise<number> {
  return locked(adminUrl, makePartitions);
}

async function makePartitions(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ made: number }>('SELECT ensure_partitions() AS made');
  return rows[0]?.made ?? 0;
}

/** Runs `work` on a connection of its own that holds the lock; closing the connection gives the lock back. */
async function locked<T>(adminUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new MortalClient({ connectionString: adminUrl });
  // One that is cut must not end the process: its query fails, and whoever waits for that is told.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [lockKey]);
    return await work(client);
  } finally {
    await client.end();
  }
}

/** An older program would run on tables that it does not know, and write what the newer one refuses or misses. */
function refuseNewer(recorded: readonly Pick<Recorded, 'migration_name'>[], names: readonly string[]): void {
  const unknown = recorded.map((r) => r.migration_name).filter((name) => !names.includes(name));
  const last = unknown.toSorted().at(-1);
  if (last === undefined) return;
  throw new Error(
    `this database was migrated by a newer program: it has migrations that this one does not know (${unknown.length}, up to ${last}). Run a program that has them, or bring back a backup from before them`,
  );
}

async function migrationNames(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

async function applyOne(client: pg.Client, name: string, sql: string, checksum: string): Promise<void> {
  try {
    await client.query('BEGIN');
    await client.query(sql);
    await client.query('INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count) VALUES ($1, $2, now(), $3, 1)', [randomUUID(), checksum, name]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw new Error(`migration ${name} failed and was rolled back: ${(error as Error).message}`, { cause: error });
  }
}
