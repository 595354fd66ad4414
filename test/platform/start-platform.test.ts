import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Connection } from '@temporalio/client';
import pg from 'pg';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { readRunFile } from '../../src/platform/home.ts';
import { commandLine } from '../../src/platform/processes.ts';
import { startPlatform } from '../../src/platform/start-platform.ts';

// mkdtemp makes it 0700: as root, PostgreSQL's user cannot enter it.
const home = mkdtempSync(path.join(os.tmpdir(), 'wattledger-platform-'));
const said: string[] = [];
const options = { home, cache: loadConfig().cache, durable: false, onProgress: (line: string) => said.push(line) };
afterAll(() => {
  const folder = readRunFile(home)?.postgresFolder;
  if (folder !== undefined && !folder.startsWith(home)) rmSync(path.dirname(folder), { recursive: true, force: true });
  rmSync(home, { recursive: true, force: true });
});

async function query(url: string | undefined, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows.flat();
  } finally {
    await client.end();
  }
}

describe('the platform', () => {
  it('gives each role its rights, keeps secrets to the owner, and stops whole', async () => {
    const platform = await startPlatform(options);
    const attributes = 'SELECT current_user::text, rolsuper, rolcreatedb, pg_get_userbyid(datdba) FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()';
    expect(await query(platform.databaseUrl, attributes)).toEqual(['wattledger_app', false, false, 'wattledger_owner']);
    expect(await query(platform.databaseAdminUrl, attributes)).toEqual(['wattledger_owner', false, true, 'wattledger_owner']);
    for (const ddl of ['CREATE TABLE t (a int)', 'CREATE TEMP TABLE t (a int)', 'CREATE SCHEMA s']) await expect(query(platform.databaseUrl, ddl)).rejects.toThrow(/permission denied/);
    expect(await query(platform.superuserUrl, "SELECT current_setting('fsync'), current_setting('listen_addresses'), current_setting('unix_socket_directories')")).toEqual(['off', '127.0.0.1', '']);
    await query(platform.databaseAdminUrl, 'CREATE TABLE kept AS SELECT 42 AS a');
    expect(platform.temporalUiUrl).toBeUndefined();
    for (const file of ['run.json', 'secrets.json']) expect(statSync(path.join(home, file)).mode & 0o777).toBe(0o600);
    expect(Object.keys(readRunFile(home)?.pids ?? {}).sort()).toEqual(['app', 'guardian', 'postgres', 'temporal']);
    expect(readRunFile(home)?.postgresMade).toBe(true);
    if (process.getuid?.() === 0) expect(said.join('\n')).toContain(`data lies in ${readRunFile(home)?.postgresFolder}`);
    await Promise.all([platform.stop(), platform.stop()]);
    for (const pid of Object.values(platform.pids)) expect(commandLine(pid)).toBe('');
    expect(readRunFile(home)?.pids).toEqual({});
    expect(existsSync(path.join(home, 'lock'))).toBe(false);
  });

  it('keeps its data over a restart, and shows the Temporal UI where asked', async () => {
    expect(readRunFile(home)?.postgresMade).toBe(true);
    const platform = await startPlatform({ ...options, durable: true, headless: false });
    try {
      expect(await query(platform.databaseAdminUrl, 'SELECT a FROM kept')).toEqual([42]);
      expect(await query(platform.superuserUrl, 'SHOW fsync')).toEqual(['on']);
      await expect.poll(async () => (await fetch(platform.temporalUiUrl ?? '')).status, { timeout: 10_000 }).toBe(200);
    } finally {
      await platform.stop();
    }
  });

  it('tells of a killed guardian once, and stops what it left', async () => {
    const lost: string[] = [];
    const platform = await startPlatform({ ...options, onLost: (reason) => lost.push(reason) });
    process.kill(platform.pids['guardian'] ?? 0, 'SIGKILL');
    await expect.poll(() => lost, { timeout: 10_000 }).toEqual([expect.stringContaining('the guardian ended (SIGKILL)')]);
    for (const pid of Object.values(platform.pids)) expect(commandLine(pid)).toBe('');
    await platform.stop();
  });

  it('tells of a server that ends by itself, and stops the other', async () => {
    const lost: string[] = [];
    const platform = await startPlatform({ ...options, onLost: (reason) => lost.push(reason) });
    process.kill(platform.pids['temporal'] ?? 0, 'SIGKILL');
    await expect.poll(() => lost, { timeout: 10_000 }).toEqual([expect.stringContaining('temporal ended (SIGKILL)')]);
    await platform.stop();
    for (const pid of Object.values(platform.pids)) expect(commandLine(pid)).toBe('');
  });

  it('says at once when the passwords do not fit, starts only what is not given, and takes another port for a busy one', async () => {
    const secrets = path.join(home, 'secrets.json');
    const kept = readFileSync(secrets, 'utf8');
    rmSync(secrets);
    await expect(startPlatform(options)).rejects.toThrow(/refuses the passwords in secrets.json/);
    const { writeSecret } = await import('../../src/platform/home.ts');
    writeSecret(secrets, kept);
    const first = await startPlatform({ ...options, databaseUrl: 'postgres://a:b@127.0.0.1:1/given' });
    try {
      expect(Object.keys(first.pids).sort()).toEqual(['guardian', 'temporal']);
      expect(readRunFile(home)?.postgresFolder).toBeDefined();
      const port = Number(first.temporalAddress.split(':')[1]);
      const other = mkdtempSync(path.join(os.tmpdir(), 'wattledger-platform-'));
      const second = await startPlatform({ ...options, home: other, databaseUrl: 'postgres://a:b@127.0.0.1:1/given', ports: { temporal: port } });
      try {
        expect(second.temporalAddress).not.toBe(first.temporalAddress);
        await (await Connection.connect({ address: second.temporalAddress })).close();
      } finally {
        await second.stop();
        rmSync(other, { recursive: true, force: true });
      }
    } finally {
      await first.stop();
    }
  });

  it('is reached by its own client though PGSSLMODE asks for TLS, which the embedded server has not', async () => {
    vi.stubEnv('PGSSLMODE', 'require');
    try {
      const platform = await startPlatform(options);
      try {
        for (const url of [platform.databaseUrl, platform.databaseAdminUrl, platform.superuserUrl]) expect(await query(url, 'SELECT 1')).toEqual([1]);
      } finally {
        await platform.stop();
      }
    } finally {
      vi.unstubAllEnvs();
    }
  }, 90_000);

  it('has the namespace of Temporal that is asked for, also where its state was made without', async () => {
    const platform = await startPlatform({ ...options, temporalNamespace: 'billing' });
    try {
      const connection = await Connection.connect({ address: platform.temporalAddress });
      for (const namespace of ['billing', 'default']) expect((await connection.workflowService.describeNamespace({ namespace })).namespaceInfo?.name).toBe(namespace);
      await connection.close();
    } finally {
      await platform.stop();
    }
  });

  it('takes another port when the chosen one is taken before the server comes to it', async () => {
    let held: net.Server | undefined;
    // The first port that is tried stays taken.
    const closing = vi.spyOn(net.Server.prototype, 'close').mockImplementationOnce(function (this: net.Server, then) {
      held = this;
      then?.();
      return this;
    });
    try {
      const platform = await startPlatform(options);
      expect(closing.mock.calls.length).toBeGreaterThan(2);
      const taken = held?.address() as net.AddressInfo | undefined;
      expect(new URL(platform.databaseUrl).port).not.toBe(String(taken?.port));
      await platform.stop();
    } finally {
      closing.mockRestore();
      held?.close();
    }
  });
});
