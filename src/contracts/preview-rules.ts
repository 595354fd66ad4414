import { z } from 'zod';

const setting = z.strictObject({
  severity: z.enum(['off', 'info', 'warns', 'blocks']).exactOptional(),
  limits: z
    .record(z.string(), z.int().min(0).max(Number.MAX_SAFE_INTEGER))
    .exactOptional()
    .meta({ description: 'Limits by their names, in whole units: Wh, %, minor units of the entity’s books, counts.' }),
});

/** How an entity's previews are judged, where it differs from the defaults of the rules. */
export const previewRulesSchema = z.strictObject({ rules: z.record(z.string(), setting).default({}).meta({ description: 'By the rule’s code.' }) });

export type PreviewRules = z.infer<typeof previewRulesSchema>;
