import { Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { every } from 'hono/combine';
import { csrf } from 'hono/csrf';
import { HTTPException } from 'hono/http-exception';
import type { Logger } from 'pino';
import type { Store } from '../../store/db.ts';
import { ProblemPage } from '../../ui/problem-page.tsx';
import { styleSheet, styleSheetPath } from '../../ui/style-sheet.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem, problemOf } from '../problem.ts';
import { deliveryPages } from './delivery-pages.ts';
import { erpPages } from './erp-pages.ts';
import { exclusionPages } from './exclusion-pages.ts';
import { ocpiPages } from './ocpi-pages.ts';
import type { Send } from './order.ts';
import { partnerPages } from './partner-pages.ts';
import { paymentPages } from './payment-pages.ts';
import { previewPages } from './preview-pages.ts';
import { recordPages } from './record-pages.ts';
import { releasePages } from './release-pages.ts';
import { ruleBookPages } from './rule-book-pages.ts';
import { runPages } from './run-pages.ts';
import { signInRoutes } from './sign-in.ts';
import { standingApprovalPages } from './standing-approval-pages.ts';
import { tracePage } from './trace-page.ts';
import { viewerOf } from './viewer.ts';

type Deps = { readonly store: Store; readonly log: Logger; readonly send: Send; readonly temporalUiUrl?: string | undefined; readonly temporalNamespace?: string | undefined };

const policy = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const maxFormBytes = 256 * 1024;

/**
 * The finance console: pages over the API's reads, forms that send the API's own requests (`send`) as whoever signed in. It has no
 * rule of its own: roles, refusals and idempotency are the routes'.
 */
export function consoleRoutes({ store, log, send, temporalUiUrl, temporalNamespace = 'default' }: Deps): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  app.onError((error, c) => {
    const problem =
      error instanceof HTTPException && error.status === 403 ? new Problem(403, 'foreignForm', 'This form came from another site: open the page here and send it again.') : problemOf(error);
    if (problem.status >= 500) log.error({ requestId: c.get('requestId'), path: c.req.path, error: error.stack }, 'page failed');
    const viewer = c.get('session') === undefined ? undefined : viewerOf(c);
    return c.html(ProblemPage({ refusal: { status: problem.status, code: problem.code, detail: problem.message }, requestId: c.get('requestId'), viewer }), problem.status);
  });
  const framed: MiddlewareHandler<ApiEnv> = async (c, next) => {
    c.set('temporalUiUrl', temporalUiUrl);
    await next();
    c.header('content-security-policy', policy);
    c.header('cache-control', 'no-store');
  };
  const form = every(framed, csrf(), bodyLimit({ maxSize: maxFormBytes }));
  for (const path of [
    '/',
    '/sign-in',
    '/sign-out',
    '/runs/*',
    '/documents/*',
    '/quarantine/*',
    '/records/*',
    '/erp/*',
    '/partners',
    '/partners/*',
    '/payments',
    '/payments/*',
    '/deliveries',
    '/deliveries/*',
    '/rules',
    '/rules/*',
    '/ocpi-peers',
    '/ocpi-peers/*',
    '/trace',
  ])
    app.use(path, form);
  app.get(styleSheetPath, (c) => c.body(styleSheet, 200, { 'content-type': 'text/css; charset=utf-8', 'cache-control': 'public, max-age=31536000, immutable' }));

  const guard = every(signInRoutes(app, store.pool), allow(...readers));
  const workflowUrl = (workflowId: string) => (temporalUiUrl === undefined ? null : `${temporalUiUrl}/namespaces/${temporalNamespace}/workflows/${encodeURIComponent(workflowId)}`);
  previewPages(app, guard, { store, send });
  runPages(app, guard, { store, send, workflowUrl });
  exclusionPages(app, guard, { store, send });
  ruleBookPages(app, guard, { store, send });
  releasePages(app, guard, { store, send });
  standingApprovalPages(app, guard, { store, send });
  recordPages(app, guard, { store, send });
  erpPages(app, guard, { store, send });
  ocpiPages(app, guard, { store, send });
  partnerPages(app, guard, { store });
  paymentPages(app, guard, { store, send });
  deliveryPages(app, guard, { store, send });
  tracePage(app, guard, { store });
  return app;
}
