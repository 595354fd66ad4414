import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { ocpiLocation, ocpiUrl, ocpiVersions } from '../../contracts/ocpi.ts';
import { agreeToCdrs, retryDeliveries, settleByDocument } from '../../store/commands/ocpi/deliveries.ts';
import { putLocation, putPeer } from '../../store/commands/ocpi/put-peer.ts';
import { deliveriesOf, peerOverview } from '../../store/reads/ocpi/overview.ts';
import { allow, may, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import type { OcpiDeps } from '../ocpi/env.ts';
import { invite, registerAt, unregisterAt } from '../ocpi/handshake.ts';
import { Problem } from '../problem.ts';
import { body, idempotencyHeader, issue, json, pageOf, pageQuery, problemBody, problems, reason, whyBody } from '../schemas.ts';
import { byOf } from './run-context.ts';

const tags = ['OCPI'];
const peerId = z.object({
  peerId: z
    .string()
    .regex(/^[\w-]{1,40}$/, 'letters, digits, - and _, at most 40')
    .openapi({ param: { name: 'peerId', in: 'path' }, example: 'nordic-hub' }),
});
const countryCode = z
  .string()
  .regex(/^[A-Za-z]{2}$/)
  .transform((text) => text.toUpperCase());
const partyId = z
  .string()
  .regex(/^[A-Za-z0-9]{3}$/)
  .transform((text) => text.toUpperCase());
const party = z.strictObject({ countryCode, partyId });
const shownParty = z.object({ countryCode: z.string(), partyId: z.string() });
const setUp = z.strictObject({
  entityId: z.string().min(1),
  name: z.string().trim().min(1).max(100),
  kind: z.enum(['peer', 'hub']),
  us: party.openapi({ description: 'Who we are on this connection.' }),
  them: party.openapi({ description: 'Who they are; a hub’s own ids.' }),
  sourceId: z.string().min(1).nullable().default(null).openapi({ description: 'Source that takes their CDRs; none when they only buy.' }),
  correctionChannel: z
    .enum(['inBand', 'byDocument'])
    .default('inBand')
    .openapi({ description: 'How a sale that was sent is corrected: by a credit CDR and another one, or by the settlement document, with neither sent.' }),
  push: z.boolean().default(true).openapi({ description: 'Whether our CDRs are pushed; they can be pulled in any case.' }),
  partners: z
    .array(party.extend({ accountId: z.string().min(1), sendFrom: z.iso.date() }))
    .max(500)
    .default([])
    .openapi({ description: 'eMSP accounts whose sales go over this connection, and who each is in OCPI.' }),
});
const overview = z.object({
  peerId: z.string(),
  entityId: z.string(),
  name: z.string(),
  kind: z.enum(['peer', 'hub']),
  state: z.enum(['prepared', 'invited', 'registered', 'unregistered']),
  version: z.enum(ocpiVersions).nullable(),
  us: shownParty,
  them: shownParty,
  sourceId: z.string().nullable(),
  correctionChannel: z.enum(['inBand', 'byDocument']),
  push: z.boolean(),
  versionsUrl: z.string().nullable(),
  registeredAt: z.string().nullable(),
  problem: z.string().nullable(),
  partners: z.array(shownParty.extend({ accountId: z.string(), sendFrom: z.string() })).readonly(),
  sweep: z
    .object({
      everyMinutes: z.int(),
      until: z.string().nullable(),
      counts: z.object({ at: z.string(), until: z.string().nullable(), days: z.int(), stated: z.int(), problem: z.string().nullable() }).nullable(),
      last: z.object({ state: z.enum(['running', 'done', 'failed']), startedAt: z.string(), pulled: z.int(), fresh: z.int(), stated: z.int().nullable(), problem: z.string().nullable() }).nullable(),
    })
    .nullable()
    .openapi({ description: 'How what they have is pulled: the connection of their source, of kind `ocpi`.' }),
  deliveries: z.object({
    waiting: z.int(),
    queued: z.int(),
    refused: z.int(),
    held: z.int().openapi({ description: 'Not sent: their partner is known to refuse them.' }),
    withheld: z.int(),
    sent: z.int(),
    hubAcknowledged: z.int(),
    seen: z.int(),
    agreed: z.int(),
    oldestQueuedAt: z.string().nullable(),
  }),
  tariffs: z
    .array(
      z.object({
        tariffId: z.string(),
        version: z.int(),
        state: z.enum(['queued', 'sent', 'refused', 'withdrawn', 'notTakenBack']),
        thereVersion: z.int().nullable().openapi({ description: 'Which version may stand there; null: none, since it was taken back.' }),
        attempts: z.int(),
        answer: z.string().nullable(),
        sentAt: z.string().nullable(),
      }),
    )
    .readonly()
    .openapi({ description: 'What it was told of our tariffs by PUT and DELETE; empty when it takes none.' }),
  waitingFor: z
    .array(z.object({ what: z.string(), sales: z.int() }))
    .readonly()
    .openapi({ description: 'What our sales wait for, that of most sales first: 20 at most.' }),
  moreWaitingFor: z.int().openapi({ description: 'How many other things some of them wait for.' }),
});
const delivery = z.object({
  cdrId: z.string(),
  kind: z.enum(['cdr', 'credit']),
  recordId: z.string(),
  revision: z.int(),
  accountId: z.string(),
  state: z.string(),
  attempts: z.int(),
  answer: z.string().nullable(),
  issues: z.array(issue).readonly().openapi({ description: 'Why it is held; looked at again when the partner’s rules change.' }),
  madeAt: z.string(),
  sentAt: z.string().nullable(),
  hubAcknowledgedAt: z.string().nullable(),
  seenAt: z.string().nullable(),
  agreedAt: z.string().nullable(),
});

/** OCPI connections: set up, register, look, retry. What peers themselves call lies under /ocpi. */
export function ocpiPeerRoutes(app: OpenAPIHono<ApiEnv>, deps: OcpiDeps): void {
  const { store, orders } = deps;
  const found = async (id: string) => {
    const [peer] = await peerOverview(store.pool, id);
    if (peer === undefined) throw new Problem(404, 'notFound', `There is no OCPI connection "${id}".`);
    return peer;
  };
  const originOf = (url: string) => deps.publicUrl ?? new URL(url).origin;

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/ocpi/peers',
      tags,
      summary: 'OCPI connections: state, last sweep, and what waits to be sent',
      middleware: allow(...readers),
      responses: { 200: json(z.object({ items: z.array(overview).readonly() }), 'All of them.'), ...problems },
    }),
    async (c) => c.json({ items: await peerOverview(store.pool) }, 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/ocpi/peers/{peerId}',
      tags,
      summary: 'One connection',
      middleware: allow(...readers),
      request: { params: peerId },
      responses: { 200: json(overview, 'The connection.'), ...problems },
    }),
    async (c) => c.json(await found(c.req.valid('param').peerId), 200),
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: '/v1/ocpi/peers/{peerId}',
      tags,
      summary: 'Set a connection up, or change it',
      description: 'A registration stays as it is. Sales of a partner from its sendFrom on are sent, also those that stand already.',
      middleware: allow(...may.connect),
      request: { params: peerId, headers: idempotencyHeader, body: body(setUp) },
      responses: { 200: json(overview, 'As it is now.'), ...problems },
    }),
    async (c) => {
      const { peerId: id } = c.req.valid('param');
      await store.tx((db) => putPeer(db, { id, ...c.req.valid('json') }, byOf(c)));
      return c.json(await found(id), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: '/v1/ocpi/locations/{siteId}',
      tags,
      summary: 'What a CDR says of a site: address, place, connector',
      middleware: allow(...may.connect),
      request: { params: z.object({ siteId: z.string().openapi({ param: { name: 'siteId', in: 'path' } }) }), headers: idempotencyHeader, body: body(ocpiLocation) },
      responses: { 200: json(z.object({ siteId: z.string() }), 'Kept; sales that waited for it go on.'), ...problems },
    }),
    async (c) => {
      const { siteId } = c.req.valid('param');
      await store.tx((db) => putLocation(db, siteId, c.req.valid('json'), byOf(c)));
      return c.json({ siteId }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/ocpi/peers/{peerId}/invitation',
      tags,
      summary: 'Invite a peer to register here: a token, shown once, and our versions URL',
      middleware: allow(...may.connect),
      request: { params: peerId },
      responses: { 201: json(z.object({ token: z.string(), versionsUrl: z.string() }), 'Hand both over on a safe way; an earlier invitation is void.'), ...problems },
    }),
    async (c) => {
      // Not to be kept anywhere, the answers under an Idempotency-Key included.
      c.header('cache-control', 'no-store');
      return c.json(await invite(deps, c.req.valid('param').peerId, originOf(c.req.url), byOf(c)), 201);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/ocpi/peers/{peerId}/registration',
      tags,
      summary: 'Register us at a peer that invited us; without its invitation, renew tokens and endpoints of one that is registered',
      middleware: allow(...may.connect),
      request: {
        params: peerId,
        body: { required: false, content: { 'application/json': { schema: z.strictObject({ versionsUrl: ocpiUrl, token: z.string().min(1).max(64) }).partial() } } },
      },
      responses: {
        200: json(z.object({ version: z.enum(ocpiVersions) }), 'Registered in the newest version both speak.'),
        ...problems,
        502: problemBody('The peer cannot be reached or refused; nothing was changed.'),
      },
    }),
    async (c) => {
      const { versionsUrl, token } = c.req.valid('json') ?? {};
      if ((versionsUrl === undefined) !== (token === undefined)) throw new Problem(422, 'invalid', 'Send versionsUrl and token, or neither to renew.');
      const invitation = versionsUrl === undefined || token === undefined ? undefined : { versionsUrl, token };
      return c.json({ version: await registerAt(deps, c.req.valid('param').peerId, invitation, originOf(c.req.url), byOf(c)) }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/v1/ocpi/peers/{peerId}/registration',
      tags,
      summary: 'Unregister on both sides; what was sent and received stays',
      middleware: allow(...may.connect),
      request: { params: peerId },
      responses: { 200: json(z.object({ told: z.boolean().openapi({ description: 'Whether the peer took it; on our side it is over in any case.' }) }), 'Unregistered.'), ...problems },
    }),
    async (c) => c.json(await unregisterAt(deps, c.req.valid('param').peerId, byOf(c)), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/ocpi/peers/{peerId}/retry',
      tags,
      summary: 'Send again what the peer refused, and go on after its failure',
      middleware: allow(...may.connect),
      request: { params: peerId, body: whyBody },
      responses: { 202: json(z.object({ requeued: z.int(), workflowId: z.string() }), 'Under way.'), ...problems },
    }),
    async (c) => {
      const peer = await found(c.req.valid('param').peerId);
      const requeued = await store.tx((db) => retryDeliveries(db, peer.peerId, { ...byOf(c), reason: c.req.valid('json')?.reason }));
      return c.json({ requeued, workflowId: await orders.retryPush(peer.peerId) }, 202);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/ocpi/peers/{peerId}/deliveries',
      tags,
      summary: 'Our CDRs for this peer, newest first: sent, acknowledged by the hub, seen by the partner, agreed',
      middleware: allow(...readers),
      request: { params: peerId, query: pageQuery.extend({ state: z.enum(['queued', 'sent', 'refused', 'held', 'withheld', 'pullOnly', 'withdrawn']).optional() }) },
      responses: { 200: json(pageOf(delivery), 'A page.'), ...problems },
    }),
    async (c) => {
      const peer = await found(c.req.valid('param').peerId);
      return c.json(await deliveriesOf(store.pool, peer.peerId, c.req.valid('query')), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/ocpi/peers/{peerId}/by-document',
      tags,
      summary: 'Settle CDRs that are held by the partner’s document alone',
      description: 'Neither they nor what corrects them is sent.',
      middleware: allow(...may.connect),
      request: { params: peerId, headers: idempotencyHeader, body: body(z.strictObject({ cdrIds: z.array(z.string().min(1)).min(1).max(5000), reason })) },
      responses: { 200: json(z.object({ withheld: z.int() }), 'No longer held.'), ...problems },
    }),
    async (c) => {
      const peer = await found(c.req.valid('param').peerId);
      const { cdrIds, reason: why } = c.req.valid('json');
      return c.json({ withheld: await store.tx((db) => settleByDocument(db, peer.peerId, cdrIds, { ...byOf(c), reason: why })) }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/ocpi/peers/{peerId}/agreements',
      tags,
      summary: 'Note that the partner agreed to CDRs',
      middleware: allow(...may.connect, 'finance-preparer'),
      request: { params: peerId, headers: idempotencyHeader, body: body(z.strictObject({ cdrIds: z.array(z.string().min(1)).min(1).max(5000), reason })) },
      responses: { 200: json(z.object({ agreed: z.int() }), 'Newly agreed.'), ...problems },
    }),
    async (c) => {
      const peer = await found(c.req.valid('param').peerId);
      const { cdrIds, reason: why } = c.req.valid('json');
      return c.json({ agreed: await store.tx((db) => agreeToCdrs(db, peer.peerId, cdrIds, { ...byOf(c), reason: why })) }, 200);
    },
  );
}
