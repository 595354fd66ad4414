import { z } from 'zod';
import { inOrder } from './bounds.ts';

const amount = z.string().regex(/^\d+(\.\d+)?$/, 'must be an amount such as 12.50, from 0 on');

/** Narrows a rule to some of the charges in its scope; energy and amounts are those of the whole session, without VAT, in the account's currency. */
export const exclusionPredicateSchema = z
  .strictObject({
    energyBelowWh: z.int().positive().exactOptional(),
    energyFromWh: z.int().positive().exactOptional(),
    amountAbove: amount.exactOptional(),
    amountUpTo: amount.exactOptional(),
    currency: z.string().length(3).exactOptional().meta({ description: 'Of the amounts; charges in another currency are not met.' }),
    serviceFrom: z.iso.date().exactOptional(),
    serviceTo: z.iso.date().exactOptional().meta({ description: 'The first day that is not met any more.' }),
    segment: z.enum(['driver', 'fleet', 'eMSP']).exactOptional(),
  })
  .refine((p) => p.currency !== undefined || (p.amountAbove === undefined && p.amountUpTo === undefined), { message: 'an amount needs its currency', path: ['currency'] });

/** The same as somebody proposes it. */
export const newExclusionPredicateSchema = exclusionPredicateSchema.superRefine(
  inOrder([
    { lower: 'energyFromWh', upper: 'energyBelowWh', open: true },
    { lower: 'amountAbove', upper: 'amountUpTo', open: true },
    { lower: 'serviceFrom', upper: 'serviceTo', open: true },
  ]),
);

/** A standing rule on what is left out of billing, as it is proposed. */
export const exclusionRuleSchema = z
  .strictObject({
    entityId: z.string().min(1),
    scope: z.enum(['record', 'account', 'customer', 'site', 'tariff']),
    subjectId: z.string().min(1).max(200).meta({ description: 'Id of the record, account, party, site or tariff.' }),
    predicate: newExclusionPredicateSchema.default({}),
    outcome: z.enum(['bill', 'writeOff', 'carry']).meta({ description: '`bill` takes a narrower part out of a wider rule.' }),
    maxAgeMonths: z.int().min(1).max(36).exactOptional().meta({ description: 'How long a charge is carried at most; then it is billed, with a finding. 3 unless told.' }),
    atOurCost: z.boolean().default(false).meta({ description: 'What is written off still earns the site owner’s share (D16).' }),
    validFrom: z.iso.date().meta({ description: 'The rule holds for a run when the last day of the run’s period lies in its time.' }),
    validTo: z.iso.date().exactOptional().meta({ description: 'The first day without it.' }),
    reviewOn: z.iso.date().meta({ description: 'From then on every run it hits says that somebody should look at it again.' }),
  })
  .refine((r) => r.outcome === 'carry' || r.maxAgeMonths === undefined, { message: 'only what is carried has a maximum age', path: ['maxAgeMonths'] })
  .refine((r) => r.outcome === 'writeOff' || !r.atOurCost, { message: 'only what is written off can be at our cost', path: ['atOurCost'] })
  .refine((r) => r.validTo === undefined || r.validTo > r.validFrom, { message: 'must be after validFrom', path: ['validTo'] });

export type ExclusionPredicate = z.infer<typeof exclusionPredicateSchema>;
export type ExclusionRule = z.infer<typeof exclusionRuleSchema>;
