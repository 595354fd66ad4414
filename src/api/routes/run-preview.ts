import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { signFindings } from '../../store/commands/sign-findings.ts';
import { runDiff } from '../../store/reads/run-diff.ts';
import { listRunFindings } from '../../store/reads/run-findings.ts';
import { runDimensions, runTotals } from '../../store/reads/run-totals.ts';
import { allow, may, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { body, idempotencyHeader, json, money, number, pageOf, pageQuery, problems, reason, runId, wh } from '../schemas.ts';
import { byOf, type RunDeps, runTags, startOf } from './run-context.ts';

const figures = z.object({ documents: z.int(), lines: z.int(), net: money, vat: money, payable: money, energyWh: wh });
const compared = z.object({
  before: figures,
  after: figures,
  difference: figures,
  causes: z
    .array(z.object({ cause: z.string(), payable: money, energyWh: wh }))
    .readonly()
    .openapi({ description: 'Disjoint; they sum to the difference of payable and energy exactly. Without those that are nothing.' }),
});
const severity = z.enum(['blocks', 'warns', 'info']);
const diff = z
  .object({
    runId: z.string(),
    build: z.int(),
    against: z.object({ runId: z.string(), period: z.string(), build: z.int() }),
    totals: z
      .array(compared.extend({ currency: z.string(), side: z.enum(['billed', 'owed']) }))
      .readonly()
      .openapi({ description: 'Of all accounts, whatever the page.' }),
    items: z.array(compared.extend({ accountId: z.string(), accountName: z.string(), strategy: z.string(), currency: z.string() })).readonly(),
    nextCursor: z.string().nullable(),
  })
  .openapi('RunDiff');
const finding = z
  .object({
    findingId: z.string(),
    rule: z.string(),
    ruleVersion: z.int(),
    rulesVersion: z.int().openapi({ description: 'Of the entity’s own rules; 0: the defaults.' }),
    severity,
    subject: z.string(),
    accountId: z.string().nullable(),
    documentId: z.string().nullable(),
    recordId: z.string().nullable(),
    computed: z.string().nullable(),
    limit: z.string().nullable(),
    text: z.string(),
    remedy: z.string(),
    foundAt: z.string(),
    signed: z.object({ by: z.string(), reason: z.string(), at: z.string() }).nullable(),
  })
  .openapi('RunFinding');

const total = z
  .object({
    value: z.string().nullable(),
    name: z.string().nullable().openapi({ description: 'Of an account or a site.' }),
    side: z.enum(['billed', 'owed']),
    currency: z.string(),
    documents: z.int(),
    lines: z.int(),
    net: money,
    energyWh: wh,
  })
  .openapi('RunTotal');

/** What is wrong in a preview, what it comes to, and how it differs from another. */
export function runPreviewRoutes(app: OpenAPIHono<ApiEnv>, { store }: RunDeps): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs/{runId}/diff',
      tags: runTags,
      summary: 'How a preview differs from another, by account and by cause',
      middleware: allow(...readers),
      request: {
        params: runId,
        query: pageQuery.extend({ against: z.string().min(1).openapi({ description: '`lastMonth`, `previousPreview` of the same run, or the id of a run.', example: 'lastMonth' }) }),
      },
      responses: { 200: json(diff, 'In order of account.'), ...problems },
    }),
    async (c) => {
      const { against, ...page } = c.req.valid('query');
      const found = await startOf(store, c.req.valid('param').runId);
      return c.json(await runDiff(store.pool, found.runId, against, page), 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs/{runId}/totals',
      tags: runTags,
      summary: 'What the documents of a run come to, by a dimension of their lines',
      description: 'Net and energy; VAT belongs to whole documents, and stands in the run’s own totals.',
      middleware: allow(...readers),
      request: { params: runId, query: pageQuery.extend({ by: z.enum(runDimensions) }) },
      responses: { 200: json(pageOf(total), 'In order of the values; what has none comes first.'), ...problems },
    }),
    async (c) => {
      const { by, ...page } = c.req.valid('query');
      const found = await startOf(store, c.req.valid('param').runId);
      return c.json(await runTotals(store.pool, found.runId, by, page), 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs/{runId}/findings',
      tags: runTags,
      summary: 'What looks wrong in a preview as it stands',
      middleware: allow(...readers),
      request: { params: runId, query: pageQuery.extend({ severity: severity.optional() }) },
      responses: { 200: json(pageOf(finding), 'Findings.'), ...problems },
    }),
    async (c) => {
      const { severity: only, ...page } = c.req.valid('query');
      const found = await startOf(store, c.req.valid('param').runId);
      return c.json(await listRunFindings(store.pool, found.runId, only, page), 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs/{runId}/finding-decisions',
      tags: runTags,
      summary: 'Sign that findings are right as they are',
      description: 'What blocks has to be mended or signed before somebody else approves. A finding that comes out otherwise when the preview is built again is a new one.',
      middleware: allow(...may.signFindings),
      request: { params: runId, headers: idempotencyHeader, body: body(z.strictObject({ findingIds: z.array(number).min(1).max(1000), reason })) },
      responses: { 200: json(z.object({ signed: z.int() }), 'How many were not signed before.'), ...problems },
    }),
    async (c) => {
      const found = await startOf(store, c.req.valid('param').runId);
      return c.json(await store.tx((db) => signFindings(db, { runId: found.runId, ...c.req.valid('json') }, byOf(c))), 200);
    },
  );
}
