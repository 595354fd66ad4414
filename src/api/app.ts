import { randomUUID } from 'node:crypto';
import { OpenAPIHono } from '@hono/zod-openapi';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';
import type { Logger } from 'pino';
import type { SecretBox } from '../contracts/secret-box.ts';
import type { Store } from '../store/db.ts';
import type { SetUp } from '../store/prisma.ts';
import { authenticate } from './auth.ts';
import { consoleRoutes } from './console/console.ts';
import { docsRoutes, openApiOf } from './docs.ts';
import type { ApiEnv } from './env.ts';
import { idempotent } from './idempotency.ts';
import { ocpiApp } from './ocpi/ocpi.ts';
import type { Orders } from './orders.ts';
import { refuseEncoded } from './plain-body.ts';
import { plainWords } from './plain-words.ts';
import { answerProblem, Problem, problemOf } from './problem.ts';
import { refuseUnread } from './refuse-unread.ts';
import { accountingPeriodRoutes } from './routes/accounting-periods.ts';
import { allowanceRoutes } from './routes/allowance.ts';
import { apiKeyRoutes } from './routes/api-keys.ts';
import { cardPaymentRoutes } from './routes/card-payments.ts';
import { chargeRoutes } from './routes/charges.ts';
import { completenessRoutes } from './routes/completeness.ts';
import { contractRoutes } from './routes/contracts.ts';
import { countedEnergyRoutes } from './routes/counted-energy.ts';
import { creditRoutes } from './routes/credits.ts';
import { deliveryRoutes } from './routes/deliveries.ts';
import { documentRuleRoutes } from './routes/document-rules.ts';
import { documentRoutes } from './routes/documents.ts';
import { erasureRoutes } from './routes/erasure.ts';
import { erpConnectionRoutes } from './routes/erp-connections.ts';
import { erpMappingRoutes } from './routes/erp-mapping.ts';
import { erpPostingRoutes } from './routes/erp-postings.ts';
import { exclusionRuleRoutes } from './routes/exclusion-rules.ts';
import { expectationRoutes } from './routes/expectations.ts';
import { healthRoutes } from './routes/health.ts';
import { intakeRoutes } from './routes/intake.ts';
import { ledgerRoutes } from './routes/ledger.ts';
import { ocpiPeerRoutes } from './routes/ocpi-peers.ts';
import { outgoingPaymentRoutes } from './routes/outgoing-payments.ts';
import { partnerRoutes } from './routes/partners.ts';
import { paymentRoutes } from './routes/payments.ts';
import { previewRuleRoutes } from './routes/preview-rules.ts';
import { priceSeriesRoutes } from './routes/price-series.ts';
import { publishedSchemaRoutes } from './routes/published-schemas.ts';
import { quarantineRoutes } from './routes/quarantine.ts';
import { recordEvidenceRoutes } from './routes/record-evidence.ts';
import { recordRoutes } from './routes/records.ts';
import { releaseRuleRoutes } from './routes/release-rules.ts';
import { retentionRoutes } from './routes/retention.ts';
import { ruleVersionRoutes } from './routes/rule-versions.ts';
import { ruleRoutes } from './routes/rules.ts';
import { runCollectingRoutes } from './routes/run-collecting.ts';
import { runDecisionRoutes } from './routes/run-decisions.ts';
import { runFileRoutes } from './routes/run-files.ts';
import { runPreviewRoutes } from './routes/run-preview.ts';
import { runShapeRoutes } from './routes/run-shapes.ts';
import { runSteeringRoutes } from './routes/run-steering.ts';
import { runRoutes } from './routes/runs.ts';
import { setUpRoutes } from './routes/set-up.ts';
import { setUpBookRoutes } from './routes/set-up-books.ts';
import { setUpEntryRoutes } from './routes/set-up-entries.ts';
import { setUpLoadRoutes } from './routes/set-up-loads.ts';
import { setUpProposalRoutes } from './routes/set-up-proposals.ts';
import { sourceConnectionRoutes } from './routes/source-connections.ts';
import { standingApprovalRoutes } from './routes/standing-approvals.ts';
import { statementRoutes } from './routes/statements.ts';
import { tariffRoutes } from './routes/tariffs.ts';
import { traceRoutes } from './routes/trace.ts';
import { webhookRoutes } from './routes/webhooks.ts';

export type ApiDeps = {
  readonly store: Store;
  readonly setUp: SetUp;
  readonly orders: Orders;
  readonly log: Logger;
  readonly secretBox: SecretBox;
  /** Where others reach this API, without a path; that of each request when it is not set. */
  readonly publicUrl?: string | undefined;
  /** How long the body of an OCPI request may take to arrive. */
  readonly bodyWithinMs?: number;
  readonly temporalUiUrl?: string | undefined;
  readonly temporalNamespace?: string | undefined;
};

const megabyte = 1024 * 1024;
const maxBodyBytes = 16 * megabyte;
const maxFileBytes = 512 * megabyte;

