import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { newPartnerRulesSchema, partnerRulesSchema } from '../../contracts/partner-rules.ts';
import { checkOutgoing } from '../../core/partner/check-outgoing.ts';
import { claimClasses } from '../../core/partner/classify-claim.ts';
import { setPartnerRules } from '../../store/commands/set-partner-rules.ts';
import type { Store } from '../../store/db.ts';
import { partnerClaims, partnerMonth, partnersOfMonth } from '../../store/reads/partner-claims.ts';
import { partnerRulesOf } from '../../store/reads/partner-rules.ts';
import { allow, readers } from '../auth.ts';
import { claimsFile } from '../claims-csv.ts';
import type { ApiEnv } from '../env.ts';
import { issueBody, Problem } from '../problem.ts';
import { body, idempotencyHeader, inPath, issue, json, money, month, pageOf, pageQuery, problems, reason, wh } from '../schemas.ts';
import { byOf } from './run-context.ts';

const tags = ['Networks'];
const accountId = inPath('accountId', 'acc_emsp_aurora');
const outgoing = z.object({
  cdrId: z.string().min(1),
  creditOf: z.string().nullable().default(null),
  startAt: z.iso.datetime(),
  endAt: z.iso.datetime(),
  sessionId: z.string().nullable().default(null),
  authorizationId: z.string().nullable().default(null),
  location: z.object({ evseId: z.string() }),
  currency: z.string(),
  tariff: z.record(z.string(), z.unknown()).nullable().default(null),
  periods: z.array(z.unknown()).default([]),
  energyWh: z.int(),
  cost: z.object({ total: z.object({ net: money }) }),
});
const claim = z
  .object({
    recordId: z.string(),
    sourceId: z.string(),
    cdrId: z.string(),
    siteId: z.string(),
    endAt: z.string(),
    energyWh: wh,
    class: z.enum(claimClasses),
    claimed: money.nullable(),
    claimCurrency: z.string().nullable(),
    booked: money,
    currency: z.string(),
    difference: money.nullable().openapi({ description: 'claimed − booked' }),
    cause: z.string().nullable().openapi({ description: 'How the partner reads the tariff otherwise, where that is known.' }),
  })
  .openapi('PartnerClaim');
const totals = z.object({ class: z.enum(claimClasses), currency: z.string(), records: z.int(), energyWh: wh, claimed: money, booked: money, difference: money });
const partnerMonthView = z.object({ accountId: z.string(), month: z.string(), totals: z.array(totals).readonly(), held: z.object({ records: z.int(), energyWh: wh }) }).openapi('PartnerMonth');

/** What partners refuse of what we send, and what they charge us beside our own rating of it. */
export function partnerRoutes(app: OpenAPIHono<ApiEnv>, { store }: { readonly store: Store }): void {
  const db = store.pool;
  const monthOf = async (id: string, of: string) => {
    const found = await partnerMonth(db, { accountId: id, month: of });
    if (found === undefined) throw new Problem(404, 'notFound', `There is no account "${id}".`);
    return found;
  };
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/accounts/{accountId}/partner-rules',
      tags,
      summary: 'What a partner is known to refuse of our CDRs',
      description: 'Version 0: nothing.',
      middleware: allow(...readers),
      request: { params: accountId },
      responses: { 200: json(z.object({ version: z.int(), rules: partnerRulesSchema }), 'Rules.'), ...problems },
    }),
    async (c) => c.json(await partnerRulesOf(db, c.req.valid('param').accountId), 200),
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: '/v1/accounts/{accountId}/partner-rules',
      tags,
      summary: 'Set what a partner refuses',
      description: 'Every version is kept. CDRs are checked before they are sent.',
      middleware: allow('ops', 'admin'),
      request: { params: accountId, headers: idempotencyHeader, body: body(z.strictObject({ rules: newPartnerRulesSchema, reason })) },
      responses: { 200: json(z.object({ version: z.int() }), 'Set.'), ...problems },
    }),
    async (c) => c.json(await store.tx((tx) => setPartnerRules(tx, { ...c.req.valid('param'), ...c.req.valid('json') }, byOf(c))), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/accounts/{accountId}/partner-rules/checks',
      tags,
      summary: 'Whether a partner would refuse a CDR, sent now',
      description: 'Nothing is kept or sent.',
      middleware: allow(...readers),
      request: { params: accountId, body: body(outgoing) },
      responses: { 200: json(z.object({ version: z.int(), issues: z.array(issue) }), 'Empty: it is known to refuse nothing of it.'), ...problems },
    }),
    async (c) => {
      const id = c.req.valid('param').accountId;
      const { version, rules } = await partnerRulesOf(db, id);
      return c.json({ version, issues: checkOutgoing(c.req.valid('json'), rules, id, Date.now()).map(issueBody) }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/partner-claims',
      tags,
      summary: 'Partners at whose chargers our customers charged in a month',
      middleware: allow(...readers),
      request: { query: month },
      responses: { 200: json(z.object({ items: z.array(z.object({ accountId: z.string(), records: z.int() })).readonly() }), 'By account.'), ...problems },
    }),
    async (c) => c.json({ items: await partnersOfMonth(db, c.req.valid('query').month) }, 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/partner-claims/{accountId}',
      tags,
      summary: 'What a partner charges us in a month, beside our own rating, by kind of difference',
      description: 'The agreed price is what is booked; a difference is taken up with the partner.',
      middleware: allow(...readers),
      request: { params: accountId, query: month },
      responses: { 200: json(partnerMonthView, 'Totals by class and currency.'), ...problems },
    }),
    async (c) => c.json(await monthOf(c.req.valid('param').accountId, c.req.valid('query').month), 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/partner-claims/{accountId}/sessions',
      tags,
      summary: 'The sessions behind it',
      middleware: allow(...readers),
      request: { params: accountId, query: pageQuery.extend({ ...month.shape, class: z.enum(claimClasses).optional() }) },
      responses: { 200: json(pageOf(claim), 'Newest record first.'), ...problems },
    }),
    async (c) => {
      const { month: of, class: kind, ...page } = c.req.valid('query');
      return c.json(await partnerClaims(db, { accountId: c.req.valid('param').accountId, month: of, class: kind }, page), 200);
    },
  );
  app.openAPIRegistry.registerPath({
    method: 'get',
    path: '/v1/partner-claims/{accountId}/sessions.csv',
    tags,
    summary: 'The sessions behind it, as CSV for the partner',
    request: { params: accountId, query: month },
    responses: { 200: { description: 'RFC 4180, comma, UTF-8; one line a session.', content: { 'text/csv': { schema: z.string() } } }, ...problems },
  });
  app.get('/v1/partner-claims/:accountId/sessions.csv', allow(...readers), async (c) => {
    const query = month.safeParse(c.req.query());
    if (!query.success) throw new Problem(422, 'invalid', 'month: a month such as 2019-12');
    const id = c.req.param('accountId');
    await monthOf(id, query.data.month);
    return claimsFile(db, id, query.data.month);
  });
}
