import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { parserFor } from '../../adapters/sources/registry.ts';
import { renormalise } from '../../adapters/sources/renormalise.ts';
import { describeIssue } from '../../core/issues.ts';
import type { Store } from '../../store/db.ts';
import { proofOf } from '../../store/reads/proof.ts';
import { sealedMessage } from '../../store/reads/sealed-message.ts';
import { sessionIds } from '../../store/reads/session-ids.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { issue, json, problems, wh } from '../schemas.ts';
import { noRecord, noRevision, recordId, revisionQuery, visibleRecord } from './record-lookup.ts';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const proof = z
  .object({
    recordHash: hash,
    position: z.int().openapi({ description: 'Place among the block’s leaves, from 0.' }),
    path: z.array(hash).readonly().openapi({ description: 'Hashes beside the way from the leaf to the root, lowest first (RFC 6962).' }),
    block: z
      .object({ height: z.string(), count: z.int(), root: hash, previousHash: hash })
      .openapi({ description: 'The block’s header; its RFC 8785 bytes give `blockHash`, which the next block names.' }),
  })
  .openapi('InclusionProof');

const side = z.enum(['own', 'hub', 'partner']);
const named = { cdrId: z.string(), sessionId: z.string().nullable(), authorizationId: z.string().nullable(), state: z.string() };
const ids = z
  .object({
    received: z.array(z.object({ side, recordId: z.string(), sourceId: z.string(), owner: z.string(), evseId: z.string().nullable(), energyWh: wh, ...named })).readonly(),
    sent: z.array(z.object({ side: z.enum(['hub', 'partner']), peerId: z.string(), creditOf: z.string().nullable(), ...named })).readonly(),
  })
  .openapi('SessionIds');

/** What shows that a record is what it was: its place in a block, and what its message says today. */
export function recordEvidenceRoutes(app: OpenAPIHono<ApiEnv>, { store }: { readonly store: Store }): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/records/{id}/proof',
      tags: ['Records'],
      summary: 'Proof that a sealed record is in a block of the chain',
      middleware: allow('partner', ...readers),
      request: { params: recordId, query: revisionQuery },
      responses: {
        200: json(
          z.discriminatedUnion('status', [z.object({ status: z.literal('pending') }), z.object({ status: z.literal('sealed'), revision: z.int(), proof, blockHash: hash, sealedAt: z.string() })]),
          '`pending` until the record is in a block, some seconds after it is sealed.',
        ),
        ...problems,
      },
    }),
    async (c) => {
      const { id } = c.req.valid('param');
      const view = await visibleRecord(store.pool, id, c.get('caller').sourceId);
      if (view === undefined) throw noRecord(id);
      const { revision } = c.req.valid('query');
      const found = await proofOf(store.pool, view.recordId, revision);
      if (found === undefined && revision !== undefined) throw noRevision(id, revision);
      return c.json(found ?? { status: 'pending' as const }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/records/{id}/ids',
      tags: ['Records'],
      summary: 'Own, hub’s and partners’ ids of the session behind a record, side by side',
      description: 'Of every route it came by, and of every CDR that was made of it.',
      middleware: allow(...readers),
      request: { params: recordId },
      responses: { 200: json(ids, 'The record that is charged comes first.'), ...problems },
    }),
    async (c) => {
      const { id } = c.req.valid('param');
      const view = await visibleRecord(store.pool, id, c.get('caller').sourceId);
      if (view === undefined) throw noRecord(id);
      return c.json(await sessionIds(store.pool, view.recordId), 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/records/{id}/renormalised',
      tags: ['Records'],
      summary: 'What the present parser reads in the message a sealed record stands on',
      description: 'Compares facts field by field and changes nothing; a difference is for people to look at.',
      middleware: allow('ops', 'auditor', 'admin'),
      request: { params: recordId, query: revisionQuery },
      responses: {
        200: json(
          z.object({
            recordId: z.string(),
            revision: z.int(),
            rawId: z.string(),
            receivedAt: z.string(),
            status: z.enum(['same', 'different', 'unreadable', 'expunged']),
            differences: z.array(z.object({ field: z.string(), sealed: z.any(), present: z.any() })).readonly(),
            issues: z.array(issue).readonly(),
          }),
          'Each field that reads otherwise than it was sealed; null for one that is absent.',
        ),
        ...problems,
      },
    }),
    async (c) => {
      const { id } = c.req.valid('param');
      const view = await visibleRecord(store.pool, id, c.get('caller').sourceId);
      if (view === undefined) throw noRecord(id);
      const message = await sealedMessage(store.pool, view.recordId, c.req.valid('query').revision);
      if (message === undefined) throw new Problem(404, 'notFound', `Record "${id}" has no such sealed revision: there is nothing to compare with.`);
      const { recordId, revision, rawId, receivedAt } = message;
      const result = renormalise(parserFor(message.format), message);
      return c.json({ recordId, revision, rawId, receivedAt, ...result, issues: result.issues.map((i) => ({ code: i.code, severity: i.severity, subject: i.subject, text: describeIssue(i) })) }, 200);
    },
  );
}
