import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { eraseDriver } from '../../store/commands/erase-driver.ts';
import type { Store } from '../../store/db.ts';
import { allow } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { body, idempotencyHeader, inPath, json, problems, reason } from '../schemas.ts';
import { byOf } from './run-context.ts';

const erasure = z
  .object({
    accountIds: z.array(z.string()).readonly().openapi({ description: 'All accounts of the person.' }),
    dryRun: z.boolean(),
    erased: z
      .object({ parties: z.int(), mappings: z.int(), tokens: z.int(), rawBodies: z.int(), sessionTrails: z.int() })
      .openapi({ description: 'What went, or would go; all 0 when nothing is left.' }),
    kept: z
      .object({ records: z.int(), documents: z.int(), sharedTokens: z.int(), sharedRawBodies: z.int() })
      .openapi({ description: 'What the law wants kept, without a name in it; and tokens and message bytes that records of other accounts stand on too.' }),
  })
  .openapi('Erasure');

/** Erasing a person. */
export function erasureRoutes(app: OpenAPIHono<ApiEnv>, { store }: { readonly store: Store }): void {
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/accounts/{id}/erasure',
      tags: ['Privacy'],
      summary: 'Erase the driver behind an account',
      description:
        'Name, address and numbers, the tokens with their mappings, where the sessions stood, and the bytes of every message that led to the records. Sealed records, charges, documents and journals stay and name nobody. Refused while something is open.',
      middleware: allow('admin'),
      request: {
        params: inPath('id'),
        headers: idempotencyHeader,
        body: body(z.strictObject({ reason: reason.openapi({ description: 'Why; kept for good, so without name, address and tokens.' }), dryRun: z.boolean().default(false) })),
      },
      responses: { 200: json(erasure, 'Erased, or counted.'), ...problems },
    }),
    async (c) => c.json(await store.tx((db) => eraseDriver(db, { accountId: c.req.valid('param').id, ...c.req.valid('json') }, byOf(c))), 200),
  );
}
