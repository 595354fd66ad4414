import { randomUUID } from 'node:crypto';
import { Hono, type MiddlewareHandler } from 'hono';
import { tokensOf } from '../../adapters/ocpi/token-coding.ts';
import { type OcpiVersion, ocpiVersions } from '../../contracts/ocpi.ts';
import { type Caller, peerOfToken } from '../../store/reads/ocpi/peers.ts';
import { briefly } from '../briefly.ts';
import { answer, notThere, OcpiProblem, ocpiProblemOf, refuse } from './answer.ts';
import { cdrModule } from './cdrs.ts';
import { credentialsModule } from './credentials.ts';
import type { OcpiDeps, OcpiEnv } from './env.ts';
import { routed } from './routing.ts';
import { sessionModule } from './sessions.ts';
import { tariffModule } from './tariffs.ts';

/**
 * The OCPI side: versions, credentials, cdrs, sessions and tariffs of 2.1.1, 2.2.1 and 2.3.0. One URL a module serves sender and receiver, as in
 * 2.1.1 it has to. Errors, 404 too, are in OCPI's format.
 */
export function ocpiApp(deps: OcpiDeps): Hono<OcpiEnv> {
  const app = new Hono<OcpiEnv>({ strict: false });
  const origin = (url: string) => deps.publicUrl ?? new URL(url).origin;
  app.onError((error, c) => {
    const problem = ocpiProblemOf(error);
    if (problem.httpStatus >= 500) deps.log.error({ requestId: c.get('requestId'), path: c.req.path, error: error.stack }, 'OCPI request failed');
    return refuse(c, problem);
  });
  app.notFound((c) => refuse(c, notThere(`There is no ${c.req.method} ${c.req.path}; see ${origin(c.req.url)}/ocpi/versions.`)));
  app.use('*', async (c, next) => {
    const given = c.req.header('x-request-id');
    c.set('requestId', given !== undefined && /^[\w.:-]{1,100}$/.test(given) ? given : randomUUID());
    c.header('x-request-id', c.get('requestId'));
    const correlation = c.req.header('x-correlation-id');
    if (correlation !== undefined && /^[\w.:-]{1,100}$/.test(correlation)) c.header('x-correlation-id', correlation);
    await next();
  });
  app.use('*', identify(deps));

  app.get('/ocpi/versions', (c) =>
    answer(
      c,
      ocpiVersions.map((version) => ({ version, url: `${origin(c.req.url)}/ocpi/${version}` })),
    ),
  );
  for (const version of ocpiVersions) {
    const base = `/ocpi/${version}`;
    app.use(`${base}/*`, async (c, next) => {
      c.set('version', version);
      await next();
    });
    app.get(base, (c) => answer(c, { version, endpoints: endpoints(version, `${origin(c.req.url)}${base}`, c.get('caller')) }));
    credentialsModule(app, base, deps, origin);
    for (const module of ['cdrs', 'sessions', 'tariffs']) for (const path of [`${base}/${module}`, `${base}/${module}/*`]) app.use(path, inForce(version), routed(version));
    cdrModule(app, base, deps, origin);
    sessionModule(app, base, deps);
    tariffModule(app, base, deps, origin);
  }
  return app;
}

/** Who calls, by its credentials token; 401 without one that is known. An invitation opens versions and credentials alone (transport_and_format, Authorization header). */
function identify({ store }: OcpiDeps): MiddlewareHandler<OcpiEnv> {
  const look = (token: string) => peerOfToken(store.pool, [token]);
  const kept = briefly(look);
  return async (c, next) => {
    // Only what comes by the thousand is asked for once in a few seconds.
    const callerOf = c.req.method === 'POST' && /\/cdrs\/?$/.test(c.req.path) ? kept : look;
    for (const token of tokensOf(c.req.header('authorization'))) {
      const caller = await callerOf(token);
      if (caller === undefined) continue;
      c.set('caller', caller);
      c.set('token', token);
      return next();
    }
    throw new OcpiProblem(401, 2000, 'Send a credentials token that is in force: Authorization: Token <token>.');
  };
}

/** Lets through who is registered, in the version it registered in. */
function inForce(version: OcpiVersion): MiddlewareHandler<OcpiEnv> {
  return async (c, next) => {
    const { peer, token } = c.get('caller');
    if (token !== 'live') throw new OcpiProblem(401, 2000, 'This token opens versions and credentials alone: finish the registration.');
    if (peer.version !== version) throw new OcpiProblem(200, 3002, `You are registered in ${peer.version}: change that by PUT of your credentials to the version you want.`);
    await next();
  };
}

/** Where the modules lie, with a slash at the end, to which ids are appended. In 2.1.1 no role tells the sides apart. */
function endpoints(version: OcpiVersion, base: string, { peer }: Caller): object[] {
  const module = (identifier: string) => `${base}/${identifier}/`;
  // Sessions are received, never sent.
  const receives = peer.sourceId !== null;
  if (version === '2.1.1') return ['credentials', 'cdrs', 'tariffs', ...(receives ? ['sessions'] : [])].map((identifier) => ({ identifier, url: module(identifier) }));
  const roles = receives ? (['SENDER', 'RECEIVER'] as const) : (['SENDER'] as const);
  return [
    { identifier: 'credentials', role: 'RECEIVER', url: module('credentials') },
    ...['cdrs', 'tariffs'].flatMap((identifier) => roles.map((role) => ({ identifier, role, url: module(identifier) }))),
    ...(receives ? [{ identifier: 'sessions', role: 'RECEIVER', url: module('sessions') }] : []),
  ];
}
