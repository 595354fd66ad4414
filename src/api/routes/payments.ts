import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { formatMinor } from '../../core/money.ts';
import { matchPartnerInvoice } from '../../store/commands/match-partner-invoice.ts';
import { statePayments } from '../../store/commands/state-payments.ts';
import { documentCurrency } from '../../store/reads/credits.ts';
import { partnerInvoices, paymentsOf } from '../../store/reads/partner-invoices.ts';
import { allow, may, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { minorOf } from '../minor-of.ts';
import { Problem } from '../problem.ts';
import { body, idempotencyHeader, inPath, json, money, pageOf, pageQuery, problems } from '../schemas.ts';
import { byOf, type RunDeps } from './run-context.ts';

const documentId = inPath('id');
const text = z.string().trim().min(1).max(200);
const payment = z.object({
  reference: text.openapi({ description: 'Names the payment, once per document.' }),
  paidOn: z.iso.date(),
  amount: money.openapi({ description: 'In the document’s currency; negative takes a payment back.' }),
});
const outcome = z.enum(['equal', 'accepted', 'disputed', 'unknown']);
const matchedLine = z.object({ cdrId: z.string(), amount: money, accrued: money, outcome });

/** What customers paid of our documents, and what partners invoice us. */
export function paymentRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: RunDeps): void {
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/documents/{id}/payments',
      tags: ['Documents'],
      summary: 'State payments of an issued document',
      description: 'A document counts as paid when its payments come to what it asks for. Shares of site owners whose contract names revenue that is paid are released with the next run.',
      middleware: allow(...may.statePayments),
      request: {
        params: documentId,
        headers: idempotencyHeader,
        body: body(z.strictObject({ origin: z.enum(['erp', 'person']).default('person'), payments: z.array(payment.strict()).min(1).max(1000) })),
      },
      responses: { 200: json(z.object({ kept: z.int().openapi({ description: 'Those that were not known.' }) }), 'Kept.'), ...problems },
    }),
    async (c) => {
      const { id } = c.req.valid('param');
      const { origin, payments } = c.req.valid('json');
      const currency = await documentCurrency(store.pool, id);
      if (currency === undefined) throw new Problem(404, 'notFound', `There is no document "${id}".`);
      const rows = payments.map(({ amount, ...p }) => ({ ...p, documentId: id, amountMinor: minorOf('payments.amount', amount, currency) }));
      return c.json(await store.tx((db) => statePayments(db, rows, origin, byOf(c))), 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/documents/{id}/payments',
      tags: ['Documents'],
      summary: 'Payments that were stated of a document',
      middleware: allow(...readers),
      request: { params: documentId },
      responses: { 200: json(z.object({ items: z.array(payment.extend({ origin: z.string(), author: z.string() })).readonly() }), 'In the order they were stated.'), ...problems },
    }),
    async (c) => {
      const { id } = c.req.valid('param');
      const currency = await documentCurrency(store.pool, id);
      if (currency === undefined) throw new Problem(404, 'notFound', `There is no document "${id}".`);
      const items = (await paymentsOf(store.pool, id)).map(({ amountMinor, ...p }) => ({ ...p, amount: formatMinor(amountMinor, currency) }));
      return c.json({ items }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/partner-invoices',
      tags: ['Partner invoices'],
      summary: 'Match an operator’s invoice CDR by CDR against what we accrued, and book it',
      description:
        'Differences within the agreement’s tolerance are accepted as cost, larger ones and unknown CDRs are disputed, unless the line says otherwise. Under reverse charge the VAT is self-assessed. It goes to the ERP as a vendor bill. What it does not name stays accrued.',
      middleware: allow(...may.statePayments),
      request: {
        headers: idempotencyHeader,
        body: body(
          z.strictObject({
            accountId: text,
            number: text.openapi({ description: 'The partner’s own; once per account.' }),
            issuedOn: z.iso.date(),
            postedOn: z.iso.date().openapi({ description: 'The date it counts for in the books.' }),
            currency: z.string().regex(/^[A-Z]{3}$/),
            vat: money.default('0').openapi({ description: 'As it states it.' }),
            lines: z
              .array(z.strictObject({ cdrId: text, amount: money.openapi({ description: 'Net.' }), ifDiffers: z.enum(['accept', 'dispute']).optional() }))
              .min(1)
              .max(100_000),
          }),
        ),
      },
      responses: {
        200: json(z.object({ invoiceId: z.string(), net: money, accepted: money, disputed: money, selfAssessedVat: money, lines: z.array(matchedLine).readonly() }), 'Matched and booked.'),
        ...problems,
      },
    }),
    async (c) => {
      const { lines, vat, ...rest } = c.req.valid('json');
      const { currency } = rest;
      const invoice = { ...rest, vatMinor: minorOf('vat', vat, currency), lines: lines.map(({ amount, ...l }) => ({ ...l, netMinor: minorOf('lines.amount', amount, currency) })) };
      const made = await store.tx((db) => matchPartnerInvoice(db, invoice, byOf(c)));
      await orders.wakeErp(made.connectionId);
      const words = (minor: bigint) => formatMinor(minor, currency);
      return c.json(
        {
          invoiceId: made.invoiceId,
          net: words(made.netMinor),
          accepted: words(made.acceptedMinor),
          disputed: words(made.disputedMinor),
          selfAssessedVat: words(made.selfAssessedMinor),
          lines: made.lines.map((l) => ({ cdrId: l.cdrId, amount: words(l.netMinor), accrued: words(l.accruedMinor), outcome: l.outcome })),
        },
        200,
      );
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/partner-invoices',
      tags: ['Partner invoices'],
      summary: 'Partners’ invoices as they were matched',
      middleware: allow(...readers),
      request: { query: pageQuery.extend({ accountId: text.optional() }) },
      responses: {
        200: json(
          pageOf(
            z.object({
              invoiceId: z.string(),
              accountId: z.string(),
              number: z.string(),
              issuedOn: z.string(),
              currency: z.string(),
              net: money,
              accepted: money,
              disputed: money,
              lines: z.array(matchedLine.extend({ recordId: z.string().nullable() })).readonly(),
            }),
          ),
          'By id.',
        ),
        ...problems,
      },
    }),
    async (c) => {
      const { cursor, limit, accountId } = c.req.valid('query');
      const { items, nextCursor } = await partnerInvoices(store.pool, { accountId }, { cursor, limit });
      const views = items.map(({ netMinor, acceptedMinor, disputedMinor, lines, ...i }) => ({
        ...i,
        net: formatMinor(netMinor, i.currency),
        accepted: formatMinor(acceptedMinor, i.currency),
        disputed: formatMinor(disputedMinor, i.currency),
        lines: lines.map((l) => ({
          cdrId: l.cdrId,
          recordId: l.recordId,
          amount: formatMinor(BigInt(l.netMinor), i.currency),
          accrued: formatMinor(BigInt(l.accruedMinor), i.currency),
          outcome: outcome.parse(l.outcome),
        })),
      }));
      return c.json({ items: views, nextCursor }, 200);
    },
  );
}
