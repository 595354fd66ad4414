import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { releaseRulesSchema } from '../../contracts/release-rules.ts';
import { setReleaseRules } from '../../store/commands/set-release-rules.ts';
import type { Store } from '../../store/db.ts';
import { releaseRulesOf } from '../../store/reads/release-rules.ts';
import { allow, may, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { ofKnownEntity } from '../known-entity.ts';
import { body, entityId, idempotencyHeader, json, newRules, problems } from '../schemas.ts';
import { byOf } from './run-context.ts';

/** How an entity releases its groups: who approves, and what is issued first. */
export function releaseRuleRoutes(app: OpenAPIHono<ApiEnv>, { store }: { readonly store: Store }): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/entities/{entityId}/release-rules',
      tags: ['Set-up'],
      summary: 'When two have to approve, and which documents are issued first',
      middleware: allow(...readers),
      request: { params: entityId },
      responses: { 200: json(z.object({ version: z.int(), rules: releaseRulesSchema }), 'Rules; version 0: the defaults.'), ...problems },
    }),
    async (c) => c.json(await releaseRulesOf(store.pool, (await ofKnownEntity(store.pool, c.req.valid('param'))).entityId), 200),
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: '/v1/entities/{entityId}/release-rules',
      tags: ['Set-up'],
      summary: 'Release an entity’s groups otherwise from now on',
      description: 'Every version is kept. Whoever set the present version does not approve runs that are released by it.',
      middleware: allow(...may.setRules),
      request: { params: entityId, headers: idempotencyHeader, body: body(newRules(releaseRulesSchema)) },
      responses: { 200: json(z.object({ version: z.int() }), 'Set.'), ...problems },
    }),
    async (c) => c.json(await store.tx((db) => setReleaseRules(db, { ...c.req.valid('param'), ...c.req.valid('json') }, byOf(c))), 200),
  );
}
