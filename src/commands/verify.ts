import { loadConfig } from '../config.ts';
import { verifyDatabase } from '../stack/verify-database.ts';
import { withStack } from '../stack/with-stack.ts';
import { command, jsonArg, say } from './command.ts';

export const verifyCommand = command('verify', 'Recompute hashes, blocks, documents, ledger and balances; exit 1 when something does not hold', jsonArg, async ({ json }) => {
  // Standard output is the result alone.
  const tell = (line: string) => process.stderr.write(`${line}\n`);
  return verifyDatabase({ ...loadConfig(), json, say, boot: (work) => withStack({ port: 0, say: tell }, work) });
});
