import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { whatIfSchema } from '../../contracts/dry-run.ts';
import { planRun } from '../../store/commands/plan-run.ts';
import { listDocuments } from '../../store/reads/documents.ts';
import { reportOf } from '../../store/reads/run-report.ts';
import { runSummary } from '../../store/reads/run-summary.ts';
import { listRuns } from '../../store/reads/runs.ts';
import { allow, may, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { body, idempotencyHeader, instant, json, money, pageOf, pageQuery, problems, runId, wh } from '../schemas.ts';
import { controlDay } from './completeness.ts';
import { documentSummary } from './documents.ts';
import { sourceCollecting } from './run-collecting.ts';
import { byOf, type RunDeps, runTags, startOf } from './run-context.ts';

const runRow = z.object({
  runId: z.string(),
  entityId: z.string(),
  period: z.string(),
  kind: z.string(),
  state: z.string(),
  paused: z.boolean(),
  problem: z.string().nullable(),
  workflowId: z.string(),
});
const group = z
  .object({
    name: z.string(),
    state: z.string(),
    contentHash: z.string().nullable().openapi({ description: 'Null while documents of it are being built.' }),
    problem: z.string().nullable(),
    accounts: z.int(),
    documents: z.int(),
    canaryDocuments: z.int(),
    totals: z.array(z.object({ currency: z.string(), payable: money, energyWh: wh })).readonly(),
    approvedBy: z.array(z.string()).readonly(),
    waitsForSecond: z.boolean().openapi({ description: 'One has approved it, and the entity’s release rules want two.' }),
  })
  .openapi('ReleaseGroup');
const run = runRow
  .extend({
    calendarId: z.string(),
    selection: z
      .object({ accountIds: z.array(z.string()).readonly() })
      .readonly()
      .nullable()
      .openapi({ description: 'Of an off-cycle run: its accounts.' }),
    baseRunId: z.string().nullable().openapi({ description: 'Of a dry run: the live run whose set, exclusions and adjustments it shows again.' }),
    whatIf: whatIfSchema.nullable().openapi({ description: 'What a dry run supposes.' }),
    cutOffAt: z.string(),
    setClosedAt: z.string().nullable(),
    closedAt: z.string().nullable(),
    contentHash: z.string().nullable().openapi({ description: 'Null while documents are being built.' }),
    groups: z.array(group).readonly().openapi({ description: 'What is approved and issued apart; the run stands where the least advanced of them stands.' }),
    byStrategy: z.array(z.object({ strategy: z.string(), currency: z.string(), documents: z.int(), net: money, vat: money, payable: money, energyWh: wh })).readonly(),
    accounts: z.object({ ready: z.int(), pending: z.int() }),
    held: z
      .array(z.object({ accountId: z.string(), reason: z.string() }))
      .readonly()
      .openapi({ description: 'Accounts of which an invoice is held, and for what; their other documents go on.' }),
    parked: z
      .array(z.object({ accountId: z.string(), reason: z.string().nullable() }))
      .readonly()
      .openapi({ description: 'Accounts without a document, since something is missing for them; what they were to be billed is carried.' }),
    waiting: z
      .array(z.object({ state: z.string(), code: z.string().nullable(), records: z.int(), energyWh: wh, signed: z.int() }))
      .readonly()
      .openapi({ description: 'Records of its months that cannot be billed yet; close needs each decided or signed to be carried.' }),
    late: z.object({ charges: z.int(), energyWh: wh }).openapi({ description: 'What came after the set closed: it enters by pull-in only.' }),
    findings: z.object({ blocks: z.int(), warns: z.int(), info: z.int(), unsigned: z.int() }).openapi({ description: 'What looks wrong in the preview; `unsigned` block its approval.' }),
    postings: z.record(z.string(), z.int()).openapi({ description: 'ERP postings per state.' }),
  })
  .openapi('Run');
const report = z
  .object({
    run: run.readonly(),
    numbers: z.object({ first: z.string().nullable(), last: z.string().nullable(), count: z.int() }),
    series: z
      .array(
        z.object({
          seriesId: z.string(),
          documentType: z.string(),
          counterpartyId: z.string(),
          first: z.string(),
          last: z.string(),
          count: z.int(),
          gaps: z.array(z.string()).readonly(),
          beyond: z.int(),
        }),
      )
      .readonly()
      .openapi({ description: 'Number series the run took numbers of; the whole series is looked at: `gaps` and `beyond` are nothing, always.' }),
    approvals: z.array(z.object({ group: z.string(), decision: z.string(), actor: z.string(), comment: z.string(), at: z.string() })).readonly(),
    smallSessions: z
      .object({ records: z.int(), energyWh: wh, net: money, currency: z.string().optional() })
      .openapi({ description: 'Below the limit of small sessions: written off; net in the books’ currency, which reports of earlier closes do not name.' }),
    exclusions: z
      .array(
        z.object({
          id: z.string(),
          scope: z.string(),
          subjectId: z.string(),
          outcome: z.string(),
          reason: z.string(),
          author: z.string(),
          energyWh: wh,
          net: money,
          currency: z.string(),
          oldestOn: z.string().nullable(),
        }),
      )
      .readonly()
      .openapi({ description: 'Exclusions of the run, and standing ones that left something out of it, in each currency: what they write off or carry, fees with it, as the shadow balance has it.' }),
    adjustments: z.array(z.object({ id: z.string(), accountId: z.string(), amount: money, currency: z.string(), reason: z.string(), author: z.string() })).readonly(),
    manualLeft: z
      .array(
        z.object({
          kind: z.enum(['adjustment', 'credit']),
          id: z.string(),
          accountId: z.string(),
          amount: money,
          currency: z.string(),
          reason: z.string(),
          author: z.string(),
          why: z.string().nullable(),
        }),
      )
      .readonly()
      .openapi({ description: 'Adjustments and ordered credits on none of its documents (account parked, invoice held): the next run of their account takes them over.' }),
    carried: z.array(z.object({ reason: z.string(), actor: z.string(), records: z.int(), energyWh: wh })).readonly(),
    erp: z
      .object({
        connectionId: z.string().nullable(),
        verified: z.int(),
        open: z.int(),
        skipped: z.int(),
        controlTotal: money,
        attempts: z.int(),
        byCurrency: z
          .array(z.object({ currency: z.string(), controlTotal: money }))
          .readonly()
          .optional(),
      })
      .openapi({ description: '`controlTotal`: of what is in the books’ currency; `byCurrency`: of each, which reports of earlier closes lack.' }),
    heldBack: z
      .array(z.object({ reason: z.string(), currency: z.string(), accounts: z.int(), charges: z.int(), energyWh: wh, net: money, fees: money, signed: z.int().nullable() }))
      .readonly()
      .openapi({
        description:
          'What is carried since an account is parked, an invoice held or a correction waits, by reason; `fees` of the net is what the month decided. `signed`: accounts whose carrying somebody signed, null where a rule explains it.',
      }),
    parkedAccounts: z.array(z.object({ accountId: z.string(), reason: z.string().nullable(), charges: z.int(), energyWh: wh, net: money, currency: z.string() })).readonly(),
    late: z
      .array(z.object({ accountId: z.string(), accountName: z.string(), charges: z.int(), energyWh: wh, net: money, currency: z.string() }))
      .readonly()
      .openapi({ description: 'What came after the set was closed, for the next run.' }),
    missing: z
      .object({ sources: z.array(sourceCollecting).readonly(), days: z.array(controlDay.extend({ sourceId: z.string() })).readonly() })
      .openapi({ description: 'What is known to be missing, and the days whose total is not exactly what arrived.' }),
    erpTotals: z
      .array(z.object({ kind: z.string(), glAccount: z.string(), costCenter: z.string(), vatCode: z.string(), currency: z.string(), handedOver: money, inErp: money, difference: money }))
      .readonly(),
    revenue: z
      .array(z.object({ month: z.string(), glAccount: z.string(), costCenter: z.string(), currency: z.string(), revenue: money, issued: money, unbilled: money, writtenOff: money, difference: money }))
      .readonly()
      .openapi({ description: 'The sub-ledger’s revenue against the charges behind it; `difference` is zero, always.' }),
    unbilled: z.array(z.object({ currency: z.string(), ledger: money, charges: money, difference: money })).readonly(),
    balances: z
      .array(z.object({ sourceId: z.string(), month: z.string(), unit: z.string(), figures: z.record(z.string(), wh).readonly() }))
      .readonly()
      .openapi({ description: 'Where what each source sent of a service month stands: in Wh, or net in minor units. Source empty: no session earned it.' }),
    equation: z
      .object({
        since: z.string().nullable(),
        rows: z
          .array(
            z.object({
              sourceId: z.string(),
              unit: z.string(),
              ...{ opening: wh, received: wh, billed: wh, billedByOthers: wh, free: wh, excluded: wh, rejected: wh, billedElsewhere: wh, closing: wh },
              difference: wh,
            }),
          )
          .readonly(),
      })
      .openapi({ description: 'Since the run before it closed: opening + received = billed + free + excluded + rejected + billed elsewhere + closing. `difference` is zero, always.' }),
    energyBalance: z
      .array(
        z.object({
          month: z.string(),
          ...{ received: wh, billed: wh, open: wh, carried: wh, parked: wh, held: wh, free: wh, excluded: wh, rejected: wh, billedElsewhere: wh, included: wh, linked: wh },
          difference: wh,
        }),
      )
      .readonly()
      .openapi({ description: 'Per service month; `difference` is zero, always.' }),
    ledger: z
      .array(z.object({ unit: z.string(), rest: z.string() }))
      .readonly()
      .openapi({ description: 'Rest per unit over the whole ledger: zero, always.' }),
  })
  .openapi('RunReport');

/** Billing runs: plan, look, shape, approve, steer. */
export function runRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: RunDeps): void {
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/runs',
      tags: runTags,
      summary: 'Plan a billing run',
      middleware: allow(...may.plan),
      request: {
        headers: idempotencyHeader,
        body: body(
          z.strictObject({
            entityId: z.string().min(1),
            period: z.string().openapi({
              example: '2019-12',
              description: 'A period of the entity’s calendar in its own zone: a month `2019-12`, an ISO week `2019-W50` (from Monday) or a quarter `2019-Q4`.',
            }),
            calendarId: z.string().min(1).optional().openapi({ description: 'The entity’s calendar of that cadence unless told. Its run bills the accounts that are on it.' }),
            kind: z
              .enum(['live', 'dry'])
              .default('live')
              .openapi({ description: 'A dry run shows what would be billed, of any month: the same steps up to the preview, over lines of its own, without claims, numbers or hand-over.' }),
            whatIf: whatIfSchema.strict().optional().openapi({
              description:
                'What a dry run supposes: `rateAgain`, every session by the set-up as it is now; `tariffVersionIds`, these versions, published or proposed, in the place of all others of their tariffs.',
            }),
            selection: z
              .strictObject({ accountIds: z.array(z.string().min(1)).min(1).max(10_000) })
              .optional()
              .openapi({
                description:
                  'Makes it an off-cycle run of these accounts, such as a final invoice: it takes what is open of them up to the period, at once unless `cutOffAt` says when. Later runs bill the rest.',
              }),
            cutOffAt: instant.optional().openapi({ description: 'Late CDRs are waited for until then; five days after the month or quarter unless told, two after a week.' }),
            cutOff: z
              .enum(['fixed', 'automatic'])
              .optional()
              .openapi({ description: '`automatic`: the set closes as soon as every source is complete, at `cutOffAt` at the latest. By the calendar unless told.' }),
          }),
        ),
      },
      responses: { 201: json(z.object({ runId: z.string(), workflowId: z.string(), cutOffAt: z.string() }), 'Planned; its workflow collects.'), ...problems },
    }),
    async (c) => {
      const { entityId, period, calendarId, kind, whatIf, selection, cutOffAt, cutOff } = c.req.valid('json');
      if (kind === 'live' && whatIf !== undefined) throw new Problem(422, 'invalid', 'Only a dry run supposes something: leave `whatIf` out, or plan it with kind "dry".');
      const plan = await store.tx((db) =>
        planRun(
          db,
          { entityId, period, calendarId, kind, whatIf, selection, cutOffAt: cutOffAt === undefined ? undefined : new Date(cutOffAt), cutOff, by: byOf(c) },
          c.req.valid('header')['idempotency-key'],
        ),
      );
      // One that was planned by the same request before may have begun, or be over.
      if (plan.state === 'planned') await orders.startRun({ runId: plan.runId, workflowId: plan.workflowId, period, cutOffAtMs: plan.cutOffAt.getTime(), kind });
      return c.json({ runId: plan.runId, workflowId: plan.workflowId, cutOffAt: plan.cutOffAt.toISOString() }, 201);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs',
      tags: runTags,
      summary: 'Billing runs, newest first',
      middleware: allow(...readers),
      request: { query: pageQuery },
      responses: { 200: json(pageOf(runRow), 'Runs.'), ...problems },
    }),
    async (c) => c.json(await listRuns(store.pool, c.req.valid('query')), 200),
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs/{runId}',
      tags: runTags,
      summary: 'Where a run stands',
      middleware: allow(...readers),
      request: { params: runId },
      responses: { 200: json(run, 'The run.'), ...problems },
    }),
    async (c) => {
      const found = await runSummary(store.pool, c.req.valid('param').runId);
      if (found === undefined) throw new Problem(404, 'notFound', `There is no run "${c.req.valid('param').runId}".`);
      return c.json(found, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs/{runId}/documents',
      tags: runTags,
      summary: 'The documents of a run: previews until they are issued',
      middleware: allow(...readers),
      request: {
        params: runId,
        query: pageQuery.extend({ account: z.string().min(1).max(200).optional().openapi({ description: 'An account’s id, or a part of its party’s name.' }), strategy: z.string().min(1).optional() }),
      },
      responses: { 200: json(pageOf(documentSummary), 'In order of account.'), ...problems },
    }),
    async (c) => {
      await startOf(store, c.req.valid('param').runId);
      return c.json(await listDocuments(store.pool, c.req.valid('param').runId, c.req.valid('query')), 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs/{runId}/report',
      tags: runTags,
      summary: 'The close report',
      description: 'As it stood at the close, or as it stands now while the run is open.',
      middleware: allow(...readers),
      request: { params: runId },
      responses: { 200: json(report, 'Balances, late, carried, excluded, adjusted, ERP control totals.'), ...problems },
    }),
    async (c) => {
      const found = await reportOf(store.pool, c.req.valid('param').runId);
      if (found === undefined) throw new Problem(404, 'notFound', `There is no run "${c.req.valid('param').runId}".`);
      return c.json(found, 200);
    },
  );
}
