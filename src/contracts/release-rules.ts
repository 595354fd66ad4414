import { z } from 'zod';

const minor = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const handful = z.int().min(0).max(1000).meta({ description: 'How many documents of each strategy and currency go first; 0: none.' });
const release = z.enum(['auto', 'wait']).meta({ description: 'Whether a group goes on by itself once its canary holds, or waits to be released.' });

const secondApprover = z
  .strictObject({
    strategy: z.string().min(1).exactOptional(),
    category: z.string().min(1).exactOptional(),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/)
      .exactOptional(),
    groupAbove: minor.exactOptional().meta({ description: 'Minor units: the payable of such documents of a group, whatever their sign.' }),
    documentAbove: minor.exactOptional().meta({ description: 'Minor units: the payable of any one such document.' }),
  })
  .refine((rule) => rule.groupAbove !== undefined || rule.documentAbove !== undefined, 'say groupAbove, documentAbove or both');

const hours = z.number().positive().max(8760);

/** When two have to approve a release group, which of its documents are issued first, and when a run that waits for approval says so. */
export const releaseRulesSchema = z.strictObject({
  secondApprover: z.array(secondApprover).max(100).default([]),
  canary: z
    .strictObject({
      documents: handful.default(2),
      smallestGroup: z.int().min(0).max(1_000_000).default(20).meta({ description: 'A group with fewer documents has no canary.' }),
      release: release.default('auto'),
      strategies: z.record(z.string(), z.strictObject({ documents: handful.exactOptional(), release: release.exactOptional() })).default({}),
    })
    .prefault({}),
  reminders: z
    .strictObject({
      afterHours: hours.default(72).meta({ description: 'How long a run waits for approval before it says so.' }),
      everyHours: hours.default(24).meta({ description: 'How often it says so again.' }),
    })
    .prefault({}),
});

export type ReleaseRules = z.infer<typeof releaseRulesSchema>;
