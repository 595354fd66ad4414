import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { type PostingDecision, retryPosting, skipPosting, stateErpNumber } from '../../store/commands/decide-postings.ts';
import { forDecision, listPostings, postingStates } from '../../store/reads/erp-postings.ts';
import { allow, may, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { body, idempotencyHeader, inPath, json, money, pageOf, pageQuery, problems, reason, whyBody } from '../schemas.ts';
import { byOf, type RunDeps } from './run-context.ts';

export const erpTags = ['ERP'];
export const connectionId = inPath('connectionId', 'erp_files');
const posting = z
  .object({
    key: z.string(),
    connectionId: z.string(),
    runId: z.string().nullable(),
    documentId: z.string().nullable(),
    legalNumber: z.string().nullable(),
    kind: z.string(),
    state: z.enum(postingStates),
    heldFor: z.enum(['period', 'predecessor']).nullable(),
    followsKey: z.string().nullable().openapi({ description: 'The document that has to be in the ERP before this one.' }),
    awaitsNumber: z.boolean().openapi({ description: 'Its document is issued under a number of the ERP, and has none yet.' }),
    numberTakenBy: z.string().nullable().openapi({ description: 'The document that bears the number that the ERP told of it, or that somebody stated: it waits until its own is stated.' }),
    attempt: z.int(),
    externalId: z.string().nullable(),
    answer: z.string().nullable().openapi({ description: 'The ERP’s last words on it, or why it was skipped, or is stated to be there.' }),
    amount: money,
    currency: z.string(),
    updatedAt: z.string(),
  })
  .openapi('ErpPosting');
const key = inPath('key');
const decided = z.object({ followers: z.int().openapi({ description: 'How many that waited for it go again.' }) });

/** What is on its way to the ERP, and decisions on what it did not take. */
export function erpPostingRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: RunDeps): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/erp-postings',
      tags: erpTags,
      summary: 'Documents and journals on their way to the ERP',
      middleware: allow(...readers),
      request: {
        query: pageQuery.extend({
          state: z.enum(postingStates).optional(),
          undecided: z.enum(['true', 'false']).default('false').openapi({ description: 'What waits for a decision, in place of `state`: what is refused or held, or has a number that is taken.' }),
          connectionId: z.string().optional(),
          runId: z.string().optional(),
        }),
      },
      responses: {
        200: json(
          pageOf(posting),
          'In order of their keys. What is refused or held, or has a number that is taken, waits for a decision; what is unknown is looked up until the ERP tells, or somebody decides.',
        ),
        ...problems,
      },
    }),
    async (c) => {
      const { state, undecided, connectionId, runId, ...page } = c.req.valid('query');
      const wanted = undecided === 'true' ? { states: forDecision, orTaken: true } : { states: state === undefined ? undefined : [state] };
      return c.json(await listPostings(store.pool, { ...wanted, connectionId, runId }, page), 200);
    },
  );
  const wake = async ({ connections, runs, followers }: PostingDecision) => {
    for (const connectionId of connections) await orders.wakeErp(connectionId);
    for (const run of runs) await orders.retry(run);
    return { followers };
  };
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/erp-postings/{key}/retry',
      tags: erpTags,
      summary: 'Send again what the ERP refused or what is held',
      description:
        'After what kept it out was mended: an account, a cost center, a period, the mapping. It is looked up there before it is posted. What is on its way and waits for an ERP that did not answer is tried at once.',
      middleware: allow(...may.retryPostings),
      request: { params: key, headers: idempotencyHeader, body: whyBody },
      responses: { 200: json(decided, 'Queued again.'), ...problems },
    }),
    async (c) => {
      const { key: postingKey } = c.req.valid('param');
      return c.json(await wake(await store.tx((db) => retryPosting(db, postingKey, c.req.valid('json').reason, byOf(c)))), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/erp-postings/{key}/skip',
      tags: erpTags,
      summary: 'Decide that a posting is not sent, or not again',
      description:
        'What is refused or held, or what was tried and nobody learns of whether it is there. The reason stays with it and in the close report; control totals are compared without it, also where it is there all the same.',
      middleware: allow(...may.skipPostings),
      request: { params: key, headers: idempotencyHeader, body: body(z.strictObject({ reason })) },
      responses: { 200: json(decided, 'Skipped.'), ...problems },
    }),
    async (c) => {
      const { key: postingKey } = c.req.valid('param');
      return c.json(await wake(await store.tx((db) => skipPosting(db, postingKey, c.req.valid('json').reason, byOf(c)))), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/erp-postings/{key}/number',
      tags: erpTags,
      summary: 'State under which number the ERP has a document that waits for it',
      description:
        'Where it never answered, told no number, or told that of another document. The document is issued under this number, dated as it was handed over. It is not sent any more, and control totals are compared without it, unless the ERP had taken it as sent. What is not there is sent by `retry`, which looks first.',
      middleware: allow(...may.skipPostings),
      request: {
        params: key,
        headers: idempotencyHeader,
        body: body(
          z.strictObject({
            number: z.string().trim().min(1).max(50),
            externalId: z.string().trim().min(1).max(200).optional().openapi({ description: 'As what it is there, where that is known.' }),
            reason,
          }),
        ),
      },
      responses: { 200: json(decided, 'Kept; its run goes on.'), ...problems },
    }),
    async (c) => {
      const { key: postingKey } = c.req.valid('param');
      return c.json(await wake(await store.tx((db) => stateErpNumber(db, { key: postingKey, ...c.req.valid('json') }, byOf(c)))), 200);
    },
  );
}
