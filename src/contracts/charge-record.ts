import { z } from 'zod';

/** Absolute-path reference of this schema; every record names it as its `schema`. */
export const chargeRecordSchemaId = '/schemas/charge-record/1.json';

const instant = z.iso.datetime();
const decimal = z.string().regex(/^-?\d+(\.\d+)?$/);
const whole = z.string().regex(/^-?\d+$/);
const currency = z.string().regex(/^[A-Z]{3}$/);
const month = z.string().regex(/^\d{4}-\d{2}$/);
const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/);

const chargePeriod = z.strictObject({
  startAt: instant,
  energyWh: z.int(),
  chargingSeconds: z.int(),
  parkingSeconds: z.int(),
  readings: z
    .strictObject({ maxCurrent: z.number().exactOptional(), maxPower: z.number().exactOptional(), minCurrent: z.number().exactOptional(), minPower: z.number().exactOptional() })
    .exactOptional()
    .meta({ description: 'Where the source tells them: power in kW, current in A, summed over phases. No part of what tells a repeat.' }),
  reservedSeconds: z.int().exactOptional().meta({ description: 'Left out where nothing was reserved.' }),
});

const chargeFacts = z.strictObject({
  sourceId: z.string(),
  ownerCountry: z
    .string()
    .regex(/^[A-Z]{2}$/)
    .meta({ description: 'OCPI country_code of the CDR’s owner, upper case.' }),
  ownerParty: z.string().meta({ description: 'OCPI party_id of the CDR’s owner, upper case.' }),
  cdrId: z.string().meta({ description: 'Case-folded CDR id: part of the key.' }),
  externalIds: z.strictObject({ cdr: z.string(), session: z.string().exactOptional(), authorization: z.string().exactOptional() }).meta({ description: 'Ids as the source writes them.' }),
  siteKey: z.string().meta({ description: 'The source’s own name of the site (garage, location id); resolved to a site by the mapping.' }),
  evseId: z.string().exactOptional(),
  connectorId: z.string().exactOptional(),
  tokenRef: z.string().meta({ description: 'Reference of the token or user key that the source named; the UID itself lies apart and can be erased.' }),
  startAt: instant,
  endAt: instant,
  chargingEndAt: instant.exactOptional().meta({ description: 'Where the source tells that charging ended before the plug was pulled.' }),
  energyWh: z.int(),
  meterStartWh: z.int().exactOptional().meta({ description: 'Register of the connector’s meter at the start, in Wh, where the source tells it.' }),
  meterEndWh: z.int().exactOptional(),
  measuredBy: z.literal('vehicle').exactOptional().meta({ description: 'Told by the vehicle: evidence, never a meter. Left out where a meter measured.' }),
  statedDurationS: z.number().exactOptional().meta({ description: 'Duration as the source states it, in seconds; compared with the times, never billed.' }),
  periods: z.union([z.array(chargePeriod), z.literal('unsplit')]).meta({ description: 'From the source, or `unsplit`: WattLedger splits at tariff boundaries.' }),
  reservedUntil: instant.exactOptional().meta({ description: 'Of a session that was corrected, and is split anew: it had reserved the charger until then.' }),
  partnerPrice: z.strictObject({ currency, exclVat: decimal, origin: z.enum(['partner', 'hub', 'notSignificant']) }).exactOptional(),
});

/** The facts as a source adapter gives them; what is wrong with one that does not fit is its own defect. */
export const sourceFactsSchema = chargeFacts.omit({ tokenRef: true }).extend({ tokenKey: z.string() });

const correction = z
  .strictObject({
    author: z.string(),
    before: z.strictObject({
      chargingEndAt: instant.exactOptional(),
      endAt: instant.exactOptional(),
      energyWh: z.int().exactOptional(),
      periods: z.array(chargePeriod).exactOptional(),
      startAt: instant.exactOptional(),
    }),
    decisionId: z.string(),
    evidence: z.string(),
  })
  .meta({ description: 'A signed correction that is in the facts: who, on what evidence, and what the source said.' });

/** What a charge is, of those that one session makes. */
export const sessionRoles = [
  'driverSale',
  'fleetSale',
  'emspSale',
  'idleFee',
  'roamingPurchase',
  'siteShareEstimate',
  'energyReimbursement',
  'homeReimbursement',
  'homeRecharge',
  'homePurchase',
  'homeSale',
  'platformFee',
] as const;
export type SessionRole = (typeof sessionRoles)[number];

