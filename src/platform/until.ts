import { setTimeout as sleep } from 'node:timers/promises';

/** What PostgreSQL answers while it recovers, and while it stops. */
const cannotConnectNow = '57P03';

/**
 * Tries until it works, and throws when that takes too long, or `stopping` says so. A PostgreSQL that says that it recovers is given all
 * the time it takes: ended meanwhile, it would begin anew at each start.
 */
export async function until(what: string, attempt: () => Promise<void>, stopping: () => boolean, withinMs = 60_000): Promise<void> {
  let deadline = Date.now() + withinMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const code = (error as { code?: string }).code;
      // Wrong passwords stay wrong.
      if (code === '28P01') throw new Error(`${what} refuses the passwords in secrets.json: bring that file back, or run npm run reset`, { cause: error });
      if (code === cannotConnectNow) deadline = Date.now() + withinMs;
      if (stopping() || Date.now() > deadline) throw new Error(`${what} did not answer: ${(error as Error).message}`, { cause: error });
      await sleep(100);
    }
  }
}
