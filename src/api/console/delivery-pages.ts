import type { Hono, MiddlewareHandler } from 'hono';
import type { DeliveryView } from '../../contracts/delivery-overview.ts';
import type { Store } from '../../store/db.ts';
import { findPrintBatch, listDeliveries, listPrintBatches } from '../../store/reads/deliveries.ts';
import { type EntityView, listEntities } from '../../store/reads/entities.ts';
import { BatchPage, batchPath, DeliveriesPage } from '../../ui/delivery-pages.tsx';
import { words } from '../../ui/format.ts';
import { may } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { manifestOf } from '../print-batch.ts';
import { Problem } from '../problem.ts';
import { type ConsoleOrder, type Send, serveOrder } from './order.ts';
import { turns } from './run-pages.ts';
import { holds, viewerOf } from './viewer.ts';

const pageSize = 100;

/** Deliveries, what became of them, and print batches. */
export function deliveryPages(app: Hono<ApiEnv>, guard: MiddlewareHandler<ApiEnv>, { store, send }: { readonly store: Store; readonly send: Send }): void {
  const batchOf = async (id: string | undefined) => {
    const batch = await findPrintBatch(store.pool, id ?? '');
    if (batch === undefined) throw new Problem(404, 'notFound', `There is no print batch "${id}".`);
    return batch;
  };
  app.get('/deliveries', guard, async (c) => {
    const { state, channel, cursor, batches } = c.req.query();
    const [page, made] = await Promise.all([listDeliveries(store.pool, { state, channel, cursor, limit: pageSize }), listPrintBatches(store.pool, { cursor: batches, limit: pageSize })]);
    const filter = { state, channel };
    const ofBatches = turns('/deliveries', { ...filter, cursor }, batches, made.nextCursor, 'batches');
    const turned = turns('/deliveries', { ...filter, batches }, cursor, page.nextCursor);
    return c.html(DeliveriesPage({ viewer: viewerOf(c), deliveries: page.items, batches: made.items, ofBatches, filter, mayNote: holds(c, may.retryRecords), ...turned }));
  });
  serveOrder(app, '/deliveries/batches/make', guard, send, async () => makeOrder(await listEntities(store.pool)));
  app.get('/deliveries/batches/:batchId', guard, async (c) => {
    const batch = await batchOf(c.req.param('batchId'));
    return c.html(BatchPage({ viewer: viewerOf(c), manifest: await manifestOf(store.pool, batch.batchId), sentAt: batch.sentAt, mayNote: holds(c, may.retryRecords) }));
  });
  app.get('/deliveries/batches/:batchId/manifest.json', guard, async (c) => {
    const { batchId } = await batchOf(c.req.param('batchId'));
    return c.json(await manifestOf(store.pool, batchId), 200, { 'content-disposition': `attachment; filename="${batchId}.json"` });
  });
  serveOrder(app, '/deliveries/batches/:batchId/sent', guard, send, async (c) => sentOrder((await batchOf(c.req.param('batchId'))).batchId));
  serveOrder(app, '/deliveries/:documentId/note', guard, send, async (c) => {
    const documentId = c.req.param('documentId') ?? '';
    const [delivery] = (await listDeliveries(store.pool, { documentId, limit: 1 })).items;
    if (delivery === undefined) throw new Problem(404, 'notFound', `Document "${documentId}" is not delivered by us.`);
    return noteOrder(delivery);
  });
}

function makeOrder(entities: readonly EntityView[]): ConsoleOrder {
  return {
    title: 'Gather what is queued for print',
    explain: 'At most 5,000 letters; what has no address that a letter reaches stays queued.',
    about: [],
    fields: [{ name: 'entityId', label: 'Of whom', kind: 'choice', required: true, choices: entities.map((e) => [e.id, e.name] as const) }],
    verb: 'Gather',
    trail: [['/deliveries', 'Deliveries']],
    roles: may.retryRecords,
    request: ({ entityId }) => ({ method: 'POST', path: '/v1/print-batches', json: { entityId } }),
    done: ({ batchId, documents }) => (batchId === null ? 'Nothing is to be printed.' : `${String(documents)} letters are in it.`),
    next: ({ batchId }) => (typeof batchId === 'string' ? batchPath(batchId) : '/deliveries'),
  };
}

function sentOrder(batchId: string): ConsoleOrder {
  return {
    title: 'The print house took it',
    explain: 'Its letters count as sent. One that comes back is told by itself.',
    about: [['Batch', batchId]],
    fields: [],
    verb: 'Say so',
    trail: [
      ['/deliveries', 'Deliveries'],
      [batchPath(batchId), batchId],
    ],
    roles: may.retryRecords,
    request: () => ({ method: 'POST', path: `/v1/print-batches/${encodeURIComponent(batchId)}/sent` }),
    done: ({ documents }) => `${String(documents)} letters are sent.`,
    next: () => batchPath(batchId),
  };
}

const outcomes = [
  ['sent', 'Sent'],
  ['bounced', 'Not taken by its channel'],
  ['returned', 'Came back'],
  ['queued', 'Send it again (a reprint)'],
] as const;

function noteOrder(delivery: DeliveryView): ConsoleOrder {
  return {
    title: 'Say what became of a delivery',
    explain: 'As its carrier says; or send it again, by another way if you name one.',
    about: [
      ['Document', delivery.legalNumber],
      ['By', words(delivery.channel)],
      ['State', words(delivery.state)],
    ],
    fields: [
      { name: 'state', label: 'What became of it', kind: 'choice', required: true, choices: outcomes },
      {
        name: 'channel',
        label: 'By another way',
        kind: 'choice',
        choices: [
          ['', 'the same'],
          ['print', 'print'],
          ['email', 'e-mail'],
          ['peppol', 'Peppol'],
        ],
      },
      { name: 'detail', label: 'What was said', kind: 'long', required: true },
    ],
    verb: 'Note it',
    trail: [['/deliveries', 'Deliveries']],
    roles: may.retryRecords,
    request: ({ state, channel, detail }) => ({
      method: 'POST',
      path: `/v1/documents/${encodeURIComponent(delivery.documentId)}/delivery`,
      json: { state, detail, ...(channel ? { channel } : {}) },
    }),
    done: () => 'Noted.',
    next: () => '/deliveries',
  };
}