const sealedCharge = z.strictObject({
  role: z.enum(sessionRoles),
  component: z.string(),
  splitNo: z.int().min(0).meta({ description: 'Tells the parts of what several earn, or pay, apart.' }),
  contractId: z.string(),
  contractVersion: z.int(),
  clause: z.string(),
  payerAccountId: z.string().nullable(),
  payeeAccountId: z.string().nullable(),
  tariffVersionId: z.string().nullable(),
  currency,
  netMinor: whole,
  grossMinor: whole,
  bookNetMinor: whole.meta({ description: 'The net in the currency of the books.' }),
  fxRate: z.string().nullable().meta({ description: 'The rate it was converted by: source, date, currencies, version, figure. Null in the books’ own currency.' }),
  vatCode: z.string(),
  vatRule: z.string().meta({ description: 'The row of the VAT table that decided, and the evidence of the other party’s status.' }),
  roundingMode: z.enum(['grossFirst', 'netFirst']),
  exactNet: decimal,
  unitPrice: decimal,
  energyWh: whole,
  quantity: whole,
  quantityUnit: z.string(),
  glAccount: z.string(),
  costCenter: z.string().meta({ description: 'The seller’s own.' }),
  customerCostCenter: z.string().nullable().meta({ description: 'The customer’s, such as a fleet’s.' }),
  unitId: z.string().nullable().meta({ description: 'The fleet’s vehicle or driver.' }),
  siteId: z.string(),
  serviceOn: z.iso.date(),
  serviceMonth: month,
  mappingVersion: z.int(),
});

/** The universal record: one CDR's facts, price and allocation as sealed. The one source of the published JSON Schema and of the types. */
export const chargeRecordSchema = z
  .strictObject({
    schema: z.literal(chargeRecordSchemaId),
    recordId: z.string().regex(/^\d+$/),
    revision: z.int().min(1).meta({ description: 'Rises by one with each correction; a revision never changes.' }),
    sessionKey: z.string().meta({ description: 'Shared by all records of one physical session.' }),
    facts: chargeFacts
      .extend({ siteId: z.string(), accountId: z.string(), correction: correction.exactOptional() })
      .meta({ description: 'What the source said, with the site and account it was resolved to.' }),
    rating: z
      .strictObject({ tariffVersionId: z.string().nullable(), total: decimal, explanation: z.array(z.string()) })
      .meta({ description: 'Total in major units, excluding VAT, unrounded to four places.' }),
    allocation: z.array(sealedCharge).meta({ description: 'Who pays and who earns: money in minor units, energy in Wh.' }),
    hashes: z
      .strictObject({ facts: sha256Hex, rating: sha256Hex, allocation: sha256Hex })
      .meta({ description: 'SHA-256 of each section’s RFC 8785 bytes. The record’s own hash is that of the whole record’s RFC 8785 bytes.' }),
  })
  .meta({ $id: chargeRecordSchemaId, title: 'Charge record', description: 'Sealed record of one charging session. Instants are UTC, whole numbers beyond 53 bits are text.' });

// Sealed data never changes: the types say so at every depth.
type Frozen<T> = T extends readonly (infer Item)[] ? readonly Frozen<Item>[] : T extends object ? { readonly [Key in keyof T]: Frozen<T[Key]> } : T;

/** The canonical facts of one charging session, as they are sealed. Instants are UTC ISO strings, energy is integer Wh. */
export type ChargeFacts = Frozen<z.infer<typeof chargeFacts>>;
/** The facts as a source adapter reads them, still with the UID of the token (or user key) as the source writes it. */
export type SourceFacts = Omit<ChargeFacts, 'tokenRef'> & { readonly tokenKey: string };
export type ChargePeriod = Frozen<z.infer<typeof chargePeriod>>;
export type ChargeRecord = Frozen<z.infer<typeof chargeRecordSchema>>;

/** `{CC}*{PARTY}*{id}` in lower case: the key of a CDR within its source (domain.md Identity); also the tail of its workflow id. */
export function recordKeyOf(facts: { ownerCountry: string; ownerParty: string; cdrId: string }): string {
  return `${facts.ownerCountry}*${facts.ownerParty}*${facts.cdrId}`.toLowerCase();
}
