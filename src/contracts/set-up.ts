import { z } from 'zod';
import { addressSchema, newLetterheadSchema } from './letterhead.ts';

const id = z.string().regex(/^[A-Za-z0-9][\w.:-]{0,79}$/, 'must be an id of letters, digits, _ . : and -');
const text = z.string().trim().min(1).max(200);
const country = z.string().regex(/^[A-Z]{2}$/, 'must be an ISO 3166 code such as SE');
const currency = z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code such as SEK');
const vatNumber = z.string().regex(/^[A-Z]{2}[A-Z0-9+*]{2,14}$/, 'must be a VAT number with its country, such as SE556000000101');
const instant = z.iso.datetime({ offset: true });
const date = z.iso.date();
/** How an account is billed or paid. */
export const strategies = ['cardReceipt', 'cardInvoice', 'driverInvoice', 'fleetInvoice', 'emspSettlement', 'selfBilling', 'partnerPurchase', 'reimbursement'] as const;
const strategy = z.enum(strategies);

/** A source of CDRs. What is left out stays as it is; a new one needs entity, name, route, format, owner and zone. */
export const sourceInputSchema = z.strictObject({
  entityId: id.exactOptional(),
  name: text.exactOptional(),
  route: z.enum(['ownCsms', 'proprietary', 'ocpiPeer', 'ocpiHub', 'file']).exactOptional(),
  format: z.string().min(1).max(40).exactOptional().meta({ description: 'Which parser reads its messages.' }),
  ownerCountry: country.exactOptional(),
  ownerParty: z
    .string()
    .regex(/^[A-Z0-9]{3}$/, 'must be an OCPI party id of three capitals or digits')
    .exactOptional()
    .meta({ description: 'Whose CDRs they are, where the format names no owner.' }),
  timeZone: text.exactOptional().meta({ description: 'Of times without an offset, and of its days.' }),
  repeatProfile: z.enum(['revise', 'conflict']).exactOptional().meta({ description: 'What other content under a known key is.' }),
  correctionChannel: z.enum(['inBand', 'byDocument', 'none']).exactOptional(),
});
export type SourceInput = z.infer<typeof sourceInputSchema>;

/** What is left out stays as it is; null takes it away. A new entry needs what the field tables call required. */
export const setUpRowSchemas = {
  parties: z.strictObject({
    id,
    name: text.exactOptional(),
    country: country.exactOptional(),
    vatNumber: vatNumber.nullable().exactOptional(),
    orgNumber: text.nullable().exactOptional(),
    email: z.email().max(200).nullable().exactOptional(),
    address: addressSchema.exactOptional(),
  }),
  accounts: z.strictObject({
    id,
    entityId: id.exactOptional(),
    partyId: id.exactOptional(),
    category: z.enum(['driver', 'fleet', 'eMSP', 'siteOwner', 'partner']).exactOptional(),
    strategy: strategy.exactOptional(),
    roundingMode: z.enum(['grossFirst', 'netFirst']).exactOptional(),
    currency: currency.exactOptional(),
    paymentTermsDays: z.int().min(0).max(365).exactOptional(),
    releaseGroup: text.exactOptional(),
    purchaseOrder: text.nullable().exactOptional(),
    purchaseOrderRequired: z.boolean().exactOptional(),
    calendarId: id.nullable().exactOptional(),
  }),
  sites: z.strictObject({
    id,
    entityId: id.exactOptional(),
    name: text.exactOptional(),
    country: country.exactOptional(),
    timeZone: text.exactOptional(),
    costCenter: text.exactOptional(),
    connectorPowerW: z.int().min(1).max(10_000_000).exactOptional(),
    kind: z.enum(['own', 'foreign', 'home']).exactOptional(),
    ownerAccountId: id.nullable().exactOptional(),
    operatorAccountId: id.nullable().exactOptional(),
  }),
  siteHolders: z.strictObject({ siteId: id, ownerAccountId: id.nullable().exactOptional(), operatorAccountId: id.nullable().exactOptional(), validFrom: instant }),
  fleetUnits: z.strictObject({
    id,
    accountId: id.exactOptional(),
    kind: z.enum(['vehicle', 'driver']).exactOptional(),
    label: text.exactOptional(),
    partyId: id.nullable().exactOptional(),
  }),
  fleetAssignments: z.strictObject({ unitId: id, costCenter: text, validFrom: instant.exactOptional() }),
  mappings: z.strictObject({
    sourceId: id,
    kind: z.enum(['site', 'token']),
    externalKey: z.string().min(1).max(200),
    internalId: id,
    costCenter: text.nullable().exactOptional(),
    unitId: id.nullable().exactOptional(),
    validFrom: instant.exactOptional(),
  }),
  vatStatuses: z.strictObject({
    accountId: id,
    status: z.enum(['consumer', 'business', 'reseller']),
    establishedIn: country,
    vatNumber: vatNumber.nullable().exactOptional(),
    evidence: z.string().trim().min(3).max(200).nullable().exactOptional(),
    validFrom: date,
  }),
} as const;

/** In the order in which a load takes them: what is referred to goes first. */
export const setUpKinds = ['parties', 'accounts', 'sites', 'siteHolders', 'fleetUnits', 'fleetAssignments', 'mappings', 'vatStatuses'] as const;
export type SetUpKind = (typeof setUpKinds)[number];
export type SetUpRow<Kind extends SetUpKind = SetUpKind> = z.infer<(typeof setUpRowSchemas)[Kind]>;

/** A legal entity's own data. Registrations and calendars that are there stay unless they are named. */
export const entityInputSchema = z.strictObject({
  name: text.exactOptional(),
  country: country.exactOptional(),
  currency: currency.exactOptional(),
  timeZone: text.exactOptional(),
  orgNumber: text.exactOptional(),
  fxSource: text.exactOptional(),
  costCenter: text.nullable().exactOptional().meta({ description: 'Of fees that no site bears; without one accounts with a fee are parked.' }),
  letterhead: newLetterheadSchema.exactOptional().meta({ description: 'What stands on its documents: address, bank, F-skatt. Given, it takes the place of what is there.' }),
  vatRegistrations: z.array(z.strictObject({ country, number: vatNumber, validFrom: date, validTo: date.nullable().default(null) })).exactOptional(),
  calendars: z
    .array(
      z.strictObject({
        id,
        cadence: z.enum(['monthly', 'weekly', 'quarterly']),
        strategies: z
          .array(strategy)
          .exactOptional()
          .meta({ description: 'Accounts billed by these strategies are on this calendar, unless they name another one. Whoever is on none is on the monthly one.' }),
        cutOff: z.enum(['fixed', 'automatic']).exactOptional().meta({ description: '`automatic`: its runs close their set as soon as every source is complete. `fixed` unless told.' }),
      }),
    )
    .exactOptional(),
});
export type EntityInput = z.infer<typeof entityInputSchema>;

export const bankAccountSchema = z.strictObject({ scheme: z.enum(['iban', 'bankgiro']), number: z.string().min(7).max(50) });
export type BankAccount = z.infer<typeof bankAccountSchema>;
