import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Issue } from '../../core/issues.ts';
import { readPriceCsv, type SentPoint } from '../../core/share/read-price-points.ts';
import { addPricePoints, addPriceSeries, type PriceLoad } from '../../store/commands/price-series.ts';
import type { Store } from '../../store/db.ts';
import { allSources, listPriceGaps, listPricePoints, listPriceSeries } from '../../store/reads/price-series.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import type { Orders } from '../orders.ts';
import { issueBody, Problem } from '../problem.ts';
import { body, done, idempotencyHeader, inPath, instant, issue, json, pageOf, pageQuery, problems, reason } from '../schemas.ts';
import { byOf } from './run-context.ts';

const tags = ['Prices'];
/** More than a year of quarters. */
const maxPoints = 40_000;
const decimal = z.string().openapi({ example: '612.35', description: 'Major units per unit of the series; may be negative.' });
const seriesId = inPath('id', 'se3');
const span = pageQuery.extend({ from: instant.optional(), to: instant.optional() });
const series = z.object({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/),
  zone: z.string().min(1).max(40).openapi({ example: 'SE3', description: 'Bidding zone; named with every price that was used.' }),
  currency: z.string().regex(/^[A-Z]{3}$/),
  unit: z.enum(['kWh', 'MWh']),
  marketZone: z.string().default('Europe/Brussels').openapi({ description: 'IANA time zone of the market: tells when its intervals became quarters.' }),
});
const seriesView = series.extend({ points: z.int(), from: z.string().nullable(), to: z.string().nullable() }).openapi('PriceSeries');
const point = z.object({ start: z.string(), seconds: z.int(), version: z.int(), price: decimal, loadId: z.string() }).openapi('PricePoint');
const gap = z.object({ from: z.string(), to: z.string() });
const loaded = z.object({ loadId: z.string().nullable(), added: z.int(), corrected: z.int(), repeated: z.int(), issues: z.array(issue) });
const jsonLoad = z.strictObject({
  reason: reason.optional(),
  points: z.array(z.strictObject({ start: instant, seconds: z.int().optional(), price: decimal })).min(1),
});

/** Electricity prices by interval of the market. */
export function priceSeriesRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: { readonly store: Store; readonly orders: Orders }): void {
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/price-series',
      tags,
      summary: 'Add a price series',
      description: 'It never changes. The same again is the same series.',
      middleware: allow('finance-preparer', 'finance-approver', 'admin'),
      request: { headers: idempotencyHeader, body: body(series.strict()) },
      responses: { 201: json(done, 'Added.'), ...problems },
    }),
    async (c) => {
      await store.tx((db) => addPriceSeries(db, c.req.valid('json'), byOf(c)));
      return c.json({ ok: true as const }, 201);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/price-series',
      tags,
      summary: 'Price series, and how far their points reach',
      middleware: allow(...readers),
      request: { query: pageQuery },
      responses: { 200: json(pageOf(seriesView), 'Price series.'), ...problems },
    }),
    async (c) => c.json((await listPriceSeries(store.pool, c.req.valid('query'))) as { items: z.infer<typeof seriesView>[]; nextCursor: string | null }, 200),
  );

  // The text is stored as it came, so no schema may read the body first.
  app.openAPIRegistry.registerPath({
    method: 'post',
    path: '/v1/price-series/{id}/points',
    tags,
    summary: 'Load prices',
    description: `Up to ${maxPoints} points, as JSON or as CSV with the header start,price or start,seconds,price. Starts have an offset. Without seconds an interval is an hour before 1 October 2025 in the market's zone, and a quarter from then on. All of it is kept, or, when a row is wrong, nothing. Another price for a known interval is a newer version; gaps are told.`,
    request: { params: seriesId, query: z.object({ reason: reason.optional() }), body: { required: true, content: { 'application/json': { schema: jsonLoad }, 'text/csv': { schema: z.string() } } } },
    responses: { 200: json(loaded, 'Nothing was new.'), 201: json(loaded, 'Kept; records that waited for a price are tried again.'), ...problems },
  });
  app.post('/v1/price-series/:id/points', allow('finance-preparer', 'finance-approver', 'ops', 'admin'), async (c) => {
    const id = c.req.param('id');
    const load = readLoad(await c.req.text(), (c.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase(), c.req.query('reason'));
    if (load.points.length > maxPoints) throw new Problem(422, 'invalid', `${load.points.length} points are more than ${maxPoints}: load them in parts.`);
    const result = await store.tx((db) => addPricePoints(db, id, load, byOf(c)));
    if (!result.ok) throw refusedRows(result.issues);
    const { ok: _ok, issues, ...counts } = result;
    if (result.loadId !== null) for (const sourceId of await allSources(store.pool)) await orders.setupAdded({ sourceId, code: 'missingPricePoint', key: id });
    return c.json({ ...counts, issues: issues.map(issueBody) }, result.loadId === null ? 200 : 201);
  });

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/price-series/{id}/points',
      tags,
      summary: 'Prices of a series',
      middleware: allow(...readers),
      request: { params: seriesId, query: span.extend({ versions: z.enum(['newest', 'all']).default('newest') }) },
      responses: { 200: json(pageOf(point), 'Points by start and version.'), ...problems },
    }),
    async (c) => {
      const { versions, ...query } = c.req.valid('query');
      const { id } = c.req.valid('param');
      return c.json(known(id, await listPricePoints(store.pool, id, { ...query, allVersions: versions === 'all' })), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/price-series/{id}/gaps',
      tags,
      summary: 'Times without a price',
      description: 'Between the points, and up to the ends of the span that is asked for.',
      middleware: allow(...readers),
      request: { params: seriesId, query: span },
      responses: { 200: json(pageOf(gap), 'Gaps, oldest first.'), ...problems },
    }),
    async (c) => {
      const { id } = c.req.valid('param');
      return c.json(known(id, await listPriceGaps(store.pool, id, c.req.valid('query'))), 200);
    },
  );
}

function known<T>(id: string, found: T | undefined): T {
  if (found === undefined) throw new Problem(404, 'notFound', `There is no price series "${id}".`);
  return found;
}

function readLoad(text: string, type: string | undefined, why: string | undefined): PriceLoad {
  if (type === 'text/csv') {
    const { points, issues } = readPriceCsv(text);
    if (issues.length > 0) throw refusedRows(issues);
    const checked = reason.optional().safeParse(why);
    if (!checked.success) throw new Problem(422, 'invalid', 'The reason needs 3 to 2,000 characters.');
    return { format: 'csv', body: text, points, reason: checked.data };
  }
  if (type !== 'application/json') throw new Problem(415, 'wrongType', 'Send the points as application/json or text/csv.');
  const parsed = jsonLoad.safeParse(jsonOf(text));
  if (!parsed.success) {
    const errors = parsed.error.issues.map((i) => ({ path: i.path.join('.'), message: i.message }));
    throw new Problem(422, 'invalid', errors.map((e) => (e.path === '' ? e.message : `${e.path}: ${e.message}`)).join('; '), { errors });
  }
  const points = parsed.data.points.map((p, i): SentPoint => ({ row: i + 1, start: p.start, seconds: p.seconds?.toString(), price: p.price }));
  return { format: 'json', body: text, points, reason: parsed.data.reason };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Problem(422, 'invalid', 'The body is not JSON.');
  }
}

function refusedRows(issues: readonly Issue[]): Problem {
  const shown = issues.slice(0, 100).map(issueBody);
  return new Problem(422, 'wrongPrices', `${issues.length} rows are wrong, and nothing was kept: ${shown[0]?.text ?? ''}`, { issues: shown });
}
