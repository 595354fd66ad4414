import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Store } from '../../store/db.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { fileResponse, runFile, runForms } from '../run-files.ts';
import { problems, runId } from '../schemas.ts';
import { runTags } from './run-context.ts';

/** What a closed run is handed on as. */
export function runFileRoutes(app: OpenAPIHono<ApiEnv>, { store }: { readonly store: Store }): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs/{runId}/files/{form}',
      tags: runTags,
      summary: 'A file of a closed run: SIE 4I, journal, manifest with totals, close report',
      description:
        '`sie` is one file per closed run, for import into a bookkeeping that reads files: a second import would double it, so compare its hash with the `manifest` first. Archived when it is first asked for; the same bytes from then on.',
      middleware: allow(...readers),
      request: { params: runId.extend({ form: z.enum(runForms).openapi({ param: { name: 'form', in: 'path' } }) }) },
      responses: {
        200: {
          description: 'The file; `x-content-sha256` is its hash.',
          content: {
            'application/octet-stream': { schema: z.string().openapi({ format: 'binary' }) },
            'text/csv': { schema: z.string() },
            'application/json': { schema: z.looseObject({}) },
            'application/pdf': { schema: z.string().openapi({ format: 'binary' }) },
          },
        },
        ...problems,
      },
    }),
    async (c) => fileResponse(await runFile(store.pool, c.req.valid('param').runId, c.req.valid('param').form)) as never,
  );
}
