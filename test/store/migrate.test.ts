import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requireEnvironment } from '../../src/store/environment.ts';
import { ensurePartitions, migrate, requireMigrated } from '../../src/store/migrate.ts';
import { emptyDatabase, type TestDatabase } from '../support/database.ts';
import { wayTo } from '../support/way-to.ts';

let database: TestDatabase;
let owner: pg.Client;
let dir: string;

beforeEach(async () => {
  database = await emptyDatabase();
  owner = new pg.Client({ connectionString: database.adminUrl });
  await owner.connect();
  dir = mkdtempSync(path.join(os.tmpdir(), 'wattledger-migrations-'));
});
afterEach(async () => {
  rmSync(dir, { recursive: true, force: true });
  await owner.end();
  await database.drop();
});

const write = (name: string, sql: string) => {
  mkdirSync(path.join(dir, name), { recursive: true });
  writeFileSync(path.join(dir, name, 'migration.sql'), sql);
};
const first = 'CREATE FUNCTION ensure_partitions() RETURNS integer LANGUAGE sql AS $$ SELECT 0 $$;';
const names = async () => (await owner.query('SELECT migration_name FROM _prisma_migrations ORDER BY 1')).rows.map((r) => r.migration_name);

describe('migrate', () => {
  it('builds an empty database from the committed files, says so, and changes nothing the second time', async () => {
    const lines: string[] = [];
    const { applied } = await migrate(database.adminUrl, { onProgress: (line) => lines.push(line) });
    expect(applied[0]).toBe('20261123000000_core_model');
    expect(lines).toEqual(applied.map((name) => `applied migration ${name}`));
    expect(await migrate(database.adminUrl)).toEqual({ applied: [] });
    expect(await names()).toEqual(applied);
  });

  it('applies each file once when two processes migrate at the same moment', async () => {
    const both = await Promise.all([migrate(database.adminUrl), migrate(database.adminUrl)]);
    expect(both.flatMap((r) => r.applied)).toEqual(await names());
  });

  it('leaves a database of another environment as it is', async () => {
    const { applied } = await migrate(database.adminUrl, { environment: 'production' });
    await requireEnvironment(owner, 'production');
    for (const name of applied) write(name, readFileSync(path.join('prisma/migrations', name, 'migration.sql'), 'utf8'));
    write('9_newer', 'CREATE TABLE newer ();');
    await expect(migrate(database.adminUrl, { dir, environment: 'development' })).rejects.toThrow('this database is of the environment production, and WATTLEDGER_ENV is development');
    expect(await names()).toEqual(applied);
    expect((await migrate(database.adminUrl, { dir, environment: 'production' })).applied).toEqual(['9_newer']);
  });

  it('gives versions that were there before hashes of content the hash of what they say, in whatever zone it is asked', async () => {
    const all = readdirSync('prisma/migrations').filter((name) => existsSync(path.join('prisma/migrations', name, 'migration.sql')));
    for (const name of all.filter((n) => n < '20261207200004')) write(name, readFileSync(path.join('prisma/migrations', name, 'migration.sql'), 'utf8'));
    await migrate(database.adminUrl, { dir });
    await owner.query("INSERT INTO price_series (id, zone, currency, unit, author) VALUES ('se3', 'SE3', 'SEK', 'MWh', 'tester')");
    await migrate(database.adminUrl);
    await owner.query("INSERT INTO price_series (id, zone, currency, unit, author) VALUES ('se4', 'SE4', 'SEK', 'MWh', 'tester')");
    for (const zone of ['UTC', 'Asia/Tokyo']) {
      await owner.query(`SET timezone = '${zone}'`);
      expect((await owner.query('SELECT id FROM price_series s WHERE content_hash = content_hash_of(s) ORDER BY 1')).rows).toEqual([{ id: 'se3' }, { id: 'se4' }]);
    }
    await expect(owner.query("UPDATE price_series SET unit = 'kWh'")).rejects.toThrow('UPDATE on sealed table price_series is refused');
  });

  it('says so, and ends nothing else, when its connection is cut', async () => {
    write('1_first', first);
    await migrate(database.adminUrl, { dir });
    // Whoever migrates holds the lock.
    await owner.query('SELECT pg_advisory_lock(7246001)');
    const way = await wayTo(database.adminUrl);
    const refused = expect(ensurePartitions(way.url)).rejects.toThrow('terminated unexpectedly');
    const waits = async () => (await owner.query("SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")).rowCount;
    await expect.poll(waits, { timeout: 10_000 }).toBe(1);
    way.shut();
    await refused;
    await way.close();
  });

  it('refuses by name a file that was edited after it was applied', async () => {
    write('1_first', first);
    await migrate(database.adminUrl, { dir });
    write('1_first', `${first} -- edited`);
    await expect(migrate(database.adminUrl, { dir })).rejects.toThrow(/migration 1_first was edited after it was applied/);
  });

  it('leaves a database as it is that a newer program has migrated, and says what to run', async () => {
    for (const [name, sql] of [
      ['1_first', first],
      ['2_second', 'CREATE TABLE second ();'],
      ['3_third', 'CREATE TABLE third ();'],
    ] as const)
      write(name, sql);
    await migrate(database.adminUrl, { dir });
    // The older program lacks the last two, and has one of its own branch.
    for (const name of ['2_second', '3_third']) rmSync(path.join(dir, name), { recursive: true });
    write('2_other', 'CREATE TABLE other ();');
    await expect(migrate(database.adminUrl, { dir })).rejects.toThrow(
      'migrated by a newer program: it has migrations that this one does not know (2, up to 3_third). Run a program that has them, or bring back a backup from before them',
    );
    expect(await names()).toEqual(['1_first', '2_second', '3_third']);
    // One that was rolled back is not there.
    await owner.query("UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name <> '1_first'");
    expect((await migrate(database.adminUrl, { dir })).applied).toEqual(['2_other']);
  });

  it('lets no process that does not migrate run on an older or a newer database, and says what to run', async () => {
    const app = new pg.Client({ connectionString: database.url });
    await app.connect();
    try {
      await expect(requireMigrated(app, dir)).resolves.toBeUndefined();
      write('1_first', first);
      write('2_second', 'CREATE TABLE second ();');
      const older = 'this database is older than the program: it lacks 2 of its migrations, from 1_first on. Run `wattledger migrate`';
      await expect(requireMigrated(app, dir)).rejects.toThrow(older);
      await migrate(database.adminUrl, { dir });
      await requireMigrated(app, dir);
      write('3_third', 'CREATE TABLE third ();');
      await expect(requireMigrated(app, dir)).rejects.toThrow('it lacks 1 of its migrations, from 3_third on');
      for (const name of ['2_second', '3_third']) rmSync(path.join(dir, name), { recursive: true });
      await expect(requireMigrated(app, dir)).rejects.toThrow('migrated by a newer program: it has migrations that this one does not know (1, up to 2_second). Run a program that has them');
      // One that was rolled back is not there, nor is one that never ended.
      await owner.query("UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '2_second'");
      await requireMigrated(app, dir);
      await owner.query('UPDATE _prisma_migrations SET finished_at = NULL');
      await expect(requireMigrated(app, dir)).rejects.toThrow('it lacks 1 of its migrations, from 1_first on');
      // As migrated by a program that did not let the application see it.
      await owner.query('UPDATE _prisma_migrations SET finished_at = now(); REVOKE ALL ON _prisma_migrations FROM wattledger_app');
      await expect(requireMigrated(app, dir)).rejects.toThrow('it lacks 1 of its migrations');
    } finally {
      await app.end();
    }
  });

  it('names a file that fails, keeps nothing of it and everything before it, and goes on once it is repaired', async () => {
    write('1_first', first);
    write('2_second', 'CREATE TABLE half_done (); SELECT 1 / 0;');
    await expect(migrate(database.adminUrl, { dir })).rejects.toThrow(/migration 2_second failed and was rolled back: division by zero/);
    expect(await names()).toEqual(['1_first']);
    expect((await owner.query("SELECT to_regclass('half_done') AS t")).rows).toEqual([{ t: null }]);
    write('2_second', 'CREATE TABLE whole ();');
    expect(await migrate(database.adminUrl, { dir })).toEqual({ applied: ['2_second'] });
  });

  it('refuses by name what another tool left on record as failed', async () => {
    write('1_first', first);
    await migrate(database.adminUrl, { dir });
    await owner.query('UPDATE _prisma_migrations SET finished_at = NULL');
    await expect(migrate(database.adminUrl, { dir })).rejects.toThrow(/migration 1_first is on record as failed/);
  });

  it('keeps the application away from the migration history', async () => {
    await migrate(database.adminUrl);
    const { rows } = await owner.query("SELECT has_table_privilege('wattledger_app', '_prisma_migrations', 'SELECT') OR has_table_privilege('wattledger_app', '_prisma_migrations', 'INSERT') AS may");
    expect(rows).toEqual([{ may: false }]);
  });
});

describe('ensurePartitions', () => {
  it('makes the partitions of the next ten million ids, sealed, before they are needed, and only once', async () => {
    await migrate(database.adminUrl);
    await owner.query("SELECT setval('charge_id_seq', 10000001)");
    // rated_charge and claim share the sequence.
    expect(await ensurePartitions(database.adminUrl)).toBe(2);
    expect(await ensurePartitions(database.adminUrl)).toBe(0);
    const { rows } = await owner.query("SELECT tgname FROM pg_trigger WHERE tgrelid = 'rated_charge_p0002'::regclass AND tgname LIKE 'sealed%' ORDER BY 1");
    expect(rows.map((r) => r.tgname)).toEqual(['sealed_row', 'sealed_truncate']);
  });
});
