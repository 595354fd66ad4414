import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { splitNdjson, withoutMark } from '../../adapters/sources/ndjson.ts';
import { parserFor } from '../../adapters/sources/registry.ts';
import { describeIssue } from '../../core/issues.ts';
import { importFile } from '../../store/commands/import-file.ts';
import { mapExternal } from '../../store/commands/map-external.ts';
import type { ReceivedItem } from '../../store/commands/receive-cdrs.ts';
import type { Store } from '../../store/db.ts';
import { importProgress } from '../../store/reads/imports.ts';
import { latencyOf } from '../../store/reads/latency.ts';
import { atMost, maxStoring } from '../at-most.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { knownSource } from '../known-source.ts';
import type { Orders } from '../orders.ts';
import { issueBody, Problem } from '../problem.ts';
import { createReceiver } from '../receiver.ts';
import { body, idempotencyHeader, inPath, instant, issue, json, problems } from '../schemas.ts';
import { byOf } from './run-context.ts';

const maxItems = 5000;
const item = z
  .object({
    index: z.int().openapi({ description: 'Place in the request, from 0.' }),
    recordKey: z.string().openapi({ example: 'se*wlt*9001' }),
    status: z.enum(['accepted', 'duplicate', 'held']).openapi({ description: '`duplicate`: these facts are processed already. `held`: stored, and waiting for a corrected message or a decision.' }),
    timeline: z.string(),
    workflowId: z.string().optional(),
    issues: z.array(issue),
  })
  .openapi('ReceivedCdr');
const sourceId = inPath('sourceId', 'ocpi-peer');

const fileQuery = z.object({ fileName: z.string().min(1).max(200) });
const importStarted = z.object({ batchId: z.string(), duplicate: z.boolean(), lineCount: z.int(), workflowId: z.string() });

