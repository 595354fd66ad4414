import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { ApiEnv } from './env.ts';

export const openApiConfig = {
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

/** Reference pages at /docs; everything is served from here. */
export function docsRoutes(app: OpenAPIHono<ApiEnv>): void {
  const folder = path.dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  app.get('/docs', (c) => c.html(page));
  app.get('/docs/start.js', (c) => c.body("SwaggerUIBundle({ url: '/openapi.json', dom_id: '#ui', persistAuthorization: true });", 200, { 'content-type': 'text/javascript' }));
  for (const [name, type] of Object.entries(assets)) {
    app.get(`/docs/${name}`, async (c) => c.body(new Uint8Array(await readFile(path.join(folder, name))), 200, { 'content-type': type, 'cache-control': 'max-age=86400' }));
  }
}
