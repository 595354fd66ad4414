import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { previewRulesSchema } from '../../contracts/preview-rules.ts';
import { type PreviewRuleCode, previewRules } from '../../core/cycle/preview-rules.ts';
import { setPreviewRules } from '../../store/commands/set-preview-rules.ts';
import type { Store } from '../../store/db.ts';
import { previewRulesOf } from '../../store/reads/preview-rules.ts';
import { allow, may, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { ofKnownEntity } from '../known-entity.ts';
import { body, entityId, idempotencyHeader, json, newRules, problems } from '../schemas.ts';
import { byOf } from './run-context.ts';

const rule = z.object({
  code: z.string(),
  version: z.int(),
  about: z.string(),
  severity: z.string().openapi({ description: 'By default; the entity may say otherwise.' }),
  limits: z.record(z.string(), z.int()),
});

/** The rules on previews, and how an entity sets them. */
export function previewRuleRoutes(app: OpenAPIHono<ApiEnv>, { store }: { readonly store: Store }): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/entities/{entityId}/preview-rules',
      tags: ['Set-up'],
      summary: 'The rules on previews with their defaults, and what the entity sets otherwise',
      middleware: allow(...readers),
      request: { params: entityId },
      responses: { 200: json(z.object({ version: z.int(), own: previewRulesSchema, rules: z.array(rule) }), 'Rules.'), ...problems },
    }),
    async (c) => {
      const found = await previewRulesOf(store.pool, (await ofKnownEntity(store.pool, c.req.valid('param'))).entityId);
      const rules = (Object.keys(previewRules) as PreviewRuleCode[]).map((code) => ({ code, ...previewRules[code] }));
      return c.json({ ...found, rules }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'put',
      path: '/v1/entities/{entityId}/preview-rules',
      tags: ['Set-up'],
      summary: 'Judge an entity’s previews otherwise, from their next build on',
      description: 'Every version is kept; a finding names the one it was made by. Whoever set the present version does not approve runs that are judged by it.',
      middleware: allow(...may.setRules),
      request: { params: entityId, headers: idempotencyHeader, body: body(newRules(previewRulesSchema)) },
      responses: { 200: json(z.object({ version: z.int() }), 'Set.'), ...problems },
    }),
    async (c) => c.json(await store.tx((db) => setPreviewRules(db, { ...c.req.valid('param'), ...c.req.valid('json') }, byOf(c))), 200),
  );
}
