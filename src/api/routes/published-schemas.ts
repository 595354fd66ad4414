import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { chargeRecordSchema, chargeRecordSchemaId } from '../../contracts/charge-record.ts';
import type { ApiEnv } from '../env.ts';

/** JSON Schemas of what WattLedger seals, under the path that each record names as its `schema`; open to everyone. */
export function publishedSchemaRoutes(app: OpenAPIHono<ApiEnv>): void {
  const schema = z.toJSONSchema(chargeRecordSchema);
  app.openapi(
    createRoute({
      method: 'get',
      path: chargeRecordSchemaId,
      tags: ['Records'],
      summary: 'JSON Schema of the sealed charge record',
      security: [],
      responses: { 200: { description: 'JSON Schema 2020-12.', content: { 'application/schema+json': { schema: z.record(z.string(), z.any()) } } } },
    }),
    (c) => c.json(schema, 200, { 'content-type': 'application/schema+json', 'cache-control': 'public, max-age=86400' }),
  );
}
