import { randomUUID } from 'node:crypto';
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { retentionClasses } from '../../contracts/retention.ts';
import { changeRetention, dryRunRetention, orderRetention } from '../../store/commands/retention.ts';
import type { Store } from '../../store/db.ts';
import { retentionOverview, retentionRuns } from '../../store/reads/retention.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import type { Orders } from '../orders.ts';
import { body, done, idempotencyHeader, json, pageOf, pageQuery, problems, reason } from '../schemas.ts';
import { byOf } from './run-context.ts';

const tags = ['Privacy'];
const className = z.enum(retentionClasses);
const oldest = z.string().nullable().openapi({ description: 'Since when the oldest of it is there.' });
const run = z.object({
  runId: z.string(),
  class: className,
  dryRun: z.boolean(),
  due: z.int(),
  removed: z.int(),
  oldest,
  actor: z.string(),
  startedAt: z.string(),
  endedAt: z.string(),
});
const overview = z
  .object({
    classes: z
      .array(
        z.object({
          class: className,
          keep: z.union([z.object({ months: z.int() }), z.object({ days: z.int() })]),
          countedFrom: z.string(),
          atLeast: z.int(),
          atLeastBecause: z.string(),
          due: z.int().openapi({ description: 'What a run would take away now.' }),
          oldest,
        }),
      )
      .readonly(),
    runs: z.array(run).readonly().openapi({ description: 'The latest fifty, a row per run and class; newest first. GET /v1/retention/runs lists all.' }),
  })
  .openapi('Retention');
const years = 100;
const change = z.union([
  z.strictObject({
    months: z
      .int()
      .min(1)
      .max(years * 12),
    reason,
  }),
  z.strictObject({
    days: z
      .int()
      .min(1)
      .max(years * 366),
    reason,
  }),
]);

/** How long what names people is kept, and taking it away when that is over. */
export function retentionRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: { readonly store: Store; readonly orders: Orders }): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/retention',
      tags,
      summary: 'How long each class is kept, what is due, and the latest runs',
      middleware: allow(...readers),
      responses: { 200: json(overview, 'Classes in the order in which a run takes them.'), ...problems },
    }),
    async (c) => c.json(await retentionOverview(store.pool, new Date()), 200),
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/retention/runs',
      tags,
      summary: 'What was counted and taken away, a row per run and class',
      middleware: allow(...readers),
      request: { query: pageQuery },
      responses: { 200: json(pageOf(run), 'Newest first.'), ...problems },
    }),
    async (c) => c.json(await retentionRuns(store.pool, c.req.valid('query')), 200),
  );

  app.openapi(
    createRoute({
      method: 'put',
      path: '/v1/retention/{class}',
      tags,
      summary: 'Change how long a class is kept',
      description: 'In the unit of the class, and not below what law or work needs.',
      middleware: allow('admin'),
      request: { params: z.object({ class: className.openapi({ param: { name: 'class', in: 'path' } }) }), headers: idempotencyHeader, body: body(change) },
      responses: { 200: json(done, 'Changed; the next run goes by it.'), ...problems },
    }),
    async (c) => {
      const wanted = c.req.valid('json');
      const length = 'months' in wanted ? ({ keep: wanted.months, unit: 'months' } as const) : ({ keep: wanted.days, unit: 'days' } as const);
      await store.tx((db) => changeRetention(db, { class: c.req.valid('param').class, ...length, reason: wanted.reason }, byOf(c)));
      return c.json({ ok: true as const }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/retention/runs',
      tags,
      summary: 'Count what is due, or take it away',
      description: 'A dry run is answered with its counts. Otherwise a workflow takes away what is due; its rows appear among `GET /v1/retention/runs` under the run id.',
      middleware: allow('admin'),
      request: { headers: idempotencyHeader, body: body(z.strictObject({ dryRun: z.boolean(), class: className.optional() })) },
      responses: {
        200: json(z.object({ runId: z.string(), classes: z.array(z.object({ class: className, due: z.int(), oldest })) }), 'Counted; nothing went.'),
        202: json(z.object({ runId: z.string(), workflowId: z.string() }), 'Begun.'),
        ...problems,
      },
    }),
    async (c) => {
      const { dryRun, class: only } = c.req.valid('json');
      const runId = `retention/${randomUUID()}`;
      const by = byOf(c);
      if (dryRun) return c.json({ runId, classes: await store.tx((db) => dryRunRetention(db, { runId, class: only }, new Date(), by)) }, 200);
      await store.tx((db) => orderRetention(db, { runId, class: only }, by));
      await orders.startRetention(runId, { actor: by.actor, ...(only === undefined ? {} : { class: only }) });
      return c.json({ runId, workflowId: runId }, 202);
    },
  );
}
