import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { documentRulesSchema } from '../../contracts/document-rules.ts';
import { setDocumentRules } from '../../store/commands/set-document-rules.ts';
import type { Store } from '../../store/db.ts';
import { documentRulesOf } from '../../store/reads/document-rules.ts';
import { allow, may, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { ofKnownEntity } from '../known-entity.ts';
import { body, entityId, idempotencyHeader, json, newRules, problems } from '../schemas.ts';
import { byOf } from './run-context.ts';

/** What becomes of what comes late, and which invoices are too small. */
export function documentRuleRoutes(app: OpenAPIHono<ApiEnv>, { store }: { readonly store: Store }): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/entities/{entityId}/document-rules',
      tags: ['Set-up'],
      summary: 'What becomes of what comes late, and which invoices wait for being too small',
      description: 'A category that is not named has what came late on its next invoice; version 0 is the default of all.',
      middleware: allow(...readers),
      request: { params: entityId },
      responses: { 200: json(z.object({ version: z.int(), own: documentRulesSchema }), 'Rules.'), ...problems },
    }),
    async (c) => c.json(await documentRulesOf(store.pool, (await ofKnownEntity(store.pool, c.req.valid('param'))).entityId), 200),
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: '/v1/entities/{entityId}/document-rules',
      tags: ['Set-up'],
      summary: 'Set them, from the next build of a preview on',
      description: 'Every version is kept.',
      middleware: allow(...may.setRules),
      request: { params: entityId, headers: idempotencyHeader, body: body(newRules(documentRulesSchema)) },
      responses: { 200: json(z.object({ version: z.int() }), 'Set.'), ...problems },
    }),
    async (c) => c.json(await store.tx((db) => setDocumentRules(db, { ...c.req.valid('param'), ...c.req.valid('json') }, byOf(c))), 200),
  );
}
