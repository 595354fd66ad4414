import { spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import type { ApiUnderTest } from './api.ts';

export type CliResult = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

/** The built `wattledger` command against an API under test, as one of its users. */
export async function cliOf(api: ApiUnderTest, user: string): Promise<(...args: string[]) => Promise<CliResult>> {
  const { port } = (await api.listen()).address() as AddressInfo;
  const env = { ...process.env, WATTLEDGER_API_URL: `http://127.0.0.1:${port}`, WATTLEDGER_TOKEN: `token-${user}` };
  // Not spawnSync: this very process is the API that the command calls.
  return (...args) =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, ['dist/cli.js', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
      const said = { stdout: '', stderr: '' };
      child.stdout.setEncoding('utf8').on('data', (text) => {
        said.stdout += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text) => {
        said.stderr += text;
      });
      child.on('error', reject).on('close', (status) => resolve({ status, ...said }));
    });
}
