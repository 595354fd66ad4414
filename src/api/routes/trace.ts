import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Store } from '../../store/db.ts';
import { findRecord } from '../../store/reads/records.ts';
import { runStart } from '../../store/reads/runs.ts';
import { type TraceStart, traceFrom } from '../../store/reads/trace.ts';
import { traceRun } from '../../store/reads/trace-run.ts';
import { mostTreeCharges, traceTree } from '../../store/reads/trace-tree.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { json, money, pageOf, pageQuery, problems, runId, wh } from '../schemas.ts';
import { noRecord } from './record-lookup.ts';

const tags = ['Trace'];
const traced = z
  .object({
    recordId: z.string().nullable(),
    sessionKey: z.string().nullable(),
    revision: z.int().nullable(),
    energyWh: wh,
    chargeId: z.string(),
    role: z.string(),
    component: z.string(),
    net: money,
    currency: z.string(),
    glAccount: z.string(),
    costCenter: z.string(),
    ratedJournal: z.string(),
    accountId: z.string().nullable(),
    runId: z.string().nullable(),
    disposition: z.string().nullable(),
    documentId: z.string().nullable(),
    lineNo: z.int().nullable(),
    legalNumber: z.string().nullable(),
    issueJournal: z.string().nullable(),
    erpState: z.string().nullable(),
    erpId: z.string().nullable(),
  })
  .openapi('TracedCharge');

const starts = z.object({
  record: z.string().optional().openapi({ description: 'A record’s number, or `{sourceId}/{recordKey}`.' }),
  document: z.string().optional().openapi({ description: 'A document’s id or legal number.' }),
  account: z.string().optional(),
  erp: z.string().optional().openapi({ description: 'The ERP’s id.' }),
  run: z.string().optional().openapi({ description: 'What a run issued; with the three below, what a balance in the ERP is made of.' }),
  glAccount: z.string().optional(),
  costCenter: z.string().optional(),
  vatCode: z.string().optional(),
});
const line = z.object({
  lineNo: z.int(),
  glAccount: z.string(),
  costCenter: z.string(),
  vatCode: z.string(),
  net: money,
  energyWh: wh,
  chargesNet: money.openapi({ description: 'Of all charges on it, or of its adjustment.' }),
  chargesWh: wh,
  equal: z.boolean(),
  charges: z.array(traced).readonly(),
});
const tree = z
  .object({
    charges: z.int(),
    records: z.int(),
    energyWh: wh,
    net: z.array(z.object({ currency: z.string(), amount: money })).readonly(),
    documents: z
      .array(
        z.object({
          documentId: z.string(),
          legalNumber: z.string().nullable(),
          currency: z.string(),
          net: money,
          energyWh: wh,
          lines: z.array(line).readonly(),
          journal: z.object({ key: z.string(), net: money, equal: z.boolean() }).nullable(),
          erp: z
            .object({
              key: z.string(),
              state: z.string(),
              externalId: z.string().nullable(),
              lines: z.array(z.object({ glAccount: z.string(), costCenter: z.string(), vatCode: z.string(), net: money, inErp: money, equal: z.boolean() })).readonly(),
              equal: z.boolean(),
            })
            .nullable(),
        }),
      )
      .readonly(),
    withoutDocument: z.array(traced).readonly(),
    equal: z.boolean().openapi({ description: 'Every sum of every step is that of the step before.' }),
  })
  .openapi('TraceTree');
const orphans = z.object({ count: z.int(), net: money, energyWh: wh, examples: z.array(z.string()).readonly() });
const ofRun = z
  .object({
    currency: z.string(),
    records: z.int(),
    charges: z.int(),
    documents: z.int(),
    erpLines: z.int(),
    energyWh: z.object({ charges: wh, lines: wh, reachingErp: wh }),
    net: z.object({ charges: money, adjustments: money, lines: money, journals: money, erp: money }),
    orphans: z.object({ chargesWithoutLine: orphans, linesWithoutErp: orphans, erpWithoutLine: orphans }),
  })
  .openapi('RunTrace');

/** The way from a kWh to the ERP, and back. */
export function traceRoutes(app: OpenAPIHono<ApiEnv>, { store }: { readonly store: Store }): void {
  const startOf = async ({ record, ...rest }: z.infer<typeof starts>): Promise<TraceStart> => {
    if (record === undefined && [rest.document, rest.account, rest.erp, rest.run].every((v) => v === undefined))
      throw new Problem(422, 'invalid', 'Name where to start: record, document, account, erp or run.');
    if (rest.run === undefined && [rest.glAccount, rest.costCenter, rest.vatCode].some((v) => v !== undefined)) throw new Problem(422, 'invalid', 'A balance is that of a run: name the run too.');
    if (record === undefined) return rest;
    const view = await findRecord(store.pool, record);
    if (view === undefined) throw noRecord(record);
    return { ...rest, record: view.recordId };
  };
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/trace',
      tags,
      summary: 'From any end: kWh, record, charge, document line, journal entry, ERP id',
      middleware: allow(...readers),
      request: { query: pageQuery.extend({ ...starts.shape }) },
      responses: { 200: json(pageOf(traced), 'One item a charge.'), ...problems },
    }),
    async (c) => {
      const { cursor, limit, ...start } = c.req.valid('query');
      return c.json(await traceFrom(store.pool, await startOf(start), { cursor, limit }), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/trace/tree',
      tags,
      summary: 'The same as a tree, with the sums of each step',
      middleware: allow(...readers),
      request: { query: starts },
      responses: { 200: json(tree, 'Documents with their lines, journal and what the ERP got; charges that are on no document beside them.'), ...problems },
    }),
    async (c) => {
      const found = await traceTree(store.pool, await startOf(c.req.valid('query')));
      if (found === undefined) throw new Problem(422, 'tooMany', `A tree holds at most ${mostTreeCharges} charges: start at a document or a record, or read the list, page by page.`);
      return c.json(found, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs/{runId}/trace',
      tags,
      summary: 'A whole run traced both ways, with what reaches no other end',
      middleware: allow(...readers),
      request: { params: runId },
      responses: { 200: json(z.object({ currencies: z.array(ofRun).readonly() }), 'Sums of each step per currency; orphans are nothing when all of it holds.'), ...problems },
    }),
    async (c) => {
      const id = c.req.valid('param').runId;
      if ((await runStart(store.pool, id)) === undefined) throw new Problem(404, 'notFound', `There is no run "${id}".`);
      return c.json({ currencies: await traceRun(store.pool, id) }, 200);
    },
  );
}
