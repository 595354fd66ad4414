import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { tariffSchema } from '../../contracts/tariff.ts';
import { assignPrice, endAssignment, sourcesOf } from '../../store/commands/assign-price.ts';
import { proposeTariff, publishTariff, refuseTariff } from '../../store/commands/publish-tariff.ts';
import type { Store } from '../../store/db.ts';
import { listTariffProposals } from '../../store/reads/tariff-proposals.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import type { Orders } from '../orders.ts';
import { issueBody, Problem } from '../problem.ts';
import { body, done, idempotencyHeader, inPath, instant, issue, json, pageOf, pageQuery, problems, reason } from '../schemas.ts';
import { byOf } from './run-context.ts';

const tags = ['Prices'];
const segment = z.enum(['driver', 'fleet', 'eMSP']);
const proposalId = inPath('id');
const proposal = z
  .object({
    proposalId: z.string(),
    tariffId: z.string(),
    validFrom: z.string(),
    state: z.string(),
    author: z.string(),
    reason: z.string(),
    decidedBy: z.string().nullable(),
    comment: z.string().nullable(),
    tariffVersionId: z.string().nullable(),
    findings: z.array(z.string()).readonly(),
    body: z.any(),
  })
  .openapi('TariffProposal');

/** The life of a price: proposed, linted, published by a second person, assigned, ended. */
export function tariffRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: { readonly store: Store; readonly orders: Orders }): void {
  const priceAdded = async (entityIds: readonly string[], segments: readonly string[]) => {
    for (const entityId of entityIds) {
      for (const sourceId of await sourcesOf(store.pool, entityId)) for (const key of segments) await orders.setupAdded({ sourceId, code: 'missingTariff', key });
    }
  };

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/tariff-proposals',
      tags,
      summary: 'Propose a version of a tariff',
      description: 'OCPI 2.2.1 tariff, prices without VAT. It is checked and linted; nothing is priced by it before a second person publishes it.',
      middleware: allow('finance-preparer', 'admin'),
      request: { headers: idempotencyHeader, body: body(z.strictObject({ tariff: z.record(z.string(), z.any()).openapi({ description: 'OCPI Tariff object.' }), validFrom: instant, reason })) },
      responses: { 201: json(z.object({ proposalId: z.string(), findings: z.array(issue) }), 'Proposed, with what looks wrong in it.'), ...problems },
    }),
    async (c) => {
      const { tariff, validFrom, reason: why } = c.req.valid('json');
      const parsed = tariffSchema.safeParse(tariff);
      if (!parsed.success) {
        const errors = parsed.error.issues.map((i) => ({ path: ['tariff', ...i.path].join('.'), message: i.message }));
        throw new Problem(422, 'invalid', errors.map((e) => `${e.path}: ${e.message}`).join('; '), { errors });
      }
      const made = await store.tx((db) => proposeTariff(db, { body: parsed.data, validFrom: new Date(validFrom), reason: why }, byOf(c)));
      return c.json({ proposalId: made.proposalId, findings: made.findings.map(issueBody) as z.infer<typeof issue>[] }, 201);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/tariff-proposals',
      tags,
      summary: 'Proposals of tariff versions',
      middleware: allow(...readers),
      request: { query: pageQuery.extend({ state: z.enum(['proposed', 'published', 'refused']).optional() }) },
      responses: { 200: json(pageOf(proposal), 'Proposals.'), ...problems },
    }),
    async (c) => c.json(await listTariffProposals(store.pool, c.req.valid('query')), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/tariff-proposals/{id}/decision',
      tags,
      summary: 'Publish or refuse a proposal',
      description: 'By a second person. A published version is write-once; records that waited for a price are tried again.',
      middleware: allow('finance-approver'),
      request: { params: proposalId, headers: idempotencyHeader, body: body(z.strictObject({ decision: z.enum(['publish', 'refuse']), comment: reason })) },
      responses: { 200: json(z.object({ tariffVersionId: z.string().nullable() }), 'Decided.'), ...problems },
    }),
    async (c) => {
      const { id } = c.req.valid('param');
      const { decision, comment } = c.req.valid('json');
      if (decision === 'refuse') {
        await store.tx((db) => refuseTariff(db, id, comment, byOf(c)));
        return c.json({ tariffVersionId: null }, 200);
      }
      const { tariffVersionId, entityIds, segments } = await store.tx((db) => publishTariff(db, id, comment, byOf(c)));
      await priceAdded(entityIds, segments);
      return c.json({ tariffVersionId }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/price-assignments',
      tags,
      summary: 'Let a tariff hold for a segment, at an EVSE, a site or everywhere',
      middleware: allow('finance-approver', 'admin'),
      request: {
        headers: idempotencyHeader,
        body: body(
          z.strictObject({
            entityId: z.string().min(1),
            tariffId: z.string().min(1),
            segment,
            siteId: z.string().min(1).optional(),
            evseId: z.string().min(1).optional(),
            validFrom: instant.optional(),
            validTo: instant.optional(),
          }),
        ),
      },
      responses: { 201: json(z.object({ id: z.string() }), 'Assigned; records that waited for a price are tried again.'), ...problems },
    }),
    async (c) => {
      const { validFrom, validTo, ...rest } = c.req.valid('json');
      const dates = { validFrom: validFrom === undefined ? undefined : new Date(validFrom), validTo: validTo === undefined ? undefined : new Date(validTo) };
      const made = await store.tx((db) => assignPrice(db, { ...rest, ...dates }, byOf(c)));
      await priceAdded([rest.entityId], [rest.segment]);
      return c.json(made, 201);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/price-assignments/{id}/end',
      tags,
      summary: 'End an assignment',
      middleware: allow('finance-approver', 'admin'),
      request: { params: proposalId, headers: idempotencyHeader, body: body(z.strictObject({ at: instant })) },
      responses: { 200: json(done, 'Ended; what was priced by it stays so.'), ...problems },
    }),
    async (c) => {
      await store.tx((db) => endAssignment(db, c.req.valid('param').id, new Date(c.req.valid('json').at), byOf(c)));
      return c.json({ ok: true as const }, 200);
    },
  );
}
