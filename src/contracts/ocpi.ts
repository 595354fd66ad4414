import { z } from 'zod';
import type { ChargePeriod } from './charge-record.ts';
import { hasCredentials } from './has-credentials.ts';

/** The versions spoken here, oldest first. */
export const ocpiVersions = ['2.1.1', '2.2.1', '2.3.0'] as const;
export type OcpiVersion = (typeof ocpiVersions)[number];

type ReadingName = keyof NonNullable<ChargePeriod['readings']>;
/** mod_cdrs, CdrDimensionType: power in kW and current in A, by the reading of a period that each is. */
export const readingNames: ReadonlyMap<string, ReadingName> = new Map([
  ['MAX_CURRENT', 'maxCurrent'],
  ['MIN_CURRENT', 'minCurrent'],
  ['MAX_POWER', 'maxPower'],
  ['MIN_POWER', 'minPower'],
]);

/** The dimensions of the readings that a period has. */
export function readingDimensions({ readings = {} }: Pick<ChargePeriod, 'readings'>): { readonly type: string; readonly volume: number }[] {
  return [...readingNames].flatMap(([type, name]) => {
    const volume = readings[name];
    return volume === undefined ? [] : [{ type, volume }];
  });
}

const ciString = (max: number) => z.string().trim().min(1).max(max);
/** An address of a peer's API: the token opens it, and what else it held would be shown wherever it is named. */
export const ocpiUrl = z
  .url({ protocol: /^https?$/ })
  .max(255)
  .refine((text) => !hasCredentials(text), 'it holds a user or a password: leave them out, the token is the only secret');

/** Modules that matter here; others are read and left alone. `role` is missing in 2.1.1, where one URL serves both sides. */
export const ocpiEndpoint = z.object({ identifier: z.string().min(1), role: z.enum(['SENDER', 'RECEIVER']).optional(), url: ocpiUrl });
export type OcpiEndpoint = z.infer<typeof ocpiEndpoint>;
export const ocpiVersionList = z.array(z.object({ version: z.string(), url: ocpiUrl }));
export const ocpiVersionDetails = z.object({ version: z.string(), endpoints: z.array(ocpiEndpoint) });

const businessDetails = z.object({ name: z.string().min(1).max(100) });
export const ocpiRole = z.object({ role: z.string().min(1).max(20), country_code: ciString(2), party_id: ciString(3), business_details: businessDetails.optional() });
export type OcpiRole = z.infer<typeof ocpiRole>;

/** Printable ASCII without blanks: what fits a header (credentials, Credentials object). */
const credentialsToken = z
  .string()
  .max(64)
  .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without blanks');

/** Credentials object of 2.2.1 and 2.3.0, and of 2.1.1, which names one party and no role. */
export const ocpiCredentials = z.union([
  z.object({ token: credentialsToken, url: ocpiUrl, roles: z.array(ocpiRole).min(1) }),
  z
    .object({ token: credentialsToken, url: ocpiUrl, party_id: ciString(3), country_code: ciString(2), business_details: businessDetails })
    .transform(({ token, url: at, ...role }) => ({ token, url: at, roles: [{ role: 'OTHER', ...role }] })),
]);
export type OcpiCredentials = z.infer<typeof ocpiCredentials>;

/** OCPI country_code and party_id, upper case. */
export type OcpiParty = { readonly countryCode: string; readonly partyId: string };
/** What is agreed about a connection; `sourceId`: where its CDRs are received, null when it only buys. */
export type OcpiTerms = {
  readonly entityId: string;
  readonly name: string;
  readonly kind: 'peer' | 'hub';
  readonly us: OcpiParty;
  readonly them: OcpiParty;
  readonly sourceId: string | null;
  readonly correctionChannel: 'inBand' | 'byDocument';
  readonly push: boolean;
};
/** An account whose sales go over a connection from a service date on; behind a hub each has its own OCPI party. */
export type OcpiPartner = OcpiParty & { readonly accountId: string; readonly sendFrom: string };

/** What a CDR says of where it stood, of 2.2.1 mod_cdrs, CdrLocation; the ids come from the record. */
export const ocpiLocation = z.strictObject({
  name: z.string().max(255).optional(),
  address: z.string().min(1).max(45),
  city: z.string().min(1).max(45),
  postal_code: z.string().max(10).optional(),
  country: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 3166-1 alpha-3 code'),
  coordinates: z.strictObject({ latitude: z.string().regex(/^-?\d{1,2}\.\d{5,7}$/), longitude: z.string().regex(/^-?\d{1,3}\.\d{5,7}$/) }),
  connector_standard: z.string().min(1).max(40),
  connector_format: z.enum(['SOCKET', 'CABLE']),
  connector_power_type: z.enum(['AC_1_PHASE', 'AC_2_PHASE', 'AC_2_PHASE_SPLIT', 'AC_3_PHASE', 'DC']),
  /** Asked for by 2.1.1 alone. */
  voltage: z.int().min(0).optional(),
  amperage: z.int().min(0).optional(),
});
export type OcpiLocation = z.infer<typeof ocpiLocation>;

/** A sale as it goes to the partner, in no version's words. Amounts are decimal text in major units, energy whole Wh, instants ISO in UTC. It names nobody: the token stands by reference. */
export type OcpiSale = {
  readonly cdrId: string;
  readonly creditOf: string | null;
  readonly from: OcpiParty;
  readonly to: OcpiParty;
  readonly startAt: string;
  readonly endAt: string;
  readonly sessionId: string | null;
  readonly authorizationId: string | null;
  readonly token: { readonly sourceId: string; readonly ref: string };
  /** `timeZone` is missing in sales that were made before it was told. */
  readonly location: OcpiLocation & { readonly siteId: string; readonly evseId: string; readonly connectorId: string; readonly timeZone?: string };
  readonly currency: string;
  readonly tariff: Readonly<Record<string, unknown>> | null;
  readonly periods: readonly ChargePeriod[];
  readonly energyWh: number;
  /** Of the whole session; a part that nothing priced is left out. The parts may lack what belongs to none of them, such as a discount. */
  readonly cost: { readonly total: OcpiPrice; readonly energy?: OcpiPrice; readonly time?: OcpiPrice; readonly parking?: OcpiPrice; readonly fixed?: OcpiPrice; readonly reservation?: OcpiPrice };
  readonly madeAt: string;
};
/** Without and with VAT; the VAT by percent, as proposed when the session was rated. */
export type OcpiPrice = { readonly net: string; readonly gross: string; readonly vat: readonly { readonly percent: string | null; readonly amount: string }[] };
