import { loadConfig } from '../config.ts';
import { withStack } from '../stack/with-stack.ts';
import { command, jsonArg, say } from './command.ts';
import { verifyState } from './verify-state.ts';

export const verifyCommand = command('verify', 'Recompute every hash, block, document, balance and number; name the first that does not hold', jsonArg, async ({ json }) => {
  // What booting says goes to stderr: standard output is the result alone.
  const quiet = (line: string) => process.stderr.write(`${line}\n`);
  return verifyState({ ...loadConfig(), json, say, boot: (work) => withStack({ port: 0, say: quiet }, work) });
});
