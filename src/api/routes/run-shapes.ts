import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { parseMinor } from '../../core/money.ts';
import { addAdjustment, addExclusion, pullIn, putOut, withdrawAdjustment, withdrawExclusion } from '../../store/commands/shape-run.ts';
import type { Store } from '../../store/db.ts';
import { accountCurrency } from '../../store/reads/accounts.ts';
import { shapesOf } from '../../store/reads/runs.ts';
import { allow, may, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { body, done, idempotencyHeader, json, money, problems, reason, runId, whyBody } from '../schemas.ts';
import { byOf, type RunDeps, runTags, startOf } from './run-context.ts';

/** Exclusions, adjustments and late arrivals: before approval, each can be taken back. */
export function runShapeRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: RunDeps): void {
  const middleware = allow(...may.shape);
  const itemId = runId.extend({
    id: z
      .string()
      .min(1)
      .openapi({ param: { name: 'id', in: 'path' } }),
  });
  const created = z.object({ id: z.string() });
  const life = { reason: z.string(), author: z.string(), createdAt: z.string(), withdrawnAt: z.string().nullable() };
  const exclusion = z.object({ id: z.string(), scope: z.string(), subjectId: z.string(), outcome: z.string(), ...life });
  const adjustment = z.object({
    id: z.string(),
    accountId: z.string(),
    amount: money,
    currency: z.string(),
    vatCode: z.string(),
    glAccount: z.string(),
    costCenter: z.string(),
    description: z.string(),
    ...life,
  });

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs/{runId}/shapes',
      tags: runTags,
      summary: 'Exclusions and adjustments of a run',
      middleware: allow(...readers),
      request: { params: runId },
      responses: { 200: json(z.object({ exclusions: z.array(exclusion).readonly(), adjustments: z.array(adjustment).readonly() }), 'Withdrawn ones with their time.'), ...problems },
    }),
    async (c) => c.json(await shapesOf(store.pool, (await startOf(store, c.req.valid('param').runId)).runId), 200),
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs/{runId}/exclusions',
      tags: runTags,
      summary: 'Leave an account, a site or a record out of a run',
      middleware,
      request: {
        params: runId,
        headers: idempotencyHeader,
        body: body(z.object({ scope: z.enum(['account', 'site', 'record']), subjectId: z.string().min(1), outcome: z.enum(['writeOff', 'carry']), reason })),
      },
      responses: { 201: json(created, 'Excluded; what it touches is built again and the hash changes.'), ...problems },
    }),
    async (c) => {
      const found = await startOf(store, c.req.valid('param').runId);
      const made = await store.tx((db) => addExclusion(db, found.runId, c.req.valid('json'), byOf(c), c.req.valid('header')['idempotency-key']));
      await orders.inputsChanged(found.workflowId);
      return c.json(made, 201);
    },
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/v1/runs/{runId}/exclusions/{id}',
      tags: runTags,
      summary: 'Take an exclusion back',
      middleware,
      request: { params: itemId },
      responses: { 200: json(done, 'Withdrawn.'), ...problems },
    }),
    async (c) => {
      const found = await startOf(store, c.req.valid('param').runId);
      await store.tx((db) => withdrawExclusion(db, found.runId, c.req.valid('param').id, byOf(c)));
      await orders.inputsChanged(found.workflowId);
      return c.json({ ok: true as const }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs/{runId}/adjustments',
      tags: runTags,
      summary: 'Add a manual line',
      middleware,
      request: {
        params: runId,
        headers: idempotencyHeader,
        body: body(
          z.object({
            accountId: z.string().min(1),
            amount: money.openapi({ description: 'In major units: net for a business account, gross for a consumer; negative in the customer’s favour.' }),
            vatCode: z.string().min(1),
            glAccount: z.string().min(1),
            costCenter: z.string().min(1),
            description: z.string().trim().min(1).max(200).openapi({ description: 'Stands on the document.' }),
            reason,
          }),
        ),
      },
      responses: { 201: json(created, 'Added; the account is built again and the hash changes.'), ...problems },
    }),
    async (c) => {
      const found = await startOf(store, c.req.valid('param').runId);
      const { amount, ...rest } = c.req.valid('json');
      const amountMinor = await minorOf(store, rest.accountId, amount);
      const made = await store.tx((db) => addAdjustment(db, found.runId, { ...rest, amountMinor }, byOf(c), c.req.valid('header')['idempotency-key']));
      await orders.inputsChanged(found.workflowId);
      return c.json(made, 201);
    },
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/v1/runs/{runId}/adjustments/{id}',
      tags: runTags,
      summary: 'Take an adjustment back',
      middleware,
      request: { params: itemId },
      responses: { 200: json(done, 'Withdrawn.'), ...problems },
    }),
    async (c) => {
      const found = await startOf(store, c.req.valid('param').runId);
      await store.tx((db) => withdrawAdjustment(db, found.runId, c.req.valid('param').id, byOf(c)));
      await orders.inputsChanged(found.workflowId);
      return c.json({ ok: true as const }, 200);
    },
  );
  const accountQuery = z.object({ accountId: z.string().min(1).optional().openapi({ description: 'Only this account; all without it.' }) });
  const charges = z.object({ charges: z.int() });
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs/{runId}/pull-in',
      tags: runTags,
      summary: 'Take late arrivals into the closed set',
      middleware,
      request: { params: runId, query: accountQuery, headers: idempotencyHeader, body: whyBody },
      responses: { 200: json(charges, 'How many charges came in.'), ...problems },
    }),
    async (c) => {
      const found = await startOf(store, c.req.valid('param').runId);
      const result = await store.tx((db) => pullIn(db, found.runId, c.req.valid('query').accountId, { ...byOf(c), reason: c.req.valid('json').reason }));
      await orders.inputsChanged(found.workflowId);
      return c.json(result, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: '/v1/runs/{runId}/pull-in',
      tags: runTags,
      summary: 'Put pulled-in arrivals out again',
      middleware,
      request: { params: runId, query: accountQuery },
      responses: { 200: json(charges, 'How many charges went out.'), ...problems },
    }),
    async (c) => {
      const found = await startOf(store, c.req.valid('param').runId);
      const result = await store.tx((db) => putOut(db, found.runId, c.req.valid('query').accountId, byOf(c)));
      await orders.inputsChanged(found.workflowId);
      return c.json(result, 200);
    },
  );
}

/** Amount of the request in the account's currency. */
async function minorOf(store: Store, accountId: string, amount: string): Promise<bigint> {
  const currency = await accountCurrency(store.pool, accountId);
  if (currency === undefined) throw new Problem(404, 'notFound', `There is no account "${accountId}".`);
  try {
    const minor = parseMinor(amount, currency);
    if (minor === 0n) throw new RangeError('an amount of zero changes nothing');
    return minor;
  } catch (error) {
    throw new Problem(422, 'invalid', `amount: ${(error as Error).message}`);
  }
}
