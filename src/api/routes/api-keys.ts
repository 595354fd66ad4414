import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { revokeApiKey } from '../../store/commands/api-keys.ts';
import type { Store } from '../../store/db.ts';
import { listApiKeys, roles } from '../../store/reads/api-keys.ts';
import { allow } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { body, done, idempotencyHeader, inPath, json, pageOf, pageQuery, problems, reason } from '../schemas.ts';
import { byOf } from './run-context.ts';

const tags = ['API keys'];
const view = z
  .object({ id: z.string(), actor: z.string(), roles: z.array(z.enum(roles)).readonly(), sourceId: z.string().nullable(), sample: z.boolean(), revokedAt: z.string().nullable() })
  .openapi('ApiKey');
const keyId = inPath('keyId', 'ops-anna');

/** Who holds API keys, and their end; they are made where the database is (`wattledger key`), so that no token goes by the API. */
export function apiKeyRoutes(app: OpenAPIHono<ApiEnv>, { store }: { readonly store: Store }): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/api-keys',
      tags,
      summary: 'API keys, by their id, without their tokens',
      middleware: allow('admin'),
      request: { query: pageQuery },
      responses: { 200: json(pageOf(view), 'Those that are revoked too.'), ...problems },
    }),
    async (c) => c.json(await listApiKeys(store.pool, c.req.valid('query')), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/api-keys/{keyId}/revocation',
      tags,
      summary: 'End a key, such as one that leaked',
      description: 'Within five seconds nobody gets in with it, and its sessions of the console are over. A new one is made with `wattledger key`.',
      middleware: allow('admin'),
      request: { params: keyId, headers: idempotencyHeader, body: body(z.strictObject({ reason })) },
      responses: { 200: json(done, 'Revoked.'), ...problems },
    }),
    async (c) => {
      await store.tx((db) => revokeApiKey(db, c.req.valid('param').keyId, { ...byOf(c), ...c.req.valid('json') }));
      return c.json({ ok: true as const }, 200);
    },
  );
}
