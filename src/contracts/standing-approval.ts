/** Money as decimal text in major units, dates as days of the entity. `approved`: groups it has approved. */
export type StandingApprovalView = {
  readonly id: string;
  readonly entityId: string;
  readonly strategy: string;
  readonly currency: string;
  readonly documentCap: string;
  readonly dayCap: string;
  readonly validFrom: string;
  readonly validTo: string;
  readonly reason: string;
  readonly proposedBy: string;
  readonly signedBy: string | null;
  readonly revokedBy: string | null;
  readonly approved: number;
};
