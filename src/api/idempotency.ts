import { createHash } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { keepAnswer, keptAnswer } from '../store/commands/keep-answer.ts';
import type { Db } from '../store/db.ts';
import type { ApiEnv } from './env.ts';
import { Problem } from './problem.ts';

/**
 * A write with an Idempotency-Key is carried out once: the same request again gets the first answer, another request under the key
 * is refused. `allow` gives what was answered, to those whom its route still lets through. Commands make their ids of the key too, so
 * that a crash between effect and answer repeats nothing.
 */
export function idempotent(db: Db): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const key = c.req.header('idempotency-key');
    if (key === undefined || c.req.method === 'GET' || c.req.method === 'HEAD') return next();
    if (key.length < 1 || key.length > 200) throw new Problem(422, 'invalid', 'Idempotency-Key has 1 to 200 characters.');
    const route = `${c.req.method} ${c.req.path}`;
    const hash = createHash('sha256')
      .update(`${route}${new URL(c.req.url).search}\n`)
      .update(Buffer.from(await c.req.arrayBuffer()))
      .digest();
    const { actor } = c.get('caller');
    const kept = await keptAnswer(db, actor, key);
    if (kept !== undefined) {
      if (!kept.requestHash.equals(hash)) throw new Problem(422, 'idempotencyKeyReused', 'This Idempotency-Key was used for another request: take a new one.');
      // Not yet given: who asks may have had other rights when it was kept.
      c.set('keptAnswer', () => c.body(JSON.stringify(kept.answer), kept.status as ContentfulStatusCode, { 'content-type': 'application/json', 'idempotent-replay': 'true' }));
      return next();
    }
    await next();
    // An answer that is not to be stored names people; its route has a natural key.
    if (c.res.status >= 400 || c.res.headers.get('cache-control') === 'no-store') return;
    await keepAnswer(db, { actor, key, route, requestHash: hash, status: c.res.status, answer: await c.res.clone().json() });
  };
}
