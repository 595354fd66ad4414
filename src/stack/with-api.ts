import { type Api, apiClient } from '../client.ts';
import { loadConfig } from '../config.ts';
import { readLivingRun } from '../platform/home.ts';
import { sampleTokens } from './sample-users.ts';
import { withStack } from './with-stack.ts';

/**
 * Calls the API for `work`: the one of WATTLEDGER_API_URL with WATTLEDGER_TOKEN, else the stack that runs on this home, else one that is
 * booted for it, never in production. On a home `user` names the sample user who acts, unless a token is given; only development has them.
 */
export async function withApi<T>(user: string, work: (api: Api) => Promise<T>): Promise<T> {
  const { home, apiUrl, token, env } = loadConfig();
  if (apiUrl !== undefined) {
    if (token === undefined) throw new Error('WATTLEDGER_API_URL is set: set WATTLEDGER_TOKEN to an API key of yours too');
    return work(apiClient(apiUrl, token));
  }
  // Booting first would migrate, and put a worker beside those that run, for a call that is then refused.
  if (env !== 'development' && token === undefined)
    throw new Error(`WATTLEDGER_ENV=${env} has no sample users: set WATTLEDGER_API_URL to the API that runs, and WATTLEDGER_TOKEN to an API key of yours`);
  const running = readLivingRun(home)?.apiUrl;
  if (running !== undefined && (await alive(running))) return work(apiClient(running, token ?? sampleTokens(home)?.[user] ?? ''));
  if (env === 'production') throw new Error('WATTLEDGER_ENV=production boots no API for one command: set WATTLEDGER_API_URL to the one that runs');
  const quiet = (line: string) => process.stderr.write(`${line}\n`);
  return withStack({ port: 0, say: quiet }, (stack) => work(apiClient(stack.apiUrl, token ?? stack.tokens[user] ?? '')));
}

async function alive(url: string): Promise<boolean> {
  try {
    return (await fetch(new URL('/healthz', url), { signal: AbortSignal.timeout(2000) })).ok;
  } catch {
    return false;
  }
}
