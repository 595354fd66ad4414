import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { expungeMessage } from '../../store/commands/expunge-message.ts';
import type { Store } from '../../store/db.ts';
import { listRecords, sealedRecord } from '../../store/reads/records.ts';
import { timelineOf } from '../../store/reads/timeline.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { body, idempotencyHeader, json, money, number, pageOf, pageQuery, problems, reason, wh } from '../schemas.ts';
import { noRecord, noRevision, recordId, revisionQuery, visibleRecord } from './record-lookup.ts';
import { byOf } from './run-context.ts';

const record = z
  .object({
    recordId: z.string(),
    sourceId: z.string(),
    recordKey: z.string(),
    state: z.enum(['received', 'quarantined', 'rejected', 'parked', 'booked']),
    revision: z.int(),
    sessionKey: z.string(),
    siteId: z.string().nullable(),
    accountId: z.string().nullable(),
    token: z.string().nullable().openapi({ description: 'UID of the token; null once it was erased.' }),
    serviceMonth: z.string().nullable(),
    energyWh: wh,
    waitingFor: z.string().nullable().openapi({ description: 'With state `booked`: what is billed stands, and a newer version waits.' }),
    waitingSince: z.string().nullable(),
    atRisk: z.object({ currency: z.string(), net: money }).nullable().openapi({ description: 'Net of what waits; null where it cannot be told yet.' }),
    linkedTo: z.string().nullable().openapi({ description: 'The record of the same session by another route, which is billed instead.' }),
    issues: z.array(z.object({ code: z.string(), severity: z.string(), text: z.string() })).readonly(),
    updatedAt: z.string(),
  })
  .openapi('Record');

/** Charge records: where each stands and why, and decisions on what waits. */
export function recordRoutes(app: OpenAPIHono<ApiEnv>, { store }: { readonly store: Store }): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/records',
      tags: ['Records'],
      summary: 'Records, newest first',
      middleware: allow(...readers),
      request: {
        query: pageQuery.extend({
          state: record.shape.state.optional(),
          sourceId: z.string().optional(),
          cause: z.string().optional().openapi({ description: 'Only those that wait, and for this cause.' }),
          token: z.string().optional().openapi({ description: 'UID of a token, as its source writes it.' }),
          sessionId: z.string().optional().openapi({ description: 'The source’s own id of the session.' }),
        }),
      },
      responses: { 200: json(pageOf(record), 'Records.'), ...problems },
    }),
    async (c) => c.json(await listRecords(store.pool, c.req.valid('query')), 200),
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/records/{id}',
      tags: ['Records'],
      summary: 'A record and its sealed JSON',
      middleware: allow('partner', ...readers),
      request: { params: recordId, query: revisionQuery },
      responses: {
        200: json(record.extend({ sealed: z.object({ revision: z.int(), recordHash: z.string(), record: z.any() }).nullable() }), 'The record; `sealed` is null while it waits.'),
        ...problems,
      },
    }),
    async (c) => {
      const { id } = c.req.valid('param');
      const view = await visibleRecord(store.pool, id, c.get('caller').sourceId);
      if (view === undefined) throw noRecord(id);
      const { revision } = c.req.valid('query');
      const sealed = await sealedRecord(store.pool, view.recordId, revision);
      if (sealed === undefined && revision !== undefined) throw noRevision(id, revision);
      return c.json({ ...view, sealed: sealed === undefined ? null : { revision: sealed.revision, recordHash: sealed.recordHash, record: JSON.parse(sealed.canonical.toString('utf8')) } }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/records/{id}/timeline',
      tags: ['Records'],
      summary: 'What happened to a CDR, and why it is (not) on an invoice',
      middleware: allow('partner', ...readers),
      request: { params: recordId },
      responses: {
        200: json(
          z.object({
            sourceId: z.string(),
            recordKey: z.string(),
            state: z.string(),
            answer: z.string(),
            events: z.array(z.object({ at: z.string(), event: z.string(), text: z.string() })).readonly(),
          }),
          'Oldest first.',
        ),
        ...problems,
      },
    }),
    async (c) => {
      const { id } = c.req.valid('param');
      const view = await visibleRecord(store.pool, id, c.get('caller').sourceId);
      const at = id.indexOf('/');
      const key = view ?? { sourceId: id.slice(0, Math.max(at, 0)), recordKey: id.slice(at + 1) };
      const timeline = await timelineOf(store.pool, { sourceId: key.sourceId, recordKey: key.recordKey }, view);
      if (timeline === undefined) throw new Problem(404, 'notFound', `Nothing was received under "${id}".`);
      return c.json(timeline, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/messages/{id}/expunge',
      tags: ['Records'],
      summary: 'Expunge the bytes of a stored message for good',
      description: 'For erasure. Hash, length, reason and actor stay; what was sealed stays provable.',
      middleware: allow('admin'),
      request: {
        params: z.object({ id: number.openapi({ param: { name: 'id', in: 'path' }, description: 'The message’s number, as the timeline shows it.' }) }),
        headers: idempotencyHeader,
        body: body(z.strictObject({ reason })),
      },
      responses: { 200: json(z.object({ expunged: z.boolean().openapi({ description: 'False: it was expunged before.' }) }), 'Gone.'), ...problems },
    }),
    async (c) => c.json(await store.tx((db) => expungeMessage(db, c.req.valid('param').id, c.req.valid('json').reason, byOf(c))), 200),
  );
}
