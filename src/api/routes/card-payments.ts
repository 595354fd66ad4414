import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { answerCardPayments, retryCardPayment, setPayerCard } from '../../store/commands/card-payments.ts';
import type { Store } from '../../store/db.ts';
import { cardCurrencies, cardPayments } from '../../store/reads/card-payments.ts';
import { allow, may, readers } from '../auth.ts';
import { cardPaymentsFile } from '../card-payments-csv.ts';
import type { ApiEnv } from '../env.ts';
import { minorOf } from '../minor-of.ts';
import { body, done, idempotencyHeader, json, money, pageOf, pageQuery, problems, reason } from '../schemas.ts';
import { byOf } from './run-context.ts';

const tags = ['Card payments'];
const text = z.string().trim().min(1).max(200);
const state = z.enum(['requested', 'captured', 'failed']);
const cardPayment = z
  .object({
    key: z.string().openapi({ description: 'Idempotency key for the provider: of one attempt for one document.' }),
    documentId: z.string(),
    legalNumber: z.string(),
    accountId: z.string(),
    entityId: z.string(),
    kind: z.enum(['capture', 'refund']),
    origin: z.enum(['stored', 'terminal']).openapi({ description: 'A card kept at the provider, or a session that was authorized at a terminal.' }),
    reference: z.string().nullable().openapi({ description: 'The provider’s reference of the card, or the authorization.' }),
    amount: money,
    currency: z.string(),
    state,
    attempt: z.int(),
    captured: money.nullable(),
    settledOn: z.string().nullable(),
    providerReference: z.string().nullable(),
    refunds: z.string().nullable().openapi({ description: 'Of a refund: the provider’s reference of what it takes back.' }),
    words: z.string().nullable(),
    requestedAt: z.string(),
  })
  .openapi('CardPayment');
const idOf = (name: string) =>
  z
    .string()
    .min(1)
    .openapi({ param: { name, in: 'path' } });

/** What is asked of cards, for the ERP or a payment provider, and what came of it. */
export function cardPaymentRoutes(app: OpenAPIHono<ApiEnv>, { store }: { readonly store: Store }): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/card-payments',
      tags,
      summary: 'Requests to charge cards, and to pay them back',
      description: 'Made when a document of a card account is issued. `reference` finds the receipt of a session that was paid at a terminal.',
      middleware: allow(...readers),
      request: { query: pageQuery.extend({ entityId: text.optional(), state: state.optional(), documentId: text.optional(), reference: text.optional() }) },
      responses: { 200: json(pageOf(cardPayment), 'In the order of their keys.'), ...problems },
    }),
    async (c) => {
      const { cursor, limit, ...filter } = c.req.valid('query');
      return c.json(await cardPayments(store.pool, filter, { cursor, limit }), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/card-payments.csv',
      tags,
      summary: 'What the provider has to carry out, as a file',
      description: 'All that is requested of an entity and not answered. Sending it twice charges nobody twice: each line has the key of its attempt.',
      middleware: allow(...readers),
      request: { query: z.object({ entityId: text }) },
      responses: { 200: { description: 'RFC 4180, in the order of the keys.', content: { 'text/csv': { schema: z.string() } } }, ...problems },
    }),
    async (c) => (await cardPaymentsFile(store.pool, c.req.valid('query').entityId)) as never,
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/card-payments/answers',
      tags,
      summary: 'Say what the provider answered',
      description: 'What is captured counts as paid of its document, or as paid back. The same answer again changes nothing. A text with a card’s number in it is refused.',
      middleware: allow(...may.plan),
      request: {
        headers: idempotencyHeader,
        body: body(
          z.strictObject({
            answers: z
              .array(
                z.strictObject({
                  key: text,
                  outcome: z.enum(['captured', 'failed']),
                  settledOn: z.iso.date().openapi({ description: 'The day it counts for in the books.' }),
                  amount: money.exactOptional().openapi({ description: 'Where it is less than was asked.' }),
                  reference: text.exactOptional().openapi({ description: 'The provider’s own; never a number of a card.' }),
                  words: text.exactOptional(),
                }),
              )
              .min(1)
              .max(5000),
          }),
        ),
      },
      responses: { 200: json(z.object({ kept: z.int() }), 'Kept.'), ...problems },
    }),
    async (c) => {
      const { answers } = c.req.valid('json');
      const currencies = await cardCurrencies(
        store.pool,
        answers.map((a) => a.key),
      );
      const read = answers.map(({ amount, ...answer }) => ({ ...answer, ...(amount === undefined ? {} : { amountMinor: minorOf('answers.amount', amount, currencies.get(answer.key) ?? '') }) }));
      return c.json(await store.tx((db) => answerCardPayments(db, read, byOf(c))), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/documents/{id}/card-payment/retry',
      tags,
      summary: 'Ask again for what failed',
      description: 'Under a key of its own, by the reference that the account has now.',
      middleware: allow(...may.plan),
      request: { params: z.object({ id: idOf('id') }), headers: idempotencyHeader, body: body(z.strictObject({ reason })) },
      responses: { 200: json(z.object({ key: z.string(), state: z.string() }), 'Asked.'), ...problems },
    }),
    async (c) => c.json(await store.tx((db) => retryCardPayment(db, c.req.valid('param').id, { ...byOf(c), reason: c.req.valid('json').reason })), 200),
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: '/v1/accounts/{id}/card',
      tags,
      summary: 'Enter by what reference the payment provider knows the card of an account',
      description: 'Null takes it away. A number of a card is refused: it is never kept. It goes with the driver when that is erased.',
      middleware: allow(...may.plan),
      request: { params: z.object({ id: idOf('id') }), body: body(z.strictObject({ reference: text.nullable() })) },
      responses: { 200: json(done, 'Entered.'), ...problems },
    }),
    async (c) => {
      await store.tx((db) => setPayerCard(db, { accountId: c.req.valid('param').id, ...c.req.valid('json') }, byOf(c)));
      return c.json({ ok: true as const }, 200);
    },
  );
}
