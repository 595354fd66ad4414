import type { MiddlewareHandler } from 'hono';
import { Problem } from './problem.ts';

/** How many requests with CDRs may be under way at once, by each route that takes them. */
export const maxStoring = 256;

/** Refuses what comes while so many requests are under way, rather than letting all of them grow slow. */
// biome-ignore lint/suspicious/noExplicitAny: it reads nothing of the environment it runs in
export function atMost(limit: number): MiddlewareHandler<any> {
  let underWay = 0;
  return async (c, next) => {
    if (underWay >= limit) {
      c.header('retry-after', '1');
      throw new Problem(503, 'busy', `${limit} requests are being stored: send this one again in a second.`);
    }
    underWay += 1;
    try {
      await next();
    } finally {
      underWay -= 1;
    }
  };
}