/** The HTTP API: zod at the edge, one command or read per route, problem details for whatever goes wrong. */
export function createApp(deps: ApiDeps): OpenAPIHono<ApiEnv> {
  const app = new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (result.success) return;
      const errors = result.error.issues.map((i) => ({ path: i.path.join('.'), message: plainWords(i) }));
      throw new Problem(422, 'invalid', errors.map((e) => (e.path === '' ? e.message : `${e.path}: ${e.message}`)).join('; '), { errors });
    },
  });
  app.onError((error, c) => {
    const problem = problemOf(error);
    if (problem.status >= 500) deps.log.error({ requestId: c.get('requestId'), path: c.req.path, error: error.stack }, 'request failed');
    return answerProblem(c, problem);
  });
  app.notFound((c) => answerProblem(c, new Problem(404, 'notFound', `There is no ${c.req.method} ${c.req.path}; see /docs.`)));
  // Without a referrer a browser hides the origin of its own forms too.
  app.use('*', secureHeaders({ referrerPolicy: 'same-origin' }));
  app.use('*', async (c, next) => {
    const given = c.req.header('x-request-id');
    c.set('requestId', given !== undefined && /^[\w.:-]{1,100}$/.test(given) ? given : randomUUID());
    c.header('x-request-id', c.get('requestId'));
    await next();
  });
  healthRoutes(app, deps);
  docsRoutes(app);
  publishedSchemaRoutes(app);
  const ocpi = ocpiApp(deps);
  app.all('/ocpi/*', (c) => ocpi.fetch(c.req.raw, c.env));
  webhookRoutes(app, deps);
  app.use('/v1/*', async (c, next) => {
    const maxSize = /^\/v1\/sources\/[^/]+\/files$/.test(c.req.path) ? maxFileBytes : maxBodyBytes;
    const onError = () => {
      throw new Problem(413, 'tooLarge', `A request holds at most ${maxSize / megabyte} MB here: send it in parts.`);
    };
    if (c.req.method === 'GET' || c.req.method === 'HEAD') return next();
    refuseEncoded(c.req.header('content-encoding'));
    // The server reads no further than the stated length; to look at the body's stream, as bodyLimit does first, costs more than all the rest.
    const length = c.req.header('transfer-encoding') === undefined ? c.req.header('content-length') : undefined;
    if (length !== undefined) return Number(length) > maxSize ? onError() : next();
    return bodyLimit({ maxSize, onError })(c, next);
  });
  app.use('/v1/*', authenticate(deps.store.pool));
  app.use('/v1/*', refuseUnread(app));
  app.use('/v1/*', idempotent(deps.store.pool));
  intakeRoutes(app, deps);
  recordRoutes(app, deps);
  traceRoutes(app, deps);
  chargeRoutes(app, deps);
  allowanceRoutes(app, deps);
  ledgerRoutes(app, deps);
  accountingPeriodRoutes(app, deps);
  quarantineRoutes(app, deps);
  recordEvidenceRoutes(app, deps);
  completenessRoutes(app, deps);
  countedEnergyRoutes(app, deps);
  expectationRoutes(app, deps);
  runCollectingRoutes(app, deps);
  sourceConnectionRoutes(app, deps);
  statementRoutes(app, deps);
  partnerRoutes(app, deps);
  runRoutes(app, deps);
  runFileRoutes(app, deps);
  runPreviewRoutes(app, deps);
  previewRuleRoutes(app, deps);
  releaseRuleRoutes(app, deps);
  ruleVersionRoutes(app, deps);
  standingApprovalRoutes(app, deps);
  runShapeRoutes(app, deps);
  exclusionRuleRoutes(app, deps);
  runDecisionRoutes(app, deps);
  runSteeringRoutes(app, deps);
  documentRoutes(app, deps);
  erpPostingRoutes(app, deps);
  erpConnectionRoutes(app, deps);
  erpMappingRoutes(app, deps);
  creditRoutes(app, deps);
  paymentRoutes(app, deps);
  documentRuleRoutes(app, deps);
  deliveryRoutes(app, deps);
  outgoingPaymentRoutes(app, deps);
  cardPaymentRoutes(app, deps);
  setUpRoutes(app, deps);
  setUpEntryRoutes(app, deps);
  contractRoutes(app, deps);
  setUpProposalRoutes(app, deps);
  setUpBookRoutes(app, deps);
  setUpLoadRoutes(app, deps);
  tariffRoutes(app, deps);
  priceSeriesRoutes(app, deps);
  erasureRoutes(app, deps);
  retentionRoutes(app, deps);
  ruleRoutes(app, deps);
  apiKeyRoutes(app, deps);
  ocpiPeerRoutes(app, deps);
  app.route('/', consoleRoutes({ ...deps, send: (path, init) => app.request(path, init) }));
  app.openAPIRegistry.registerComponent('securitySchemes', 'apiKey', { type: 'http', scheme: 'bearer', description: 'An API key; its roles decide what it may do.' });
  app.get('/openapi.json', (c) => c.json(openApiOf(app)));
  return app;
}

/** The OpenAPI description without a server: no route is called, so none needs what it depends on. */
export function describeApi(): object {
  return openApiOf(createApp({ store: {}, setUp: {}, orders: {} } as ApiDeps));
}
