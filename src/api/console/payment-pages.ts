import type { Hono, MiddlewareHandler } from 'hono';
import type { PaymentView } from '../../contracts/payment-overview.ts';
import type { Store } from '../../store/db.ts';
import { cardPayments } from '../../store/reads/card-payments.ts';
import { type EntityView, listEntities } from '../../store/reads/entities.ts';
import { findPayment, listPayments } from '../../store/reads/payments.ts';
import { grouped } from '../../ui/format.ts';
import { PaymentPage, PaymentsPage, paymentPath } from '../../ui/payment-pages.tsx';
import { allow, may } from '../auth.ts';
import { cardPaymentsFile } from '../card-payments-csv.ts';
import type { ApiEnv } from '../env.ts';
import { paymentFileOf } from '../payment-file.ts';
import { Problem } from '../problem.ts';
import { fileResponse } from '../run-files.ts';
import { type ConsoleOrder, type Send, serveOrder } from './order.ts';
import { turns } from './run-pages.ts';
import { holds, viewerOf } from './viewer.ts';

const pageSize = 100;

/** Payments that we send ourselves, and what is asked of cards. */
export function paymentPages(app: Hono<ApiEnv>, guard: MiddlewareHandler<ApiEnv>, { store, send }: { readonly store: Store; readonly send: Send }): void {
  const paymentOf = async (id: string | undefined): Promise<PaymentView> => {
    const payment = await findPayment(store.pool, id ?? '');
    if (payment === undefined) throw new Problem(404, 'notFound', `There is no payment "${id}".`);
    return payment;
  };
  app.get('/payments', guard, async (c) => {
    const { cursor, failed, requested } = c.req.query();
    const [payments, failures, requests, entities] = await Promise.all([
      listPayments(store.pool, {}, { cursor, limit: pageSize }),
      cardPayments(store.pool, { state: 'failed', latestOnly: true }, { cursor: failed, limit: pageSize }),
      cardPayments(store.pool, { state: 'requested' }, { cursor: requested, limit: pageSize }),
      listEntities(store.pool),
    ]);
    const rights = { mayPropose: holds(c, may.plan), mayRetry: holds(c, may.plan) };
    const cards = [
      { label: 'Card payments that failed', items: failures.items, ...turns('/payments', { cursor, requested }, failed, failures.nextCursor, 'failed') },
      { label: 'Card payments that were asked for', items: requests.items, ...turns('/payments', { cursor, failed }, requested, requests.nextCursor, 'requested') },
    ];
    const turned = turns('/payments', { failed, requested }, cursor, payments.nextCursor);
    return c.html(PaymentsPage({ viewer: viewerOf(c), payments: payments.items, ...turned, cards, entityIds: entities.map((e) => e.id), ...rights }));
  });
  app.get('/payments/cards.csv', guard, async (c) => cardPaymentsFile(store.pool, c.req.query('entityId') ?? ''));
  serveOrder(app, '/payments/propose', guard, send, async () => proposeOrder(await listEntities(store.pool)));
  serveOrder(app, '/payments/cards/:documentId/retry', guard, send, (c) => retryOrder(c.req.param('documentId') ?? ''));

  app.get('/payments/:paymentId', guard, async (c) => {
    const payment = await paymentOf(c.req.param('paymentId'));
    const rights = { mayDecide: holds(c, may.approve), mayDownload: holds(c, may.fetchPayments), mayState: holds(c, may.statePayments) };
    return c.html(PaymentPage({ viewer: viewerOf(c), payment, ...rights }));
  });
  app.get('/payments/:paymentId/file', guard, allow(...may.fetchPayments), async (c) => fileResponse(await paymentFileOf(store.pool, c.req.param('paymentId') ?? '')));
  serveOrder(app, '/payments/:paymentId/returns', guard, send, async (c) => returnOrder(await paymentOf(c.req.param('paymentId'))));
  for (const decision of ['approve', 'reject'] as const)
    serveOrder(app, `/payments/:paymentId/${decision}`, guard, send, async (c) => decideOrder(await paymentOf(c.req.param('paymentId')), decision));
}

