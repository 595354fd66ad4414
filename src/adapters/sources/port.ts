import type { SourceFacts } from '../../contracts/charge-record.ts';
import type { Issue } from '../../core/issues.ts';

export type SourceContext = { readonly sourceId: string; readonly ownerCountry: string; readonly ownerParty: string; readonly timeZone: string };
export type SourceLine = { readonly lineNo: number; readonly bytes: Buffer };
/**
 * `updatedAt`: when the source last changed this CDR, in epoch ms, where its format says so; it orders versions, whatever order they come in.
 * `credit`: it takes back the CDR of this key, under an id of its own in `externalIds.cdr`.
 */
export type ParseResult = { readonly ok: true; readonly facts: SourceFacts; readonly updatedAt?: number; readonly credit?: true; readonly issues: readonly Issue[] } | ParseFailure;
/** What a record that cannot be read still states about its energy, for the balance of held Wh. */
export type ParseFailure = { readonly ok: false; readonly issues: readonly Issue[]; readonly statedWh?: number };

/** One foreign shape. Pure: bytes in, canonical facts or issues out; it decides nothing about prices or accounts. */
export type SourceParser = {
  readonly format: string;
  /** Cuts a file into messages, one per CDR; a file of the wrong shape is an issue and stores nothing. */
  splitFile(bytes: Buffer): { readonly ok: true; readonly lines: readonly SourceLine[] } | { readonly ok: false; readonly issues: readonly Issue[] };
  /** `cc*party*id`, or `unkeyed/<hash>` for what has no readable id, so that nothing is lost. */
  keyOf(bytes: Buffer, context: SourceContext): string;
  parse(bytes: Buffer, context: SourceContext): ParseResult;
};