/** What partners send, and the set-up that lets it through. */
export function intakeRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: { readonly store: Store; readonly orders: Orders }): void {
  const receiver = createReceiver(store);
  // The body stays as it came: it is stored before anything looks into it, so no schema may refuse it first.
  app.openAPIRegistry.registerPath({
    method: 'post',
    path: '/v1/sources/{sourceId}/cdrs',
    tags: ['Intake'],
    summary: 'Send CDRs in the format of the source',
    description: `One CDR as application/json, or up to ${maxItems} as application/x-ndjson, one a line. Stored before the answer. The same facts again are a duplicate; other content under a known key is a revision or a conflict, by the source's profile.`,
    request: {
      params: sourceId,
      body: { required: true, content: { 'application/json': { schema: z.looseObject({}) }, 'application/x-ndjson': { schema: z.string() } } },
    },
    responses: { 202: json(z.object({ items: z.array(item) }), 'Stored, each with what is known of it; a bad line is answered with its own error and the others go on.'), ...problems },
  });
  app.post('/v1/sources/:sourceId/cdrs', allow('partner', 'ops', 'admin'), atMost(maxStoring), async (c) => {
    const id = c.req.param('sourceId');
    const type = (c.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
    const items = itemsOf(Buffer.from(await c.req.arrayBuffer()), type);
    const [first] = items;
    const received = items.length === 1 && first !== undefined ? [await receiver.one(id, first)] : await receiver.many(id, items);
    const started = orders.arrived(id, received);
    const answers = received.map((r, index) => answerOf(id, r, index, started[index]));
    const [only] = answers;
    if (type === 'application/json' && only?.status === 'held') {
      throw new Problem(422, 'invalidCdr', 'The CDR cannot be billed as it is. It is kept under its timeline; send it again, corrected.', {
        timeline: only.timeline,
        recordKey: only.recordKey,
        issues: only.issues,
      });
    }
    return c.json({ items: answers }, 202);
  });

  app.openAPIRegistry.registerPath({
    method: 'post',
    path: '/v1/sources/{sourceId}/files',
    tags: ['Intake'],
    summary: 'Import a file in the format of the source',
    description: 'The whole file is stored, or, when its shape is wrong, nothing of it. The same file again is recognised by its bytes and answered with its first batch.',
    request: { params: sourceId, query: fileQuery, body: { required: true, content: { 'application/octet-stream': { schema: z.string().openapi({ format: 'binary' }) } } } },
    responses: { 200: json(importStarted, 'Known already: `duplicate` is true.'), 202: json(importStarted, 'Stored; the workflow works it off.'), ...problems },
  });
  app.post('/v1/sources/:sourceId/files', allow('partner', 'ops', 'admin'), async (c) => {
    const id = c.req.param('sourceId');
    const query = fileQuery.safeParse(c.req.query());
    if (!query.success) throw new Problem(422, 'invalid', 'Name the file: ?fileName=sessions.csv, at most 200 characters.');
    const input = { sourceId: id, fileName: query.data.fileName, bytes: Buffer.from(await c.req.arrayBuffer()), receivedAt: new Date(), by: byOf(c) };
    const stored = await store.tx((db) => importFile(db, input, parserFor));
    if (!stored.ok) throw new Problem(422, 'wrongFile', stored.issues.map(describeIssue).join(' '), { issues: stored.issues.map(issueBody) });
    const workflowId = await orders.startBatch(id, stored.batchId);
    return c.json({ batchId: stored.batchId, duplicate: stored.duplicate, lineCount: stored.lineCount, workflowId }, stored.duplicate ? 200 : 202);
  });

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/imports/{batchId}',
      tags: ['Intake'],
      summary: 'How far an import is',
      middleware: allow('partner', ...readers),
      request: { params: z.object({ batchId: z.string().openapi({ param: { name: 'batchId', in: 'path' } }) }) },
      responses: {
        200: json(
          z.object({ batchId: z.string(), sourceId: z.string(), fileName: z.string(), lineCount: z.int(), processed: z.int(), outcomes: z.record(z.string(), z.int()) }),
          'Lines processed, by outcome.',
        ),
        ...problems,
      },
    }),
    async (c) => {
      const { batchId } = c.req.valid('param');
      const found = await importProgress(store.pool, batchId);
      const own = c.get('caller').sourceId;
      if (found === undefined || (own !== null && found.sourceId !== own)) throw new Problem(404, 'notFound', `There is no import "${batchId}".`);
      return c.json(found, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/sources/{sourceId}/latency',
      tags: ['Intake'],
      summary: 'How late a source delivers, per service month',
      description: 'With the cut-off that would have let 99.5 % of the month in.',
      middleware: allow('partner', ...readers),
      request: { params: sourceId, query: z.object({ months: z.coerce.number().int().min(1).max(60).default(12) }) },
      responses: {
        200: json(
          z.object({
            items: z
              .array(
                z.object({
                  sourceId: z.string(),
                  serviceMonth: z.string(),
                  records: z.int(),
                  hoursP50: z.string(),
                  hoursP95: z.string(),
                  hoursP99: z.string(),
                  hoursMax: z.string(),
                  afterMonth: z.object({ records: z.int(), energyWh: z.string() }),
                  proposedCutOffDays: z.int(),
                }),
              )
              .readonly(),
          }),
          'Newest month first.',
        ),
        ...problems,
      },
    }),
    async (c) => c.json({ items: await latencyOf(store.pool, await knownSource(store.pool, c.req.valid('param')), c.req.valid('query').months) }, 200),
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/mappings',
      tags: ['Set-up'],
      summary: 'Map a source’s key of a site or token to ours',
      description: 'Records that wait for it are tried again.',
      middleware: allow('ops', 'admin'),
      request: {
        headers: idempotencyHeader,
        body: body(
          z.strictObject({
            sourceId: z.string().min(1),
            kind: z.enum(['site', 'token']),
            externalKey: z.string().min(1),
            internalId: z.string().min(1).openapi({ description: 'A site for a site, an account for a token.' }),
            costCenter: z.string().min(1).optional(),
            unitId: z.string().min(1).optional().openapi({ description: 'The vehicle or driver of the fleet.' }),
            validFrom: instant.optional(),
          }),
        ),
      },
      responses: { 201: json(z.object({ made: z.boolean(), workflowId: z.string() }), 'Mapped; the workflow tries again what waited for it.'), ...problems },
    }),
    async (c) => {
      const { validFrom, ...mapping } = c.req.valid('json');
      const { made, waitsAs } = await store.tx((db) => mapExternal(db, { ...mapping, validFrom: validFrom === undefined ? undefined : new Date(validFrom) }, byOf(c)));
      const workflowId = await orders.setupAdded({ sourceId: mapping.sourceId, code: mapping.kind === 'site' ? 'unknownSite' : 'unknownToken', key: waitsAs });
      return c.json({ made, workflowId }, 201);
    },
  );
}

function itemsOf(bytes: Buffer, type: string | undefined): Buffer[] {
  if (type !== 'application/json' && type !== 'application/x-ndjson') throw new Problem(415, 'unsupportedMediaType', 'Send application/json for one CDR, application/x-ndjson for several.');
  const items = type === 'application/json' ? [withoutMark(bytes)] : splitNdjson(bytes).map((line) => line.bytes);
  if (items.every((i) => i.length === 0)) throw new Problem(422, 'invalid', 'The body is empty: send at least one CDR.');
  if (items.length > maxItems) throw new Problem(413, 'tooLarge', `${items.length} CDRs in one request: send at most ${maxItems}.`);
  return items;
}

function answerOf(source: string, received: ReceivedItem, index: number, workflowId: string | undefined) {
  const timeline = `/v1/records/${encodeURIComponent(`${source}/${received.recordKey}`)}/timeline`;
  return { index, recordKey: received.recordKey, status: received.status, timeline, ...(workflowId === undefined ? {} : { workflowId }), issues: received.issues.map(issueBody) };
}
