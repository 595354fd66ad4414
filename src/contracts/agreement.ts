import { z } from 'zod';

/** Major units of the agreement's currency, excluding VAT unless a clause says otherwise. A negative figure is a finding of `lintAgreement`, so it parses. */
const amount = z.string().regex(/^-?\d{1,12}(\.\d{1,6})?$/, 'must be a plain decimal such as 12.50');
const percent = z.string().regex(/^-?\d{1,4}(\.\d{1,6})?$/, 'must be a percentage such as 12.5');
const kWh = z.string().regex(/^\d{1,9}(\.\d{1,3})?$/, 'must be kWh with at most three decimals');
const currency = z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code');
const date = z.iso.date();
const id = z
  .string()
  .regex(/^[a-z][A-Za-z0-9-]{0,39}$/, 'must be a short name such as night-discount')
  .meta({ description: 'Names the clause within its contract; charges refer to it.' });

/** Which sessions a clause is about; without one it is about all of the contract. */
const scope = z
  .strictObject({
    siteIds: z.array(z.string()).min(1).exactOptional(),
    siteKinds: z
      .array(z.enum(['own', 'foreign', 'home']))
      .min(1)
      .exactOptional(),
  })
  .exactOptional();
/** Active: sessions are billed by it. Paused: no fee, no allowance, sessions at the segment's price. Ended: sessions wait for a contract. */
const status = z.enum(['active', 'paused', 'ended']);

/** How the price of a kWh that passes through is found: fixed, or a price series such as a bidding zone's day-ahead price plus what comes on top. */
export const energyPriceSchema = z.discriminatedUnion('by', [
  z.strictObject({ by: z.literal('fixed'), perKwh: amount }),
  z.strictObject({ by: z.literal('series'), seriesId: z.string(), addPerKwh: amount.default('0') }),
]);

const supplyClause = z.discriminatedUnion('kind', [
  // Decided by one record.
  z.strictObject({ kind: z.literal('priceList'), id, tariffId: z.string(), scope }).meta({ description: 'Sessions are priced by this tariff instead of the segment’s.' }),
  z
    .strictObject({ kind: z.literal('discount'), id, perKwh: amount.exactOptional(), percent: percent.exactOptional(), scope, from: date.exactOptional(), to: date.exactOptional() })
    .meta({ description: 'Off the net of the session’s energy: per kWh, or percent. A campaign has dates, half-open, by the session’s local start.' }),
  z.strictObject({ kind: z.literal('startFee'), id, amount, scope }).meta({ description: 'Once a session.' }),
  z
    .strictObject({
      kind: z.literal('idleFee'),
      id,
      perMinute: amount,
      graceMinutes: z.int().min(0).default(0),
      capPerSession: amount.exactOptional(),
      withoutEnergy: z.boolean().default(false),
      scope,
    })
    .meta({ description: 'Per started minute after charging has ended and the grace is over (D30).' }),
  z
    .strictObject({ kind: z.literal('roamingPrice'), id, markupPercent: percent.default('0'), perKwh: amount.default('0'), perSession: amount.default('0'), scope })
    .meta({ description: 'Sessions at other operators’ chargers: what they cost us, marked up, plus fees.' }),
  // Decided by the month.
  z
    .strictObject({ kind: z.literal('fee'), id, amount, billed: z.enum(['arrears', 'advance']).default('arrears'), refund: z.enum(['prorata', 'none']).default('prorata') })
    .meta({ description: 'Per month, prorated by days (D10). Refund: what an early end gives back of a fee in advance.' }),
  z
    .strictObject({ kind: z.literal('included'), id, kWhPerMonth: kWh, rolloverMonths: z.int().min(0).max(12).default(0), scope })
    .meta({ description: 'Used in the order of session end, start, CDR key (D08).' }),
  z
    .strictObject({ kind: z.literal('tiers'), id, steps: z.array(z.strictObject({ fromKwh: kWh, discountPerKwh: amount })).min(1), scope })
    .meta({ description: 'Off the net of each kWh of the month from a threshold on, up to the next one.' }),
  z.strictObject({ kind: z.literal('cap'), id, netPerMonth: amount, scope }).meta({ description: 'The month’s sessions cost at most this much.' }),
  z.strictObject({ kind: z.literal('minimum'), id, netPerMonth: amount, scope }).meta({ description: 'What the month’s sessions lack to this is billed (D11); fees do not count.' }),
]);

