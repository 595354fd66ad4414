import { z } from 'zod';

const schedule = {
  everyMinutes: z.int().min(1).max(1440).default(15).meta({ description: 'How often it is looked at.' }),
  overlapMinutes: z.int().min(0).max(525_600).default(1440).meta({ description: 'How far each look reaches back before the last one: what was lost or changed meanwhile is found by the next.' }),
  from: z.iso.datetime({ offset: true }).exactOptional().meta({ description: 'Where the first look begins; 90 days ago unless told.' }),
  completeAfterMinutes: z
    .int()
    .min(0)
    .max(525_600)
    .exactOptional()
    .meta({ description: 'How long after a session its CDR is there at the latest: each full look then states the source’s watermark. Left out, it states none.' }),
  paused: z.boolean().default(false),
} as const;

/** Pages of CDRs in the format of the source: NDJSON with a `Link: <…>; rel="next"`, or JSON `{items, nextCursor, total}`. */
const jsonRest = z.strictObject({
  kind: z.literal('jsonRest'),
  url: z.url({ protocol: /^https?$/ }).meta({ description: 'Asked with updatedFrom, updatedTo, limit and, for a further page, cursor.' }),
  pageSize: z.int().min(1).max(2000).default(500),
  tokenFile: z.string().min(1).exactOptional().meta({ description: 'File on the worker with the bearer token.' }),
  timeoutMs: z.int().min(100).max(600_000).default(60_000),
  ...schedule,
});
/** Files dropped into the worker's folder of the source, in its format. */
const folder = z.strictObject({
  kind: z.literal('folder'),
  settleSeconds: z.int().min(0).max(3600).default(10).meta({ description: 'A file is taken when it has not changed for so long.' }),
  everyMinutes: schedule.everyMinutes,
  paused: schedule.paused,
});

/** The OCPI peer that the source belongs to, by its cdrs sender, with the token and in the version that it is registered with. */
const ocpi = z.strictObject({
  kind: z.literal('ocpi'),
  pageSize: z.int().min(1).max(2000).default(1000),
  timeoutMs: z.int().min(100).max(600_000).default(60_000),
  countDays: z
    .int()
    .min(0)
    .max(62)
    .default(7)
    .meta({ description: 'Each night it is asked how many CDRs it has of each of so many closed days (X-Total-Count): a control total of that day. 0: never.' }),
  ...schedule,
});

/** How CDRs of a source are fetched. A further way is a kind of its own here, and a puller of that name. */
export const sourceConnectionSchema = z.discriminatedUnion('kind', [jsonRest, ocpi, folder]);
export type SourceConnection = z.infer<typeof sourceConnectionSchema>;
export type PulledConnection = Exclude<SourceConnection, { kind: 'folder' }>;
