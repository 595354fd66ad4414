import { z } from 'zod';

/** What a dry run supposes. Without anything it shows what the live run of its month does, or would. */
export const whatIfSchema = z.object({
  rateAgain: z.boolean().default(false),
  tariffVersionIds: z.array(z.string().min(1)).max(200).default([]),
});
export type WhatIf = z.infer<typeof whatIfSchema>;
