import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { controlTotalSchema, dayOrMonth } from '../../contracts/completeness.ts';
import { acceptControlTotal, stateControlTotals } from '../../store/commands/state-control-totals.ts';
import { stateWatermark } from '../../store/commands/state-watermark.ts';
import type { Store } from '../../store/db.ts';
import { completenessOf, statedTotals } from '../../store/reads/completeness.ts';
import { spanOf, watermarksOf } from '../../store/reads/watermarks.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { knownSource, noSource } from '../known-source.ts';
import type { Orders } from '../orders.ts';
import { readRows } from '../read-rows.ts';
import { atRisk, body, idempotencyHeader, instant, json, month, pageOf, pageQuery, problems, reason, refusedLines, sourceId, wh } from '../schemas.ts';
import { wakeRuns } from '../wake-runs.ts';
import { byOf } from './run-context.ts';

const tags = ['Completeness'];
const decimal = z.string().openapi({ example: '12.3400' });
const totals = z.object({ count: z.int(), energyWh: wh.nullable(), amount: decimal.nullable() });
const partyShown = z.string().nullable().openapi({ description: 'Owner of the CDRs behind a hub, null for those of all.' });
const watermark = z.object({ completeUntil: z.string(), origin: z.string(), reason: z.string().nullable(), author: z.string(), statedAt: z.string() });
export const controlDay = z
  .object({
    on: z.string().openapi({ description: 'A day, or a month.' }),
    origin: z.string(),
    party: partyShown,
    countedBy: z.enum(['sessionEnd', 'lastUpdated']).openapi({ description: '`lastUpdated`: how many CDRs an OCPI peer says it has that were last updated on that day.' }),
    version: z.int(),
    currency: z.string().nullable(),
    stated: totals.nullable(),
    received: totals,
    difference: totals.nullable().openapi({ description: 'received − stated' }),
    unpriced: z.int().openapi({ description: 'CDRs that wait, so that what they say they cost is not known: the amount is not compared.' }),
    status: z.enum(['equal', 'tolerated', 'accepted', 'differs', 'missing']),
  })
  .openapi('ControlDay');
const completeness = z
  .object({
    sourceId: z.string(),
    month: z.string(),
    timeZone: z.string(),
    completeUntil: z.string().nullable(),
    monthComplete: z.boolean(),
    days: z.array(controlDay).readonly(),
    undated: z.int(),
    missing: z.object({ open: z.int(), energyWh: wh, atRisk }),
  })
  .openapi('SourceCompleteness');

