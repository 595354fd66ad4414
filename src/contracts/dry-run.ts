import { z } from 'zod';

/** What a dry run supposes. Without anything it shows what the live run of its month does, or would. */
export const whatIfSchema = z.object({
  rateAgain: z.boolean().default(false),
  tariffVersionIds: z.array(z.string().min(1)).max(200).default([]),
});
export type WhatIf = z.infer<typeof whatIfSchema>;

/** A run of the same calendar and period as another, to be compared with it. `isSelection`: it is off-cycle, of some accounts alone. */
export type SiblingRun = { readonly runId: string; readonly kind: string; readonly state: string; readonly whatIf: WhatIf | null; readonly isSelection: boolean };
/** Other runs of the same period that can be compared with one: those that are shown, and how many more there are. */
export type Siblings = { readonly siblings: readonly SiblingRun[]; readonly moreSiblings: number };
