import type { Context, Hono } from 'hono';
import { writeTariff } from '../../adapters/ocpi/write-tariff.ts';
import { parseInstant } from '../../core/time.ts';
import { keepTariffs, lockPeerTariffs } from '../../store/commands/ocpi/keep-tariffs.ts';
import { ownTariffs, peerTariff, type TariffKey } from '../../store/reads/ocpi/tariffs.ts';
import { answer, invalid, notThere } from './answer.ts';
import type { OcpiDeps, OcpiEnv } from './env.ts';
import { pageHeaders, windowOf } from './page-query.ts';
import { readObject } from './read-body.ts';
import { speaksFor } from './routing.ts';

const defaultWithinMs = 10_000;

/** The tariffs module, both sides: what they sell by (PUT, GET, DELETE of one, and PATCH in 2.1.1), and what we sell to them by (GET of a list). */
export function tariffModule(app: Hono<OcpiEnv>, base: string, deps: OcpiDeps, origin: (url: string) => string): void {
  const { store } = deps;
  const path = `${base}/tariffs`;
  const one = `${path}/:countryCode/:partyId/:tariffId`;

  app.get(path, async (c) => {
    const { peer } = c.get('caller');
    const window = windowOf(c);
    const { items, total } = await store.tx((db) => ownTariffs(db, peer.entityId, window));
    pageHeaders(c, `${origin(c.req.url)}${path}`, window, total);
    return answer(
      c,
      items.map((tariff) => writeTariff({ ...tariff, owner: peer.us }, c.get('version'))),
    );
  });
  app.get(one, async (c) => {
    const found = await peerTariff(store.pool, keyOf(c));
    if (found === undefined) throw notThere('You sent no such tariff.');
    return answer(c, found);
  });
  app.put(one, async (c) => {
    const key = keyOf(c);
    const body = await readObject(c, deps.bodyWithinMs ?? defaultWithinMs);
    const stated = typeof body['last_updated'] === 'string' ? parseInstant(body['last_updated']) : undefined;
    const { id, currency, elements } = body;
    if (typeof id !== 'string' || id.toLowerCase() !== key.tariffId.toLowerCase()) throw invalid(`The URL names tariff ${key.tariffId}, and the body another one.`);
    if (typeof currency !== 'string' || !Array.isArray(elements) || elements.length === 0 || stated === undefined) throw invalid('A tariff needs id, currency, elements and last_updated.');
    const known = (await peerTariff(store.pool, key)) !== undefined;
    await store.tx((db) => keepTariffs(db, key.peerId, [{ ...key, body, lastUpdated: new Date(stated) }]));
    return answer(c, undefined, known ? 200 : 201);
  });
  // 2.1.1 mod_tariffs, PATCH Method; later versions know none.
  app.patch(one, async (c, next) => {
    if (c.get('version') !== '2.1.1') return next();
    const key = keyOf(c);
    const patch = await readObject(c, deps.bodyWithinMs ?? defaultWithinMs);
    await store.tx(async (db) => {
      await lockPeerTariffs(db, key.peerId);
      const before = await peerTariff(db, key);
      if (before === undefined) throw notThere('You sent no such tariff: send it whole, by PUT.');
      const body: Record<string, unknown> = { ...before, ...patch, id: before['id'] };
      const told = (of: Readonly<Record<string, unknown>>) => (typeof of['last_updated'] === 'string' ? parseInstant(of['last_updated']) : undefined);
      // It tells none: now, and no earlier than what it changes, whose sender's clock may be ahead.
      const stated = patch['last_updated'] === undefined ? Math.max(Date.now(), told(before) ?? 0) : told(patch);
      if (typeof body['currency'] !== 'string' || !Array.isArray(body['elements']) || body['elements'].length === 0 || stated === undefined)
        throw invalid('A tariff needs currency, elements and, where it is told, a time in last_updated.');
      await keepTariffs(db, key.peerId, [{ ...key, body, lastUpdated: new Date(stated) }]);
    });
    return answer(c, undefined);
  });
  app.delete(one, async (c) => {
    const key = keyOf(c);
    if ((await peerTariff(store.pool, key)) === undefined) throw notThere('You sent no such tariff.');
    await store.tx((db) => keepTariffs(db, key.peerId, [{ ...key, body: null, lastUpdated: null }]));
    return answer(c, undefined);
  });
}

/** The tariff that a URL names; 404 where it is of a party that the caller does not speak for (transport_and_format, Errors). */
function keyOf(c: Context<OcpiEnv>): TariffKey {
  const { peer } = c.get('caller');
  const [countryCode, partyId, tariffId] = ['countryCode', 'partyId', 'tariffId'].map((name) => c.req.param(name) ?? '') as [string, string, string];
  if (tariffId.length > 36 || !speaksFor(peer, { countryCode: countryCode.toUpperCase(), partyId: partyId.toUpperCase() }, c.get('behalf'))) throw notThere('You have no such tariff here.');
  return { peerId: peer.id, countryCode, partyId, tariffId };
}
