#!/usr/bin/env node
import { stripVTControlCharacters } from 'node:util';
import { renderUsage, runCommand, runMain } from 'citty';
import { calledAs, group, say } from './commands/command.ts';
import { energyCommand } from './commands/energy.ts';
import { erpCommands } from './commands/erp.ts';
import { fileCommands } from './commands/files.ts';
import { demoCommand, resetCommand, startCommand } from './commands/home.ts';
import { importCommand } from './commands/import.ts';
import { loadCommand } from './commands/load.ts';
import { ocpiCommands } from './commands/ocpi.ts';
import { openApiCommand } from './commands/openapi.ts';
import { paymentCommands } from './commands/payment.ts';
import { periodCommands } from './commands/period.ts';
import { apiCommand, environmentCommand, keyCommand, keysCommands, migrateCommand, seedCommand, workerCommand } from './commands/production.ts';
import { rateCommand } from './commands/rate.ts';
import { retentionCommand } from './commands/retention.ts';
import { runCommands } from './commands/run.ts';
import { statementCommand } from './commands/statement.ts';
import { sweepCommand } from './commands/sweep.ts';
import { traceCommand } from './commands/trace.ts';
import { verifyCommand } from './commands/verify.ts';

const wattledger = group('wattledger', 'Billing engine for charge point operators', {
  demo: demoCommand,
  start: startCommand,
  worker: workerCommand,
  api: apiCommand,
  migrate: migrateCommand,
  environment: environmentCommand,
  seed: seedCommand,
  key: keyCommand,
  keys: keysCommands,
  import: importCommand,
  load: loadCommand,
  statement: statementCommand,
  sweep: sweepCommand,
  rate: rateCommand,
  run: runCommands,
  files: fileCommands,
  payment: paymentCommands,
  period: periodCommands,
  erp: erpCommands,
  ocpi: ocpiCommands,
  trace: traceCommand,
  energy: energyCommand,
  verify: verifyCommand,
  retention: retentionCommand,
  openapi: openApiCommand,
  reset: resetCommand,
});

// Whoever reads the output may stop reading: `wattledger … | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const rawArgs = process.argv.slice(2);
if (rawArgs.length === 0 || rawArgs.some((arg) => arg === '--help' || arg === '-h')) {
  await runMain(wattledger, {
    rawArgs: rawArgs.length === 0 ? ['--help'] : rawArgs,
    // citty colors whatever it writes to.
    showUsage: async (of, parent) => {
      // citty names a command by itself and its group alone.
      const { name = '' } = (parent?.meta ?? {}) as { readonly name?: string };
      const usage = await renderUsage(of, name === '' || name === 'wattledger' ? parent : { ...parent, meta: { name: `wattledger ${name}` } });
      say(process.stdout.isTTY ? usage : stripVTControlCharacters(usage));
    },
  });
} else {
  try {
    await runCommand(wattledger, { rawArgs });
  } catch (error) {
    // What a command does wrong it says itself: what comes here is how it was called.
    const message = stripVTControlCharacters((error as Error).message).replace(/\.$/, '');
    process.stderr.write(`wattledger: ${message}${message.includes('--help') ? '' : `; see ${calledAs(wattledger, rawArgs)} --help`}\n`);
    process.exitCode = 2;
  }
}
