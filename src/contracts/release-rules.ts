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

/** When two have to approve a release group, and which of its documents are issued first. */
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
});

export type ReleaseRules = z.infer<typeof releaseRulesSchema>;
