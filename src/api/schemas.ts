import { z } from '@hono/zod-openapi';

/** Shapes that several routes share. Money is decimal text in major units, energy Wh as text, instants ISO 8601 in UTC. */
const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().openapi({ description: 'Stable; for programs.' }),
    detail: z.string().openapi({ description: 'For people; names the remedy.' }),
    requestId: z.string(),
  })
  .openapi('Problem', { description: 'RFC 9457 problem details.' });

export const money = z
  .string()
  .regex(/^-?\d+(\.\d+)?$/, 'must be an amount with a point, such as -12.50')
  .openapi({ example: '12.50' });
export const wh = z
  .string()
  .regex(/^-?\d+$/, 'must be a whole number')
  .openapi({ example: '10500', description: 'Wh' });
export const instant = z.iso.datetime({ offset: true });
/** An instant as facts say it: in UTC, to the second where it has no more. */
export const utc = instant.transform((text) => new Date(text).toISOString().replace('.000Z', 'Z'));
export const paymentReturn = z.object({ on: z.string(), reason: z.string(), by: z.string() });
export const reason = z.string().trim().min(3).max(2000).openapi({ description: 'Why; kept in the audit trail.' });
/** Body of an order that sets an entity's rules of one kind anew. */
export const newRules = <T extends z.ZodType>(rules: T) =>
  z.strictObject({ rules, reason, after: z.int().min(0).optional().openapi({ description: 'The version that this changes: refused (409) when another one holds by now.' }) });
export const issue = z.object({ code: z.string(), severity: z.enum(['blocks', 'warns', 'info']), subject: z.string(), text: z.string() }).openapi('Issue');

export const pageQuery = z.object({
  // It holds the keys of a row, which may be long, in base64.
  cursor: z.string().max(4000).optional().openapi({ description: 'nextCursor of the page before.' }),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export const pageOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item).readonly(), nextCursor: z.string().nullable() });

/** A parameter of the path, as the one field of an object. */
export const inPath = <Name extends string>(name: Name, example?: string) =>
  z.object({
    [name]: z
      .string()
      .min(1)
      .openapi({ param: { name, in: 'path' }, ...(example === undefined ? {} : { example }) }),
  } as { [N in Name]: z.ZodString });
export const runId = inPath('runId', 'run_ent_se_2019-12_live');
export const sourceId = inPath('sourceId', 'csms');
export const entityId = inPath('entityId', 'ent_se');
/** In years that calendars and columns hold alike. */
export const monthText = z.string().regex(/^[12]\d{3}-(0[1-9]|1[0-2])$/, 'a month such as 2019-12');
/** A month, as the query of a request. */
export const month = z.object({ month: monthText });
/** Lines of a request that were not taken, each with what is wrong with it. */
export const refusedLines = z.array(z.object({ line: z.int(), errors: z.array(z.string()).readonly() })).readonly();
/** What is lost if the CDRs that are missing never come, by currency. */
export const atRisk = z.array(z.object({ currency: z.string(), amount: z.string() })).readonly();
/** Name of a release group of a run. */
export const releaseGroup = z.string().trim().min(1).max(100);
/** Numbers of bigint columns: refused here rather than by the database. */
export const number = z.string().regex(/^\d{1,18}$/, 'a number of up to 18 digits');

export const done = z.object({ ok: z.literal(true) });

export const problemBody = (description: string) => ({ description, content: { 'application/problem+json': { schema: problem } } });
export const problems = {
  401: problemBody('No API key, or one that is not in force.'),
  403: problemBody('The role, or the author of what it would approve, may not do this.'),
  404: problemBody('Not found.'),
  409: problemBody('The state does not allow it; the detail says which does.'),
  422: problemBody('Invalid input; `errors` names each place.'),
  503: problemBody('A server behind this one cannot be reached; try again.'),
};
export const json = <T extends z.ZodType>(schema: T, description: string) => ({ description, content: { 'application/json': { schema } } });
export const body = <T extends z.ZodType>(schema: T) => ({ required: true as const, content: { 'application/json': { schema } } });
/** Body of an order that may say why. */
export const whyBody = { required: false as const, content: { 'application/json': { schema: z.strictObject({ reason: reason.optional() }) } } };
/** Optional header of every write. */
export const idempotencyHeader = z.object({ 'idempotency-key': z.string().min(1).max(200).optional().openapi({ description: 'The same key with the same request is carried out once.' }) });
