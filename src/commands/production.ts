import { randomBytes } from 'node:crypto';
import { environments, loadConfig } from '../config.ts';
import { describeIssue } from '../core/issues.ts';
import { startApiServer } from '../stack/api-server.ts';
import { secretBoxOf } from '../stack/secret-box-of.ts';
import { makeApiKey, revokeApiKey } from '../store/commands/api-keys.ts';
import { openStore, type Store } from '../store/db.ts';
import { moveEnvironment, requireEnvironment } from '../store/environment.ts';
import { migrate, requireMigrated } from '../store/migrate.ts';
import { type ApiKeyView, listApiKeys, type Role, roles } from '../store/reads/api-keys.ts';
import { applySeed, readSeed, tariffFindings } from '../store/seed.ts';
import { runWorker } from '../worker.ts';
import { command, fileAt, group, jsonArg, say, UsageError } from './command.ts';

/** Who keys are made and ended by, in the audit trail: whoever holds the database. */
const atTheDatabase = { actor: 'operator' };

export const workerCommand = command(
  'worker',
  'Run a worker against DATABASE_URL and TEMPORAL_ADDRESS',
  { 'with-parent': { type: 'boolean', description: 'End when standard input ends', default: false } },
  (args) => runWorker({ withParent: args['with-parent'] }),
);

export const apiCommand = command('api', 'Serve the API against DATABASE_URL and TEMPORAL_ADDRESS', {}, async () => {
  const config = loadConfig();
  const { temporalAddress } = config;
  if (temporalAddress === undefined) throw new Error('the API alone runs on servers that are there: set DATABASE_URL and TEMPORAL_ADDRESS, or use `wattledger start`');
  return onDatabase(async (store, databaseUrl) => {
    await requireMigrated(store.pool);
    await requireEnvironment(store.pool, config.env);
    const server = await startApiServer({ ...config, databaseUrl, store, secretBox: secretBoxOf(config), temporalAddress });
    say(`API on ${server.url}`);
    await new Promise<void>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
    });
    await server.close();
    return true;
  });
});

export const migrateCommand = command('migrate', 'Apply migrations to DATABASE_ADMIN_URL', {}, async () => {
  const { databaseAdminUrl } = loadConfig();
  if (databaseAdminUrl === undefined) throw new Error('set DATABASE_ADMIN_URL to the owner role of the database');
  const { applied } = await migrate(databaseAdminUrl);
  say(applied.length === 0 ? 'nothing to apply' : `applied ${applied.join(', ')}`);
  return true;
});

export const environmentCommand = command(
  'environment',
  'Make a copy of a database one of another environment, as its owner',
  {
    name: { type: 'positional', description: environments.join(', '), required: true },
    reason: { type: 'string', description: 'Why; kept in the audit trail', required: true },
  },
  async ({ name, reason }) => {
    const { databaseAdminUrl } = loadConfig();
    const environment = environments.find((known) => known === name);
    if (environment === undefined) throw new UsageError(`there is no environment ${name}: take one of ${environments.join(', ')}`);
    if (databaseAdminUrl === undefined) throw new Error('set DATABASE_ADMIN_URL to the owner role of the database');
    const store = openStore(databaseAdminUrl);
    try {
      await store.tx((db) => moveEnvironment(db, environment, reason, { actor: 'owner' }));
    } finally {
      await store.close();
    }
    say(`the database is of the environment ${environment} from now on`);
    return true;
  },
);

export const seedCommand = command(
  'seed',
  'Set up entity, sources, sites, payers and prices from a file',
  { file: { type: 'positional', description: 'YAML, as seed/demo.yaml', required: true } },
  async ({ file }) => {
    const seed = await readSeed(await fileAt(file));
    for (const finding of tariffFindings(seed)) process.stderr.write(`${describeIssue(finding)}\n`);
    return onDatabase(async (store) => {
      await store.tx((db) => applySeed(db, seed));
      say(`${seed.entity.name}: ${seed.sources.length} sources, ${seed.sites.length} sites, ${seed.tariffs.length} tariffs are set up; what was there stays`);
      return true;
    });
  },
);

export const keyCommand = command(
  'key',
  'Make an API key and print it once',
  {
    actor: { type: 'string', description: 'Who acts with it, as the audit trail shows', required: true },
    role: { type: 'string', description: `One or more of ${roles.join(', ')}, by comma`, required: true },
    source: { type: 'string', description: 'Only this source, for partners' },
  },
  async ({ actor, role, source }) => {
    const wanted = role.split(',');
    const unknown = wanted.find((name) => !(roles as readonly string[]).includes(name));
    if (unknown !== undefined) throw new UsageError(`there is no role ${unknown}: take of ${roles.join(', ')}`);
    if (wanted.includes('partner') && (source === undefined || wanted.length > 1)) throw new UsageError('--role partner stands alone, and wants --source: a partner sees that one only');
    if (source !== undefined && !wanted.includes('partner')) throw new UsageError('--source is for --role partner: the other roles see every source');
    const token = `wl_${randomBytes(32).toString('base64url')}`;
    return onDatabase(async (store) => {
      await store.tx((db) => makeApiKey(db, { id: actor, actor, token, roles: wanted as Role[], sourceId: source ?? null, sample: false }, atTheDatabase));
      say(token);
      process.stderr.write(`Shown once; only its hash is kept. An earlier key of ${actor} is replaced.\n`);
      return true;
    });
  },
);

/** `wattledger keys …`: who holds API keys, and their end; at the database, for whom no key of an admin is left or production does not start. */
export const keysCommands = group('keys', 'API keys that were made', {
  list: command('list', 'Who holds a key, with which roles, and which are revoked', { ...jsonArg }, ({ json }) =>
    onDatabase(async (store) => {
      const items: ApiKeyView[] = [];
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page = await listApiKeys(store.pool, { limit: 200, cursor });
        items.push(...page.items);
        cursor = page.nextCursor;
      }
      if (json) say(JSON.stringify(items, null, 2));
      else
        for (const key of items)
          say(
            [key.id, key.roles.join(','), key.sourceId === null ? '' : `only ${key.sourceId}`, key.sample ? 'sample' : '', key.revokedAt === null ? '' : `revoked ${key.revokedAt}`]
              .filter((part) => part !== '')
              .join('  '),
          );
      return true;
    }),
  ),
  revoke: command(
    'revoke',
    'End a key, such as one that leaked',
    { id: { type: 'positional', description: 'As `keys list` names it', required: true }, reason: { type: 'string', description: 'Why; kept in the audit trail', required: true } },
    ({ id, reason }) =>
      onDatabase(async (store) => {
        await store.tx((db) => revokeApiKey(db, id, { ...atTheDatabase, reason }));
        say(`${id} is revoked: within five seconds nobody gets in with it`);
        return true;
      }),
  ),
});

/** Opens the database of DATABASE_URL for `work`. */
async function onDatabase(work: (store: Store, databaseUrl: string) => Promise<boolean>): Promise<boolean> {
  const { databaseUrl } = loadConfig();
  if (databaseUrl === undefined) throw new Error('set DATABASE_URL; `wattledger start` brings a database, sample set-up and users of its own');
  const store = openStore(databaseUrl);
  try {
    return await work(store, databaseUrl);
  } finally {
    await store.close();
  }
}
