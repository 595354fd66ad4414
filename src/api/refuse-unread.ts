import type { OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { ApiEnv } from './env.ts';
import { Problem } from './problem.ts';

type Taken = { readonly query: readonly string[]; readonly body: boolean };

/**
 * Refuses what a route would pass over: a query parameter that its description does not have, by its name, and a body where it has none. A
 * filter that is misspelt, or sent at the wrong place, would be missing, and what it was to narrow be done to all, or shown of all.
 */
export function refuseUnread(app: OpenAPIHono<ApiEnv>): MiddlewareHandler<ApiEnv> {
  let described: ReadonlyMap<string, Taken> | undefined;
  return async (c, next) => {
    const isRead = c.req.method === 'GET' || c.req.method === 'HEAD';
    const asks = c.req.url.includes('?');
    if (isRead && !asks) return next();
    described ??= takenBy(app);
    const routes = described;
    const taken = matchedRoutes(c)
      .map(({ method, path }) => routes.get(`${method} ${path}`))
      .find((found) => found !== undefined);
    if (taken === undefined) return next();
    const unknown = asks ? [...new URL(c.req.url).searchParams.keys()].filter((name) => !taken.query.includes(name)) : [];
    const remedy = taken.query.length === 0 ? 'this takes none' : `this takes ${taken.query.join(', ')}`;
    if (unknown.length > 0)
      throw new Problem(422, 'invalid', `There is no query parameter ${unknown.map((name) => `"${name}"`).join(', ')}: ${remedy}.`, { errors: unknown.map((path) => ({ path, message: remedy })) });
    if (!isRead && !taken.body && (await saysSomething(c)))
      throw new Problem(422, 'invalid', `This takes no body: leave it out${taken.query.length === 0 ? '' : `, or say it in the query, which takes ${taken.query.join(', ')}`}.`);
    await next();
  };
}

/** What each route takes that is described. */
function takenBy(app: OpenAPIHono<ApiEnv>): ReadonlyMap<string, Taken> {
  const taken = new Map<string, Taken>();
  for (const defined of app.openAPIRegistry.definitions) {
    if (defined.type !== 'route') continue;
    const { method, path, request } = defined.route;
    taken.set(`${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`, {
      query: Object.keys((request?.query as z.ZodObject | undefined)?.shape ?? {}),
      body: request?.body !== undefined,
    });
  }
  return taken;
}

/** An empty object, which some clients send with every request, says nothing. */
async function saysSomething(c: Context<ApiEnv>): Promise<boolean> {
  return !/^\s*(\{\s*\}|null)?\s*$/.test(await c.req.text());
}
