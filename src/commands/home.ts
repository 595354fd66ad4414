import { rmSync } from 'node:fs';
import path from 'node:path';
import { loadConfig } from '../config.ts';
import { runDemo } from '../demo/run-demo.ts';
import { lockHome, readRunFile } from '../platform/home.ts';
import { withStack } from '../stack/with-stack.ts';
import { command, say } from './command.ts';

const seconds = (since: number) => ((Date.now() - since) / 1000).toFixed(1);

export const demoCommand = command('demo', 'Boot the stack, bring in real sessions and close December 2019', {}, async () => {
  const started = Date.now();
  return withStack({ port: 0, say }, async (stack) => {
    say(`PostgreSQL, Temporal, a worker and the API are up after ${seconds(started)} s`);
    say(`  API while this runs: ${stack.apiUrl}${stack.temporalUiUrl === undefined ? '' : `, Temporal UI: ${stack.temporalUiUrl}`}`);
    const balanced = await runDemo(stack, say);
    say('');
    say('Where to look');
    say(`  documents as the ERP received them: ${path.join(stack.erpFolder, 'erp_files', 'invoice')}`);
    say('  everything else: `npm start` keeps this state up, with the API at http://127.0.0.1:8080 and the Temporal UI at http://127.0.0.1:8233');
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
  const { home } = loadConfig();
  const folder = readRunFile(home)?.postgresFolder;
  const unlock = lockHome(home);
  // Below a folder that PostgreSQL's user cannot enter, its data lies in one of its own.
  if (folder !== undefined && !folder.startsWith(home)) rmSync(path.dirname(folder), { recursive: true, force: true });
  rmSync(home, { recursive: true, force: true });
  unlock();
  say(`removed ${home}`);
  return true;
});
