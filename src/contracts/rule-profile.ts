import { z } from 'zod';

const severity = z.enum(['off', 'info', 'warns', 'blocks']);
const limits = z.record(z.string(), z.int().min(0));
const category = z.enum(['driver', 'fleet', 'eMSP']);
const setting = z.strictObject({
  severity: severity.exactOptional(),
  limits: limits.exactOptional().meta({ description: 'Limits by their names, in whole units: Wh, s, %, minor units.' }),
});

/** How a source's records are judged, where it differs from the defaults of the rules. */
export const ruleProfileSchema = z.strictObject({
  rules: z
    .record(z.string(), setting.extend({ byCategory: z.partialRecord(category, setting).exactOptional() }))
    .default({})
    .meta({ description: 'By the rule’s code; a setting for the payer’s category goes before the rule’s own.' }),
  secondPersonAbove: z
    .strictObject({ minor: z.int().min(0).exactOptional(), energyWh: z.int().min(0).exactOptional() })
    .exactOptional()
    .meta({
      description:
        'A decision on a record above either, as it is or as it is corrected, needs a second person. Money at risk in minor units of the entity’s books, by the last rate there is; where it cannot be told, as after a correction of times or to more energy, the limit counts as exceeded.',
    }),
});

export type RuleProfile = z.infer<typeof ruleProfileSchema>;
