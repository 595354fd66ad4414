import type { OpenAPIHono, z } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { ApiEnv } from './env.ts';
import { Problem } from './problem.ts';

/**
 * Refuses a query parameter that the description of the route does not have, by its name: a filter that is misspelt would be passed over,
 * and what it was to narrow be done to all, or shown of all.
 */
export function refuseUnknownQuery(app: OpenAPIHono<ApiEnv>): MiddlewareHandler<ApiEnv> {
  let routes: ReadonlyMap<string, readonly string[]> | undefined;
  return async (c, next) => {
    if (!c.req.url.includes('?')) return next();
    routes ??= parametersOf(app);
    const of = routes;
    const known = matchedRoutes(c)
      .map(({ method, path }) => of.get(`${method} ${path}`))
      .find((names) => names !== undefined);
    const unknown = known === undefined ? [] : [...new URL(c.req.url).searchParams.keys()].filter((name) => !known.includes(name));
    if (known === undefined || unknown.length === 0) return next();
    const remedy = known.length === 0 ? 'this takes none' : `this takes ${known.join(', ')}`;
    throw new Problem(422, 'invalid', `There is no query parameter ${unknown.map((name) => `"${name}"`).join(', ')}: ${remedy}.`, { errors: unknown.map((path) => ({ path, message: remedy })) });
  };
}

/** The query parameters of each route that is described. */
function parametersOf(app: OpenAPIHono<ApiEnv>): ReadonlyMap<string, readonly string[]> {
  return new Map(
    app.openAPIRegistry.definitions.flatMap((defined) =>
      defined.type === 'route'
        ? [
            [
              `${defined.route.method.toUpperCase()} ${defined.route.path.replaceAll(/\{(\w+)\}/g, ':$1')}`,
              Object.keys((defined.route.request?.query as z.ZodObject | undefined)?.shape ?? {}),
            ] as const,
          ]
        : [],
    ),
  );
}
