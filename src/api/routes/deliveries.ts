import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { makePrintBatch, noteDelivery, sendPrintBatch } from '../../store/commands/deliveries.ts';
import type { Store } from '../../store/db.ts';
import { listDeliveries } from '../../store/reads/deliveries.ts';
import { allow, may, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { manifestOf } from '../print-batch.ts';
import { body, done, idempotencyHeader, inPath, json, money, pageOf, pageQuery, problems, reason } from '../schemas.ts';
import { byOf } from './run-context.ts';

const tags = ['Delivery'];
const channel = z.enum(['print', 'email', 'peppol']);
const state = z.enum(['queued', 'sent', 'bounced', 'returned']);
const delivery = z
  .object({
    documentId: z.string(),
    legalNumber: z.string(),
    accountId: z.string(),
    channel,
    state,
    attempt: z.int(),
    batchId: z.string().nullable(),
    detail: z.string().nullable(),
    updatedAt: z.string(),
    problem: z.enum(['addressMissing']).nullable().openapi({ description: 'Why it cannot go as it is.' }),
  })
  .openapi('Delivery');
const manifest = z
  .object({
    batchId: z.string(),
    entityId: z.string(),
    madeAt: z.string(),
    documents: z.int(),
    pages: z.int(),
    sums: z.array(z.object({ currency: z.string(), payable: money })),
    items: z.array(
      z.object({
        no: z.int(),
        documentId: z.string(),
        legalNumber: z.string(),
        fileName: z.string(),
        sha256: z.string(),
        pages: z.int(),
        addressee: z.array(z.string()),
        country: z.string(),
        dueOn: z.string(),
        ocr: z.string().nullable(),
        currency: z.string(),
        payable: money,
        attempt: z.int(),
      }),
    ),
  })
  .openapi('PrintManifest');
const batchId = inPath('batchId');
const documentId = inPath('id');

/** Whether documents reach their receivers, and what goes to a print house. */
export function deliveryRoutes(app: OpenAPIHono<ApiEnv>, { store }: { readonly store: Store }): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/deliveries',
      tags,
      summary: 'Deliveries of issued documents',
      description: 'Queued when a document is archived, where we are the authority for delivery: as e-invoice, by e-mail or on paper.',
      middleware: allow(...readers),
      request: { query: pageQuery.extend({ entityId: z.string().min(1).optional(), state: state.optional(), channel: channel.optional(), documentId: z.string().min(1).optional() }) },
      responses: { 200: json(pageOf(delivery), 'In the order of document ids.'), ...problems },
    }),
    async (c) => c.json((await listDeliveries(store.pool, c.req.valid('query'))) as z.infer<ReturnType<typeof pageOf<typeof delivery>>>, 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/documents/{id}/delivery',
      tags,
      summary: 'Say what became of a delivery, or send it again',
      description: '`sent`, `bounced` or `returned` as its carrier says; `queued` sends it again (a reprint), by another channel if one is named.',
      middleware: allow(...may.retryRecords),
      request: { params: documentId, headers: idempotencyHeader, body: body(z.strictObject({ state, channel: channel.optional(), detail: reason })) },
      responses: { 200: json(done, 'Noted.'), ...problems },
    }),
    async (c) => {
      await store.tx((db) => noteDelivery(db, { documentId: c.req.valid('param').id, ...c.req.valid('json') }, byOf(c)));
      return c.json({ ok: true as const }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/print-batches',
      tags,
      summary: 'Gather what is queued for print',
      description: 'At most 5,000 documents with an address a letter reaches; the others stay queued, with their problem shown. `batchId` is null when nothing is to be printed.',
      middleware: allow(...may.retryRecords),
      request: { headers: idempotencyHeader, body: body(z.strictObject({ entityId: z.string().min(1) })) },
      responses: { 201: json(z.object({ batchId: z.string().nullable(), documents: z.int() }), 'Made.'), ...problems },
    }),
    async (c) => c.json(await store.tx((db) => makePrintBatch(db, c.req.valid('json').entityId, byOf(c), c.req.valid('header')['idempotency-key'])), 201),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/print-batches/{batchId}/manifest',
      tags,
      summary: 'The manifest of a print batch: addressee, pages, hash and sums',
      description: 'The files are the archived PDFs of its documents. It names people, so it is made when it is asked for and kept nowhere.',
      middleware: allow(...readers),
      request: { params: batchId },
      responses: { 200: json(manifest, 'The manifest.'), ...problems },
    }),
    async (c) => {
      c.header('cache-control', 'no-store');
      return c.json(await manifestOf(store.pool, c.req.valid('param').batchId), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/print-batches/{batchId}/sent',
      tags,
      summary: 'Say that the print house took a batch',
      middleware: allow(...may.retryRecords),
      request: { params: batchId, headers: idempotencyHeader },
      responses: { 200: json(z.object({ documents: z.int() }), 'Its documents are sent.'), ...problems },
    }),
    async (c) => c.json(await store.tx((db) => sendPrintBatch(db, c.req.valid('param').batchId, byOf(c))), 200),
  );
}
