/** The accounts of an off-cycle run; null for a run of all. */
export type Selection = { readonly accountIds: readonly string[] };

/** SQL that holds when run `r` bills an account: an off-cycle run those of its selection, any other all. */
export const selected = (account: string) => `(r.selection IS NULL OR r.selection->'accountIds' ? ${account})`;
