import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { sourceConnectionSchema } from '../../contracts/source-connection.ts';
import { connectSource } from '../../store/commands/connect-source.ts';
import { revokeWebhookSecret, rotateWebhookSecret } from '../../store/commands/webhook-secrets.ts';
import type { Store } from '../../store/db.ts';
import { connectionView, listSweeps } from '../../store/reads/sweeps.ts';
import { listWebhookSecrets } from '../../store/reads/webhook-secrets.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { knownSource } from '../known-source.ts';
import type { Orders } from '../orders.ts';
import { Problem } from '../problem.ts';
import { body, idempotencyHeader, instant, json, pageOf, pageQuery, problems, reason, sourceId } from '../schemas.ts';
import { byOf } from './run-context.ts';

const tags = ['Networks'];
const counts = z
  .object({
    at: z.string(),
    until: z.string().nullable(),
    days: z.int(),
    stated: z.int().openapi({ description: 'Days with X-Total-Count: 0 of a peer that sends none.' }),
    problem: z.string().nullable(),
  })
  .openapi({ description: 'How the last look went at how many CDRs an OCPI peer has of each day.' });
const connection = z
  .object({ sourceId: z.string(), version: z.int(), settings: sourceConnectionSchema, sweptUntil: z.string().nullable(), counts: counts.nullable(), author: z.string(), changedAt: z.string() })
  .openapi('SourceConnection');
const sweep = z
  .object({
    id: z.string(),
    workflowId: z.string(),
    from: z.string(),
    to: z.string(),
    state: z.enum(['running', 'done', 'failed']),
    pages: z.int(),
    pulled: z.int().openapi({ description: 'CDRs that came.' }),
    fresh: z.int().openapi({ description: 'Those that were new or changed.' }),
    stated: z.int().nullable().openapi({ description: 'How many the other side said there were.' }),
    problem: z.string().nullable(),
    startedAt: z.string(),
    finishedAt: z.string().nullable(),
  })
  .openapi('Sweep');
const window = z.strictObject({ from: instant, to: instant }).refine((w) => Date.parse(w.from) < Date.parse(w.to), 'from lies before to');

