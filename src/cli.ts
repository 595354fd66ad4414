#!/usr/bin/env node
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { defineCommand, runMain } from 'citty';
import { loadConfig } from './config.ts';
import { runDemo } from './demo/run-demo.ts';
import { lockHome, readRunFile } from './platform/home.ts';
import { startApiServer } from './stack/api-server.ts';
import { type Stack, startStack } from './stack/start-stack.ts';
import { verifyCommand } from './stack/verify-command.ts';
import { putApiKeys } from './store/commands/api-keys.ts';
import { openStore } from './store/db.ts';
import { migrate } from './store/migrate.ts';
import { hasSampleKeys, type Role, roles } from './store/reads/api-keys.ts';
import { applySeed, readSeed } from './store/seed.ts';
import { runWorker } from './worker.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);

/** Runs a command: true is exit code 0, false 1. What goes wrong is one line on stderr. */
async function guarded(work: () => Promise<boolean>): Promise<void> {
  try {
    process.exitCode = (await work()) ? 0 : 1;
  } catch (error) {
    process.stderr.write(`wattledger: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}

/** Boots the stack for `work`; Ctrl-C stops it in order. `tell` gets a line for each step. */
async function withStack(port: number, work: (stack: Stack, until: Promise<void>) => Promise<boolean>, tell: (line: string) => void = say): Promise<boolean> {
  const config = loadConfig();
  let stack: Stack | undefined;
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= stack?.stop() ?? Promise.resolve();
    return stopping;
  };
  let interrupted: () => void = () => undefined;
  const until = new Promise<void>((resolve) => {
    interrupted = resolve;
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      interrupted();
      void stop().then(() => process.exit(130));
    });
  }
  stack = await startStack({
    config,
    port,
    say: tell,
    onLost: (reason) => {
      process.stderr.write(`wattledger: ${reason}; start again, nothing is lost\n`);
      process.exit(1);
    },
  });
  try {
    return await work(stack, until);
  } finally {
    await stop();
  }
}

async function demo(): Promise<boolean> {
  const started = Date.now();
  return withStack(0, async (stack) => {
    say(
      `PostgreSQL, Temporal, a worker and the API are up after ${seconds(started)} s; API while this runs: ${stack.apiUrl}${stack.temporalUiUrl === undefined ? '' : `, Temporal UI: ${stack.temporalUiUrl}`}`,
    );
    const balanced = await runDemo(stack, say);
    say('');
    say('Where to look');
    say(`  documents as the ERP received them: ${path.join(stack.erpFolder, 'erp_files', 'invoice')}`);
    say('  everything else: `npm start` keeps this state up, with the API at http://127.0.0.1:8080 and the Temporal UI at http://127.0.0.1:8233');
    say(balanced ? `Done in ${seconds(started)} s: everything balances.` : 'A balance does not hold: see above.');
    return balanced;
  });
}

async function start(): Promise<boolean> {
  const started = Date.now();
  return withStack(loadConfig().port, async (stack, until) => {
    say(`WattLedger is up after ${seconds(started)} s. Ctrl-C stops it; its state is kept.`);
    say(`  API, with its reference at /docs: ${stack.apiUrl}`);
    if (stack.temporalUiUrl !== undefined) say(`  Temporal UI: ${stack.temporalUiUrl}`);
    const users = Object.entries(stack.tokens);
    if (users.length > 0) say('  Sample users, for development only (Authorization: Bearer <token>):');
    for (const [user, token] of users) say(`    ${user.padEnd(16)} ${token}`);
    await until;
    return true;
  });
}

/** The API alone, on servers that are there. */
async function api(): Promise<boolean> {
  const config = loadConfig();
  if (config.databaseUrl === undefined || config.temporalAddress === undefined)
    throw new Error('the API alone runs on servers that are there: set DATABASE_URL and TEMPORAL_ADDRESS, or use `wattledger start`');
  const store = openStore(config.databaseUrl);
  if (config.env === 'production' && (await hasSampleKeys(store.pool))) throw new Error('this database has sample users: a production environment refuses them; revoke their keys first');
  const server = await startApiServer({ ...config, store, temporalAddress: config.temporalAddress });
  say(`API on ${server.url}`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  await server.close();
  await store.close();
  return true;
}

async function reset(): Promise<boolean> {
  const { home } = loadConfig();
  const folder = readRunFile(home)?.postgresFolder;
  const unlock = lockHome(home);
  // Below a folder that PostgreSQL's user cannot enter, its data lies in one of its own.
  if (folder !== undefined && !folder.startsWith(home)) rmSync(path.dirname(folder), { recursive: true, force: true });
  rmSync(home, { recursive: true, force: true });
  unlock();
  say(`removed ${home}`);
  return true;
}

async function migrateOnly(): Promise<boolean> {
  const { databaseAdminUrl } = loadConfig();
  if (databaseAdminUrl === undefined) throw new Error('set DATABASE_ADMIN_URL to the owner role of the database');
  const { applied } = await migrate(databaseAdminUrl);
  say(applied.length === 0 ? 'nothing to apply' : `applied ${applied.join(', ')}`);
  return true;
}

async function seedFrom(file: string): Promise<boolean> {
  const { databaseUrl } = loadConfig();
  if (databaseUrl === undefined) throw new Error('set DATABASE_URL; `wattledger start` seeds its own database with the sample operator');
  const seed = await readSeed(file);
  const store = openStore(databaseUrl);
  await store.tx((db) => applySeed(db, seed));
  await store.close();
  say(`${seed.entity.name}: ${seed.sources.length} sources, ${seed.sites.length} sites, ${seed.tariffs.length} tariffs are set up; what was there stays`);
  return true;
}

async function addKey(args: { actor: string; role: string; source?: string | undefined }): Promise<boolean> {
  const { databaseUrl } = loadConfig();
  if (databaseUrl === undefined) throw new Error('set DATABASE_URL');
  const wanted = args.role.split(',');
  const unknown = wanted.find((role) => !(roles as readonly string[]).includes(role));
  if (unknown !== undefined) throw new Error(`there is no role ${unknown}: take of ${roles.join(', ')}`);
  const token = `wl_${randomBytes(32).toString('base64url')}`;
  const store = openStore(databaseUrl);
  await store.tx((db) => putApiKeys(db, [{ id: args.actor, actor: args.actor, token, roles: wanted as Role[], sourceId: args.source ?? null, sample: false }]));
  await store.close();
  say(token);
  process.stderr.write(`Shown once; only its hash is kept. An earlier key of ${args.actor} is replaced.\n`);
  return true;
}

/** Progress and what booting says go to stderr: standard output is the result alone. */
async function verify(args: { json: boolean }): Promise<boolean> {
  const tell = (line: string) => process.stderr.write(`${line}\n`);
  return verifyCommand({ ...loadConfig(), ...args, say, boot: (work) => withStack(0, work, tell) });
}

const seconds = (since: number) => ((Date.now() - since) / 1000).toFixed(1);

await runMain(
  defineCommand({
    meta: { name: 'wattledger', description: 'Billing engine for charge point operators' },
    subCommands: {
      demo: defineCommand({ meta: { name: 'demo', description: 'Boot the stack, bring in real sessions and close December 2019' }, run: () => guarded(demo) }),
      start: defineCommand({ meta: { name: 'start', description: 'Boot the whole stack and keep it up' }, run: () => guarded(start) }),
      worker: defineCommand({
        meta: { name: 'worker', description: 'Run a worker against DATABASE_URL and TEMPORAL_ADDRESS' },
        args: { 'with-parent': { type: 'boolean', description: 'End when standard input ends', default: false } },
        run: ({ args }) => guarded(() => runWorker({ withParent: args['with-parent'] })),
      }),
      api: defineCommand({ meta: { name: 'api', description: 'Serve the API against DATABASE_URL and TEMPORAL_ADDRESS' }, run: () => guarded(api) }),
      migrate: defineCommand({ meta: { name: 'migrate', description: 'Apply migrations to DATABASE_ADMIN_URL' }, run: () => guarded(migrateOnly) }),
      seed: defineCommand({
        meta: { name: 'seed', description: 'Set up entity, sources, sites, payers and prices from a file' },
        args: { file: { type: 'positional', description: 'YAML, as seed/demo.yaml', required: true } },
        run: ({ args }) => guarded(() => seedFrom(args.file)),
      }),
      key: defineCommand({
        meta: { name: 'key', description: 'Make an API key and print it once' },
        args: {
          actor: { type: 'string', description: 'Who acts with it, as the audit trail shows', required: true },
          role: { type: 'string', description: `One or more of ${roles.join(', ')}`, required: true },
          source: { type: 'string', description: 'Only this source, for partners' },
        },
        run: ({ args }) => guarded(() => addKey(args)),
      }),
      verify: defineCommand({
        meta: { name: 'verify', description: 'Recompute hashes, blocks, documents, ledger and balances; exit 1 when something does not hold' },
        args: { json: { type: 'boolean', description: 'Print the sections as JSON', default: false } },
        run: ({ args }) => guarded(() => verify(args)),
      }),
      reset: defineCommand({ meta: { name: 'reset', description: 'Delete the local state below WATTLEDGER_HOME' }, run: () => guarded(reset) }),
    },
  }),
);
