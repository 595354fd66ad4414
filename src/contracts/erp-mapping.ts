/** Ours to the ERP's. A kind that is left out has the same codes there; within a kind that is not, every code has to stand. */
export type ErpMapping = {
  readonly accounts?: Readonly<Record<string, string>>;
  readonly costCenters?: Readonly<Record<string, string>>;
  readonly vatCodes?: Readonly<Record<string, string>>;
};

/** What an ERP has: codes with their names. */
export type ErpMasterData = {
  readonly accounts: readonly { readonly code: string; readonly name: string }[];
  readonly costCenters: readonly { readonly code: string; readonly name: string }[];
  /** Empty where it keeps none: then ours are not checked. */
  readonly vatCodes: readonly { readonly code: string; readonly name: string }[];
};
