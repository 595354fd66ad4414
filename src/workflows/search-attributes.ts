import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/** The search attributes ops filter by; the full list, fixed from the start (at most 10 Keywords a namespace). Registered at every start. */
export const searchAttributes = {
  kind: defineSearchAttributeKey('WlKind', SearchAttributeType.KEYWORD),
  state: defineSearchAttributeKey('WlState', SearchAttributeType.KEYWORD),
  period: defineSearchAttributeKey('WlPeriod', SearchAttributeType.KEYWORD),
  customerId: defineSearchAttributeKey('WlCustomerId', SearchAttributeType.KEYWORD),
  partner: defineSearchAttributeKey('WlPartner', SearchAttributeType.KEYWORD),
  exception: defineSearchAttributeKey('WlException', SearchAttributeType.KEYWORD),
  cdrCount: defineSearchAttributeKey('WlCdrCount', SearchAttributeType.INT),
  closesAt: defineSearchAttributeKey('WlClosesAt', SearchAttributeType.DATETIME),
} as const;
