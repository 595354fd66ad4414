/** What a partner claims for a session and what we booked of it, net in minor units of one currency; null where it claims nothing that can be compared. */
export type ClaimedSession = {
  readonly claimedMinor: bigint | null;
  readonly bookedMinor: bigint;
  readonly claimCurrency: string | null;
  readonly currency: string;
  readonly origin: 'partner' | 'hub' | 'notSignificant' | null;
  /** Beyond the tolerance of the agreement, it was found when it was rated. */
  readonly found: boolean;
};
export const claimClasses = ['equal', 'rounding', 'tolerated', 'differs', 'otherCurrency', 'notSignificant', 'noClaim'] as const;
export type ClaimClass = (typeof claimClasses)[number];

/** What a difference is: none, the odd minor unit of rounding, within what was agreed, or to be taken up with the partner; or why nothing is compared. */
export function classifyClaim({ claimedMinor, bookedMinor, claimCurrency, currency, origin, found }: ClaimedSession): ClaimClass {
  if (origin === null || claimCurrency === null) return 'noClaim';
  if (origin === 'notSignificant') return 'notSignificant';
  if (claimCurrency !== currency) return 'otherCurrency';
  if (claimedMinor === null) return 'noClaim';
  const apart = claimedMinor - bookedMinor;
  if (apart === 0n) return 'equal';
  if (apart === 1n || apart === -1n) return 'rounding';
  return found ? 'differs' : 'tolerated';
}
