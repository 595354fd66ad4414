import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

const defaultFolder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../prisma/migrations');
// Any fixed number: whoever migrates this database takes it.
const lockKey = 7_246_001;

/**
 * Applies committed SQL migrations in name order as the owner role: one transaction per file, under an advisory lock,
 * recorded in `_prisma_migrations` with the file's SHA-256. Then makes partitions ahead. An applied file that was edited is refused by name.
 */
export async function migrate(adminUrl: string, folder = defaultFolder): Promise<{ readonly applied: readonly string[] }> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [lockKey]);
    const role = await client.query("SELECT 1 FROM pg_roles WHERE rolname = 'wattledger_app'");
    if (role.rowCount === 0) throw new Error('role wattledger_app does not exist: create it (CREATE ROLE wattledger_app LOGIN) before migrating');
    await client.query(`CREATE TABLE IF NOT EXISTS _prisma_migrations (
      id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text,
      rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0)`);
    const { rows } = await client.query<{ migration_name: string; checksum: string }>('SELECT migration_name, checksum FROM _prisma_migrations WHERE rolled_back_at IS NULL');
    const known = new Map(rows.map((r) => [r.migration_name, r.checksum]));
    const names = (await readdir(folder, { withFileTypes: true }))
      .filter((d) => d.isDirectory())
      .map((d) => d.name)
      .sort();
    const applied: string[] = [];
    for (const name of names) {
      const sql = await readFile(path.join(folder, name, 'migration.sql'), 'utf8');
      const checksum = createHash('sha256').update(sql).digest('hex');
      const before = known.get(name);
      if (before === checksum) continue;
      if (before !== undefined) throw new Error(`migration ${name} was edited after it was applied: restore the file and add a new migration`);
      await applyOne(client, name, sql, checksum);
      applied.push(name);
    }
    await client.query('SELECT ensure_partitions()');
    return { applied };
  } finally {
    await client.end();
  }
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
