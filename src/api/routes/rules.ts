import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { ruleProfileSchema } from '../../contracts/rule-profile.ts';
import { type RuleCode, rules } from '../../core/plausibility/rules.ts';
import { setRules } from '../../store/commands/set-rules.ts';
import type { Store } from '../../store/db.ts';
import { rulesOf } from '../../store/reads/rules.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { noSource } from '../known-source.ts';
import type { Orders } from '../orders.ts';
import { body, idempotencyHeader, json, problems, reason, sourceId } from '../schemas.ts';
import { byOf } from './run-context.ts';

const rule = z.object({
  code: z.string(),
  version: z.int(),
  about: z.string(),
  owner: z.enum(['ops', 'finance', 'partner']),
  severity: z.string().openapi({ description: 'By default; the profile may say otherwise.' }),
  limits: z.record(z.string(), z.int()),
});

/** The plausibility rules, and how a source's records are judged by them. */
export function ruleRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: { readonly store: Store; readonly orders: Orders }): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/sources/{sourceId}/rules',
      tags: ['Set-up'],
      summary: 'The plausibility rules with their defaults, and what the source sets otherwise',
      middleware: allow('partner', ...readers),
      request: { params: sourceId },
      responses: { 200: json(z.object({ version: z.int(), profile: ruleProfileSchema, rules: z.array(rule) }), 'Rules.'), ...problems },
    }),
    async (c) => {
      const id = c.req.valid('param').sourceId;
      const own = await rulesOf(store.pool, id);
      if (own === undefined) throw noSource(id);
      const defaults = (Object.keys(rules) as RuleCode[]).map((code) => ({ code, ...rules[code] }));
      return c.json({ ...own, rules: defaults }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'put',
      path: '/v1/sources/{sourceId}/rules',
      tags: ['Set-up'],
      summary: 'Judge a source’s records otherwise, from now on',
      description: 'Every version is kept; a finding names the one it was made by. What waits for a decision is judged anew.',
      middleware: allow('finance-approver', 'admin'),
      request: { params: sourceId, headers: idempotencyHeader, body: body(z.strictObject({ profile: ruleProfileSchema, reason })) },
      responses: { 200: json(z.object({ version: z.int(), workflowId: z.string() }), 'Set; the workflow judges anew what waits.'), ...problems },
    }),
    async (c) => {
      const id = c.req.valid('param').sourceId;
      const { version } = await store.tx((db) => setRules(db, { sourceId: id, ...c.req.valid('json') }, byOf(c)));
      const workflowId = await orders.setupAdded({ sourceId: id, code: 'anyRule', key: `v${version}` });
      return c.json({ version, workflowId }, 200);
    },
  );
}
