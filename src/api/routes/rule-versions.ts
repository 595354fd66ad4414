import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { documentRulesSchema } from '../../contracts/document-rules.ts';
import { previewRulesSchema } from '../../contracts/preview-rules.ts';
import { releaseRulesSchema } from '../../contracts/release-rules.ts';
import type { Store } from '../../store/db.ts';
import { listRuleVersions, type RuleKind } from '../../store/reads/rule-versions.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { entityId, json, pageOf, pageQuery, problems } from '../schemas.ts';

const changed = z
  .object({ field: z.string().openapi({ example: 'rules.energyJump.limits.percent' }), before: z.any(), after: z.any() })
  .openapi('ChangedField', { description: 'null: not said, so as by default.' });
const versionOf = <T extends z.ZodType>(rules: T) =>
  z.object({
    version: z.int(),
    rules,
    changed: z.array(changed).readonly().openapi({ description: 'Beside the version before; of the first, beside the defaults.' }),
    reason: z.string(),
    author: z.string(),
    validFrom: z.string().openapi({ description: 'When it was set: it holds for what is built or decided from then on.' }),
    validTo: z.string().nullable().openapi({ description: 'When the next took its place; null: it holds now.' }),
  });

/** Every version of an entity's rules: who set it, when, why, and what it changed. */
export function ruleVersionRoutes(app: OpenAPIHono<ApiEnv>, { store }: { readonly store: Store }): void {
  const versions = (kind: RuleKind, path: 'preview-rules' | 'document-rules' | 'release-rules', rules: z.ZodType, summary: string) =>
    app.openapi(
      createRoute({
        method: 'get',
        path: `/v1/entities/{entityId}/${path}/versions`,
        tags: ['Set-up'],
        summary,
        middleware: allow(...readers),
        request: { params: entityId, query: pageQuery },
        responses: { 200: json(pageOf(versionOf(rules)), 'Versions; none: the defaults hold.'), ...problems },
      }),
      async (c) => c.json(await listRuleVersions(store.pool, kind, c.req.valid('param').entityId, c.req.valid('query')), 200),
    );
  versions('previewRules', 'preview-rules', previewRulesSchema, 'Versions of the rules on previews, newest first, with who, when, why and what changed');
  versions('documentRules', 'document-rules', documentRulesSchema, 'Versions of the rules on documents, newest first, with who, when, why and what changed');
  versions('releaseRules', 'release-rules', releaseRulesSchema, 'Versions of the rules on release, newest first, with who, when, why and what changed');
}
