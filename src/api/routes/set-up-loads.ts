import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { type SetUpKind, setUpKinds } from '../../contracts/set-up.ts';
import type { IssueCode } from '../../core/issues.ts';
import { applyLoad, previewLoad } from '../../store/commands/load-set-up.ts';
import type { PlannedRow } from '../../store/commands/put-rows.ts';
import { releaseHeld } from '../../store/commands/release-held.ts';
import type { Store } from '../../store/db.ts';
import { findLoad } from '../../store/reads/set-up-history.ts';
import { sourcesNear } from '../../store/reads/set-up-sources.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import type { Orders } from '../orders.ts';
import { issueBody, Problem } from '../problem.ts';
import { readLoad } from '../read-load.ts';
import { body, idempotencyHeader, issue, json, pageQuery, problems, reason } from '../schemas.ts';
import { byOf } from './run-context.ts';
import { pathId, setUpTags } from './set-up-entries.ts';
import { retryNear, waitsForHolder } from './set-up-retry.ts';

const mostShown = 200;
const outcome = z.enum(['created', 'changed', 'unchanged', 'refused']);
const row = z
  .object({
    kind: z.enum(setUpKinds),
    line: z.int().openapi({ description: 'Where it begins in the file; its place in a JSON array, from 1.' }),
    id: z.string(),
    outcome,
    version: z.int().nullable().openapi({ description: 'The version that is there.' }),
    changes: z.array(z.object({ field: z.string(), before: z.any(), after: z.any() })).readonly(),
    errors: z.array(issue).readonly(),
  })
  .openapi('SetUpLoadRow');
const totals = z.record(z.string(), z.record(z.string(), z.int())).openapi({ description: 'Per kind how many rows are created, changed, unchanged and refused.' });
const preview = z
  .object({
    loadId: z.string(),
    state: z.string(),
    totals,
    author: z.string(),
    expiresAt: z.string(),
    appliedBy: z.string().nullable(),
    appliedAt: z.string().nullable(),
    reason: z.string().nullable(),
    items: z.array(row).readonly().openapi({ description: 'Gone once it is applied or over.' }),
    nextCursor: z.string().nullable(),
  })
  .openapi('SetUpLoad');
const applied = z.object({ totals }).openapi('SetUpLoadApplied');
/** What may have waited for rows of a kind. */
const waitsFor: Readonly<Partial<Record<SetUpKind, readonly IssueCode[]>>> = { siteHolders: waitsForHolder, mappings: ['unknownSite', 'unknownToken'], vatStatuses: ['vatBlocked', 'noVatRow'] };

/** Loading set-up in bulk: previewed first, then applied as previewed. */
export function setUpLoadRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: { readonly store: Store; readonly orders: Orders }): void {
  // JSON or CSV: a schema reads only one of the two, and each row has errors of its own.
  app.openAPIRegistry.registerPath({
    method: 'post',
    path: '/v1/set-up/loads',
    tags: setUpTags,
    summary: 'Load set-up and see what it would do',
    description:
      'CSV of one kind (`kind`), or JSON: an array of one kind, or an object with an array for each kind. UTF-8; `;` or `,`. Nothing is changed: it answers, row by row, what is created, changed field by field, unchanged or refused. It waits a day to be applied.',
    security: [{ apiKey: [] }],
    request: {
      headers: idempotencyHeader,
      query: z.object({ kind: z.enum(setUpKinds).optional() }),
      body: { required: true, content: { 'application/json': { schema: z.any() }, 'text/csv': { schema: z.string() } } },
    },
    responses: { 201: json(preview, `The preview, with its first ${mostShown} rows.`), ...problems },
  });
  app.post('/v1/set-up/loads', allow('finance-preparer', 'admin'), async (c) => {
    const kind = z.enum(setUpKinds).optional().safeParse(c.req.query('kind'));
    if (!kind.success) throw new Problem(422, 'invalid', `kind is one of ${setUpKinds.join(', ')}.`);
    const load = readLoad(Buffer.from(await c.req.arrayBuffer()), kind.data);
    const made = await store.tx((db) => previewLoad(db, load, byOf(c), new Date()));
    // It names people: no copy of it is kept for a repeat, which finds the same load.
    c.header('cache-control', 'no-store');
    return c.json(await shown(made.loadId, { limit: mostShown }), 201);
  });
  const shown = async (id: string, filter: { readonly limit: number; readonly cursor?: string | undefined; readonly outcome?: string | undefined }): Promise<z.infer<typeof preview>> => {
    const found = await findLoad(store.pool, id, filter);
    if (found === undefined) throw new Problem(404, 'notFound', `There is no load "${id}".`);
    return { ...found, items: found.items.map(rowBody) };
  };

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/set-up/loads/{id}',
      tags: setUpTags,
      summary: 'A load and its preview',
      middleware: allow(...readers),
      request: { params: pathId, query: pageQuery.extend({ outcome: outcome.optional() }) },
      responses: { 200: json(preview, 'The load.'), ...problems },
    }),
    async (c) => c.json(await shown(c.req.valid('param').id, c.req.valid('query')), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/set-up/loads/{id}/apply',
      tags: setUpTags,
      summary: 'Carry out what the preview says',
      description: 'All of it or nothing: 409 with what would differ when the set-up has moved since. VAT statuses need another person than the load’s author.',
      middleware: allow('finance-preparer', 'finance-approver', 'admin'),
      request: {
        params: pathId,
        headers: idempotencyHeader,
        body: body(z.strictObject({ reason, withoutRefused: z.boolean().default(false).openapi({ description: 'Leave out the rows that are refused.' }) })),
      },
      responses: { 200: json(applied, 'Applied.'), ...problems },
    }),
    async (c) => {
      const order = { loadId: c.req.valid('param').id, ...c.req.valid('json'), mayPublish: c.get('caller').roles.includes('finance-approver') };
      const { done, held } = await store.tx(async (db) => {
        const applied = await applyLoad(db, order, byOf(c), new Date());
        return { done: applied, held: applied.outcome === 'applied' && applied.kinds.includes('accounts') ? await releaseHeld(db) : [] };
      });
      for (const workflowId of held) await orders.inputsChanged(workflowId);
      if (done.outcome === 'stale') {
        throw new Problem(409, 'staleLoad', `${done.count} rows would now do something else than the preview says: load it anew and look at it.`, { moved: done.moved });
      }
      const codes = done.kinds.flatMap((kind) => waitsFor[kind] ?? []);
      await retryNear(orders, codes.length === 0 ? [] : await sourcesNear(store.pool), codes);
      return c.json({ totals: done.totals as z.infer<typeof totals> }, 200);
    },
  );
}

function rowBody({ kind, line, id, outcome: what, version, changes, errors }: PlannedRow): z.infer<typeof row> {
  return { kind, line, id, outcome: what, version, changes: changes.map((change) => ({ ...change })), errors: errors.map(issueBody) as z.infer<typeof issue>[] };
}