/** With a driver or a fleet: what charging costs, by the session and by the month. */
const supply = z.strictObject({ kind: z.literal('supply'), status, clauses: z.array(supplyClause) });

/** With an eMSP whose drivers charge at our chargers. One price source per route; a mix is an error. */
const roamingSale = z.strictObject({
  kind: z.literal('roamingSale'),
  status,
  currency,
  clauses: z.array(
    z.discriminatedUnion('kind', [
      z
        .strictObject({
          kind: z.literal('priceSource'),
          id,
          from: z.enum(['agreement', 'ocpiTariff', 'hub']),
          sourceIds: z.array(z.string()).min(1).exactOptional(),
          tariffId: z.string().exactOptional(),
        })
        .meta({ description: 'agreement: the named tariff, else the segment’s. ocpiTariff: the tariff we publish by OCPI. hub: as the hub computed it. For the routes named, else for all.' }),
      z.strictObject({ kind: z.literal('discount'), id, perKwh: amount.exactOptional(), percent: percent.exactOptional(), scope, from: date.exactOptional(), to: date.exactOptional() }),
      z.strictObject({ kind: z.literal('startFee'), id, amount, scope }),
      z.strictObject({
        kind: z.literal('idleFee'),
        id,
        perMinute: amount,
        graceMinutes: z.int().min(0).default(0),
        capPerSession: amount.exactOptional(),
        withoutEnergy: z.boolean().default(false),
        scope,
      }),
    ]),
  ),
});

/** With an operator at whose chargers our drivers charge: what a session costs us. */
const roamingPurchase = z.strictObject({
  kind: z.literal('roamingPurchase'),
  status,
  currency,
  clauses: z.array(
    z.strictObject({
      kind: z.literal('priceSource'),
      id,
      from: z.enum(['agreement', 'ocpiTariff', 'hub']),
      sourceIds: z.array(z.string()).min(1).exactOptional(),
      tariffId: z.string().exactOptional(),
      /** What their claim may differ from our own rating before it is a finding. */
      tolerancePercent: percent.default('1'),
    }),
  ),
});

/** Sites that a share clause is about; without it, all of the contract's. */
const shareScope = z.strictObject({ siteIds: z.array(z.string()).min(1) }).exactOptional();
/** All delivered energy, free and written-off sessions too (D16), or only that of sessions whose sale counts. */
const energyCounted = z.enum(['delivered', 'billed']).default('delivered');

const shareClause = z.discriminatedUnion('kind', [
  // Decided by one record, in the order written: each sees what those before it left.
  z
    .strictObject({ kind: z.literal('deduct'), id, what: z.enum(['cardFee', 'roamingFee', 'other']), percent: percent.exactOptional(), perSession: amount.exactOptional(), scope: shareScope })
    .meta({ description: 'Off the base before what follows, exact (D33): percent of the base it finds, plus an amount. Takes no more than there is, unless losses are shared.' }),
  z.strictObject({ kind: z.literal('netShare'), id, percent, scope: shareScope }).meta({ description: 'Percent of the base that deductions and pass-through left. Takes nothing off the base.' }),
  z.strictObject({ kind: z.literal('perKwh'), id, amount, counts: energyCounted, scope: shareScope }).meta({ description: 'Per kWh.' }),
  z.strictObject({ kind: z.literal('perSession'), id, amount, scope: shareScope }).meta({ description: 'Per session whose sale counts.' }),
  // Decided by the month: estimated until the statement.
  z.strictObject({ kind: z.literal('passThrough'), id, price: energyPriceSchema, counts: energyCounted, scope: shareScope }).meta({
    description:
      'The owner’s electricity is paid back per kWh, and comes off the base of the shares that follow; what is left of the month’s base is not below zero for them, unless losses are shared (D17).',
  }),
  z
    .strictObject({
      kind: z.literal('tieredShare'),
      id,
      by: z.enum(['net', 'kWh']),
      steps: z.array(z.strictObject({ from: z.string().regex(/^\d{1,12}(\.\d{1,6})?$/), percent })).min(1),
      scope: shareScope,
    })
    .meta({ description: 'Percent of the month’s base within each step, from its threshold up to the next one; by the base itself or by the month’s kWh.' }),
  z.strictObject({ kind: z.literal('guarantee'), id, netPerMonth: amount, carryForward: z.boolean().default(false) }).meta({
    description: 'At least this much a month of the shares written before it, pass-through apart, prorated by days. Carried forward: what it added is taken back from later months above it.',
  }),
]);

