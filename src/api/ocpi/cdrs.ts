import type { Hono } from 'hono';
import { writeCdr } from '../../adapters/ocpi/write-cdr.ts';
import type { OcpiParty } from '../../contracts/ocpi.ts';
import { describeIssue } from '../../core/issues.ts';
import { markRead } from '../../store/commands/ocpi/deliveries.ts';
import type { Peer } from '../../store/reads/ocpi/peers.ts';
import { receivedCdr } from '../../store/reads/ocpi/received-cdrs.ts';
import { salesOf } from '../../store/reads/ocpi/sales.ts';
import { atMost, maxStoring } from '../at-most.ts';
import { createReceiver } from '../receiver.ts';
import { answer, invalid, notThere } from './answer.ts';
import type { OcpiDeps, OcpiEnv } from './env.ts';
import { pageHeaders, windowOf } from './page-query.ts';
import { asObject, readBody } from './read-body.ts';
import { speaksFor } from './routing.ts';

const defaultWithinMs = 10_000;

/** The cdrs module, both sides: what they sent us (POST, GET of one), and what we sold to them (GET of a list). */
export function cdrModule(app: Hono<OcpiEnv>, base: string, deps: OcpiDeps, origin: (url: string) => string): void {
  const { store, orders } = deps;
  const receiver = createReceiver(store);
  const path = `${base}/cdrs`;

  app.post(path, atMost(maxStoring), async (c) => {
    const { peer } = c.get('caller');
    const sourceId = receivingSourceOf(peer);
    const bytes = await readBody(c, deps.bodyWithinMs ?? defaultWithinMs);
    const behalf = c.get('behalf');
    const received = await receiver.one(sourceId, bytes, (recordKey) => checkOwner(peer, behalf, recordKey, bytes));
    orders.arrived(sourceId, [received]);
    const problem = received.issues.find((i) => i.severity === 'blocks');
    // It is kept under its key for people to look at, but it cannot be billed, and its sender is the one to mend it.
    if (received.status === 'held') throw invalid(problem === undefined ? 'The CDR cannot be billed as it is.' : describeIssue(problem));
    c.header('location', `${origin(c.req.url)}${path}/${encodeURIComponent(received.recordKey)}`);
    return answer(c, undefined, received.status === 'duplicate' ? 200 : 201);
  });

  app.get(`${path}/:key`, async (c) => {
    const { peer } = c.get('caller');
    const sourceId = receivingSourceOf(peer);
    const key = c.req.param('key') ?? '';
    const owner = ownerIn(key);
    const found = owner !== undefined && speaksFor(peer, owner, c.get('behalf')) ? await receivedCdr(store.pool, sourceId, key.toLowerCase()) : undefined;
    if (found === undefined) throw notThere('You sent no CDR of this id.');
    return answer(c, found);
  });

  app.get(path, async (c) => {
    const { peer } = c.get('caller');
    const version = c.get('version');
    const window = windowOf(c);
    const behalf = c.get('behalf');
    const { items, total } = await store.tx((db) => salesOf(db, peer.id, window, behalf));
    pageHeaders(c, `${origin(c.req.url)}${path}`, window, total);
    const response = answer(
      c,
      items.map(({ sale, uid }) => writeCdr(sale, version, uid)),
    );
    await markRead(
      store.pool,
      behalf === undefined ? peer.kind : 'peer',
      items.map((s) => s.id),
    );
    return response;
  });
}

/** The source that takes what a peer sends; 404 for a connection that only buys. */
export function receivingSourceOf(peer: Peer): string {
  if (peer.sourceId === null) throw notThere('This connection takes no CDRs: its endpoints name no receiver.');
  return peer.sourceId;
}

/** Refuses, before anything is stored, what is no CDR with an id, and what belongs to somebody else. */
function checkOwner(peer: Peer, behalf: OcpiParty | undefined, recordKey: string, bytes: Buffer): void {
  const owner = ownerIn(recordKey);
  if (owner === undefined) {
    asObject(bytes);
    throw invalid('A CDR needs country_code, party_id and id.');
  }
  if (!speaksFor(peer, owner, behalf)) throw invalid(`You are not registered as ${owner.countryCode}*${owner.partyId}, the owner of this CDR.`);
}

/** The owner in a record key; undefined for a key that was made of what has no id. */
function ownerIn(recordKey: string): OcpiParty | undefined {
  const [countryCode, partyId, ...id] = recordKey.toUpperCase().split('*');
  return countryCode === undefined || partyId === undefined || id.length === 0 ? undefined : { countryCode, partyId };
}
