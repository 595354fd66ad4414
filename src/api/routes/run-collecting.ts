import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Store } from '../../store/db.ts';
import { collectingOf, proposedCutOffs } from '../../store/reads/collecting.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { atRisk, json, problems, runId, wh } from '../schemas.ts';
import { runTags, startOf } from './run-context.ts';

export const sourceCollecting = z.object({
  sourceId: z.string(),
  name: z.string(),
  completeUntil: z.string().nullable(),
  lastArrivalAt: z.string().nullable(),
  expectations: z.object({ open: z.int(), oldest: z.string().nullable(), energyWh: wh, atRisk, unknown: z.int(), signed: z.int() }),
  controlTotals: z.object({ days: z.int(), equal: z.int(), tolerated: z.int(), accepted: z.int(), differs: z.int(), missing: z.int() }),
  complete: z.boolean(),
  waitsFor: z.array(z.string()).readonly(),
});
const collecting = z
  .object({
    runId: z.string(),
    state: z.string(),
    cutOff: z.enum(['fixed', 'automatic']),
    cutOffAt: z.string(),
    periodEnd: z.string(),
    complete: z.boolean(),
    sources: z.array(sourceCollecting.extend({ proposedCutOffAt: z.string().nullable().openapi({ description: 'By then 99.5 % of its last three months had come.' }) })).readonly(),
  })
  .openapi('Collecting');

/** What a run that collects still lacks. */
export function runCollectingRoutes(app: OpenAPIHono<ApiEnv>, { store }: { readonly store: Store }): void {
  const db = store.pool;

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs/{runId}/collecting',
      tags: runTags,
      summary: 'What a run still lacks, source by source',
      middleware: allow(...readers),
      request: { params: runId },
      responses: { 200: json(collecting, 'How far each source is complete, what it owes, and how its totals compare.'), ...problems },
    }),
    async (c) => {
      const found = await startOf(store, c.req.valid('param').runId);
      const [state, proposals] = await Promise.all([collectingOf(db, found.runId), proposedCutOffs(db, found.runId)]);
      const proposed = new Map(proposals.map((p) => [p.sourceId, p.proposedCutOffAt]));
      return c.json({ ...state, sources: state.sources.map((s) => ({ ...s, proposedCutOffAt: proposed.get(s.sourceId) ?? null })) }, 200);
    },
  );
}
