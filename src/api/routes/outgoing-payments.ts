import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { formatMinor } from '../../core/money.ts';
import { decidePayment, proposePayment, returnPayment } from '../../store/commands/payments.ts';
import type { Store } from '../../store/db.ts';
import { findPayment, listPayments } from '../../store/reads/payments.ts';
import { allow, may, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { minorOf } from '../minor-of.ts';
import { paymentFileOf } from '../payment-file.ts';
import { issueBody, Problem } from '../problem.ts';
import { fileResponse } from '../run-files.ts';
import { body, idempotencyHeader, inPath, issue, json, money, pageOf, pageQuery, paymentReturn, problems, reason } from '../schemas.ts';
import { byOf } from './run-context.ts';

const tags = ['Payments'];
const item = z.object({
  accountId: z.string(),
  name: z.string(),
  amount: money,
  endToEndId: z.string(),
  bankAccount: z.string(),
  remittance: z.string(),
  returned: paymentReturn.nullable().openapi({ description: 'What the bank said as it sent this part back.' }),
});
const payment = z
  .object({
    paymentId: z.string(),
    entityId: z.string(),
    state: z.enum(['proposed', 'approved', 'rejected']),
    format: z.string(),
    currency: z.string(),
    amount: money,
    executeOn: z.string(),
    dueUntil: z.string(),
    contentHash: z.string(),
    reason: z.string(),
    author: z.string(),
    proposedAt: z.string(),
    decidedBy: z.string().nullable(),
    comment: z.string().nullable(),
    items: z.array(item).readonly(),
  })
  .openapi('OutgoingPayment');
const paymentId = inPath('paymentId');

/** Payments that we send ourselves. */
export function outgoingPaymentRoutes(app: OpenAPIHono<ApiEnv>, { store }: { readonly store: Store }): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/payments',
      tags,
      summary: 'Payments, newest first',
      middleware: allow(...readers),
      request: { query: pageQuery.extend({ entityId: z.string().min(1).optional() }) },
      responses: { 200: json(pageOf(payment), 'Payments.'), ...problems },
    }),
    async (c) => {
      const { entityId, ...page } = c.req.valid('query');
      const { items, nextCursor } = await listPayments(store.pool, { entityId }, page);
      return c.json({ items: items as z.infer<typeof payment>[], nextCursor }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/payments',
      tags,
      summary: 'Propose to pay what site owners are owed',
      description: 'One item per payee, credits set off (D32). Only where we are the authority for outgoing payment; `paymentId` is null when nobody is to be paid.',
      middleware: allow(...may.plan),
      request: {
        headers: idempotencyHeader,
        body: body(
          z.strictObject({
            entityId: z.string().min(1),
            currency: z.string().regex(/^[A-Z]{3}$/),
            format: z.enum(['pain.001.001.03', 'pain.001.001.09']).default('pain.001.001.03'),
            dueUntil: z.iso.date(),
            executeOn: z.iso.date(),
            reason,
          }),
        ),
      },
      responses: { 201: json(z.object({ paymentId: z.string().nullable(), leftOut: z.array(issue) }), 'Proposed; and who is not paid, with the reason.'), ...problems },
    }),
    async (c) => {
      const made = await store.tx((db) => proposePayment(db, c.req.valid('json'), byOf(c), c.req.valid('header')['idempotency-key']));
      return c.json({ paymentId: made.paymentId, leftOut: made.leftOut.map(issueBody) as z.infer<typeof issue>[] }, 201);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/payments/{paymentId}',
      tags,
      summary: 'A payment with its payees',
      middleware: allow(...readers),
      request: { params: paymentId },
      responses: { 200: json(payment, 'The payment.'), ...problems },
    }),
    async (c) => {
      const found = await findPayment(store.pool, c.req.valid('param').paymentId);
      if (found === undefined) throw new Problem(404, 'notFound', `There is no payment "${c.req.valid('param').paymentId}".`);
      return c.json(found as z.infer<typeof payment>, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/payments/{paymentId}/decision',
      tags,
      summary: 'Approve exactly the content of a hash, or reject it',
      description: 'Never by its author, nor by who entered a bank account in it. A rejected payment lets go of its documents.',
      middleware: allow(...may.approve),
      request: {
        params: paymentId,
        headers: idempotencyHeader,
        body: body(z.strictObject({ contentHash: z.string().regex(/^[0-9a-f]{64}$/, 'must be the 64 hex digits that the payment shows'), decision: z.enum(['approve', 'reject']), comment: reason })),
      },
      responses: { 200: json(z.object({ state: z.string() }), 'Decided.'), ...problems },
    }),
    async (c) => c.json(await store.tx((db) => decidePayment(db, { ...c.req.valid('param'), ...c.req.valid('json') }, byOf(c))), 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/payments/{paymentId}/file',
      tags,
      summary: 'The file for the bank, pain.001',
      description: 'MsgId and EndToEndId never change, and neither do the bytes: a file that is sent twice is one.',
      middleware: allow(...may.fetchPayments),
      request: { params: paymentId },
      responses: { 200: { description: 'The file; `x-content-sha256` is its hash.', content: { 'application/xml': { schema: z.string() } } }, ...problems },
    }),
    async (c) => fileResponse(await paymentFileOf(store.pool, c.req.valid('param').paymentId)) as never,
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/payments/{paymentId}/returns',
      tags,
      summary: 'State that the bank sent a payment back, or did not carry it out',
      description:
        'As pain.002 or camt.054 tells it: one payee’s part by its `endToEndId`, or all of the payment without. It is booked back, and owed again; the next payment takes it once a bank account of the payee is published anew. The amount is what was sent.',
      middleware: allow(...may.statePayments),
      request: {
        params: paymentId,
        headers: idempotencyHeader,
        body: body(z.strictObject({ endToEndId: z.string().min(1).max(35).optional(), amount: money, returnedOn: z.iso.date(), reason })),
      },
      responses: {
        200: json(z.object({ returned: z.array(z.object({ accountId: z.string(), endToEndId: z.string(), amount: money })).readonly() }), 'What is owed again.'),
        ...problems,
      },
    }),
    async (c) => {
      const { paymentId: id } = c.req.valid('param');
      const { amount, ...stated } = c.req.valid('json');
      const payment = await findPayment(store.pool, id);
      if (payment === undefined) throw new Problem(404, 'notFound', `There is no payment "${id}".`);
      const wanted = { ...stated, paymentId: id, amountMinor: minorOf('amount', amount, payment.currency) };
      const returned = await store.tx((db) => returnPayment(db, wanted, byOf(c), c.req.valid('header')['idempotency-key']));
      return c.json({ returned: returned.map(({ amountMinor, ...part }) => ({ ...part, amount: formatMinor(amountMinor, payment.currency) })) }, 200);
    },
  );
}
