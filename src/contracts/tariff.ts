import { z } from 'zod';

// A number is taken as its shortest decimal text, so 0.1 stays 0.1; exponents are refused.
const decimal = z
  .union([z.string(), z.number()])
  .transform(String)
  .pipe(z.string().regex(/^-?\d{1,15}(\.\d{1,15})?$/, 'must be a plain decimal number'));
/** kWh, kW or A: beyond a million none means anything, and rating counts in millionths. */
const amount = decimal.refine((text) => Math.abs(Number(text)) <= 1_000_000, 'must be at most 1000000');
/** Seconds, or Wh of a step. */
const wholeNumber = z.int().min(0).max(1_000_000_000);
const currencies = new Set(Intl.supportedValuesOf('currency'));
const vatPercent = decimal.pipe(z.string().regex(/^\d/, 'must not be negative'));
const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day, HH:MM');
const date = z.iso.date('must be a date, YYYY-MM-DD');
const weekdays = ['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY', 'SUNDAY'] as const;
/** OCPI 2.2.1 types, Price; a bare number is taken as excl_vat. */
const priceLimit = z.preprocess((value) => (typeof value === 'number' || typeof value === 'string' ? { excl_vat: value } : value), z.object({ excl_vat: decimal, incl_vat: decimal.optional() }));

/** OCPI writers send null for what is absent; `vat: null` is *no VAT applicable*, as is an absent one. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([key, member]) => (member === null ? [] : [[key, withoutNulls(member)]])));
}

/**
 * OCPI 2.2.1 mod_tariffs: the parts that rating reads. Prices are decimal strings in major units, excluding VAT.
 * Restrictions are strict: one that rating does not know is refused here, never ignored.
 */
export const tariffSchema = z.preprocess(
  withoutNulls,
  z.object({
    id: z.string().min(1),
    currency: z.string().refine((code) => currencies.has(code), 'must be an ISO 4217 code'),
    elements: z
      .array(
        z.object({
          price_components: z.array(z.object({ type: z.enum(['ENERGY', 'TIME', 'PARKING_TIME', 'FLAT']), price: decimal, vat: vatPercent.optional(), step_size: wholeNumber })),
          restrictions: z
            .strictObject({
              start_time: clock.optional(),
              end_time: clock.optional(),
              start_date: date.optional(),
              end_date: date.optional(),
              day_of_week: z.array(z.enum(weekdays)).optional(),
              /** kWh, inclusive and exclusive. */
              min_kwh: amount.optional(),
              max_kwh: amount.optional(),
              /** Seconds, inclusive and exclusive. */
              min_duration: wholeNumber.optional(),
              max_duration: wholeNumber.optional(),
              /** kW, inclusive and exclusive; A, sum over phases. */
              min_power: amount.optional(),
              max_power: amount.optional(),
              min_current: amount.optional(),
              max_current: amount.optional(),
              reservation: z.enum(['RESERVATION', 'RESERVATION_EXPIRES']).optional(),
            })
            .optional(),
        }),
      )
      .min(1),
    min_price: priceLimit.optional(),
    max_price: priceLimit.optional(),
  }),
);

export type Tariff = z.infer<typeof tariffSchema>;
