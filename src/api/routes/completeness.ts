import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { controlTotalSchema, dayOrMonth, expectationSchema } from '../../contracts/completeness.ts';
import { cancelExpectations, openExpectations } from '../../store/commands/expectations.ts';
import { acceptControlTotal, stateControlTotals } from '../../store/commands/state-control-totals.ts';
import { stateWatermark } from '../../store/commands/state-watermark.ts';
import type { Store } from '../../store/db.ts';
import { collectingOf, proposedCutOffs } from '../../store/reads/collecting.ts';
import { completenessOf, statedTotals } from '../../store/reads/completeness.ts';
import { listExpectations } from '../../store/reads/expectations.ts';
import { siteLosses } from '../../store/reads/site-losses.ts';
import { vehicleEvidence } from '../../store/reads/vehicle-evidence.ts';
import { spanOf, watermarksOf } from '../../store/reads/watermarks.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import type { Orders } from '../orders.ts';
import { Problem } from '../problem.ts';
import { readRows } from '../read-rows.ts';
import { body, idempotencyHeader, instant, json, pageOf, pageQuery, problems, reason, runId, sourceId, wh } from '../schemas.ts';
import { wakeRuns } from '../wake-runs.ts';
import { byOf, runTags, startOf } from './run-context.ts';

const tags = ['Completeness'];
const month = z.object({ month: z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/, 'a month such as 2019-12') });
const decimal = z.string().openapi({ example: '12.3400' });
const totals = z.object({ count: z.int(), energyWh: wh.nullable(), amount: decimal.nullable() });
const partyShown = z.string().nullable().openapi({ description: 'Owner of the CDRs behind a hub, null for those of all.' });
const atRisk = z.array(z.object({ currency: z.string(), amount: z.string() })).readonly();
const refused = z.array(z.object({ line: z.int(), errors: z.array(z.string()).readonly() })).readonly();
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
const losses = z
  .object({
    siteId: z.string(),
    connectors: z.int(),
    sessions: z.int(),
    meteredWh: wh.openapi({ description: 'What the registers rose by from the first to the last session of the month.' }),
    receivedWh: wh,
    lossesWh: wh.openapi({ description: 'Counted during sessions and not in their energy.' }),
    missingWh: wh.openapi({ description: 'Counted between sessions: no CDR tells of it.' }),
    wentBackWh: wh.openapi({ description: 'By which registers went back: a meter was changed or reset.' }),
    gaps: z.int(),
  })
  .openapi('SiteLosses');
const evidence = z
  .object({
    recordId: z.string(),
    cdrId: z.string(),
    siteId: z.string(),
    accountId: z.string(),
    startAt: z.string(),
    endAt: z.string(),
    vehicleWh: wh,
    meteredWh: wh.nullable(),
    meteredRecords: z.array(z.string()),
    status: z.enum(['agrees', 'vehicleMore', 'meterMore', 'noMeter']),
  })
  .openapi('VehicleEvidence');
export const sourceCollecting = z.object({
  sourceId: z.string(),
  name: z.string(),
  completeUntil: z.string().nullable(),
  lastArrivalAt: z.string().nullable(),
  expectations: z.object({ open: z.int(), oldest: z.string().nullable(), energyWh: wh, atRisk, unknown: z.int(), signed: z.int() }),
  controlTotals: z.object({ days: z.int(), equal: z.int(), tolerated: z.int(), accepted: z.int(), differs: z.int(), missing: z.int() }),
  complete: z.boolean(),
  waitsFor: z.array(z.string()).readonly(),
});
const collecting = z
  .object({
    runId: z.string(),
    state: z.string(),
    cutOff: z.enum(['fixed', 'automatic']),
    cutOffAt: z.string(),
    periodEnd: z.string(),
    complete: z.boolean(),
    sources: z.array(sourceCollecting.extend({ proposedCutOffAt: z.string().nullable().openapi({ description: 'By then 99.5 % of its last three months had come.' }) })).readonly(),
  })
  .openapi('Collecting');

