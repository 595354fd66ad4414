import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { describeIssue } from '../../core/issues.ts';
import { loadFxRates, sourcesByRates } from '../../store/commands/load-fx-rates.ts';
import { putGlMapping } from '../../store/commands/put-gl-mapping.ts';
import type { Store } from '../../store/db.ts';
import { sourcesNear } from '../../store/reads/set-up-sources.ts';
import { allow } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import type { Orders } from '../orders.ts';
import { Problem } from '../problem.ts';
import { readCsv, textOf } from '../read-load.ts';
import { body, idempotencyHeader, json, problems, reason } from '../schemas.ts';
import { byOf } from './run-context.ts';
import { pathId, setUpTags, setUpWriters } from './set-up-entries.ts';
import { retryNear } from './set-up-retry.ts';

const glKey = z.string().regex(/^[a-zA-Z][A-Za-z0-9]*(\.[A-Za-z0-9-]+){0,3}$/, 'must be a key such as revenue.driverSale');
const code = z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code');
const rate = z.strictObject({
  source: z.string().trim().min(1).max(40),
  on: z.iso.date(),
  currency: code,
  into: code,
  rate: z
    .string()
    .regex(/^\d{1,10}(\.\d{1,8})?$/, 'must be a decimal such as 10.5295')
    .refine((text) => /[1-9]/.test(text), 'must be above 0'),
});
const counts = z.object({ created: z.int(), changed: z.int(), unchanged: z.int() });

/** What the books need: GL accounts and rates of exchange. */
export function setUpBookRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: { readonly store: Store; readonly orders: Orders }): void {
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/entities/{id}/gl-mappings',
      tags: setUpTags,
      summary: 'Change the mapping of GL keys to accounts',
      description: 'Writes a whole new version: the one before with these changes. A key with null goes; refused while open charges need it.',
      middleware: allow(...setUpWriters),
      request: {
        params: pathId,
        headers: idempotencyHeader,
        body: body(z.strictObject({ keys: z.record(glKey, z.string().trim().min(1).max(40).nullable()), expectedVersion: z.int().min(0).optional(), reason })),
      },
      responses: { 200: json(z.object({ outcome: z.enum(['changed', 'unchanged']), version: z.int(), changed: z.array(z.string()).readonly() }), 'As it now stands.'), ...problems },
    }),
    async (c) => {
      const { keys, expectedVersion, reason: why } = c.req.valid('json');
      const entityId = c.req.valid('param').id;
      const made = await store.tx((db) => putGlMapping(db, { entityId, keys, expectedVersion }, why, byOf(c)));
      if (made.outcome === 'changed') await retryNear(orders, await sourcesNear(store.pool, { entityId }), ['unmappedAccount']);
      return c.json(made, 200);
    },
  );
  // JSON or CSV: read by hand, since a schema reads only one of the two.
  app.openAPIRegistry.registerPath({
    method: 'post',
    path: '/v1/fx-rates',
    tags: setUpTags,
    summary: 'Load rates of exchange',
    description:
      'A JSON array, or CSV with columns source, on, currency, into, rate: one unit of currency is rate of into. A rate that is another one becomes a new version; what was priced by the old one stays.',
    security: [{ apiKey: [] }],
    request: { headers: idempotencyHeader, body: { required: true, content: { 'application/json': { schema: z.array(rate) }, 'text/csv': { schema: z.string() } } } },
    responses: { 200: json(counts, 'What came of it.'), ...problems },
  });
  app.post('/v1/fx-rates', allow(...setUpWriters), async (c) => {
    const text = textOf(Buffer.from(await c.req.arrayBuffer()));
    const rows = /^\s*\[/.test(text)
      ? jsonRows(text)
      : readCsv(text).map(({ line, record, wrong }) => {
          if (wrong[0] !== undefined) throw new Problem(422, 'invalid', describeIssue(wrong[0]));
          return { line, record };
        });
    const rates = rows.map(({ line, record }) => {
      const parsed = rate.safeParse(record);
      if (parsed.success) return { line, ...parsed.data };
      throw new Problem(422, 'invalid', `line ${line}: ${parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`).join('; ')}`);
    });
    const made = await store.tx((db) => loadFxRates(db, rates, byOf(c)));
    if (made.created + made.changed > 0) await retryNear(orders, await sourcesByRates(store.pool, [...new Set(rates.map((r) => r.source))]), ['missingFxRate']);
    return c.json(made, 200);
  });
}

function jsonRows(text: string): { readonly line: number; readonly record: unknown }[] {
  try {
    return (JSON.parse(text) as unknown[]).map((record, i) => ({ line: i + 1, record }));
  } catch (error) {
    throw new Problem(422, 'invalid', `The JSON cannot be read: ${(error as Error).message}.`);
  }
}
