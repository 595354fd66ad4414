import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { bankAccountSchema, setUpRowSchemas } from '../../contracts/set-up.ts';
import { vatTableSchema } from '../../contracts/vat-table.ts';
import type { IssueCode } from '../../core/issues.ts';
import { proposeBankAccount } from '../../store/commands/propose-bank-account.ts';
import type { ProposalKind } from '../../store/commands/propose-set-up.ts';
import { type ProposalOutcome, proposeVatStatus } from '../../store/commands/propose-vat-status.ts';
import { proposeVatTable } from '../../store/commands/propose-vat-table.ts';
import { publishProposal, refuseProposal } from '../../store/commands/publish-set-up.ts';
import type { Store } from '../../store/db.ts';
import { listProposals } from '../../store/reads/set-up-history.ts';
import { sourcesNear } from '../../store/reads/set-up-sources.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import type { Orders } from '../orders.ts';
import { issueBody } from '../problem.ts';
import { body, idempotencyHeader, issue, json, pageOf, pageQuery, problems, reason } from '../schemas.ts';
import { byOf } from './run-context.ts';
import { pathId, refusedProblem, setUpTags, setUpWriters } from './set-up-entries.ts';
import { retryNear, waitsForContract } from './set-up-retry.ts';

const proposed = z.object({ outcome: z.enum(['proposed', 'unchanged']), proposalId: z.string().nullable(), findings: z.array(issue) }).openapi('SetUpProposed');
const proposal = z
  .object({
    proposalId: z.string(),
    kind: z.string(),
    subjectId: z.string(),
    body: z.record(z.string(), z.any()),
    words: z.record(z.string(), z.any()).openapi({ description: 'What it says of people; gone once it is decided.' }),
    findings: z.array(z.string()).readonly(),
    state: z.string(),
    author: z.string(),
    reason: z.string(),
    proposedAt: z.string(),
    decidedBy: z.string().nullable(),
    comment: z.string().nullable(),
    publishedAs: z.string().nullable(),
  })
  .openapi('SetUpProposal');
/** What may have waited for a proposal of each kind. */
const waitsFor: Readonly<Record<ProposalKind, readonly IssueCode[]>> = {
  contract: waitsForContract.revenueShare,
  vatStatus: ['vatBlocked', 'noVatRow'],
  vatTable: ['noVatTable', 'noVatRow', 'vatBlocked', 'notVatRegistered', 'unknownVatRule'],
  payeeBankAccount: [],
};

/** What two people have to agree on: VAT status, VAT tables, where payees are paid; and the decision on each. */
export function setUpProposalRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: { readonly store: Store; readonly orders: Orders }): void {
  const answer = ({ outcome, proposalId, findings }: ProposalOutcome): z.infer<typeof proposed> => {
    if (outcome === 'refused') throw refusedProblem(findings);
    return { outcome, proposalId, findings: findings.map(issueBody) as z.infer<typeof issue>[] };
  };
  const responses = { 201: json(proposed, 'Proposed: a second person publishes it.'), ...problems };

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/accounts/{id}/vat-status',
      tags: setUpTags,
      summary: 'Propose what an account is to VAT from a date on',
      description: 'The evidence is kept with charges for good: name the check, such as a VIES consultation number, and no person.',
      middleware: allow(...setUpWriters),
      request: { params: pathId, headers: idempotencyHeader, body: body(setUpRowSchemas.vatStatuses.omit({ accountId: true }).extend({ reason })) },
      responses,
    }),
    async (c) => {
      const { reason: why, ...status } = c.req.valid('json');
      return c.json(answer(await store.tx((db) => proposeVatStatus(db, { ...status, accountId: c.req.valid('param').id }, why, byOf(c)))), 201);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/entities/{id}/vat-tables',
      tags: setUpTags,
      summary: 'Propose a version of the VAT table',
      description: 'The first row that holds decides. Rows that are never reached, repeated names and unknown codes refuse it.',
      middleware: allow(...setUpWriters),
      request: { params: pathId, headers: idempotencyHeader, body: body(z.strictObject({ validFrom: z.iso.date(), rows: vatTableSchema, reason })) },
      responses,
    }),
    async (c) => {
      const { reason: why, ...table } = c.req.valid('json');
      return c.json(answer(await store.tx((db) => proposeVatTable(db, { ...table, entityId: c.req.valid('param').id }, why, byOf(c)))), 201);
    },
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: '/v1/accounts/{id}/payee-bank-account',
      tags: setUpTags,
      summary: 'Propose where an account is paid',
      description: 'IBAN or Bankgiro, with its check digits. It holds when a second person has published it; beyond the last four digits it is shown to nobody.',
      middleware: allow(...setUpWriters),
      request: { params: pathId, headers: idempotencyHeader, body: body(bankAccountSchema.extend({ reason })) },
      responses,
    }),
    async (c) => {
      const { reason: why, ...bankAccount } = c.req.valid('json');
      return c.json(answer(await store.tx((db) => proposeBankAccount(db, c.req.valid('param').id, bankAccount, why, byOf(c)))), 201);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/set-up/proposals',
      tags: setUpTags,
      summary: 'What waits for a second person, and what was decided',
      middleware: allow(...readers),
      request: {
        query: pageQuery.extend({
          state: z.enum(['proposed', 'published', 'refused']).optional(),
          kind: z.enum(['contract', 'vatStatus', 'vatTable', 'payeeBankAccount']).optional(),
          subjectId: z.string().max(80).optional(),
        }),
      },
      responses: { 200: json(pageOf(proposal), 'Proposals.'), ...problems },
    }),
    async (c) => c.json(await listProposals(store.pool, c.req.valid('query')), 200),
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/set-up/proposals/{id}/decision',
      tags: setUpTags,
      summary: 'Publish or refuse what was proposed',
      description: 'By a second person. What is published is checked once more, and records that waited for it are tried again.',
      middleware: allow('finance-approver'),
      request: { params: pathId, headers: idempotencyHeader, body: body(z.strictObject({ decision: z.enum(['publish', 'refuse']), comment: reason })) },
      responses: { 200: json(z.object({ publishedAs: z.string().nullable() }), 'Decided.'), ...problems },
    }),
    async (c) => {
      const { id } = c.req.valid('param');
      const { decision, comment } = c.req.valid('json');
      if (decision === 'refuse') {
        await store.tx((db) => refuseProposal(db, id, comment, byOf(c)));
        return c.json({ publishedAs: null }, 200);
      }
      const { kind, subjectId, publishedAs } = await store.tx((db) => publishProposal(db, id, comment, byOf(c)));
      const near = kind === 'contract' ? { contractId: subjectId } : kind === 'vatTable' ? { entityId: subjectId } : { accountId: subjectId };
      await retryNear(orders, await sourcesNear(store.pool, near), waitsFor[kind]);
      return c.json({ publishedAs }, 200);
    },
  );
}