function proposeOrder(entities: readonly EntityView[]): ConsoleOrder {
  return {
    title: 'Propose a payment',
    explain: 'All that is due and not paid yet, one sum per payee, credits set off. Somebody else has to approve it.',
    about: [],
    fields: [
      { name: 'entityId', label: 'Who pays', kind: 'choice', required: true, choices: entities.map((e) => [e.id, e.name] as const) },
      {
        name: 'currency',
        label: 'Currency',
        kind: 'choice',
        choices: [['', 'that of its books'], ...[...new Set([...entities.map((e) => e.currency), 'EUR', 'SEK', 'NOK', 'DKK'])].map((code) => [code, code] as const)],
      },
      { name: 'dueUntil', label: 'Due until', kind: 'date', required: true, hint: 'Credits are set off whatever their date.' },
      { name: 'executeOn', label: 'To be carried out on', kind: 'date', required: true },
      { name: 'format', label: 'Format', kind: 'choice', required: true, choices: ['pain.001.001.03', 'pain.001.001.09'].map((f) => [f, f] as const) },
      { name: 'reason', label: 'Reason', kind: 'long', required: true },
    ],
    verb: 'Propose',
    trail: [['/payments', 'Payments']],
    roles: may.plan,
    request: (values) => ({ method: 'POST', path: '/v1/payments', json: { ...values, currency: values['currency'] || entities.find((e) => e.id === values['entityId'])?.currency } }),
    done: ({ paymentId, leftOut }) => {
      const others = (leftOut as readonly { readonly text: string }[]).map((l) => l.text);
      return [paymentId === null ? 'Nobody is to be paid.' : 'Proposed.', ...others].join(' ');
    },
    next: ({ paymentId }) => (typeof paymentId === 'string' ? paymentPath(paymentId) : '/payments'),
  };
}

function decideOrder(payment: PaymentView, decision: 'approve' | 'reject'): ConsoleOrder {
  const approves = decision === 'approve';
  return {
    title: approves ? 'Approve a payment' : 'Reject a payment',
    explain: approves ? 'Exactly what was shown: the payment is booked, and its file for the bank is made. This cannot be taken back.' : 'Its documents are free again for another payment.',
    about: [
      ['Payment', payment.paymentId],
      ['Amount', `${grouped(payment.amount)} ${payment.currency}`],
      ['Payees', String(payment.items.length)],
      ['Proposed by', payment.author],
    ],
    fields: [
      { name: 'contentHash', label: 'Content', kind: 'shown', required: true },
      { name: 'comment', label: 'Comment', kind: 'long', required: true, hint: 'What you compared it with; kept for good.' },
    ],
    verb: approves ? 'Approve' : 'Reject',
    trail: [
      ['/payments', 'Payments'],
      [paymentPath(payment.paymentId), payment.paymentId],
    ],
    roles: may.approve,
    request: (v) => ({ method: 'POST', path: `/v1${paymentPath(payment.paymentId)}/decision`, json: { contentHash: v['contentHash'], decision, comment: v['comment'] } }),
    done: () => (approves ? 'Approved: its file can be fetched.' : 'Rejected.'),
    next: () => paymentPath(payment.paymentId),
  };
}

function returnOrder(payment: PaymentView): ConsoleOrder {
  return {
    title: 'A payment was sent back',
    explain: 'The bank did not carry it out, or sent it back: it is booked back, and its documents are owed again. The next payment takes them once a bank account of the payee is published anew.',
    about: [
      ['Payment', payment.paymentId],
      ['Amount', `${grouped(payment.amount)} ${payment.currency}`],
    ],
    fields: [
      {
        name: 'endToEndId',
        label: 'What came back',
        kind: 'choice',
        choices: [['', 'all of it'], ...payment.items.filter((i) => i.returned === null).map((i) => [i.endToEndId, `${i.name}, ${grouped(i.amount)} ${payment.currency}`] as const)],
      },
      { name: 'amount', label: `Amount in ${payment.currency}`, kind: 'text', required: true, hint: 'What was sent.' },
      { name: 'returnedOn', label: 'Day it came back', kind: 'date', required: true },
      { name: 'reason', label: 'What the bank says', kind: 'long', required: true, hint: 'Kept for good.' },
    ],
    verb: 'State it',
    trail: [
      ['/payments', 'Payments'],
      [paymentPath(payment.paymentId), payment.paymentId],
    ],
    roles: may.statePayments,
    request: ({ endToEndId, amount, ...v }) => ({
      method: 'POST',
      path: `/v1${paymentPath(payment.paymentId)}/returns`,
      json: { ...v, amount: amount?.trim(), endToEndId: endToEndId || undefined },
    }),
    done: () => 'Booked back: it is owed again.',
    next: () => paymentPath(payment.paymentId),
  };
}

function retryOrder(documentId: string): ConsoleOrder {
  return {
    title: 'Ask the card again',
    explain: 'A new attempt under a key of its own, by the reference that the account has now.',
    about: [['Document', documentId]],
    fields: [{ name: 'reason', label: 'What was mended', kind: 'long', required: true }],
    verb: 'Ask again',
    trail: [['/payments', 'Payments']],
    roles: may.plan,
    request: ({ reason }) => ({ method: 'POST', path: `/v1/documents/${encodeURIComponent(documentId)}/card-payment/retry`, json: { reason } }),
    done: ({ state }) => (state === 'requested' ? 'Asked again.' : 'There is still nothing by which the provider knows the card.'),
    next: () => '/payments',
  };
}