/** How sources are reached: pulled, by folder, or by a webhook that signs. */
export function sourceConnectionRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: { readonly store: Store; readonly orders: Orders }): void {
  const setters = allow('admin');
  app.openapi(
    createRoute({
      method: 'put',
      path: '/v1/sources/{sourceId}/connection',
      tags,
      summary: 'Say how the CDRs of a source are fetched',
      description: 'A Schedule looks from now on. Passwords stand in files of the worker, never here.',
      middleware: setters,
      request: { params: sourceId, headers: idempotencyHeader, body: body(z.strictObject({ settings: sourceConnectionSchema, reason })) },
      responses: { 200: json(z.object({ version: z.int(), changed: z.boolean() }), 'Set.'), ...problems },
    }),
    async (c) => {
      const id = c.req.valid('param').sourceId;
      const { settings, reason: why } = c.req.valid('json');
      const made = await store.tx((db) => connectSource(db, { sourceId: id, settings, reason: why }, byOf(c)));
      await orders.scheduleLooks(id, settings);
      return c.json(made, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/sources/{sourceId}/connection',
      tags,
      summary: 'How the CDRs of a source are fetched, and how far that is',
      middleware: allow(...readers),
      request: { params: sourceId },
      responses: { 200: json(connection, 'Its connection.'), ...problems },
    }),
    async (c) => {
      const id = await knownSource(store.pool, c.req.valid('param'));
      const found = await connectionView(store.pool, id);
      if (found === undefined) throw new Problem(404, 'notFound', `Source "${id}" has no connection: PUT gives it one.`);
      return c.json(found, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/sources/{sourceId}/sweeps',
      tags,
      summary: 'Look at a source now',
      description: 'From where the last full look ended, or a window of its own, such as after an outage. While one is under way it is the one that is answered.',
      middleware: allow('ops', 'admin'),
      request: { params: sourceId, headers: idempotencyHeader, body: { required: false as const, content: { 'application/json': { schema: z.strictObject({ window: window.optional() }) } } } },
      responses: { 202: json(z.object({ workflowId: z.string() }), 'The workflow looks; GET …/sweeps shows how far it is.'), ...problems },
    }),
    async (c) => {
      const id = await knownSource(store.pool, c.req.valid('param'));
      if ((await connectionView(store.pool, id)) === undefined) throw new Problem(409, 'wrongState', `Source "${id}" has no connection: PUT /v1/sources/${id}/connection gives it one.`);
      const asked = c.req.valid('json')?.window;
      return c.json({ workflowId: await orders.sweep({ sourceId: id, ...(asked === undefined ? {} : { window: asked }) }) }, 202);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/sources/{sourceId}/sweeps',
      tags,
      summary: 'The looks at a source, and what each brought',
      middleware: allow(...readers),
      request: { params: sourceId, query: pageQuery },
      responses: { 200: json(pageOf(sweep), 'Newest first.'), ...problems },
    }),
    async (c) => c.json(await listSweeps(store.pool, await knownSource(store.pool, c.req.valid('param')), c.req.valid('query')), 200),
  );

  const days = z.strictObject({ from: z.iso.date(), to: z.iso.date() }).refine((w) => w.from <= w.to, 'from lies before to');
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/sources/{sourceId}/counts',
      tags,
      summary: 'Ask an OCPI peer now how many CDRs it has of each day',
      description: 'Of the last closed days and of those that differed, or of a window of at most 62 days, both ends included. Each night it is asked by itself.',
      middleware: allow('ops', 'admin'),
      request: { params: sourceId, headers: idempotencyHeader, body: { required: false as const, content: { 'application/json': { schema: z.strictObject({ window: days.optional() }) } } } },
      responses: { 202: json(z.object({ workflowId: z.string() }), 'The workflow asks; GET …/connection shows how it went, …/completeness what came of it.'), ...problems },
    }),
    async (c) => {
      const id = await knownSource(store.pool, c.req.valid('param'));
      if ((await connectionView(store.pool, id))?.settings.kind !== 'ocpi')
        throw new Problem(409, 'wrongState', `Source "${id}" is not pulled from an OCPI peer: PUT /v1/sources/${id}/connection with kind ocpi.`);
      const asked = c.req.valid('json')?.window;
      return c.json({ workflowId: await orders.count({ sourceId: id, ...(asked === undefined ? {} : { window: asked }) }) }, 202);
    },
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/sources/{sourceId}/webhook-secrets',
      tags,
      summary: 'Make a secret for the source’s webhook',
      description: 'It is told once. Those in force end after the overlap, in which both hold.',
      middleware: setters,
      request: { params: sourceId, headers: idempotencyHeader, body: body(z.strictObject({ overlapHours: z.number().min(0).max(720).default(24) })) },
      responses: { 201: json(z.object({ secretId: z.string(), secret: z.string(), othersValidUntil: z.string() }), 'Keep it: it is not shown again.'), ...problems },
    }),
    async (c) => {
      const made = await store.tx((db) => rotateWebhookSecret(db, { sourceId: c.req.valid('param').sourceId, ...c.req.valid('json') }, new Date(), byOf(c)));
      c.header('cache-control', 'no-store');
      return c.json({ ...made, othersValidUntil: made.othersValidUntil.toISOString() }, 201);
    },
  );

  const secretView = z.object({ secretId: z.string(), madeAt: z.string(), validUntil: z.string().nullable(), author: z.string() });
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/sources/{sourceId}/webhook-secrets',
      tags,
      summary: 'Which secrets the source’s webhook has, without themselves',
      middleware: allow(...readers),
      request: { params: sourceId, query: pageQuery },
      responses: { 200: json(pageOf(secretView), 'Newest first.'), ...problems },
    }),
    async (c) => c.json(await listWebhookSecrets(store.pool, await knownSource(store.pool, c.req.valid('param')), c.req.valid('query')), 200),
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/sources/{sourceId}/webhook-secrets/{secretId}/revocation',
      tags,
      summary: 'End a secret at once',
      middleware: setters,
      request: { params: sourceId.extend({ secretId: z.string().openapi({ param: { name: 'secretId', in: 'path' } }) }), headers: idempotencyHeader, body: body(z.strictObject({ reason })) },
      responses: { 200: json(z.object({ status: z.literal('revoked') }), 'Nothing signed with it is believed any more.'), ...problems },
    }),
    async (c) => {
      await store.tx((db) => revokeWebhookSecret(db, { ...c.req.valid('param'), ...c.req.valid('json') }, new Date(), byOf(c)));
      return c.json({ status: 'revoked' as const }, 200);
    },
  );
}
