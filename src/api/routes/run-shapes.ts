import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { addAdjustment, signAdjustment, withdrawAdjustment } from '../../store/commands/adjust-run.ts';
import { addExclusion, pullIn, putOut, withdrawExclusion } from '../../store/commands/shape-run.ts';
import { withdrawWaiting } from '../../store/commands/withdraw-waiting.ts';
import type { Store } from '../../store/db.ts';
import { accountCurrency } from '../../store/reads/accounts.ts';
import { shapesOf, waitingAdjustments } from '../../store/reads/run-shapes.ts';
import { allow, may, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { minorOf } from '../minor-of.ts';
import { Problem } from '../problem.ts';
import { body, done, idempotencyHeader, json, money, monthText, number, pageOf, pageQuery, problems, reason, runId, whyBody } from '../schemas.ts';
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
    runId: z.string().nullable().openapi({ description: 'The run that bills it, or that left it behind; null for a reversal that no run has taken.' }),
    accountId: z.string(),
    amount: money,
    currency: z.string(),
    vatCode: z.string(),
    glKey: z.string().nullable(),
    glAccount: z.string(),
    costCenter: z.string(),
    description: z.string(),
    serviceMonth: z.string().nullable().openapi({ description: 'Whose revenue it is; the run’s month when null.' }),
    chargeId: z.string().nullable(),
    line: z.object({ documentId: z.string(), lineNo: z.int() }).nullable(),
    attachment: z.strictObject({ ref: z.string(), sha256: z.string() }).nullable(),
    signedBy: z.string().nullable(),
    reverses: z.string().nullable().openapi({ description: 'The adjustment that this one takes back.' }),
    twin: z.object({ id: z.string(), duePeriod: z.string(), runId: z.string().nullable() }).nullable().openapi({ description: 'What takes it back later; without a run while it waits.' }),
    leftBy: z
      .array(z.object({ runId: z.string(), why: z.string(), since: z.string() }))
      .readonly()
      .openapi({ description: 'The runs that left it behind, in order, and why; the first is the one in which it was entered.' }),
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
        body: body(z.strictObject({ scope: z.enum(['account', 'site', 'record']), subjectId: z.string().min(1), outcome: z.enum(['writeOff', 'carry']), reason })),
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
          z.strictObject({
            accountId: z.string().min(1),
            amount: money.openapi({ description: 'In major units: net for a business account, gross for a consumer; negative in the customer’s favour.' }),
            vatCode: z.string().min(1),
            glKey: z.string().min(1).optional().openapi({ description: 'A key of the entity’s GL mapping, such as revenue.fleetSale; this, or glAccount.' }),
            glAccount: z.string().min(1).optional().openapi({ description: 'An account of the chart that the mapping has.' }),
            costCenter: z.string().min(1).openapi({ description: 'The seller’s own, or a site’s.' }),
            description: z.string().trim().min(1).max(200).openapi({ description: 'Stands on the document.' }),
            serviceMonth: monthText.optional().openapi({ description: 'Whose revenue it is: the run’s month, or that of the charge or line, unless told.' }),
            chargeId: number.optional().openapi({ description: 'The charge it is about.' }),
            line: z
              .strictObject({ documentId: z.string().min(1), lineNo: z.int().min(1) })
              .optional()
              .openapi({ description: 'The issued line it is about; its credits never exceed the line.' }),
            twinPeriod: monthText.optional().openapi({ description: 'A later month whose run takes it back; both are approved together.' }),
            attachment: z
              .strictObject({ ref: z.string().trim().min(1).max(500), sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal') })
              .optional()
              .openapi({ description: 'Where the evidence lies, and its hash.' }),
            reason,
          }),
        ),
      },
      responses: { 201: json(created, 'Added; the account is built again and the hash changes.'), ...problems },
    }),
    async (c) => {
      const found = await startOf(store, c.req.valid('param').runId);
      const { amount, ...rest } = c.req.valid('json');
      const amountMinor = await adjustedBy(store, rest.accountId, amount);
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
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs/{runId}/adjustments/{id}/signature',
      tags: runTags,
      summary: 'Sign an adjustment as its second person',
      description: 'Large ones block the approval until somebody else than their author signs them; who signs does not approve the run.',
      middleware: allow(...may.signAdjustments),
      request: { params: itemId, headers: idempotencyHeader, body: body(z.strictObject({ comment: reason })) },
      responses: { 200: json(done, 'Signed.'), ...problems },
    }),
    async (c) => {
      const found = await startOf(store, c.req.valid('param').runId);
      await store.tx((db) => signAdjustment(db, found.runId, c.req.valid('param').id, c.req.valid('json').comment, byOf(c)));
      await orders.inputsChanged(found.workflowId);
      return c.json({ ok: true as const }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/adjustments/waiting',
      tags: runTags,
      summary: 'Manual amounts that wait for a run',
      description: 'What closed and cancelled runs left behind (account parked, invoice held), and what is to take a billed adjustment back. The next run of the account takes them.',
      middleware: allow(...readers),
      request: { query: pageQuery },
      responses: { 200: json(pageOf(adjustment.extend({ duePeriod: z.string() })), 'By the first month whose run may take them.'), ...problems },
    }),
    async (c) => c.json(await waitingAdjustments(store.pool, c.req.valid('query')), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/adjustments/{id}/withdrawal',
      tags: runTags,
      summary: 'Take a manual amount back while it waits for a run',
      middleware,
      request: { params: itemId.pick({ id: true }), headers: idempotencyHeader, body: body(z.strictObject({ reason })) },
      responses: { 200: json(done, 'Withdrawn, with what was to take it back later.'), ...problems },
    }),
    async (c) => {
      await store.tx((db) => withdrawWaiting(db, c.req.valid('param').id, c.req.valid('json').reason, byOf(c)));
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
async function adjustedBy(store: Store, accountId: string, amount: string): Promise<bigint> {
  const currency = await accountCurrency(store.pool, accountId);
  if (currency === undefined) throw new Problem(404, 'notFound', `There is no account "${accountId}".`);
  const minor = minorOf('amount', amount, currency);
  if (minor === 0n) throw new Problem(422, 'invalid', 'amount: an amount of zero changes nothing');
  return minor;
}
