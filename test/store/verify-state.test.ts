import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyState } from '../../src/commands/verify-state.ts';
import { thisApp, writeRunFile } from '../../src/platform/home.ts';
import type { TestDatabase } from '../support/database.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

const home = mkdtempSync(path.join(os.tmpdir(), 'wattledger-verify-'));
const nowhere = 'postgresql://nobody@127.0.0.1:1/none';
let database: TestDatabase;
let said: string[] = [];
const verify = (options: { databaseUrl?: string; json?: boolean; boot?: () => void }) =>
  verifyState({
    home,
    databaseUrl: options.databaseUrl,
    json: options.json ?? false,
    say: (line) => said.push(line),
    boot: async (work) => {
      options.boot?.();
      return work();
    },
  });

beforeAll(async () => {
  const made = await seeded();
  const { store } = made;
  database = made.database;
  await storeLines(store, [session(1)]);
  await processAll(store);
  await store.close();
});
afterAll(async () => {
  rmSync(home, { recursive: true, force: true });
  await database.drop();
});

describe('wattledger verify', () => {
  it('takes the database of DATABASE_URL, else the one of the running stack, and boots a stack only when none answers', async () => {
    const booted: string[] = [];
    writeRunFile(home, { pids: {}, app: thisApp(home), databaseUrl: nowhere });
    expect(await verify({ databaseUrl: database.url, boot: () => booted.push('with DATABASE_URL') })).toBe(true);
    const boot = () => {
      booted.push('with a run file that is left over');
      writeRunFile(home, { pids: {}, app: thisApp(home), databaseUrl: database.url });
    };
    expect(await verify({ boot })).toBe(true);
    expect(await verify({ boot: () => booted.push('with a running stack') })).toBe(true);
    // A copy of a home has the run file of its original.
    writeRunFile(home, { pids: {}, app: { ...thisApp(home), home: '/original' }, databaseUrl: database.url });
    const anew = () => {
      booted.push("with another home's run file");
      writeRunFile(home, { pids: {}, app: thisApp(home), databaseUrl: database.url });
    };
    expect(await verify({ boot: anew })).toBe(true);
    expect(booted).toEqual(['with a run file that is left over', "with another home's run file"]);
  });

  it('prints a line for each section, or JSON, and says no when something does not hold', async () => {
    said = [];
    expect(await verify({ databaseUrl: database.url })).toBe(true);
    expect(said.join('\n')).toMatch(/^ok {2}raw bodies +1 checked\n[\s\S]*ok {2}block membership +1 checked, 1 waiting for a block\n[\s\S]*\nEverything holds\.$/);
    const superuser = new pg.Client({ connectionString: database.superuserUrl });
    await superuser.connect();
    await superuser.query('SET session_replication_role = replica');
    await superuser.query('UPDATE charge_record SET canonical = set_byte(canonical, 0, 0)');
    await superuser.end();
    said = [];
    expect(await verify({ databaseUrl: database.url })).toBe(false);
    expect(said.join('\n')).toMatch(/\nBAD records +1 checked\n {4}record \d+ revision 1 has other bytes[\s\S]*\n1 of 19 sections do not hold/);
    said = [];
    expect(await verify({ databaseUrl: database.url, json: true })).toBe(false);
    expect(JSON.parse(said.join('')).sections).toContainEqual({ name: 'records', checked: 1, problem: expect.stringMatching(/^record/), counts: {} });
  });
});
