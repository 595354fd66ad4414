import type { Context, Hono } from 'hono';
import { meaningOf, readSession, sessionKey } from '../../adapters/ocpi/read-session.ts';
import { expectCdr, expectNoCdr, keepSession } from '../../store/commands/ocpi/keep-session.ts';
import { keptSession, type SessionKey } from '../../store/reads/ocpi/sessions.ts';
import { answer, invalid, notThere } from './answer.ts';
import { receivingSourceOf } from './cdrs.ts';
import type { OcpiDeps, OcpiEnv } from './env.ts';
import { readObject } from './read-body.ts';
import { speaksFor } from './routing.ts';

const defaultWithinMs = 10_000;

/** The sessions module, receiver side (PUT, PATCH, GET of one): a session that has begun has its CDR expected, one that is invalid no longer. */
export function sessionModule(app: Hono<OcpiEnv>, base: string, deps: OcpiDeps): void {
  const { store } = deps;
  const one = `${base}/sessions/:countryCode/:partyId/:sessionId`;
  const bodyOf = (c: Context<OcpiEnv>) => readObject(c, deps.bodyWithinMs ?? defaultWithinMs);

  app.get(one, async (c) => {
    receivingSourceOf(c.get('caller').peer);
    const key = keyOf(c);
    const found = await keptSession(store.pool, key);
    if (found === undefined) throw notThere('You sent no session of this id.');
    const { countryCode: country_code, partyId: party_id } = key;
    const uid = found.tokenShown;
    if (c.get('version') === '2.1.1') return answer(c, { ...found.body, ...(uid === null ? {} : { auth_id: uid }) });
    return answer(c, { country_code, party_id, ...found.body, ...(uid === null ? {} : { cdr_token: { country_code, party_id, uid, type: 'OTHER', contract_id: uid } }) });
  });

  app.put(one, async (c) => {
    const json = await bodyOf(c);
    const key = keyOf(c);
    if (typeof json['id'] !== 'string' || json['id'].toLowerCase() !== key.sessionId.toLowerCase()) throw invalid(`The URL names session ${key.sessionId}, and the body another one.`);
    const read = readSession(json);
    if (read.lastUpdatedMs === undefined) throw invalid('last_updated must be an RFC 3339 time.');
    if (typeof read.body['status'] !== 'string') throw invalid('A session needs a status.');
    const isNew = (await keptSession(store.pool, key)) === undefined;
    await keep(c, key, { body: read.body, tokenRef: null, lastUpdated: new Date(read.lastUpdatedMs), tokenUid: read.tokenUid });
    return answer(c, undefined, isNew ? 201 : 200);
  });

  app.patch(one, async (c) => {
    const key = keyOf(c);
    const patch = readSession(await bodyOf(c));
    // 2.1.1 does not ask for it in a PATCH.
    if (patch.lastUpdatedMs === undefined && c.get('version') !== '2.1.1') throw invalid('A PATCH needs last_updated.');
    await keep(c, key, patch);
    return answer(c, undefined);
  });

  type Told = { readonly body: Readonly<Record<string, unknown>>; readonly tokenUid: string | undefined };
  /** In one transaction: the session as told, or patched, and what that means for its CDR. */
  async function keep(c: Context<OcpiEnv>, key: SessionKey, told: Told & ({ readonly tokenRef: null; readonly lastUpdated: Date } | { readonly lastUpdatedMs: number | undefined })): Promise<void> {
    const { peer } = c.get('caller');
    const sourceId = receivingSourceOf(peer);
    const by = { actor: `ocpi:${peer.id}`, requestId: c.get('requestId') };
    await store.tx(async (db) => {
      const before = await keptSession(db, key, { lock: true });
      const isPatch = 'lastUpdatedMs' in told;
      if (isPatch && before === undefined) throw notThere('You sent no session of this id: send it whole, by PUT.');
      const lastUpdated = isPatch ? new Date(told.lastUpdatedMs ?? Math.max(Date.now(), before?.lastUpdated.getTime() ?? 0)) : told.lastUpdated;
      const body = isPatch ? { ...before?.body, ...told.body } : told.body;
      const tokenUid = told.tokenUid ?? (isPatch ? (before?.tokenShown ?? undefined) : undefined);
      const meaning = meaningOf(body, key, tokenUid === before?.tokenRef ? undefined : tokenUid);
      if (meaning.kind === 'unreadable') throw invalid(`The session cannot be read: ${meaning.problem}.`);
      if (!(await keepSession(db, key, { body, tokenRef: before?.tokenRef ?? null, lastUpdated, tokenUid: told.tokenUid }))) return;
      if (meaning.kind === 'expected' && saysMore(before?.body, body)) await expectCdr(db, sourceId, meaning.expectation, by);
      if (meaning.kind === 'invalid') await expectNoCdr(db, sourceId, sessionKey(key, String(body['id'])), by);
    });
  }
}

/** True for what the expectation should know: energy that rises each minute is told when the session ends. */
function saysMore(before: Readonly<Record<string, unknown>> | undefined, now: Readonly<Record<string, unknown>>): boolean {
  return (
    before === undefined ||
    ['status', 'start_date_time', 'start_datetime', 'evse_uid', 'evse_id', 'location_id', 'authorization_reference'].some((name) => before[name] !== now[name]) ||
    now['status'] === 'COMPLETED'
  );
}

/** The session that a URL names; 404 where it is of a party that the caller does not speak for. */
function keyOf(c: Context<OcpiEnv>): SessionKey {
  const { peer } = c.get('caller');
  const [countryCode, partyId, sessionId] = ['countryCode', 'partyId', 'sessionId'].map((name) => c.req.param(name) ?? '') as [string, string, string];
  if (sessionId.length > 36 || !speaksFor(peer, { countryCode: countryCode.toUpperCase(), partyId: partyId.toUpperCase() }, c.get('behalf'))) throw notThere('You have no such session here.');
  return { peerId: peer.id, countryCode: countryCode.toUpperCase(), partyId: partyId.toUpperCase(), sessionId };
}
