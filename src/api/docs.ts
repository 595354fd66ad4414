import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { type OpenAPIHono, z } from '@hono/zod-openapi';
import type { ApiEnv } from './env.ts';

const openApiConfig = {
  openapi: '3.1.0',
  info: {
    title: 'WattLedger',
    version: '1',
    description:
      'Billing engine of a charge point operator: CDRs in, sealed records, monthly runs, documents and journals out.\n\nMoney is decimal text in major units, energy Wh as text, instants are ISO 8601. Errors are RFC 9457 problem details.',
  },
  security: [{ apiKey: [] }],
};

const assets = { 'swagger-ui.css': 'text/css', 'swagger-ui-bundle.js': 'text/javascript' } as const;
const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>WattLedger API</title><link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="ui"></div><script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>`;

const bodyProblem = (description: string) => ({ description, content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } });
/** What every route answers that takes a body. */
const bodyProblems = {
  400: bodyProblem('The body is not JSON.'),
  413: bodyProblem('More than a request holds: send it in parts.'),
  415: bodyProblem('A content type or encoding that is not taken here.'),
};

/**
 * The OpenAPI description of what is registered. Its generator takes for required what does not parse `undefined`, and so every field of
 * `exactOptional`: while it asks, these do.
 */
export function openApiOf(app: OpenAPIHono<ApiEnv>): object {
  const exact: object = z.ZodExactOptional.prototype;
  const own = Object.getOwnPropertyDescriptor(exact, 'safeParse') ?? {};
  Object.defineProperty(exact, 'safeParse', {
    configurable: true,
    value(this: z.ZodExactOptional, data: unknown) {
      return z.safeParse(data === undefined ? z.undefined() : this, data);
    },
  });
  try {
    const document = app.getOpenAPI31Document(openApiConfig);
    for (const methods of Object.values(document.paths ?? {}))
      for (const route of Object.values(methods as Record<string, { requestBody?: object; responses: object }>))
        if (route.requestBody !== undefined) route.responses = { ...bodyProblems, ...route.responses };
    return document;
  } finally {
    Object.defineProperty(exact, 'safeParse', own);
  }
}

/** Reference pages at /docs; everything is served from here. */
export function docsRoutes(app: OpenAPIHono<ApiEnv>): void {
  const folder = path.dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  app.get('/docs', (c) => c.html(page));
  app.get('/docs/start.js', (c) => c.body("SwaggerUIBundle({ url: '/openapi.json', dom_id: '#ui', persistAuthorization: true });", 200, { 'content-type': 'text/javascript' }));
  for (const [name, type] of Object.entries(assets)) {
    app.get(`/docs/${name}`, async (c) => c.body(new Uint8Array(await readFile(path.join(folder, name))), 200, { 'content-type': type, 'cache-control': 'max-age=86400' }));
  }
}