const selfBilling = z.strictObject({ agreedOn: date, evidence: z.string().min(1) });

/** With a site owner: an ordered pipeline of clauses. */
const revenueShare = z.strictObject({
  kind: z.literal('revenueShare'),
  status,
  /** Who sells, with which VAT and text: we sell and pay for access; we sell and pay for the owner's electricity; we sell as the owner's agent. */
  supplyModel: z.enum(['siteAccess', 'ownersElectricity', 'agency']),
  /** What revenue earns a share (D16). */
  basis: z.enum(['billed', 'rated', 'paid']).default('billed'),
  /** What is written off at our cost still earns. */
  writtenOffAtOurCost: z.boolean().default(false),
  /** Value of a kWh that a customer's allowance covers, as share base; without it the marginal net (D44). */
  includedKwhValue: amount.exactOptional(),
  /** Who else earns, of every clause; percentages sum to at most 100, and what they leave is the contract's own account's (D15). */
  beneficiaries: z.array(z.strictObject({ accountId: z.string(), percent })).default([]),
  /** A negative month: credited, and the balance carried to the payout; or never below zero. The rest after pass-through is floored at 0 per statement unless losses are shared (D17). */
  negativeMonth: z.enum(['carry', 'floor']).default('carry'),
  sharesLosses: z.boolean().default(false),
  /** The owner lets us write his invoices, and on what evidence; without it, or without a registration for VAT, he gets a settlement statement without VAT (D46). */
  selfBilling: selfBilling.exactOptional(),
  clauses: z.array(shareClause),
});

/** With a driver who charges a fleet's car at home: the driver's outlay, and what the fleet pays. */
const homeCharging = z.strictObject({
  kind: z.literal('homeCharging'),
  status,
  /** The fleet's account. */
  payerAccountId: z.string(),
  /** disbursement: the same amount both ways, outside VAT. resale: bought and sold on, with VAT on the recharge. */
  model: z.enum(['disbursement', 'resale']),
  price: energyPriceSchema,
  /** resale only: what comes on top per kWh. */
  resaleMarkupPerKwh: amount.default('0'),
  platformFeePerSession: amount.exactOptional(),
  /** A driver who is registered for VAT lets us write the invoices of what is bought; without it, a statement without VAT. */
  selfBilling: selfBilling.exactOptional(),
});

/** What a version of a contract says. The clauses' ids are unique within it. */
export const agreementSchema = z.discriminatedUnion('kind', [supply, roamingSale, roamingPurchase, revenueShare, homeCharging]);

export type Agreement = z.infer<typeof agreementSchema>;
export type AgreementKind = Agreement['kind'];
export type AgreementOf<Kind extends AgreementKind> = Extract<Agreement, { kind: Kind }>;
export type SupplyClause = z.infer<typeof supplyClause>;
export type ShareClause = z.infer<typeof shareClause>;
export type EnergyPrice = z.infer<typeof energyPriceSchema>;
export type Scope = { readonly siteIds?: readonly string[]; readonly siteKinds?: readonly ('own' | 'foreign' | 'home')[] };
