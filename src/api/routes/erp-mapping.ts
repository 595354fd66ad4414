import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { putErpMapping } from '../../store/commands/put-erp-mapping.ts';
import { erpMappingView } from '../../store/reads/erp-mapping.ts';
import { allow, may, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { body, idempotencyHeader, json, problems, reason } from '../schemas.ts';
import { connectionId, erpTags } from './erp-postings.ts';
import { byOf, type RunDeps } from './run-context.ts';

const table = z.record(z.string().min(1).max(40), z.string().trim().min(1).max(40)).exactOptional();
const mapping = z
  .strictObject({ accounts: table, costCenters: table, vatCodes: table })
  .openapi('ErpMapping', { description: 'Ours to the ERP’s. A kind that is left out has the same codes there; within a kind that is not, every code has to stand: there is no fallback.' });

/** How our accounts, cost centers and VAT codes are called in an ERP. */
export function erpMappingRoutes(app: OpenAPIHono<ApiEnv>, { store }: Pick<RunDeps, 'store'>): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/erp-connections/{connectionId}/mapping',
      tags: erpTags,
      summary: 'The mapping to an ERP, and codes that it lacks',
      middleware: allow(...readers),
      request: { params: connectionId },
      responses: {
        200: json(
          z.object({
            connectionId: z.string(),
            version: z.int().openapi({ description: '0: none yet, our codes are the ERP’s.' }),
            mapping,
            masterDataRead: z.boolean().openapi({ description: 'Whether the ERP told what it has; then codes are checked against that.' }),
            unmapped: z
              .array(z.object({ kind: z.enum(['account', 'costCenter', 'vatCode']), code: z.string(), why: z.enum(['notMapped', 'notInErp']), suggestions: z.array(z.string()).readonly() }))
              .readonly(),
          }),
          'As it holds.',
        ),
        ...problems,
      },
    }),
    async (c) => {
      const id = c.req.valid('param').connectionId;
      const found = await erpMappingView(store.pool, id);
      if (found === undefined) throw new Problem(404, 'notFound', `There is no ERP connection "${id}".`);
      return c.json(found, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: '/v1/erp-connections/{connectionId}/mapping',
      tags: erpTags,
      summary: 'Write the next version of the mapping to an ERP, whole',
      description: 'What is queued goes by it; what was sent stays as it was sent. Postings that were refused for a missing code are sent again with POST …/retry.',
      middleware: allow(...may.shape),
      request: { params: connectionId, headers: idempotencyHeader, body: body(z.strictObject({ mapping, expectedVersion: z.int().min(0).optional(), reason })) },
      responses: { 200: json(z.object({ version: z.int() }), 'Written.'), ...problems },
    }),
    async (c) => {
      const { reason: why, ...order } = c.req.valid('json');
      return c.json(await store.tx((db) => putErpMapping(db, { ...order, connectionId: c.req.valid('param').connectionId }, why, byOf(c))), 200);
    },
  );
}