/** What sources say of their own completeness, and what is known to be missing. */
export function completenessRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: { readonly store: Store; readonly orders: Orders }): void {
  const db = store.pool;
  const wake = (id: string, time: Parameters<typeof wakeRuns>[2], by?: 'end') => wakeRuns({ store, orders }, id, time, by);
  const noSource = (id: string) => new Problem(404, 'notFound', `There is no source "${id}".`);
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
      request: { params: sourceId, headers: idempotencyHeader, body: body(z.object({ completeUntil: instant, reason: reason.optional() })) },
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
      request: { params: sourceId },
      responses: { 200: json(z.object({ items: z.array(watermark).readonly() }), 'Newest first; the first one holds.'), ...problems },
    }),
    async (c) => {
      const id = c.req.valid('param').sourceId;
      const items = await watermarksOf(db, id);
      if (items === undefined) throw noSource(id);
      return c.json({ items }, 200);
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
      body: { required: true, content: { 'application/json': { schema: controlTotalSchema }, 'application/x-ndjson': { schema: z.string() }, 'text/csv': { schema: z.string() } } },
    },
    responses: { 200: json(z.object({ items: z.array(stated), refused }), 'What was kept, and which lines were not.'), ...problems },
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
    async (c) => c.json({ items: await statedTotals(db, c.req.valid('param').sourceId, c.req.valid('query').month) }, 200),
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/sources/{sourceId}/control-totals/acceptances',
      tags,
      summary: 'Sign that the difference of a day’s total is right as it is',
      description: 'It holds while neither side changes. Who signs cannot approve the run.',
      middleware: signers,
      request: { params: sourceId, headers: idempotencyHeader, body: body(z.object({ on: dayOrMonth, origin: z.string().default('source'), party: z.string().nullable().default(null), reason })) },
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

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/sources/{sourceId}/evidence',
      tags,
      summary: 'What vehicles told of charging at homes, held against the meters there',
      description: 'Evidence, never billed: the meter is what is reimbursed.',
      middleware: allow(...readers),
      request: { params: sourceId, query: month },
      responses: { 200: json(z.object({ items: z.array(evidence) }), 'In order of time; the limits are those of the rule vehicleDiffers.'), ...problems },
    }),
    async (c) => {
      const found = await vehicleEvidence(db, { sourceIds: [c.req.valid('param').sourceId], month: c.req.valid('query').month });
      const items = found.map(({ sourceId: _source, startAt, endAt, ...e }) => ({
        ...e,
        recordId: e.recordId.toString(),
        startAt: startAt.toISOString(),
        endAt: endAt.toISOString(),
        vehicleWh: e.vehicleWh.toString(),
        meteredWh: e.meteredWh?.toString() ?? null,
        meteredRecords: e.meteredRecords.map(String),
      }));
      return c.json({ items }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/sources/{sourceId}/losses',
      tags,
      summary: 'What registers counted in a month, held against what was received, per site',
      description: 'metered = received + losses + missing − went back, exactly. GET …/register-gaps names each gap. Sessions without readings are left out.',
      middleware: allow(...readers),
      request: { params: sourceId, query: month },
      responses: { 200: json(z.object({ items: z.array(losses).readonly() }), 'By site, the largest missing first.'), ...problems },
    }),
    async (c) => c.json({ items: await siteLosses(db, { sourceId: c.req.valid('param').sourceId, month: c.req.valid('query').month }) }, 200),
  );

  const opened = z.object({ key: z.string(), status: z.enum(['opened', 'updated', 'resolved']) });
  app.openAPIRegistry.registerPath({
    method: 'post',
    path: '/v1/sources/{sourceId}/expectations',
    tags,
    summary: 'Tell of sessions, authorizations or offline chargers whose CDRs are to come',
    description: 'One JSON object or an array, NDJSON or CSV. Its key makes a row the same one again. It resolves by itself when the CDR comes. Of a token only a reference is kept.',
    request: {
      params: sourceId,
      body: { required: true, content: { 'application/json': { schema: expectationSchema }, 'application/x-ndjson': { schema: z.string() }, 'text/csv': { schema: z.string() } } },
    },
    responses: { 200: json(z.object({ items: z.array(opened), refused }), '`resolved`: its CDR is here already, or it was resolved before.'), ...problems },
  });
  app.post('/v1/sources/:sourceId/expectations', senders, async (c) => {
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
      return c.json(await listExpectations(db, c.req.valid('param').sourceId, state, page), 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/sources/{sourceId}/expectations/cancellations',
      tags,
      summary: 'Say that expected CDRs will never come, and why',
      middleware: allow('ops', 'finance-preparer', 'admin'),
      request: { params: sourceId, headers: idempotencyHeader, body: body(z.object({ keys: z.array(z.string().min(1).max(200)).min(1).max(10_000), reason })) },
      responses: { 200: json(z.object({ cancelled: z.int() }), 'How many were open.'), ...problems },
    }),
    async (c) => {
      const id = c.req.valid('param').sourceId;
      const result = await store.tx((tx) => cancelExpectations(tx, { sourceId: id, ...c.req.valid('json') }, byOf(c)));
      if (result.cancelled > 0) await wake(id, { from: new Date(0), to: new Date() });
      return c.json(result, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs/{runId}/collecting',
      tags: runTags,
      summary: 'What a run still lacks, source by source',
      middleware: allow(...readers),
      request: { params: runId },
      responses: { 200: json(collecting, 'How far each source is complete, what it owes, and how its totals compare.'), ...problems },
    }),
    async (c) => {
      const found = await startOf(store, c.req.valid('param').runId);
      const [state, proposals] = await Promise.all([collectingOf(db, found.runId), proposedCutOffs(db, found.runId)]);
      const proposed = new Map(proposals.map((p) => [p.sourceId, p.proposedCutOffAt]));
      return c.json({ ...state, sources: state.sources.map((s) => ({ ...s, proposedCutOffAt: proposed.get(s.sourceId) ?? null })) }, 200);
    },
  );
}
