import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { expectationSchema } from '../../contracts/completeness.ts';
import { cancelExpectations, openExpectations } from '../../store/commands/expectations.ts';
import type { Store } from '../../store/db.ts';
import { listExpectations } from '../../store/reads/expectations.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { knownSource } from '../known-source.ts';
import type { Orders } from '../orders.ts';
import { readRows } from '../read-rows.ts';
import { body, idempotencyHeader, json, pageOf, pageQuery, problems, reason, refusedLines, sourceId, wh } from '../schemas.ts';
import { wakeRuns } from '../wake-runs.ts';
import { byOf } from './run-context.ts';

const tags = ['Completeness'];
const expectation = z
  .object({
    sourceId: z.string(),
    key: z.string(),
    kind: z.enum(['session', 'authorization', 'offline']),
    openedAt: z.string(),
    ageDays: z.int(),
    sessionId: z.string().nullable(),
    authorizationId: z.string().nullable(),
    evseId: z.string().nullable(),
    siteId: z.string().nullable(),
    tokenRef: z.string().nullable(),
    energyWh: wh.nullable(),
    atRisk: z.object({ amount: z.string(), currency: z.string() }).nullable(),
    state: z.enum(['open', 'matched', 'cancelled']),
    resolved: z.object({ at: z.string(), by: z.string(), reason: z.string().nullable(), recordId: z.string().nullable() }).nullable(),
  })
  .openapi('Expectation');

/** CDRs that a source owes. */
export function expectationRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: { readonly store: Store; readonly orders: Orders }): void {
  const db = store.pool;

  const opened = z.object({ key: z.string(), status: z.enum(['opened', 'updated', 'resolved']) });
  app.openAPIRegistry.registerPath({
    method: 'post',
    path: '/v1/sources/{sourceId}/expectations',
    tags,
    summary: 'Tell of sessions, authorizations or offline chargers whose CDRs are to come',
    description: 'One JSON object or an array, NDJSON or CSV. Its key makes a row the same one again. It resolves by itself when the CDR comes. Of a token only a reference is kept.',
    request: {
      params: sourceId,
      body: {
        required: true,
        content: { 'application/json': { schema: z.union([expectationSchema, z.array(expectationSchema)]) }, 'application/x-ndjson': { schema: z.string() }, 'text/csv': { schema: z.string() } },
      },
    },
    responses: { 200: json(z.object({ items: z.array(opened), refused: refusedLines }), '`resolved`: its CDR is here already, or it was resolved before.'), ...problems },
  });
  app.post('/v1/sources/:sourceId/expectations', allow('partner', 'ops', 'admin'), async (c) => {
    const read = readRows(Buffer.from(await c.req.arrayBuffer()), c.req.header('content-type'), expectationSchema);
    const rows = read.rows.map((r) => r.row);
    const items = rows.length === 0 ? [] : await store.tx((tx) => openExpectations(tx, c.req.param('sourceId'), rows, byOf(c)));
    return c.json({ items, refused: read.refused }, 200);
  });

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/sources/{sourceId}/expectations',
      tags,
      summary: 'CDRs that a source owes, with their age and what is at risk',
      middleware: allow('partner', ...readers),
      request: { params: sourceId, query: pageQuery.extend({ state: z.enum(['open', 'matched', 'cancelled']).optional() }) },
      responses: { 200: json(pageOf(expectation), 'Oldest first.'), ...problems },
    }),
    async (c) => {
      const { state, ...page } = c.req.valid('query');
      return c.json(await listExpectations(db, await knownSource(db, c.req.valid('param')), state, page), 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/sources/{sourceId}/expectations/cancellations',
      tags,
      summary: 'Say that expected CDRs will never come, and why',
      middleware: allow('ops', 'finance-preparer', 'admin'),
      request: { params: sourceId, headers: idempotencyHeader, body: body(z.strictObject({ keys: z.array(z.string().min(1).max(200)).min(1).max(10_000), reason })) },
      responses: { 200: json(z.object({ cancelled: z.int() }), 'How many were open.'), ...problems },
    }),
    async (c) => {
      const id = c.req.valid('param').sourceId;
      const result = await store.tx((tx) => cancelExpectations(tx, { sourceId: id, ...c.req.valid('json') }, byOf(c)));
      if (result.cancelled > 0) await wakeRuns({ store, orders }, id, { from: new Date(0), to: new Date() });
      return c.json(result, 200);
    },
  );
}
