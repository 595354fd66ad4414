import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { bodyLimit } from 'hono/body-limit';
import { withoutMark } from '../../adapters/sources/ndjson.ts';
import { controlTotalSchema, expectationSchema } from '../../contracts/completeness.ts';
import { checkWebhook, replayWindowS } from '../../core/webhook/signature.ts';
import { cancelExpectations, openExpectations } from '../../store/commands/expectations.ts';
import { stateControlTotals } from '../../store/commands/state-control-totals.ts';
import type { Store } from '../../store/db.ts';
import { spanOf } from '../../store/reads/watermarks.ts';
import { webhookSecretsOf } from '../../store/reads/webhook-secrets.ts';
import type { ApiEnv } from '../env.ts';
import type { Orders } from '../orders.ts';
import { issueBody, Problem } from '../problem.ts';
import { createReceiver } from '../receiver.ts';
import { issue, json, problems } from '../schemas.ts';
import { wakeRuns } from '../wake-runs.ts';

const maxBytes = 1024 * 1024;
/** What a CSMS tells as it happens: a finished session's CDR, or that one is to come, will not come, or was counted. */
const events = ['cdr', 'session.started', 'authorization.granted', 'charger.offline', 'session.cancelled', 'day.counted'] as const;
type Event = (typeof events)[number];
const kinds = { 'session.started': 'session', 'authorization.granted': 'authorization', 'charger.offline': 'offline' } as const;
const cancelled = z.strictObject({ key: z.string().min(1).max(200), reason: z.string().trim().min(3).max(2000) });
const answer = z.object({ event: z.enum(events), status: z.string(), recordKey: z.string().optional(), issues: z.array(issue) });
const headers = z.object({
  'wattledger-event': z.enum(events),
  'wattledger-signature': z
    .string()
    .openapi({ example: 't=1575556800,v1=5257a869…', description: `HMAC-SHA-256 of \`<t>.<event>.<body>\` with the secret of the source, in hex; believed for ${replayWindowS} s.` }),
});

/** One address for a CSMS that signs its calls: no key, since the signature tells who sends. */
export function webhookRoutes(app: OpenAPIHono<ApiEnv>, { store, orders }: { readonly store: Store; readonly orders: Orders }): void {
  const receiver = createReceiver(store);
  app.openAPIRegistry.registerPath({
    method: 'post',
    path: '/webhooks/{sourceId}',
    tags: ['Intake'],
    summary: 'What a CSMS tells as it happens, signed',
    description: `The header names the event: a CDR in the format of the source, an expectation (session.started, authorization.granted, charger.offline), one that will not come (session.cancelled: key, reason), or a day's control total (day.counted). Sent again it changes nothing. At most ${maxBytes / 1024} KiB.`,
    security: [],
    request: { params: z.object({ sourceId: z.string() }), headers, body: { required: true, content: { 'application/json': { schema: z.looseObject({}) } } } },
    responses: { 202: json(answer, 'Kept.'), 400: problems[422], 401: problems[401], 413: problems[422], 422: problems[422] },
  });
  const tooLarge = () => {
    throw new Problem(413, 'tooLarge', `A call holds at most ${maxBytes / 1024} KiB.`);
  };
  app.post('/webhooks/:sourceId', bodyLimit({ maxSize: maxBytes, onError: tooLarge }), async (c) => {
    const sourceId = c.req.param('sourceId');
    const named = c.req.header('wattledger-event');
    const signature = c.req.header('wattledger-signature');
    if (signature === undefined) throw new Problem(401, 'notSigned', 'Sign the call: Wattledger-Signature: t=<unix seconds>,v1=<hex>.');
    const event = events.find((e) => e === named);
    if (event === undefined) throw new Problem(400, 'unknownEvent', `Name the event in Wattledger-Event: one of ${events.join(', ')}.`);
    const body = Buffer.from(await c.req.arrayBuffer());
    const now = new Date();
    const verdict = checkWebhook(signature, { event, body }, await webhookSecretsOf(store.pool, sourceId, now), now.getTime());
    if (!verdict.ok)
      throw new Problem(
        verdict.problem === 'malformed' ? 400 : 401,
        `signature${verdict.problem === 'malformed' ? 'Malformed' : verdict.problem === 'stale' ? 'Stale' : 'Wrong'}`,
        `${verdict.detail}.`,
      );
    // The mark is signed with the rest.
    return c.json(await take(sourceId, event, withoutMark(body), c.get('requestId')), 202);
  });

  async function take(sourceId: string, event: Event, body: Buffer, requestId: string): Promise<z.infer<typeof answer>> {
    const by = { actor: `webhook:${sourceId}`, requestId };
    if (event === 'cdr') {
      if (body.length === 0) throw new Problem(400, 'invalid', 'The body is empty: send the CDR.');
      const received = await receiver.one(sourceId, body);
      orders.arrived(sourceId, [received]);
      // It is kept whatever it is like: a 4xx would have the sender send it for ever.
      return { event, status: received.status, recordKey: received.recordKey, issues: received.issues.map(issueBody) };
    }
    if (event === 'session.cancelled') {
      const { key, reason } = read(cancelled, body);
      const result = await store.tx((db) => cancelExpectations(db, { sourceId, keys: [key], reason }, by));
      return { event, status: result.cancelled === 1 ? 'cancelled' : 'resolved', issues: [] };
    }
    if (event === 'day.counted') {
      const total = read(controlTotalSchema, body);
      const [kept] = await store.tx((db) => stateControlTotals(db, sourceId, [total], by));
      await wakeRuns({ store, orders }, sourceId, spanOf([total.on]));
      return { event, status: kept?.status ?? 'stated', issues: [] };
    }
    const expected = { ...read(expectationSchema, body), kind: kinds[event] };
    const [opened] = await store.tx((db) => openExpectations(db, sourceId, [expected], by));
    return { event, status: opened?.status ?? 'opened', issues: [] };
  }
}

/** The body as a schema has it; a signed call that is none is a 400 with each place. */
function read<T>(schema: z.ZodType<T>, body: Buffer): T {
  let json: unknown;
  try {
    json = JSON.parse(body.toString('utf8'));
  } catch {
    throw new Problem(400, 'invalid', 'The body is not JSON.');
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.map((i) => ({ path: i.path.join('.'), message: i.message }));
  throw new Problem(400, 'invalid', errors.map((e) => `${e.path || 'the body'}: ${e.message}`).join('; '), { errors });
}
