/** What is kept for a time and then goes by itself, in the order in which a run takes it: what leans on another class goes before it. */
export const retentionClasses = ['sessionTrail', 'rawBody', 'tokenUid', 'idempotencyKey', 'driverIdentity'] as const;
export type RetentionClass = (typeof retentionClasses)[number];