/** What sources say of their own completeness, held against what arrived. */
export function completenessRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: { readonly store: Store; readonly orders: Orders }): void {
  const db = store.pool;
  const wake = (id: string, time: Parameters<typeof wakeRuns>[2], by?: 'end') => wakeRuns({ store, orders }, id, time, by);
  const senders = allow('partner', 'ops', 'admin');
  const signers = allow('finance-preparer', 'finance-approver');

  app.openapi(
    createRoute({
      method: 'put',
      path: '/v1/sources/{sourceId}/watermark',
      tags,
      summary: 'State until when a source has delivered everything',
      description: 'Whatever ended before. It goes back only with a reason. The same instant again changes nothing.',
      middleware: senders,
      request: { params: sourceId, headers: idempotencyHeader, body: body(z.strictObject({ completeUntil: instant, reason: reason.optional() })) },
      responses: { 200: json(z.object({ completeUntil: z.string(), changed: z.boolean() }), 'Kept.'), ...problems },
    }),
    async (c) => {
      const id = c.req.valid('param').sourceId;
      const { completeUntil, reason: why } = c.req.valid('json');
      const origin = c.get('caller').roles.includes('partner') ? 'partner' : 'ops';
      const stated = await store.tx((tx) => stateWatermark(tx, { sourceId: id, completeUntil: new Date(completeUntil), origin, reason: why }, new Date(), byOf(c)));
      await wake(id, stated.crossed, 'end');
      return c.json({ completeUntil: stated.completeUntil.toISOString(), changed: stated.changed }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/sources/{sourceId}/watermarks',
      tags,
      summary: 'What a source said of how far it is complete',
      middleware: allow('partner', ...readers),
      request: { params: sourceId, query: pageQuery },
      responses: { 200: json(pageOf(watermark), 'Newest first; the first one holds.'), ...problems },
    }),
    async (c) => {
      const id = c.req.valid('param').sourceId;
      const page = await watermarksOf(db, id, c.req.valid('query'));
      if (page === undefined) throw noSource(id);
      return c.json(page, 200);
    },
  );

  const stated = z.object({ on: z.string(), party: partyShown, origin: z.string(), version: z.int(), status: z.enum(['stated', 'corrected', 'repeated']) });
  app.openAPIRegistry.registerPath({
    method: 'post',
    path: '/v1/sources/{sourceId}/control-totals',
    tags,
    summary: 'State how many CDRs a source sent of each day or month, with their energy and what they cost',
    description:
      'One JSON object or an array, NDJSON, or CSV with a header (`on`, `count`, `energyWh`, `amount`, `currency`, `origin`, `party`). The same figures again are a repeat, others the next version. A bad line is answered with its own errors, the good ones go on.',
    request: {
      params: sourceId,
      body: {
        required: true,
        content: { 'application/json': { schema: z.union([controlTotalSchema, z.array(controlTotalSchema)]) }, 'application/x-ndjson': { schema: z.string() }, 'text/csv': { schema: z.string() } },
      },
    },
    responses: { 200: json(z.object({ items: z.array(stated), refused: refusedLines }), 'What was kept, and which lines were not.'), ...problems },
  });
  app.post('/v1/sources/:sourceId/control-totals', senders, async (c) => {
    const id = c.req.param('sourceId');
    const read = readRows(Buffer.from(await c.req.arrayBuffer()), c.req.header('content-type'), controlTotalSchema);
    const rows = read.rows.map((r) => r.row);
    const items = rows.length === 0 ? [] : await store.tx((tx) => stateControlTotals(tx, id, rows, byOf(c)));
    await wake(id, spanOf(items.filter((i) => i.status !== 'repeated').map((i) => i.on)));
    return c.json({ items, refused: read.refused }, 200);
  });

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/sources/{sourceId}/control-totals',
      tags,
      summary: 'What a source stated of a month, every version',
      middleware: allow('partner', ...readers),
      request: { params: sourceId, query: month },
      responses: {
        200: json(
          z.object({
            items: z
              .array(totals.extend({ on: z.string(), party: partyShown, origin: z.string(), version: z.int(), currency: z.string().nullable(), author: z.string(), receivedAt: z.string() }))
              .readonly(),
          }),
          'By day, origin and version.',
        ),
        ...problems,
      },
    }),
    async (c) => c.json({ items: await statedTotals(db, await knownSource(db, c.req.valid('param')), c.req.valid('query').month) }, 200),
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/sources/{sourceId}/control-totals/acceptances',
      tags,
      summary: 'Sign that the difference of a day’s total is right as it is',
      description: 'It holds while neither side changes. Who signs cannot approve the run.',
      middleware: signers,
      request: {
        params: sourceId,
        headers: idempotencyHeader,
        body: body(z.strictObject({ on: dayOrMonth, origin: z.string().default('source'), party: z.string().nullable().default(null), reason })),
      },
      responses: { 200: json(z.object({ status: z.literal('accepted') }), 'Signed.'), ...problems },
    }),
    async (c) => {
      const id = c.req.valid('param').sourceId;
      const order = c.req.valid('json');
      const result = await store.tx((tx) => acceptControlTotal(tx, { sourceId: id, ...order }, byOf(c)));
      await wake(id, spanOf([order.on]));
      return c.json(result, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/sources/{sourceId}/completeness',
      tags,
      summary: 'What a source says it sent of a month, held against what arrived',
      description: 'Each CDR counts once, in its current revision; held and rejected ones count too.',
      middleware: allow('partner', ...readers),
      request: { params: sourceId, query: month },
      responses: { 200: json(completeness, 'By day, in the zone of the source.'), ...problems },
    }),
    async (c) => {
      const id = c.req.valid('param').sourceId;
      const found = await completenessOf(db, id, c.req.valid('query').month);
      if (found === undefined) throw noSource(id);
      return c.json(found, 200);
    },
  );
}
