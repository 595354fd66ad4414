/** Which waiting records: those on messages of a batch, or on messages named; those of a source; or all that have waited for so long. */
export type UnattendedScope = { readonly batchId: string } | { readonly rawIds: readonly string[] } | { readonly sourceId: string } | { readonly olderThanMs: number };
/** A record that waits without a workflow of its own; `waitingSince` as the database writes it, to the microsecond. */
export type Unattended = { readonly sourceId: string; readonly recordKey: string; readonly recordId: string; readonly waitingSince: string };
