import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { creditLines, withdrawCredit } from '../../store/commands/credit-lines.ts';
import { orderRebill, retryRebill } from '../../store/commands/order-rebill.ts';
import { documentCurrency, findRebill } from '../../store/reads/credits.ts';
import { runStart } from '../../store/reads/runs.ts';
import { allow, may, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { minorOf } from '../minor-of.ts';
import { Problem } from '../problem.ts';
import { body, done, idempotencyHeader, inPath, json, money, number, problems, reason, utc } from '../schemas.ts';
import { byOf, type RunDeps } from './run-context.ts';

const tags = ['Documents'];
const id = inPath('id');
const lineNo = z.int().min(1);
const now = z.boolean().default(false).openapi({ description: 'Do not wait for the month: an off-cycle run of the accounts it is about makes the documents at once, for somebody else to approve.' });
const correctedFacts = z
  .strictObject({ recordId: number, startAt: utc.optional(), endAt: utc.optional(), energyWh: z.int().min(0).optional() })
  .refine((f) => f.startAt !== undefined || f.endAt !== undefined || f.energyWh !== undefined, 'name what is corrected: startAt, endAt or energyWh');
const ordered = z.object({
  orderId: z.string().nullable().openapi({ description: 'An order that a workflow carries out: GET /v1/rebills/{id}. Null for credits of lines, which need none.' }),
  records: z.int().openapi({ description: 'Sessions that are looked at again.' }),
  creditIds: z.array(z.string()).readonly(),
});

/** Credits of issued documents: of lines, of all of it, and of what is billed anew. The next run of the account makes the documents. */
export function creditRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: RunDeps): void {
  const middleware = allow(...may.shape);

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/documents/{id}/credit',
      tags,
      summary: 'Credit an issued invoice, wholly or by amounts off its lines',
      description:
        'With `lines`: amounts off these lines, such as goodwill; its sessions stay billed. Without: all of it is credited, and its charges are open again for the next run to bill, or written off by it. The credit note names the invoice; never more is credited of a line than is left of it.',
      middleware,
      request: {
        params: id,
        headers: idempotencyHeader,
        body: body(
          z.strictObject({
            reason,
            lines: z
              .array(
                z.strictObject({
                  lineNo,
                  amount: money
                    .optional()
                    .openapi({ description: 'In major units: net for a business account, gross for a consumer; negative takes an earlier credit back. All that is left without it.' }),
                }),
              )
              .min(1)
              .max(1000)
              .optional(),
            description: z.string().trim().min(1).max(200).optional().openapi({ description: 'Stands on the credit note, with `lines`.' }),
            now,
            charges: z.enum(['open', 'writeOff']).default('open').openapi({ description: 'What becomes of the charges of a whole credit.' }),
          }),
        ),
      },
      responses: { 202: json(ordered, 'Ordered.'), ...problems },
    }),
    async (c) => {
      const documentId = c.req.valid('param').id;
      const { lines, description, reason: why, charges, now: atOnce } = c.req.valid('json');
      const key = c.req.valid('header')['idempotency-key'];
      if (lines === undefined) {
        const order = await store.tx((db) => orderRebill(db, { documentId, kind: 'credit', outcome: charges === 'open' ? 'bill' : 'writeOff', reason: why, now: atOnce }, byOf(c), key));
        await orders.rebill(order.orderId);
        return c.json({ ...order, creditIds: [] }, 202);
      }
      if (atOnce) throw new Problem(422, 'invalid', 'Amounts off lines wait for the next run of the account: leave `now` out, and plan an off-cycle run of it (POST /v1/runs with `selection`).');
      const currency = await documentCurrency(store.pool, documentId);
      if (currency === undefined) throw new Problem(404, 'notFound', `There is no document "${documentId}".`);
      const wanted = lines.map((l) => ({ lineNo: l.lineNo, ...(l.amount === undefined ? {} : { amountMinor: minorOf('lines.amount', l.amount, currency) }) }));
      const { ids } = await store.tx((db) => creditLines(db, { documentId, lines: wanted, reason: why, description }, byOf(c), key));
      return c.json({ orderId: null, records: 0, creditIds: ids }, 202);
    },
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/documents/{id}/credit-and-rebill',
      tags,
      summary: 'Credit an issued invoice of any month and bill it anew, by the set-up as it is now',
      description:
        'Its sessions are rated and allocated again by the path they came in, with what people decided on them: a contract, a tariff or evidence for VAT that came later counts from its own date. What comes out otherwise is credited and billed anew by the next run, with the shares of site owners; what comes out as it was stays.',
      middleware,
      request: {
        params: id,
        headers: idempotencyHeader,
        body: body(
          z.strictObject({
            reason,
            lines: z.array(lineNo).min(1).max(1000).optional(),
            recordIds: z.array(number).min(1).max(5000).optional(),
            corrections: z
              .array(correctedFacts)
              .min(1)
              .max(1000)
              .optional()
              .openapi({ description: 'What the source has wrong of some of these records; `reason` names the evidence. Without lines and records the order is about these alone.' }),
            now,
          }),
        ),
      },
      responses: { 202: json(ordered, 'Ordered.'), ...problems },
    }),
    async (c) => {
      const { reason: why, lines, recordIds, corrections, now: atOnce } = c.req.valid('json');
      const facts = corrections?.map(({ recordId, startAt, endAt, energyWh }) => ({
        recordId,
        correction: { ...(startAt === undefined ? {} : { startAt }), ...(endAt === undefined ? {} : { endAt }), ...(energyWh === undefined ? {} : { energyWh }) },
      }));
      const order = await store.tx((db) =>
        orderRebill(
          db,
          { documentId: c.req.valid('param').id, kind: 'rebill', outcome: 'bill', reason: why, lines, recordIds, corrections: facts, now: atOnce },
          byOf(c),
          c.req.valid('header')['idempotency-key'],
        ),
      );
      await orders.rebill(order.orderId);
      return c.json({ ...order, creditIds: [] }, 202);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/rebills/{id}',
      tags,
      summary: 'How far an order to credit and rebill is',
      middleware: allow(...readers),
      request: { params: id },
      responses: {
        200: json(
          z.object({
            orderId: z.string(),
            documentId: z.string(),
            kind: z.string(),
            outcome: z.string(),
            state: z.enum(['ordered', 'done', 'failed']),
            problem: z.string().nullable(),
            reason: z.string(),
            author: z.string(),
            records: z.int().openapi({ description: 'Sessions it is about.' }),
            rebilled: z.int().nullable().openapi({ description: 'Sessions that came out otherwise, or were all credited; once it is done.' }),
            now: z.boolean(),
            runId: z.string().nullable().openapi({ description: 'The off-cycle run that makes its documents, where it does not wait for the month.' }),
            accountIds: z.array(z.string()).readonly().openapi({ description: 'Accounts with something to credit or bill by it: a run of these makes the documents.' }),
          }),
          'The order.',
        ),
        ...problems,
      },
    }),
    async (c) => {
      const found = await findRebill(store.pool, c.req.valid('param').id);
      if (found === undefined) throw new Problem(404, 'notFound', `There is no order "${c.req.valid('param').id}".`);
      return c.json(found, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/rebills/{id}/retry',
      tags,
      summary: 'Carry out an order that failed, once the cause is mended',
      middleware,
      request: { params: id, headers: idempotencyHeader },
      responses: { 202: json(done, 'Under way again.'), ...problems },
    }),
    async (c) => {
      await store.tx((db) => retryRebill(db, c.req.valid('param').id, byOf(c)));
      await orders.rebill(c.req.valid('param').id);
      return c.json({ ok: true as const }, 202);
    },
  );

  app.openapi(
    createRoute({
      method: 'delete',
      path: '/v1/credits/{id}',
      tags,
      summary: 'Take an ordered credit of a line back, before its credit note is approved',
      middleware,
      request: { params: id },
      responses: { 200: json(done, 'Withdrawn.'), ...problems },
    }),
    async (c) => {
      const { runId } = await store.tx((db) => withdrawCredit(db, c.req.valid('param').id, byOf(c)));
      const run = runId === null ? undefined : await runStart(store.pool, runId);
      if (run !== undefined) await orders.inputsChanged(run.workflowId);
      return c.json({ ok: true as const }, 200);
    },
  );
}
