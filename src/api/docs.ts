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

/** Reference pages at /docs and what there is to see at /; everything is served from here. */
export function docsRoutes(app: OpenAPIHono<ApiEnv>, { temporalUiUrl }: { readonly temporalUiUrl?: string | undefined }): void {
  const folder = path.dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  app.get('/', (c) => c.html(indexPage(temporalUiUrl)));
  app.get('/docs', (c) => c.html(page));
  app.get('/docs/start.js', (c) => c.body("SwaggerUIBundle({ url: '/openapi.json', dom_id: '#ui', persistAuthorization: true });", 200, { 'content-type': 'text/javascript' }));
  for (const [name, type] of Object.entries(assets)) {
    app.get(`/docs/${name}`, async (c) => c.body(new Uint8Array(await readFile(path.join(folder, name))), 200, { 'content-type': type, 'cache-control': 'max-age=86400' }));
  }
}

function indexPage(temporalUiUrl: string | undefined): string {
  const links = [
    ['/docs', 'API reference: try every route with a token'],
    ['/openapi.json', 'OpenAPI 3.1'],
    ['/readyz', 'Readiness of PostgreSQL and Temporal'],
    ['/metrics', 'Metrics for Prometheus'],
    ...(temporalUiUrl === undefined ? [] : [[temporalUiUrl, 'Temporal UI: every run and every waiting CDR']]),
  ];
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>WattLedger</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}</style></head>
<body><h1>WattLedger</h1><p>The billing engine is running.</p><ul>${links.map(([href, text]) => `<li><a href="${href}">${text}</a></li>`).join('')}</ul></body></html>`;
}
