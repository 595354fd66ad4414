import { z } from 'zod';
import { tariffSchema } from './tariff.ts';

const id = z.string().regex(/^[a-zA-Z0-9_-]+$/, 'letters, digits, _ and - only');
const country = z.string().regex(/^[A-Z]{2}$/, 'ISO 3166 alpha-2, upper case');
const date = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'YYYY-MM-DD');

/** A set-up that a person can read and write: one entity with its sources, sites, payers and prices. */
export const seedSchema = z.strictObject({
  entity: z.strictObject({ id, name: z.string(), country, currency: z.string().length(3), timeZone: z.string(), orgNumber: z.string() }),
  vatRegistrations: z.array(z.strictObject({ country, number: z.string(), validFrom: date })),
  calendar: z.strictObject({ id, cadence: z.enum(['monthly', 'weekly', 'quarterly']) }),
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
    }),
  ),
  siteOwners: z.array(z.strictObject({ id, name: z.string(), sharePercent: z.string().regex(/^\d{1,2}(\.\d+)?$/) })),
  sites: z.array(z.strictObject({ key: id, country, owner: id, costCenter: z.string(), connectorPowerW: z.int().positive() })),
  fleets: z.array(z.strictObject({ id, name: z.string(), tokens: z.array(z.strictObject({ token: z.string(), costCenter: z.string() })) })),
  /** Number of a driver, and the token that charges. */
  drivers: z.record(id, z.string()),
  emsps: z.array(z.strictObject({ id, name: z.string(), tokens: z.array(z.string()), ocpiTokens: z.array(z.string()) })),
  tariffs: z.array(z.strictObject({ segment: z.enum(['driver', 'fleet', 'eMSP']), validFrom: z.iso.datetime(), body: tariffSchema })),
  vatRules: z.array(z.strictObject({ code: id, country, percent: z.string(), category: z.string(), validFrom: date })),
  glAccounts: z.record(z.string(), z.string()),
  erp: z.strictObject({ id, adapter: z.string(), faults: z.array(z.enum(['unavailable', 'timeoutAfterWrite'])).default([]) }),
});

export type Seed = z.infer<typeof seedSchema>;
