import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { signDrift } from '../../store/commands/sign-drift.ts';
import { takeOverErp } from '../../store/commands/take-over-erp.ts';
import { listDrifts, listErpConnections } from '../../store/reads/erp-connections.ts';
import { allow, may, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { body, idempotencyHeader, json, number, pageOf, pageQuery, problems, reason } from '../schemas.ts';
import { connectionId, erpTags } from './erp-postings.ts';
import { byOf, type RunDeps } from './run-context.ts';

const connection = z
  .object({
    connectionId: z.string(),
    entityId: z.string(),
    adapter: z.string(),
    production: z.boolean(),
    validFrom: z.string(),
    validTo: z.string().nullable(),
    postings: z.record(z.string(), z.int()).openapi({ description: 'How many are in each state.' }),
    comparedAt: z.string().nullable(),
    drifts: z.int(),
    periods: z
      .array(z.object({ month: z.string(), here: z.enum(['open', 'softClosed', 'closed']), there: z.enum(['open', 'closed']), words: z.string().nullable(), foundAt: z.string() }))
      .readonly()
      .openapi({ description: 'Months that are closed here or there alone, as seen before the last hand-over and each night.' }),
  })
  .openapi('ErpConnection');
const drift = z
  .object({
    driftId: z.string(),
    connectionId: z.string(),
    key: z.string(),
    kind: z.enum(['missing', 'differs', 'reversed', 'unknownThere']),
    words: z.string(),
    foundAt: z.string(),
    seenAt: z.string(),
    clearedAt: z.string().nullable().openapi({ description: 'Since when it is as it was sent again.' }),
    signedBy: z.string().nullable().openapi({ description: 'Who signed that it may stay so: it no longer keeps a run or a month from closing.' }),
    signedReason: z.string().nullable(),
  })
  .openapi('ErpDrift');

/** ERP connections, one taking over from another, and what drifted in them. */
export function erpConnectionRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: RunDeps): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/erp-connections',
      tags: erpTags,
      summary: 'ERP connections, when each holds and what it holds',
      middleware: allow(...readers),
      responses: { 200: json(z.object({ items: z.array(connection).readonly() }), 'By entity and day. Settings are not shown.'), ...problems },
    }),
    async (c) => c.json({ items: await listErpConnections(store.pool) }, 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/entities/{entityId}/erp-connections',
      tags: erpTags,
      summary: 'Have a new ERP connection take over on a day',
      description: 'Documents issued from that day on go to it; the one before ends then, and keeps what it holds. Secrets stand in files that the settings name.',
      middleware: allow('admin'),
      request: {
        params: z.object({ entityId: z.string().openapi({ param: { name: 'entityId', in: 'path' } }) }),
        headers: idempotencyHeader,
        body: body(
          z.strictObject({
            connectionId: z.string().regex(/^[a-z][a-z0-9_]{0,59}$/, 'small letters, digits and underscores'),
            adapter: z.enum(['files', 'tryton', 'http', 'businessCentral']),
            settings: z.record(z.string(), z.unknown()).default({}),
            production: z.boolean().default(false),
            from: z.iso.date(),
            reason,
          }),
        ),
      },
      responses: { 200: json(z.object({ ended: z.string().nullable().openapi({ description: 'The connection that ends that day.' }) }), 'Planned.'), ...problems },
    }),
    async (c) => {
      const { reason: why, ...order } = c.req.valid('json');
      return c.json(await store.tx((db) => takeOverErp(db, { ...order, entityId: c.req.valid('param').entityId }, why, byOf(c))), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/erp-drifts',
      tags: erpTags,
      summary: 'Where an ERP holds something else than was handed over',
      description: 'As the nightly comparison found it: gone, changed, taken back there, or never sent. It changes nothing there. What is not signed keeps its run and its month from closing.',
      middleware: allow(...readers),
      request: {
        query: pageQuery.extend({
          connectionId: z.string().optional(),
          all: z.enum(['true', 'false']).default('false').openapi({ description: 'Also what is as it was sent again.' }),
        }),
      },
      responses: { 200: json(pageOf(drift), 'Newest first.'), ...problems },
    }),
    async (c) => {
      const { connectionId: id, all, ...page } = c.req.valid('query');
      return c.json(await listDrifts(store.pool, { connectionId: id, all: all === 'true' }, page), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/erp-drifts/{driftId}/signature',
      tags: erpTags,
      summary: 'Sign that what an ERP holds otherwise may stay so',
      description: 'It no longer keeps its run or its month from closing, as long as it is just that.',
      middleware: allow(...may.skipPostings),
      request: { params: z.object({ driftId: number.openapi({ param: { name: 'driftId', in: 'path' } }) }), headers: idempotencyHeader, body: body(z.strictObject({ reason })) },
      responses: { 200: json(z.object({ signed: z.literal(true) }), 'Signed.'), ...problems },
    }),
    async (c) => {
      const { run } = await store.tx((db) => signDrift(db, c.req.valid('param').driftId, c.req.valid('json').reason, byOf(c)));
      if (run !== null) await orders.retry(run);
      return c.json({ signed: true as const }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/erp-connections/{connectionId}/comparison',
      tags: erpTags,
      summary: 'Compare now, as each night, and ask what is paid',
      middleware: allow(...may.retryPostings),
      request: { params: connectionId, headers: idempotencyHeader },
      responses: { 202: json(z.object({ workflowId: z.string() }), 'Begun.'), ...problems },
    }),
    async (c) => {
      const id = c.req.valid('param').connectionId;
      if (!(await listErpConnections(store.pool)).some((known) => known.connectionId === id)) throw new Problem(404, 'notFound', `There is no ERP connection "${id}".`);
      return c.json({ workflowId: await orders.compareErp(id) }, 202);
    },
  );
}
