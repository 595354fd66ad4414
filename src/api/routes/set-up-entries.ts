import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { formats } from '../../adapters/sources/registry.ts';
import { entityInputSchema, type SetUpKind, setUpRowSchemas, sourceInputSchema } from '../../contracts/set-up.ts';
import type { Issue, IssueCode } from '../../core/issues.ts';
import { eraseFleetUnit } from '../../store/commands/erase-fleet-unit.ts';
import { putEntity } from '../../store/commands/put-entity.ts';
import { putSetUp } from '../../store/commands/put-set-up.ts';
import { putSource } from '../../store/commands/put-source.ts';
import { releaseHeld } from '../../store/commands/release-held.ts';
import type { Store } from '../../store/db.ts';
import { listVersions } from '../../store/reads/set-up-history.ts';
import { sourcesNear } from '../../store/reads/set-up-sources.ts';
import { allow, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import type { Orders } from '../orders.ts';
import { issueBody, Problem } from '../problem.ts';
import { body, idempotencyHeader, issue, json, pageOf, pageQuery, problems, reason } from '../schemas.ts';
import { byOf } from './run-context.ts';
import { retryNear, waitsForHolder } from './set-up-retry.ts';

export const setUpTags = ['Set-up'];
export const setUpWriters = ['finance-preparer', 'admin'] as const;
export const pathId = z.object({
  id: z
    .string()
    .min(1)
    .max(80)
    .openapi({ param: { name: 'id', in: 'path' } }),
});
const expectedVersion = z.int().min(0).optional().openapi({ description: 'The version that was looked at, 0 for none; 409 when it has moved.' });
const put = z
  .object({
    id: z.string(),
    outcome: z.enum(['created', 'changed', 'unchanged']),
    version: z.int().nullable(),
    changed: z.array(z.string()).openapi({ description: 'Names of the fields.' }),
    findings: z.array(issue),
  })
  .openapi('SetUpPut');
const version = z
  .object({
    version: z.int(),
    body: z.record(z.string(), z.any()),
    words: z.record(z.string(), z.any()).nullable().openapi({ description: 'What it said of people; null where that was erased.' }),
    changed: z.array(z.string()).readonly(),
    author: z.string(),
    secondPerson: z.string().nullable(),
    reason: z.string(),
    madeAt: z.string(),
  })
  .openapi('SetUpVersion');

/** A refused entry as a problem: 409 for a state that does not allow it, 422 for what is wrong in it. */
export function refusedProblem(errors: readonly Issue[]): Problem {
  const blocking = errors.filter((e) => e.severity === 'blocks');
  const states: readonly Issue['code'][] = ['rowStale', 'rowFixed', 'rowErased', 'rowPastIssued', 'rowNeedsDate'];
  const conflict = blocking.some((e) => states.includes(e.code));
  return new Problem(conflict ? 409 : 422, blocking[0]?.code ?? 'invalid', blocking.map((e) => issueBody(e).text).join(' '), { errors: blocking.map(issueBody) });
}

/** Creating and changing who pays and who earns, each change a version with who and why. */
export function setUpEntryRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: { readonly store: Store; readonly orders: Orders }): void {
  const write = async (c: Context<ApiEnv>, kind: SetUpKind, values: Readonly<Record<string, unknown>>, why: string) => {
    const { row, held } = await store.tx(async (db) => {
      const done = await putSetUp(db, kind, values, why, byOf(c));
      const isOrder = kind === 'accounts' && done.outcome === 'changed' && done.changes.some((change) => change.field.startsWith('purchaseOrder'));
      return { row: done, held: isOrder ? await releaseHeld(db, done.id) : [] };
    });
    if (row.outcome === 'refused') throw refusedProblem(row.errors);
    for (const workflowId of held) await orders.inputsChanged(workflowId);
    const moved = row.outcome !== 'unchanged';
    return {
      id: row.id,
      outcome: row.outcome,
      version: moved ? (row.version ?? 0) + 1 : row.version,
      changed: row.changes.map((change) => change.field),
      findings: row.errors.map(issueBody) as z.infer<typeof issue>[],
    };
  };
  const entry = (path: string, kind: 'parties' | 'accounts' | 'sites' | 'fleetUnits', summary: string, description: string) =>
    app.openapi(
      createRoute({
        method: 'put',
        path,
        tags: setUpTags,
        summary,
        description: `${description} What is left out stays as it is, null takes it away; the same again changes nothing.`,
        middleware: allow(...setUpWriters),
        request: {
          params: pathId,
          headers: idempotencyHeader,
          body: body(putBody(kind)),
        },
        responses: { 200: json(put, 'As it now stands.'), ...problems },
      }),
      async (c) => {
        const { reason: why, ...values } = c.req.valid('json');
        return c.json(await write(c, kind, { ...values, id: idOf(kind, c.req.valid('param').id) }, why), 200);
      },
    );
  entry('/v1/parties/{id}', 'parties', 'Create or change a party', 'A person or company; one party may stand behind several accounts.');
  entry('/v1/accounts/{id}', 'accounts', 'Create or change an account', 'Category, currency and party stay once charges were booked.');
  entry('/v1/sites/{id}', 'sites', 'Create or change a site', 'Country, kind, owner and operator stay once charges were booked: whose it is afterwards has its date, `POST /v1/sites/{id}/holders`.');
  entry('/v1/fleet-units/{id}', 'fleetUnits', 'Create or change a vehicle or driver of a fleet', 'With `partyId` the person who drives: erasing that party takes the label too.');

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/sites/{id}/holders',
      tags: setUpTags,
      summary: 'Say whose a site is from an instant on',
      description:
        'Who owns its ground or lives at the home, and which operator is paid; null for nobody. Ends the present one there. A session goes by what held at its start; refused where sessions from then on are issued, or at another operator’s charger or a home are booked.',
      middleware: allow(...setUpWriters),
      request: { params: pathId, headers: idempotencyHeader, body: body(setUpRowSchemas.siteHolders.omit({ siteId: true }).extend({ expectedVersion, reason })) },
      responses: { 200: json(put, 'As it now stands.'), ...problems },
    }),
    async (c) => {
      const { reason: why, ...values } = c.req.valid('json');
      const done = await write(c, 'siteHolders', { ...values, siteId: c.req.valid('param').id }, why);
      if (done.outcome !== 'unchanged') await retryNear(orders, await sourcesNear(store.pool), waitsForHolder);
      return c.json(done, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/fleet-units/{id}/assignments',
      tags: setUpTags,
      summary: 'Put a vehicle or driver under a cost center from an instant on',
      description: 'Ends the present one there. What was booked stays; refused where sessions from then on are issued.',
      middleware: allow(...setUpWriters),
      request: { params: pathId, headers: idempotencyHeader, body: body(setUpRowSchemas.fleetAssignments.omit({ unitId: true }).extend({ expectedVersion, reason })) },
      responses: { 200: json(put, 'As it now stands.'), ...problems },
    }),
    async (c) => {
      const { reason: why, ...values } = c.req.valid('json');
      return c.json(await write(c, 'fleetAssignments', { ...values, unitId: c.req.valid('param').id }, why), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/fleet-units/{id}/erasure',
      tags: ['Privacy'],
      summary: 'Take the label off a vehicle or driver of a fleet',
      description: 'With every version of it. Who has an account of their own is erased through that.',
      middleware: allow('admin'),
      request: { params: pathId, headers: idempotencyHeader, body: body(z.strictObject({ reason: reason.openapi({ description: 'Why; kept for good, so without the label.' }) })) },
      responses: { 200: json(z.object({ erased: z.boolean() }), 'Erased.'), ...problems },
    }),
    async (c) => c.json(await store.tx((db) => eraseFleetUnit(db, c.req.valid('param').id, c.req.valid('json').reason, byOf(c))), 200),
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: '/v1/entities/{id}',
      tags: setUpTags,
      summary: 'Create or change a legal entity, its VAT registrations and calendars',
      description: 'Registrations and calendars that are not named stay. Country, currency and zone stay once charges were booked.',
      middleware: allow(...setUpWriters),
      request: { params: pathId, headers: idempotencyHeader, body: body(entityInputSchema.extend({ expectedVersion, reason })) },
      responses: { 200: json(put, 'As it now stands.'), ...problems },
    }),
    async (c) => {
      const { expectedVersion: expected, reason: why, ...input } = c.req.valid('json');
      const { id } = pathId.parse(c.req.valid('param'));
      const { outcome, errors, version: now, changed } = await store.tx((db) => putEntity(db, idOf('sites', id), input, expected, why, byOf(c)));
      if (outcome === 'refused') throw refusedProblem(errors);
      const waitedFor: IssueCode[] = [...(changed.includes('vatRegistrations') ? (['notVatRegistered'] as const) : []), ...(changed.includes('fxSource') ? (['missingFxRate'] as const) : [])];
      if (waitedFor.length > 0) await retryNear(orders, await sourcesNear(store.pool, { entityId: id }), waitedFor);
      return c.json({ id, outcome, version: now, changed: [...changed], findings: errors.map(issueBody) as z.infer<typeof issue>[] }, 200);
    },
  );

  const versions = (path: string, of: readonly [string, ...string[]]) =>
    app.openapi(
      createRoute({
        method: 'get',
        path: `${path}/{id}/versions`,
        tags: setUpTags,
        summary: `Versions of ${path.slice(4)}, newest first, with who and why`,
        middleware: allow(...readers),
        request: { params: pathId, query: pageQuery.extend({ of: z.enum(of).default(of[0] as never) }) },
        responses: { 200: json(pageOf(version), 'Versions.'), ...problems },
      }),
      async (c) => {
        const { of: kind, ...page } = c.req.valid('query');
        return c.json(await listVersions(store.pool, { kind: String(kind), id: c.req.valid('param').id }, page), 200);
      },
    );
  versions('/v1/parties', ['party']);
  versions('/v1/accounts', ['account', 'vatStatus', 'payeeBankAccount']);
  versions('/v1/sites', ['site', 'siteHolder']);
  versions('/v1/entities', ['entity', 'glMapping']);
  versions('/v1/fleet-units', ['fleetUnit', 'fleetAssignment']);
  versions('/v1/sources', ['source']);

  app.openapi(
    createRoute({
      method: 'put',
      path: '/v1/sources/{id}',
      tags: setUpTags,
      summary: 'Create or change a source of CDRs',
      description:
        'Entity, owner and zone stay once messages were received. What is left out stays as it is; the same again changes nothing. How it is reached: PUT …/connection, webhook secrets, or a partner’s key.',
      middleware: allow('ops', 'admin'),
      request: { params: pathId, headers: idempotencyHeader, body: body(sourceInputSchema.extend({ expectedVersion, reason })) },
      responses: { 200: json(put, 'As it now stands.'), ...problems },
    }),
    async (c) => {
      const { expectedVersion: expected, reason: why, ...input } = c.req.valid('json');
      const id = idOf('sites', c.req.valid('param').id);
      const done = await store.tx((db) => putSource(db, id, input, { formats, expectedVersion: expected, reason: why }, byOf(c)));
      if (done.outcome === 'refused') throw refusedProblem(done.errors);
      return c.json({ id, outcome: done.outcome, version: done.version, changed: [...done.changed], findings: done.errors.map(issueBody) }, 200);
    },
  );
}

/** What a row of a load has, but for its id, which the path says. */
function putBody(kind: 'parties' | 'accounts' | 'sites' | 'fleetUnits') {
  const { id: _, ...shape } = setUpRowSchemas[kind].shape;
  return z.strictObject({ ...shape, expectedVersion, reason });
}

/** An id of the path is one that a row may have. */
function idOf(kind: 'parties' | 'accounts' | 'sites' | 'fleetUnits', id: string): string {
  const parsed = setUpRowSchemas[kind].shape.id.safeParse(id);
  if (!parsed.success) throw new Problem(422, 'invalid', `id: ${parsed.error.issues[0]?.message ?? 'is wrong'}`);
  return parsed.data;
}
