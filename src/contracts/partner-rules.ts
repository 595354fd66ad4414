import { z } from 'zod';
import { inOrder } from './bounds.ts';

/** What a partner is known to refuse of the CDRs it gets; what is left out it takes. */
export const partnerRulesSchema = z.strictObject({
  maxAgeDays: z.int().min(0).max(3650).exactOptional().meta({ description: 'Days after the end of the session, after which it takes none.' }),
  minEnergyWh: z.int().min(0).exactOptional().meta({ description: 'Less than this is refused.' }),
  maxEnergyWh: z.int().min(1).exactOptional(),
  minDurationS: z.int().min(0).exactOptional(),
  maxDurationS: z.int().min(1).exactOptional(),
  zeroCost: z.enum(['takes', 'refuses']).default('takes'),
  currencies: z
    .array(z.string().regex(/^[A-Z]{3}$/, 'ISO 4217, upper case'))
    .min(1)
    .exactOptional(),
  credits: z.enum(['takes', 'refuses']).default('takes').meta({ description: 'A hub that ignores credits refuses them: its corrections go by document.' }),
  needs: z.array(z.enum(['sessionId', 'authorizationId', 'tariff', 'evseId'])).default([]),
  maxIdLength: z.int().min(1).max(39).exactOptional(),
  maxPeriods: z.int().min(1).exactOptional(),
  /** eMI3: country, operator, E and the rest. */
  evseIdForm: z.enum(['any', 'emi3']).default('any'),
  priceDecimals: z.int().min(0).max(4).exactOptional().meta({ description: 'More decimals of the total are refused.' }),
});
/** As somebody sets them. */
export const newPartnerRulesSchema = partnerRulesSchema.superRefine(
  inOrder([
    { lower: 'minEnergyWh', upper: 'maxEnergyWh' },
    { lower: 'minDurationS', upper: 'maxDurationS' },
  ]),
);
export type PartnerRules = z.infer<typeof partnerRulesSchema>;
