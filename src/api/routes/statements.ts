import { createHash } from 'node:crypto';
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { statementLayoutSchema } from '../../contracts/statement-layout.ts';
import { readStatement } from '../../core/completeness/read-statement.ts';
import { loadStatement, previewStatement, type StatementFile } from '../../store/commands/load-statement.ts';
import { setStatementLayout } from '../../store/commands/set-statement-layout.ts';
import type { Store } from '../../store/db.ts';
import { controlDayView } from '../../store/reads/completeness.ts';
import { statementLayoutOf } from '../../store/reads/statement-layout.ts';
import { spanOf } from '../../store/reads/watermarks.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import type { Orders } from '../orders.ts';
import { Problem } from '../problem.ts';
import { readStatementCsv } from '../read-statement-csv.ts';
import { body, idempotencyHeader, inPath, json, problems, reason, refusedLines } from '../schemas.ts';
import { wakeRuns } from '../wake-runs.ts';
import { controlDay } from './completeness.ts';
import { byOf } from './run-context.ts';

const tags = ['Completeness'];
const mostRefused = 200;
const sourceId = inPath('sourceId', 'gireve');
const layoutView = z.object({ sourceId: z.string(), version: z.int(), layout: statementLayoutSchema, author: z.string(), changedAt: z.string() }).openapi('StatementLayout');
const loaded = z
  .object({
    digest: z.string().openapi({ description: 'Of the file and the layout it was read by: what is applied is what was shown.' }),
    applied: z.boolean(),
    layoutVersion: z.int(),
    lines: z.int(),
    items: z
      .array(controlDay.extend({ change: z.enum(['stated', 'corrected', 'repeated']) }))
      .readonly()
      .openapi({ description: 'Each total beside what arrived.' }),
    refused: refusedLines,
  })
  .openapi('StatementLoad');

/** Statement files of hubs and partners: control totals by day or month and party, laid out as each of them does. */
export function statementRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: { readonly store: Store; readonly orders: Orders }): void {
  app.openapi(
    createRoute({
      method: 'put',
      path: '/v1/sources/{sourceId}/statement-layout',
      tags,
      summary: 'Say how statement files of a source are laid out',
      middleware: allow('ops', 'admin'),
      request: { params: sourceId, headers: idempotencyHeader, body: body(z.strictObject({ layout: statementLayoutSchema, reason })) },
      responses: { 200: json(z.object({ version: z.int(), changed: z.boolean() }), 'Set.'), ...problems },
    }),
    async (c) => c.json(await store.tx((db) => setStatementLayout(db, { ...c.req.valid('param'), ...c.req.valid('json') }, byOf(c))), 200),
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/sources/{sourceId}/statement-layout',
      tags,
      summary: 'How statement files of a source are laid out',
      middleware: allow('partner', ...readers),
      request: { params: sourceId },
      responses: { 200: json(layoutView, 'Its layout.'), ...problems },
    }),
    async (c) => c.json(await layoutOf(c.req.valid('param').sourceId), 200),
  );

  app.openAPIRegistry.registerPath({
    method: 'post',
    path: '/v1/sources/{sourceId}/statements',
    tags,
    summary: 'Load a statement file: control totals by day or month, and by party',
    description:
      'A CSV, read by the layout of the source. Without `apply` it is shown what would be stated and how it compares, and nothing is kept. With the digest of that answer it is stated, as a whole: not while a line is refused. Loaded again it changes nothing; other figures are the next version.',
    request: {
      params: sourceId,
      query: z.object({ apply: z.string().optional().openapi({ description: 'Digest of what was shown.' }), fileName: z.string().max(200).optional() }),
      body: { required: true, content: { 'text/csv': { schema: z.string() } } },
    },
    responses: { 200: json(loaded, 'What it is, or was, about to state.'), ...problems },
  });
  app.post('/v1/sources/:sourceId/statements', allow('partner', 'ops', 'admin'), async (c) => {
    const id = c.req.param('sourceId');
    const { layout, version } = await layoutOf(id);
    const bytes = Buffer.from(await c.req.arrayBuffer());
    const lines = readStatementCsv(bytes, layout);
    const digest = createHash('sha256').update(`${version}\n`).update(bytes).digest('hex');
    const apply = c.req.query('apply');
    if (apply !== undefined && apply !== digest)
      throw new Problem(409, 'staleHash', 'The file or its layout is not what was shown: look at it again, and apply the present digest.', { currentDigest: digest });
    const { totals, refused } = readStatement(lines, layout);
    const shown = refused.slice(0, mostRefused);
    if (apply !== undefined && refused.length > 0)
      throw new Problem(422, 'linesRefused', `${refused.length} lines are refused, so nothing is stated: mend the file or its layout.`, { refused: shown });
    const file: StatementFile = { sourceId: id, totals, digest, fileName: c.req.query('fileName')?.slice(0, 200) ?? null, layoutVersion: version };
    const items = totals.length === 0 ? [] : apply === undefined ? await previewStatement(store, file, byOf(c)) : await store.tx((db) => loadStatement(db, file, byOf(c)));
    if (apply !== undefined) await wakeRuns({ store, orders }, id, spanOf(items.filter((i) => i.status !== 'repeated').map((i) => i.on)));
    return c.json(
      { digest, applied: apply !== undefined, layoutVersion: version, lines: lines.length, items: items.map((i) => ({ ...controlDayView(i.day), change: i.status })), refused: shown },
      200,
    );
  });

  async function layoutOf(id: string) {
    const found = await statementLayoutOf(store.pool, id);
    if (found === undefined) throw new Problem(404, 'notFound', `Nobody said how statements of "${id}" are laid out: PUT /v1/sources/${id}/statement-layout says it.`);
    return found;
  }
}
