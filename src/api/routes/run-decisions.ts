import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { moveAccounts } from '../../store/commands/move-accounts.ts';
import { newId } from '../../store/commands/new-id.ts';
import { signCarry } from '../../store/commands/steer-run.ts';
import { changesSince } from '../../store/reads/changes-since.ts';
import { allow, may } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { body, idempotencyHeader, json, number, problems, reason, releaseGroup, runId } from '../schemas.ts';
import { byOf, type RunDeps, runTags, startOf } from './run-context.ts';

/** What finance signs. */
export function runDecisionRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: RunDeps): void {
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs/{runId}/approval',
      tags: runTags,
      summary: 'Approve or reject exactly the content of a hash',
      description:
        'By somebody who authored nothing that takes effect in the run. 409 `staleHash` carries the present hash, and what changed since the one that was looked at. Where the entity’s release rules want two, the first approval is kept, and the groups in `waitsForSecond` wait for somebody else’s.',
      middleware: allow(...may.approve),
      request: {
        params: runId,
        headers: idempotencyHeader,
        body: body(
          z.strictObject({
            contentHash: z.string().regex(/^[0-9a-f]{64}$/, 'the 64 hex digits the run shows'),
            group: releaseGroup.optional().openapi({ description: 'One release group, with its own hash; without it all that are in review, with the run’s.' }),
            decision: z.enum(['approve', 'reject']),
            comment: reason,
          }),
        ),
      },
      responses: { 200: json(z.object({ approvalId: z.string(), waitsForSecond: z.array(z.string()).readonly() }), 'Stored.'), ...problems },
    }),
    async (c) => {
      const found = await startOf(store, c.req.valid('param').runId);
      const { contentHash, group, decision, comment } = c.req.valid('json');
      const by = byOf(c);
      const approvalId = newId('apr', [found.runId, by.actor], c.req.valid('header')['idempotency-key']);
      const order = { approvalId, decision, contentHash, comment, ...(group === undefined ? {} : { group }), ...by };
      try {
        return c.json({ approvalId, ...(await orders.decide(found.workflowId, order)) }, 200);
      } catch (error) {
        if (!(error instanceof Problem) || error.code !== 'staleHash') throw error;
        const changes = await changesSince(store.pool, found.runId, contentHash);
        throw new Problem(error.status, error.code, error.message, { ...error.more, ...(changes === undefined ? {} : { changes }) });
      }
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs/{runId}/carry-decisions',
      tags: runTags,
      summary: 'Sign that what waits or is missing stays unbilled for now',
      description:
        'A run closes only when each quarantined or parked record of its months is decided, each missing CDR resolved, or both are signed here; so are parked accounts, and invoices that wait for a purchase order.',
      middleware: allow(...may.approve),
      request: {
        params: runId,
        headers: idempotencyHeader,
        body: body(
          z.strictObject({
            recordIds: z.array(number).min(1).max(10_000).optional().openapi({ description: 'All that wait, without it and `expectations`.' }),
            expectations: z.array(z.string().min(3).max(300)).min(1).max(10_000).optional().openapi({ description: '`{sourceId}/{key}` of CDRs that are missing.' }),
            reason,
          }),
        ),
      },
      responses: { 200: json(z.object({ signed: z.int() }), 'How many were signed.'), ...problems },
    }),
    async (c) => {
      const found = await startOf(store, c.req.valid('param').runId);
      const { recordIds, expectations, reason: why } = c.req.valid('json');
      const result = await store.tx((db) => signCarry(db, { runId: found.runId, recordIds, expectations, reason: why, by: byOf(c) }));
      await orders.inputsChanged(found.workflowId);
      return c.json(result, 200);
    },
  );
  for (const [verb, summary, description, roles] of [
    ['release', 'Let a group go on after its canary', 'A group waits after its canary where the entity’s release rules say so, or something about it does not hold.', may.steer],
    ['reopen', 'Take an approval back before anything of the group is issued', 'Its documents are drafts again. An approved group issues at once unless the run is paused.', may.approve],
  ] as const) {
    app.openapi(
      createRoute({
        method: 'post',
        path: `/v1/runs/{runId}/${verb}`,
        tags: runTags,
        summary,
        description,
        middleware: allow(...roles),
        // What is left out means all: a field of another name is not taken for that.
        request: { params: runId, headers: idempotencyHeader, body: body(z.strictObject({ group: releaseGroup.optional().openapi({ description: 'All that can, without it.' }), reason })) },
        responses: { 200: json(z.object({ groups: z.array(z.string()).readonly() }), 'Which.'), ...problems },
      }),
      async (c) => {
        const found = await startOf(store, c.req.valid('param').runId);
        const { group, reason: why } = c.req.valid('json');
        const by = byOf(c);
        const orderId = newId('ord', [found.runId, verb, by.actor], c.req.valid('header')['idempotency-key']);
        return c.json(await orders[verb](found.workflowId, { ...by, reason: why, ...(group === undefined ? {} : { group }) }, orderId), 200);
      },
    );
  }
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs/{runId}/groups',
      tags: runTags,
      summary: 'Move accounts into another release group of the run',
      description: 'Only between groups that are in review; the group is made when there is none of this name. To hold an account back, move it into a group of its own and approve the others.',
      middleware: allow(...may.shape),
      request: { params: runId, headers: idempotencyHeader, body: body(z.strictObject({ accountIds: z.array(z.string().min(1)).min(1).max(10_000), group: releaseGroup, reason })) },
      responses: { 200: json(z.object({ moved: z.int() }), 'How many were moved.'), ...problems },
    }),
    async (c) => {
      const found = await startOf(store, c.req.valid('param').runId);
      const { accountIds, group, reason: why } = c.req.valid('json');
      const result = await store.tx((db) => moveAccounts(db, found.runId, { accountIds, group }, { ...byOf(c), reason: why }));
      await orders.inputsChanged(found.workflowId);
      return c.json(result, 200);
    },
  );
}
