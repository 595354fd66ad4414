import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { erpConnections } from '../../src/activities/erp-connections.ts';
import { putApiKeys } from '../../src/store/commands/api-keys.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { moveEnvironment, requireEnvironment } from '../../src/store/environment.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
let owner: Store;

beforeAll(async () => {
  const { database, ...made } = await seeded();
  ({ store, drop } = made);
  owner = openStore(database.adminUrl);
});
afterAll(async () => {
  await owner.close();
  await drop();
});

describe('the environment of a database', () => {
  it('is not that of a process that is refused for its sample users, as of a database from before it said what it is of', async () => {
    await store.tx((db) => putApiKeys(db, [{ id: 'sample', actor: 'sample', token: 'wl_sample', roles: ['auditor'], sourceId: null, sample: true }]));
    await expect(requireEnvironment(store.pool, 'production')).rejects.toThrow('this database has sample users');
    expect((await store.pool.query('SELECT environment FROM database_environment')).rows).toEqual([]);
    await owner.pool.query('DELETE FROM api_key');
  });

  it('is that of the first process on it; another one is refused with the remedy, whichever comes second', async () => {
    await requireEnvironment(store.pool, 'production');
    await requireEnvironment(store.pool, 'production');
    for (const other of ['development', 'test', 'staging'] as const)
      await expect(requireEnvironment(store.pool, other)).rejects.toThrow(`this database is of the environment production, and WATTLEDGER_ENV is ${other}: set WATTLEDGER_ENV=production;`);
  });

  it('is moved by its owner alone, with a reason in the audit trail', async () => {
    await expect(store.tx((db) => moveEnvironment(db, 'staging', 'a copy of the 1st', { actor: 'somebody' }))).rejects.toThrow('permission denied');
    await owner.tx((db) => moveEnvironment(db, 'staging', 'a copy of the 1st', { actor: 'owner' }));
    await requireEnvironment(store.pool, 'staging');
    await expect(requireEnvironment(store.pool, 'production')).rejects.toThrow('of the environment staging');
    const { rows } = await store.pool.query("SELECT actor, reason, after FROM audit_event WHERE action = 'environment.move'");
    expect(rows).toEqual([{ actor: 'owner', reason: 'a copy of the 1st', after: { environment: 'staging', before: 'production' } }]);
  });

  it('lets no sample user into production', async () => {
    await store.tx((db) => putApiKeys(db, [{ id: 'sample', actor: 'sample', token: 'wl_sample', roles: ['auditor'], sourceId: null, sample: true }]));
    await requireEnvironment(store.pool, 'staging');
    await owner.tx((db) => moveEnvironment(db, 'production', 'goes live', { actor: 'owner' }));
    await expect(requireEnvironment(store.pool, 'production')).rejects.toThrow('this database has sample users');
  });

  it('keeps a production ERP for production, and planned faults out of it', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-environment-'));
    const open = (production: boolean) => erpConnections(store, { folder, production })('erp_files');
    await owner.pool.query('UPDATE erp_connection SET production = false, settings = \'{"faults": ["unavailable"]}\' WHERE id = \'erp_files\'');
    await expect(open(true)).rejects.toThrow('remove its faults');
    await expect(open(false)).resolves.toBeDefined();
    await owner.pool.query("UPDATE erp_connection SET production = true, settings = '{}' WHERE id = 'erp_files'");
    await expect(open(false)).rejects.toThrow('only WATTLEDGER_ENV=production may use it');
    await expect(open(true)).resolves.toBeDefined();
  });

  it('opens no ERP by an address with a password in it: each request would fail, and say it', async () => {
    const secret = path.join(mkdtempSync(path.join(os.tmpdir(), 'wattledger-environment-')), 'secret');
    writeFileSync(secret, 'of the file');
    const settings = (url: string) => JSON.stringify({ url, secretFile: secret });
    const found = async (url: string) => {
      await owner.pool.query("UPDATE erp_connection SET adapter = 'http', production = false, settings = $1 WHERE id = 'erp_files'", [settings(url)]);
      const erp = await erpConnections(store, { folder: '/nonexistent', production: false })('erp_files');
      return erp.controlTotals('run');
    };
    const words = await found('http://middleware:pa55word@127.0.0.1:1').catch((error: Error) => error.message);
    expect(words).toBe('settings of ERP connection erp_files: url: it holds a user or a password: leave them out, and name the file with the secret');
    await expect(found('middleware.example')).rejects.toThrow('settings of ERP connection erp_files: url: Invalid URL');
    await expect(found('http://127.0.0.1:1')).rejects.toThrow('the ERP at http://127.0.0.1:1 does not answer');
  });
});
