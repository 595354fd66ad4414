import { z } from 'zod';

export const dayOrMonth = z
  .string()
  .regex(/^\d{4}-\d\d(-\d\d)?$/, 'YYYY-MM-DD, or YYYY-MM of a month')
  .refine((on) => isDate(on), 'no such date');
/** Of `2019-02-30` JavaScript makes a day of March. */
const isDate = (on: string) => !Number.isNaN(Date.parse(on)) && new Date(on).toISOString().startsWith(on);
const instant = z.iso.datetime({ offset: true });
const decimal = z.string().regex(/^-?\d{1,15}(\.\d{1,4})?$/, 'a decimal number as text, with at most 4 decimals');
/** A cell of a CSV says a number as text; null, or nothing, is none, and not zero. */
const number = <T extends z.ZodType>(whole: T) => z.preprocess((value) => (typeof value === 'string' && value.trim() !== '' ? Number(value) : value), whole);
const currency = z.string().regex(/^[A-Z]{3}$/, 'ISO 4217, upper case');
const id = z.string().trim().min(1).max(200);
const bothOrNeither = (row: { amount?: string | undefined; currency?: string | undefined }) => (row.amount === undefined) === (row.currency === undefined);

/** Origin of the counts that OCPI peers are asked for: nobody else states them. */
export const peerCountOrigin = 'xTotalCount';

/** What a source says it sent of one day or month: the sessions that ended in it by the source's own zone. */
export const controlTotalSchema = z
  .strictObject({
    on: dayOrMonth.meta({ description: 'Local date in the zone of the source; a month (`2019-12`) where it states months.' }),
    party: z
      .string()
      .regex(/^[A-Za-z]{2}\*[A-Za-z0-9]{1,3}$/, 'country and party of the owner, such as NO*NRD')
      .transform((text) => text.toUpperCase())
      .optional()
      .meta({ description: 'Whose CDRs, behind a hub: their owner. Left out: those of all.' }),
    count: number(z.int().min(0).max(2_000_000_000)).meta({ description: 'CDRs whose session ended in it.' }),
    energyWh: number(z.int()).meta({ description: 'Their energy in Wh.' }),
    amount: decimal.optional().meta({ description: 'What the CDRs themselves say they cost, excluding VAT.' }),
    currency: currency.optional(),
    origin: z
      .string()
      .regex(/^[a-zA-Z][a-zA-Z0-9]{0,39}$/, 'letters and digits')
      .refine((origin) => origin !== peerCountOrigin, 'asked for, never stated')
      .default('source')
      .meta({ description: 'Whose figure it is: `source`, `hub`, `register`, … Each has its own totals.' }),
  })
  .refine(bothOrNeither, 'amount and currency belong together');
export type ControlTotal = z.infer<typeof controlTotalSchema>;

/** A CDR that ought to come: its session was seen to start, its token was authorised, or its charger is offline and may keep sessions back. */
export const expectationSchema = z
  .strictObject({
    key: id.meta({ description: 'The source’s own key: sent again it is the same expectation.' }),
    kind: z.enum(['session', 'authorization', 'offline']).default('session'),
    openedAt: instant,
    sessionId: id.optional().meta({ description: 'As the CDR will name it; of a session, the key unless told.' }),
    authorizationId: id.optional().meta({ description: 'As the CDR will name it; of an authorization, the key unless told.' }),
    evseId: id.optional(),
    siteKey: id.optional().meta({ description: 'The source’s own name of the site.' }),
    token: id.optional().meta({ description: 'UID of the token; only a reference of it is kept.' }),
    estimatedWh: number(z.int().min(0)).optional(),
    amount: decimal.optional().meta({ description: 'What it is thought to be worth, net.' }),
    currency: currency.optional(),
  })
  .refine(bothOrNeither, 'amount and currency belong together');
export type NewExpectation = z.infer<typeof expectationSchema>;
