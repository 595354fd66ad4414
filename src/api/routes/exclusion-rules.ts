import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { exclusionPredicateSchema, exclusionRuleSchema, newExclusionPredicateSchema } from '../../contracts/exclusion-rule.ts';
import { endExclusion, proposeExclusion, type RuleChanged, signExclusion, storedPredicate } from '../../store/commands/exclusion-rules.ts';
import { exclusionReach, exclusionReachOf, exclusionRuleOf, listExclusionRules } from '../../store/reads/exclusion-rules.ts';
import { hitsOfRule, shadowBalance } from '../../store/reads/shadow-balance.ts';
import { allow, may, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { body, idempotencyHeader, inPath, json, money, pageOf, pageQuery, problems, reason, runId, wh } from '../schemas.ts';
import { byOf, type RunDeps, runTags, startOf } from './run-context.ts';

const tags = ['Exclusion rules'];
const ruleId = inPath('ruleId');
const scope = z.enum(['record', 'account', 'customer', 'site', 'tariff']);
const rule = z
  .object({
    id: z.string(),
    entityId: z.string(),
    version: z.int(),
    replaces: z.string().nullable(),
    state: z.string().openapi({ description: 'proposed, inForce, expired, ended or withdrawn.' }),
    scope: z.string(),
    subjectId: z.string(),
    predicate: z.record(z.string(), z.unknown()),
    outcome: z.string(),
    maxAgeMonths: z.int().nullable(),
    atOurCost: z.boolean(),
    validFrom: z.string(),
    validTo: z.string().nullable(),
    reviewOn: z.string(),
    reason: z.string(),
    author: z.string(),
    proposedAt: z.string(),
    signedBy: z.string().nullable(),
    signedAt: z.string().nullable(),
    endedBy: z.string().nullable(),
    endedAt: z.string().nullable(),
    endReason: z.string().nullable(),
  })
  .openapi('ExclusionRule');
const reach = z
  .object({ serviceMonth: z.string(), currency: z.string(), accounts: z.int(), sessions: z.int(), charges: z.int(), energyWh: wh, net: money })
  .openapi('ExclusionReach', { description: 'Of what is not settled yet.' });
const reachOf = z
  .object({ accountId: z.string(), accountName: z.string(), currency: z.string(), sessions: z.int(), charges: z.int(), energyWh: wh, net: money })
  .openapi('ExclusionReachOf', { description: 'Who has the largest sums, at most 20.' });
const figures = z.object({ charges: z.int(), energyWh: wh, net: money });
const flow = { currency: z.string(), opening: figures, added: figures, moved: figures, billed: figures, writtenOff: figures, closing: figures };
const balance = z
  .object({
    rows: z.array(z.object({ cause: z.string(), ruleId: z.string().nullable(), serviceMonth: z.string(), ageMonths: z.int(), ...flow })).readonly(),
    totals: z.array(z.object(flow)).readonly(),
  })
  .openapi('ShadowBalance', { description: 'opening + added + moved = billed + writtenOff + closing, in each row and in total.' });
const changed = z.object({ id: z.string(), runs: z.int().openapi({ description: 'Open runs that hold what it hits; they are built again.' }) });

/** Standing rules on what is left out of billing, and what was left out. */
export function exclusionRuleRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: RunDeps): void {
  const tell = async ({ id, workflowIds }: RuleChanged) => {
    await Promise.all(workflowIds.map((workflowId) => orders.inputsChanged(workflowId)));
    return { id, runs: workflowIds.length };
  };
  const known = async (id: string) => {
    const found = await exclusionRuleOf(store.pool, id);
    if (found === undefined) throw new Problem(404, 'notFound', `There is no exclusion rule "${id}".`);
    return found;
  };

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/exclusion-rules',
      tags,
      summary: 'Standing exclusion rules, newest first',
      middleware: allow(...readers),
      request: {
        query: pageQuery.extend({
          entityId: z.string().min(1).optional(),
          state: z.enum(['proposed', 'inForce', 'expired', 'ended', 'withdrawn']).optional(),
          scope: scope.optional(),
          subjectId: z.string().min(1).optional(),
        }),
      },
      responses: { 200: json(pageOf(rule), 'Rules.'), ...problems },
    }),
    async (c) => c.json(await listExclusionRules(store.pool, c.req.valid('query'), c.req.valid('query')), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/exclusion-rules',
      tags,
      summary: 'Propose a standing exclusion rule',
      description: 'It holds once a second person signs it. What a rule says never changes: a proposal that names one under `replaces` takes its place when it is signed.',
      middleware: allow(...may.shape),
      request: { headers: idempotencyHeader, body: body(z.strictObject({ rule: exclusionRuleSchema, replaces: z.string().min(1).optional(), reason })) },
      responses: { 201: json(z.object({ id: z.string(), reach: z.array(reach).readonly() }), 'Proposed, with what it would meet now.'), ...problems },
    }),
    async (c) => {
      const { rule: proposed, replaces, reason: why } = c.req.valid('json');
      const { id } = await store.tx((db) => proposeExclusion(db, proposed, { replaces, reason: why }, byOf(c), c.req.valid('header')['idempotency-key']));
      return c.json({ id, reach: await exclusionReach(store.pool, { ...proposed, predicate: storedPredicate(proposed.predicate) }) }, 201);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/exclusion-rules/preview',
      tags,
      summary: 'What a rule would meet now',
      middleware: allow(...readers),
      request: { body: body(z.strictObject({ entityId: z.string().min(1), scope, subjectId: z.string().min(1).max(200), predicate: newExclusionPredicateSchema.default({}) })) },
      responses: {
        200: json(
          z.object({ reach: z.array(reach).readonly(), accounts: z.array(reachOf).readonly(), moreAccounts: z.int().openapi({ description: 'How many are not listed in `accounts`.' }) }),
          'Wh and money per service month and account; nothing is kept.',
        ),
        ...problems,
      },
    }),
    async (c) => {
      const asked = { ...c.req.valid('json'), predicate: storedPredicate(c.req.valid('json').predicate) };
      return c.json({ reach: await exclusionReach(store.pool, asked), ...(await exclusionReachOf(store.pool, asked)) }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/exclusion-rules/{ruleId}',
      tags,
      summary: 'A standing exclusion rule, and the versions before it',
      middleware: allow(...readers),
      request: { params: ruleId },
      responses: { 200: json(z.object({ rule, earlier: z.array(rule).readonly(), reach: z.array(reach).readonly() }), 'With what it would meet now.'), ...problems },
    }),
    async (c) => {
      const found = await known(c.req.valid('param').ruleId);
      const asked = { ...found.rule, scope: found.rule.scope as z.infer<typeof scope>, predicate: storedPredicate(exclusionPredicateSchema.parse(found.rule.predicate)) };
      return c.json({ ...found, reach: await exclusionReach(store.pool, asked) }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/exclusion-rules/{ruleId}/signature',
      tags,
      summary: 'Put a proposed rule in force',
      description: 'By somebody who did not propose it. Neither of the two approves a run it takes effect in.',
      middleware: allow(...may.approve),
      request: { params: ruleId, headers: idempotencyHeader, body: body(z.strictObject({ comment: reason })) },
      responses: { 200: json(changed, 'In force.'), ...problems },
    }),
    async (c) => c.json(await tell(await store.tx((db) => signExclusion(db, c.req.valid('param').ruleId, c.req.valid('json').comment, byOf(c)))), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/exclusion-rules/{ruleId}/end',
      tags,
      summary: 'End a rule, or take a proposal back',
      description: 'What it carried is billed by the next run, with a finding (D27).',
      middleware: allow(...may.endExclusions),
      request: { params: ruleId, headers: idempotencyHeader, body: body(z.strictObject({ reason })) },
      responses: { 200: json(changed, 'Ended.'), ...problems },
    }),
    async (c) => c.json(await tell(await store.tx((db) => endExclusion(db, c.req.valid('param').ruleId, c.req.valid('json').reason, byOf(c)))), 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/exclusion-rules/{ruleId}/hits',
      tags,
      summary: 'What a rule did in each run',
      middleware: allow(...readers),
      request: { params: ruleId },
      responses: {
        200: json(z.object({ runs: z.array(z.object({ runId: z.string(), period: z.string(), runState: z.string(), ageMonths: z.int(), ...flow })).readonly() }), 'Oldest first.'),
        ...problems,
      },
    }),
    async (c) => c.json({ runs: await hitsOfRule(store.pool, (await known(c.req.valid('param').ruleId)).rule.id) }, 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs/{runId}/shadow-balance',
      tags: runTags,
      summary: 'What a run leaves out, and how what was carried ended in it',
      middleware: allow(...readers),
      request: { params: runId },
      responses: { 200: json(balance, 'By rule and service month.'), ...problems },
    }),
    async (c) => c.json(await shadowBalance(store.pool, (await startOf(store, c.req.valid('param').runId)).runId), 200),
  );
}
