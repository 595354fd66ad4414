import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore, type Store } from '../../src/store/db.ts';
import { migrate } from '../../src/store/migrate.ts';
import { applySeed, readSeed } from '../../src/store/seed.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { processAll, session, storeLines } from '../support/intake.ts';

const sealed = [
  'raw_message',
  'raw_body',
  'raw_outcome',
  'import_batch',
  'charge_record',
  'rated_charge',
  'record_block',
  'record_block_member',
  'finding',
  'decision',
  'tariff_version',
  'contract_version',
  'approval',
  'issue_stamp',
  'ledger_transaction',
  'ledger_entry',
  'audit_event',
];
let database: TestDatabase;
let store: Store;
let owner: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  store = openStore(database.url);
  owner = new pg.Client({ connectionString: database.adminUrl });
  await owner.connect();
  const seed = await readSeed(new URL('../../seed/demo.yaml', import.meta.url).pathname);
  await store.tx((db) => applySeed(db, seed));
  await storeLines(store, [session(1)]);
  await processAll(store);
});
afterAll(async () => {
  await owner.end();
  await store.close();
  await database.drop();
});

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'accepted',
    (error: { code?: string }) => error.code,
  );

describe('sealed tables', () => {
  it('carry their triggers on every partition, belong to the owner and grant no change to the application', async () => {
    const { rows } = await owner.query(
      `SELECT c.relname, c.relkind, pg_get_userbyid(c.relowner) AS owner,
              has_table_privilege('wattledger_app', c.oid, 'UPDATE') OR has_table_privilege('wattledger_app', c.oid, 'DELETE') OR has_table_privilege('wattledger_app', c.oid, 'TRUNCATE') AS may_change,
              ARRAY(SELECT t.tgname::text FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname LIKE 'sealed%' AND t.tgenabled = 'O' ORDER BY 1) AS triggers
       FROM pg_class c WHERE c.relname = ANY($1) OR c.oid IN (SELECT inhrelid FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent WHERE p.relname = ANY($1) AND c.relkind = 'r')`,
      [sealed],
    );
    expect(rows.length).toBeGreaterThan(sealed.length);
    for (const table of rows) {
      const triggers = table.relkind === 'p' ? ['sealed_truncate'] : ['sealed_row', 'sealed_truncate'];
      expect(table, table.relname).toMatchObject({ owner: 'wattledger_owner', may_change: false, triggers });
    }
  });
  it.each(sealed)('%s refuses UPDATE, DELETE and TRUNCATE from the application and from the owner', async (table) => {
    const { rows } = await owner.query("SELECT column_name FROM information_schema.columns WHERE table_name = $1 AND is_identity = 'NO' LIMIT 1", [table]);
    const column = rows[0].column_name;
    for (const sql of [`UPDATE ${table} SET ${column} = ${column}`, `DELETE FROM ${table}`, `TRUNCATE ${table} CASCADE`]) {
      expect(await codeOf(store.pool.query(sql)), sql).toBe('42501');
    }
    expect(await codeOf(owner.query(`TRUNCATE ${table} CASCADE`))).toBe('WL001');
    const { rows: counted } = await owner.query(`SELECT count(*) AS n FROM ${table}`);
    if (counted[0].n > 0n) for (const sql of [`UPDATE ${table} SET ${column} = ${column}`, `DELETE FROM ${table}`]) expect(await codeOf(owner.query(sql)), sql).toBe('WL001');
  });
  it('refuse a ledger transaction that does not sum to zero, and entries that join an older one', async () => {
    const post = (key: string, amounts: number[]) =>
      store.tx(async (db) => {
        await db.query("INSERT INTO ledger_transaction (key, entity_id, kind, effective_on, source_ref) VALUES ($1, 'ent_se', 'test', '2019-12-01', 'test')", [key]);
        for (const amount of amounts) await db.query("INSERT INTO ledger_entry (transaction_key, ledger_account, unit, amount) VALUES ($1, 'rounding', 'SEK', $2)", [key, amount]);
      });
    expect(await codeOf(post('off', [5, -4]))).toBe('WL002');
    expect(await codeOf(post('even', [5, -5]))).toBe('accepted');
    expect(await codeOf(store.pool.query("INSERT INTO ledger_entry (transaction_key, ledger_account, unit, amount) VALUES ('even', 'rounding', 'SEK', 1)"))).toBe('WL002');
  });
});

describe('migrations', () => {
  it('apply once: a second run changes nothing', async () => {
    expect(await migrate(database.adminUrl)).toEqual({ applied: [] });
  });
  it('name a file that was edited after it was applied', async () => {
    const tampered = new pg.Client({ connectionString: database.adminUrl });
    await tampered.connect();
    await tampered.query("UPDATE _prisma_migrations SET checksum = 'other'");
    await tampered.end();
    await expect(migrate(database.adminUrl)).rejects.toThrow(/20261123000000_core_model was edited/);
  });
});
