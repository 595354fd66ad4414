import { z } from 'zod';
import { agreementSchema } from './agreement.ts';
import { controlTotalSchema, expectationSchema } from './completeness.ts';
import { addressSchema, newLetterheadSchema } from './letterhead.ts';
import { tariffSchema } from './tariff.ts';
import { vatTableSchema } from './vat-table.ts';

const id = z.string().regex(/^[a-zA-Z0-9_-]+$/, 'letters, digits, _ and - only');
const country = z.string().regex(/^[A-Z]{2}$/, 'ISO 3166 alpha-2, upper case');
const date = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'YYYY-MM-DD');

const agreementOf = (kind: string) => agreementSchema.refine((a) => a.kind === kind, `must be an agreement of kind ${kind}`);
/** What an account is to VAT, from the beginning. */
const vat = z.strictObject({ status: z.enum(['consumer', 'business', 'reseller']), establishedIn: country, vatNumber: z.string().optional(), evidence: z.string().optional() });
const currency = z.string().length(3);
/** How a party is named on documents; without a country it is the entity's. */
const words = z.strictObject({ country: country.optional(), orgNumber: z.string().optional(), address: addressSchema.optional() });

/** A set-up that a person can read and write: one entity with its sources, sites, payers and prices. */
export const seedSchema = z.strictObject({
  entity: z.strictObject({
    id,
    name: z.string(),
    country,
    currency: z.string().length(3),
    timeZone: z.string(),
    orgNumber: z.string(),
    costCenter: z.string().optional(),
    fxSource: z.string().default('ECB'),
    letterhead: newLetterheadSchema.default({}),
  }),
  vatRegistrations: z.array(z.strictObject({ country, number: z.string(), validFrom: date })),
  calendar: z.strictObject({ id, cadence: z.enum(['monthly', 'weekly', 'quarterly']), cutOff: z.enum(['fixed', 'automatic']).default('fixed') }),
  sources: z.array(
    z.strictObject({
      id,
      name: z.string(),
      route: z.enum(['ownCsms', 'proprietary', 'ocpiPeer', 'ocpiHub', 'file']),
      format: z.string(),
      ownerCountry: country,
      ownerParty: z.string(),
      timeZone: z.string(),
      repeatProfile: z.enum(['revise', 'conflict']),
      correctionChannel: z.enum(['inBand', 'byDocument', 'none']),
      completeUntil: z.iso.datetime({ offset: true }).optional(),
      controlTotals: z.array(controlTotalSchema).default([]),
      expectations: z.array(expectationSchema).default([]),
    }),
  ),
  siteOwners: z.array(z.strictObject({ id, name: z.string(), vat: vat.optional(), words: words.optional(), agreement: agreementOf('revenueShare') })),
  /** Other operators at whose chargers our customers charge. */
  operators: z.array(z.strictObject({ id, name: z.string(), currency, vat: vat.optional(), words: words.optional(), agreement: agreementOf('roamingPurchase') })).default([]),
  /** Drivers who charge a fleet's car at home. */
  homes: z.array(z.strictObject({ id, name: z.string(), vat: vat.optional(), words: words.optional(), agreement: agreementOf('homeCharging') })).default([]),
  /** An owner makes it ours and shared, an operator foreign, a home a driver's. */
  sites: z.array(
    z.strictObject({
      key: id,
      country,
      timeZone: z.string().optional(),
      owner: id.optional(),
      operator: id.optional(),
      home: id.optional(),
      /** Whose it is from an instant on; the newest holds. */
      holders: z.array(z.strictObject({ from: z.iso.datetime(), owner: id.optional(), operator: id.optional(), home: id.optional() })).optional(),
      costCenter: z.string(),
      connectorPowerW: z.int().positive(),
    }),
  ),
  /** What drivers and fleets subscribe to, by name; without one they pay the price of their segment. */
  plans: z.record(z.string(), agreementOf('supply')).default({}),
  fleets: z.array(
    z.strictObject({
      id,
      name: z.string(),
      vat: vat.optional(),
      words: words.optional(),
      plan: z.string().optional(),
      tokens: z.array(z.strictObject({ token: z.string(), costCenter: z.string(), unit: z.strictObject({ id, kind: z.enum(['vehicle', 'driver']), label: z.string() }).optional() })),
    }),
  ),
  /** Number of a driver, and the token that charges. */
  drivers: z.record(id, z.union([z.string(), z.strictObject({ token: z.string(), plan: z.string() })])),
  emsps: z.array(
    z.strictObject({
      id,
      name: z.string(),
      currency: currency.optional(),
      vat: vat.optional(),
      words: words.optional(),
      agreement: agreementOf('roamingSale'),
      tokens: z.array(z.string()),
      ocpiTokens: z.array(z.string()),
    }),
  ),
  /** With a segment it holds for all of it; without one agreements name it. */
  tariffs: z.array(z.strictObject({ segment: z.enum(['driver', 'fleet', 'eMSP']).optional(), validFrom: z.iso.datetime(), body: tariffSchema })),
  vatRules: z.array(z.strictObject({ code: id, country, percent: z.string(), category: z.string(), validFrom: date })),
  vatTable: vatTableSchema,
  fxRates: z.array(z.strictObject({ source: z.string(), on: date, currency, rate: z.string() })).default([]),
  glAccounts: z.record(z.string(), z.string()),
  erp: z.strictObject({ id, adapter: z.string(), faults: z.array(z.enum(['unavailable', 'timeoutAfterWrite'])).default([]) }),
});

export type Seed = z.infer<typeof seedSchema>;
