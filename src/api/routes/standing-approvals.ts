import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { proposeStandingApproval, revokeStandingApproval, signStandingApproval } from '../../store/commands/standing-approvals.ts';
import type { Store } from '../../store/db.ts';
import { standingApprovals } from '../../store/reads/standing-approvals.ts';
import { allow, may, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { minorOf } from '../minor-of.ts';
import { body, done, idempotencyHeader, inPath, json, money, pageOf, pageQuery, problems, reason } from '../schemas.ts';
import { byOf } from './run-context.ts';

const tags = ['Runs'];
const day = z.iso.date();
const terms = z.object({
  entityId: z.string().min(1),
  strategy: z.literal('cardReceipt').openapi({ description: 'Only receipts per session are approved in advance.' }),
  currency: z.string().regex(/^[A-Z]{3}$/),
  documentCap: money,
  dayCap: money,
  validFrom: day,
  validTo: day.openapi({ description: 'The first day on which it no longer holds; within a year.' }),
  reason,
});
const view = terms
  .extend({ id: z.string(), strategy: z.string(), proposedBy: z.string(), signedBy: z.string().nullable(), revokedBy: z.string().nullable(), approved: z.int() })
  .openapi('StandingApproval');
const id = inPath('id');

/** Approvals given in advance, by two, for small receipts. */
export function standingApprovalRoutes(app: OpenAPIHono<ApiEnv>, { store }: { readonly store: Store }): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/standing-approvals',
      tags,
      summary: 'Standing approvals of an entity, newest first',
      middleware: allow(...readers),
      request: { query: pageQuery.extend({ entityId: z.string().min(1) }) },
      responses: { 200: json(pageOf(view), 'Standing approvals.'), ...problems },
    }),
    async (c) => {
      const { entityId, ...page } = c.req.valid('query');
      return c.json(await standingApprovals(store.pool, entityId, page), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/standing-approvals',
      tags,
      summary: 'Propose to approve small receipts in advance',
      description: 'In force once somebody else has signed it. It approves a release group of such documents alone, each within its cap, up to the cap of a day, without open findings.',
      middleware: allow(...may.approve),
      request: { headers: idempotencyHeader, body: body(terms.strict()) },
      responses: { 201: json(z.object({ id: z.string() }), 'Proposed.'), ...problems },
    }),
    async (c) => {
      const { documentCap, dayCap, ...rest } = c.req.valid('json');
      const proposed = { ...rest, documentCapMinor: minorOf('documentCap', documentCap, rest.currency), dayCapMinor: minorOf('dayCap', dayCap, rest.currency) };
      return c.json(await store.tx((db) => proposeStandingApproval(db, proposed, byOf(c), c.req.valid('header')['idempotency-key'])), 201);
    },
  );
  for (const [path, summary, order] of [
    ['signature', 'Sign it as the second of two', signStandingApproval],
    ['revocation', 'End it at once', revokeStandingApproval],
  ] as const) {
    app.openapi(
      createRoute({
        method: 'post',
        path: `/v1/standing-approvals/{id}/${path}`,
        tags,
        summary,
        middleware: allow(...may.approve),
        request: { params: id, headers: idempotencyHeader, body: body(z.strictObject({ reason })) },
        responses: { 200: json(done, 'Done.'), ...problems },
      }),
      async (c) => {
        await store.tx((db) => order(db, c.req.valid('param').id, { ...byOf(c), reason: c.req.valid('json').reason }));
        return c.json({ ok: true as const }, 200);
      },
    );
  }
}
