import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { loadConfig } from '../config.ts';
import { runDemo } from '../demo/run-demo.ts';
import { runningTryton, trytonFolder } from '../demo/tryton-books.ts';
import { holdsNothingElse, lockHome } from '../platform/home.ts';
import { stopLeftovers } from '../platform/leftovers.ts';
import { notedCluster } from '../platform/postgres-binaries.ts';
import { withStack } from '../stack/with-stack.ts';
import { command, say, UsageError } from './command.ts';

const seconds = (since: number) => ((Date.now() - since) / 1000).toFixed(1);

const erp = { erp: { type: 'string', description: 'files, or tryton: the one that `npm run erp:tryton` keeps up', default: 'files' } } as const;

export const demoCommand = command('demo', 'Boot the stack, bring in real sessions and close December 2019', erp, async ({ erp: wanted }) => {
  if (wanted !== 'files' && wanted !== 'tryton') throw new UsageError('--erp wants files or tryton');
  const { home, host, port, env } = loadConfig();
  if (env !== 'development') throw new Error(`WATTLEDGER_ENV=${env} has no sample users, whom the demo needs: run it with WATTLEDGER_ENV=development, on a database of its own`);
  const tryton = wanted === 'tryton' ? await runningTryton(home) : undefined;
  const started = Date.now();
  return withStack({ port: 0, say }, async (stack) => {
    say(`PostgreSQL, Temporal, a worker and the API are up after ${seconds(started)} s`);
    say(`  API while this runs: ${stack.apiUrl}${stack.temporalUiUrl === undefined ? '' : `, Temporal UI: ${stack.temporalUiUrl}`}`);
    const balanced = await runDemo(stack, say, tryton);
    say('');
    say('Where to look');
    say(
      `  documents as the ERP received them: ${tryton === undefined ? path.join(stack.erpFolder, 'erp_files', 'invoice') : `Tryton at ${tryton.url} (with a Tryton client: database ${tryton.database}, user ${tryton.user}, password in ${tryton.passwordFile})`}`,
    );
    say(`  everything else: \`npm start\` keeps this state up, with the console and the API at http://${host}:${port}, and says where the Temporal UI is`);
    say("  one session from end to end: npx wattledger trace 'ocpi-peer/se*wlt*cdr-4497'");
    say(balanced ? `Done in ${seconds(started)} s: everything balances.` : 'A balance does not hold: see above.');
    return balanced;
  });
});

export const startCommand = command('start', 'Boot the whole stack and keep it up', {}, async () => {
  const started = Date.now();
  return withStack({ port: loadConfig().port, say }, async (stack, until) => {
    say(`WattLedger is up after ${seconds(started)} s. Ctrl-C stops it; its state is kept.`);
    say(`  Finance console: ${stack.apiUrl}/`);
    say(`  API, with its reference at /docs: ${stack.apiUrl}`);
    if (stack.temporalUiUrl !== undefined) say(`  Temporal UI: ${stack.temporalUiUrl}`);
    const users = Object.entries(stack.tokens);
    if (users.length > 0) say('  Sample users, for development only (to sign in at the console, or Authorization: Bearer <token>):');
    for (const [user, token] of users) say(`    ${user.padEnd(16)} ${token}`);
    await until;
    return true;
  });
});

export const resetCommand = command('reset', 'Delete the local state below WATTLEDGER_HOME', {}, async () => {
  const { home, env } = loadConfig();
  if (env === 'production') throw new Error(`WATTLEDGER_ENV=production: ${home} stays; what is not needed of it is removed by hand`);
  if (!holdsNothingElse(home)) throw new Error(`${home} holds no state of WattLedger, so it stays: set WATTLEDGER_HOME to the folder that does`);
  // The books of a Tryton below it hold what this state handed over: they go with it.
  for (const folder of [trytonFolder(home), home]) if (folder === home || existsSync(folder)) await removeHome(folder);
  say(`removed ${home}`);
  return true;
});

/** Throws while something runs on it; servers that a killed one left are stopped. */
async function removeHome(home: string): Promise<void> {
  const folder = notedCluster(home);
  const unlock = lockHome(home);
  await stopLeftovers(home, folder);
  // Below a folder that PostgreSQL's user cannot enter, its data lies in one of its own.
  if (folder !== undefined && !folder.startsWith(home)) rmSync(path.dirname(folder), { recursive: true, force: true });
  rmSync(home, { recursive: true, force: true });
  unlock();
}
