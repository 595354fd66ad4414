import { parseInstant } from '../time.ts';

/** When an OCPI CDR was last updated, in epoch ms, by its own word, and whether it is a credit (mod_cdrs, CDR object); undefined where it says nothing that can be read. */
export function lastUpdatedOf(bytes: Buffer): { readonly atMs: number; readonly isCredit: boolean } | undefined {
  let cdr: { readonly last_updated?: unknown; readonly credit?: unknown } | null;
  try {
    cdr = JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
  const atMs = typeof cdr?.last_updated === 'string' ? parseInstant(cdr.last_updated) : undefined;
  return atMs === undefined ? undefined : { atMs, isCredit: cdr?.credit === true };
}
