import type { Context, Hono } from 'hono';
import { inFull, OcpiRefused, OcpiUnavailable } from '../../adapters/ocpi/failures.ts';
import { NothingInCommon } from '../../adapters/ocpi/handshake.ts';
import { ocpiCredentials } from '../../contracts/ocpi.ts';
import type { By } from '../../store/commands/audit.ts';
import { unregisterPeer } from '../../store/commands/ocpi/register-peer.ts';
import { findPeer } from '../../store/reads/ocpi/peers.ts';
import { answer, invalid, OcpiProblem } from './answer.ts';
import type { OcpiDeps, OcpiEnv } from './env.ts';
import { acceptCredentials, ourCredentials } from './handshake.ts';
import { readObject } from './read-body.ts';

const defaultWithinMs = 10_000;

/** The credentials module: register (POST), renew (PUT), unregister (DELETE), each 405 where it does not fit the state. */
export function credentialsModule(app: Hono<OcpiEnv>, base: string, deps: OcpiDeps, origin: (url: string) => string): void {
  const path = `${base}/credentials`;
  const registered = async (c: Context<OcpiEnv>): Promise<boolean> => {
    // The state now: what is known of a caller may be seconds old.
    const peer = await findPeer(deps.store.pool, c.get('caller').peer.id);
    return c.get('caller').token === 'live' && peer?.state === 'registered';
  };
  const take = async (c: Context<OcpiEnv>) => {
    const given = ocpiCredentials.safeParse(await readObject(c, deps.bodyWithinMs ?? defaultWithinMs));
    if (!given.success) throw invalid(`These are no credentials: ${given.error.issues.map((i) => `${i.path.join('.')} ${i.message}`).join('; ')}`);
    const peer = await findPeer(deps.store.pool, c.get('caller').peer.id);
    if (peer === undefined) throw new OcpiProblem(401, 2000, 'This connection is gone.');
    try {
      return answer(c, await acceptCredentials(deps, peer, c.get('version'), given.data, origin(c.req.url), byOf(c)));
    } catch (error) {
      throw asAnswer(error);
    }
  };

  app.get(path, async (c) => {
    const { peer } = c.get('caller');
    return answer(c, await ourCredentials(deps, peer, c.get('version'), origin(c.req.url), c.get('token')));
  });
  app.post(path, async (c) => {
    if (c.get('caller').token !== 'invited' || (await registered(c))) throw notAllowed('You are registered, or being registered: renew your credentials by PUT.');
    return take(c);
  });
  app.put(path, async (c) => {
    if (!(await registered(c))) throw notAllowed('You are not registered: register by POST.');
    return take(c);
  });
  app.delete(path, async (c) => {
    if (!(await registered(c))) throw notAllowed('You are not registered.');
    await deps.store.tx((db) => unregisterPeer(db, c.get('caller').peer.id, byOf(c)));
    return answer(c, undefined);
  });
}

function notAllowed(message: string): OcpiProblem {
  return new OcpiProblem(405, 2000, message);
}

/** credentials, Errors during registration: their side did not work (3001), or we have nothing in common (3002, 3003). */
function asAnswer(error: unknown): unknown {
  if (error instanceof NothingInCommon) return new OcpiProblem(200, error.statusCode, error.message);
  if (error instanceof OcpiUnavailable || error instanceof OcpiRefused) return new OcpiProblem(200, 3001, `Your API could not be used: ${inFull(error)}`);
  return error;
}

function byOf(c: Context<OcpiEnv>): By {
  return { actor: `ocpi:${c.get('caller').peer.id}`, requestId: c.get('requestId') };
}
