/** A number series that a run took numbers of, and whether the whole series has gaps (invariant 5). */
export type SeriesAudit = {
  readonly seriesId: string;
  readonly documentType: string;
  readonly counterpartyId: string;
  readonly first: string;
  readonly last: string;
  readonly count: number;
  /** Numbers of the series that no document holds, at most ten; and how many lie beyond where it stands. Both are nothing, always. */
  readonly gaps: readonly string[];
  readonly beyond: number;
};

/** What was handed over and what the ERP holds, as the run last compared them: per kind, account, cost center, VAT code and currency. */
export type ErpTotal = {
  readonly kind: string;
  readonly glAccount: string;
  readonly costCenter: string;
  readonly vatCode: string;
  readonly currency: string;
  readonly handedOver: string;
  readonly inErp: string;
  readonly difference: string;
};

/** Revenue of the sub-ledger against the charges behind it: revenue = issued + unbilled + written off. Decimal text in major units. */
export type RevenueProof = {
  readonly month: string;
  readonly glAccount: string;
  readonly costCenter: string;
  readonly currency: string;
  readonly revenue: string;
  readonly issued: string;
  readonly unbilled: string;
  readonly writtenOff: string;
  readonly difference: string;
};

/** What the ledger holds as unbilled against the charges that are: equal, always. Decimal text in major units. */
export type UnbilledProof = { readonly currency: string; readonly ledger: string; readonly charges: string; readonly difference: string };
