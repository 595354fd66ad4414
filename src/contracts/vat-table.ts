import { z } from 'zod';

/** What is supplied, as VAT sees it. */
export const supplies = ['electricity', 'subscription', 'service', 'siteAccess', 'ownersElectricity', 'agency', 'disbursement'] as const;
const where = z.enum(['sellersCountry', 'otherEu', 'outsideEu']);
const status = z.enum(['consumer', 'business', 'reseller']);

/** One row: all that `when` names must hold; what it leaves out may be anything. */
const row = z.strictObject({
  id: z.string().regex(/^[a-z0-9-]{3,60}$/),
  when: z.strictObject({
    direction: z.enum(['sale', 'purchase']),
    supply: z.array(z.enum(supplies)).min(1).exactOptional(),
    /** Where the charger stands, seen from the entity. */
    charger: z.array(where).min(1).exactOptional(),
    /** The other party: who buys, or from whom is bought. */
    party: z.array(status).min(1).exactOptional(),
    established: z.array(where).min(1).exactOptional(),
    /** Its status is proven by evidence that holds on the tax date. */
    proven: z.boolean().exactOptional(),
    /** The entity is registered where the charger stands (a sale), or the party is registered for VAT (a purchase). */
    registered: z.boolean().exactOptional(),
  }),
  decides: z.discriminatedUnion('vat', [
    /** The rate of the charger's country that the tariff states, else its only one. */
    z.strictObject({ vat: z.literal('ofCharger') }),
    /** The rate of the entity's country. */
    z.strictObject({ vat: z.literal('ofSeller') }),
    /** This code, such as one of category AE or O. */
    z.strictObject({ vat: z.literal('code'), code: z.string() }),
    z.strictObject({ vat: z.literal('blocked'), why: z.string() }),
  ]),
  /** The law or ruling, in short. */
  basis: z.string(),
});

/** Decides the VAT of a supply: the first row that holds. No row is a finding, never a default. */
export const vatTableSchema = z.array(row).min(1);
export type VatTable = z.infer<typeof vatTableSchema>;
export type Supply = (typeof supplies)[number];
export type Whereabouts = z.infer<typeof where>;
export type VatStatus = z.infer<typeof status>;
