import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { decideRecords } from '../../store/commands/decide-records.ts';
import type { Store } from '../../store/db.ts';
import { quarantineByCause } from '../../store/reads/quarantine.ts';
import { registerGaps } from '../../store/reads/register-gaps.ts';
import { allow, may, readers } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { knownSource } from '../known-source.ts';
import type { Orders } from '../orders.ts';
import { Problem } from '../problem.ts';
import { body, idempotencyHeader, json, money, number, pageOf, pageQuery, problems, reason, sourceId, utc, wh } from '../schemas.ts';
import { byOf } from './run-context.ts';

const cause = z
  .object({
    cause: z.string(),
    remedy: z.string(),
    owner: z.enum(['ops', 'finance', 'partner']).openapi({ description: 'Who looks at it first.' }),
    sourceId: z.string(),
    waitingFor: z.string(),
    records: z.int(),
    energyWh: wh,
    atRisk: z.array(z.object({ currency: z.string(), net: money })).readonly(),
    unpriced: z.int().openapi({ description: 'Records whose price cannot be told yet; not in `atRisk`.' }),
    oldest: z.string(),
    awaitingSecond: z.int().openapi({ description: 'Decided by one person, and above the limit that needs two.' }),
  })
  .openapi('QuarantineCause');

const selection = {
  recordIds: z.array(number).min(1).max(500).optional(),
  cause: z.string().min(1).optional().openapi({ description: 'Instead of `recordIds`: all that wait for this cause.' }),
  sourceId: z.string().min(1).optional(),
  expected: z.int().min(1).optional().openapi({ description: 'With `cause`: how many you saw; refused when others came meanwhile.' }),
};
const decision = z.discriminatedUnion('action', [
  z.strictObject({ action: z.enum(['accept', 'hold']), reason, ...selection }),
  z.strictObject({
    action: z.literal('reject'),
    reason,
    billedBy: z
      .string()
      .trim()
      .min(3)
      .max(200)
      .optional()
      .openapi({ description: 'Another system or entity that bills it by agreement, such as the old one before a take-over: its energy is billed elsewhere.' }),
    ...selection,
  }),
  z.strictObject({
    action: z.literal('correct'),
    reason: reason.openapi({ description: 'The evidence; sealed with the corrected record.' }),
    recordIds: z.array(number).length(1),
    correction: z
      .strictObject({ startAt: utc.optional(), endAt: utc.optional(), energyWh: z.int().min(0).optional() })
      .refine((c) => Object.values(c).some((v) => v !== undefined), 'name at least one of startAt, endAt, energyWh'),
  }),
]);

/** What cannot be billed as it is: by cause, with what is at risk, and the decisions on it. */
export function quarantineRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: { readonly store: Store; readonly orders: Orders }): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/quarantine',
      tags: ['Records'],
      summary: 'What waits, by cause and source, with energy and money at risk',
      description: 'Most energy first. `GET /v1/records?cause=…` lists the records.',
      middleware: allow(...readers),
      request: { query: z.object({ sourceId: z.string().optional() }) },
      responses: { 200: json(z.object({ items: z.array(cause).readonly() }), 'Causes.'), ...problems },
    }),
    async (c) => c.json({ items: await quarantineByCause(store.pool, c.req.valid('query').sourceId) }, 200),
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/decisions',
      tags: ['Records'],
      summary: 'Accept, correct, reject or hold waiting records, singly or all of a cause',
      description:
        'Accept bills a record although a check failed; correct bills it with other facts, on evidence; reject never bills it; hold leaves it where it is. Each decision is signed and kept. Above the limit of the source it takes effect when a second person sends the same.',
      middleware: allow(...may.decideRecords),
      request: { headers: idempotencyHeader, body: body(decision) },
      responses: {
        200: json(z.object({ decided: z.int(), awaitingSecond: z.int().openapi({ description: 'Needs the same decision by another person.' }) }), 'Decided; the records in force go on.'),
        ...problems,
      },
    }),
    async (c) => {
      const input = c.req.valid('json');
      const { decided, awaitingSecond } = await store.tx((db) => decideRecords(db, orderOf(input), byOf(c)));
      await orders.decided(decided);
      return c.json({ decided: decided.length, awaitingSecond }, 200);
    },
  );

  app.openapi(
    createRoute({
      method: 'post',
      path: '/v1/quarantine/retries',
      tags: ['Records'],
      summary: 'Try again all that wait for a cause, after its set-up was mended',
      description: 'Mapping a site or token and publishing or assigning a tariff do this by themselves; a contract, a VAT registration or a GL account needs it.',
      middleware: allow(...may.retryRecords),
      request: { headers: idempotencyHeader, body: body(z.strictObject({ sourceId: z.string().min(1), cause: z.string().min(1) })) },
      responses: { 202: json(z.object({ workflowId: z.string() }), 'The workflow tries them again.'), ...problems },
    }),
    async (c) => {
      const { sourceId, cause } = c.req.valid('json');
      const waiting = await quarantineByCause(store.pool, sourceId);
      if (!waiting.some((w) => w.cause === cause)) throw new Problem(404, 'notFound', `No record of source "${sourceId}" waits for ${cause}.`);
      return c.json({ workflowId: await orders.setupAdded({ sourceId, code: cause, key: '*' }) }, 202);
    },
  );

  app.openapi(
    createRoute({
      method: 'get',
      path: '/v1/sources/{sourceId}/register-gaps',
      tags: ['Intake'],
      summary: 'Energy that registers counted and no session reports',
      description: 'Per connector, where a session does not start at the reading that the one before ended with. Negative: the register went back, or a meter was changed.',
      middleware: allow(...readers),
      request: { params: sourceId, query: pageQuery.extend({ toleranceWh: z.coerce.number().int().min(0).max(1_000_000).default(100) }) },
      responses: {
        200: json(
          pageOf(
            z.object({
              sourceId: z.string(),
              evse: z.string(),
              connectorId: z.string().nullable(),
              from: z.string(),
              to: z.string(),
              registerFromWh: wh,
              registerToWh: wh,
              missingWh: wh,
              recordBefore: z.string(),
              recordAfter: z.string(),
            }),
          ),
          'Newest first.',
        ),
        ...problems,
      },
    }),
    async (c) => c.json(await registerGaps(store.pool, { sourceId: await knownSource(store.pool, c.req.valid('param')), ...c.req.valid('query') }), 200),
  );
}

function orderOf(input: z.infer<typeof decision>): Parameters<typeof decideRecords>[1] {
  const { reason } = input;
  if (input.action === 'correct') {
    const { startAt, endAt, energyWh } = input.correction;
    const correction = { ...(startAt === undefined ? {} : { startAt }), ...(endAt === undefined ? {} : { endAt }), ...(energyWh === undefined ? {} : { energyWh }) };
    return { action: 'correct', correction, reason, selection: { recordIds: input.recordIds } };
  }
  const { recordIds, cause, sourceId, expected } = input;
  if ((recordIds === undefined) === (cause === undefined)) throw new Problem(422, 'invalid', 'Name either recordIds or a cause.');
  const chosen = recordIds === undefined ? { cause: cause ?? '', sourceId, expected } : { recordIds: [...new Set(recordIds)] };
  return input.action === 'reject' ? { action: 'reject', reason, billedBy: input.billedBy, selection: chosen } : { action: input.action, reason, selection: chosen };
}
