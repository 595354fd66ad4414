import type { SourceFacts } from '../../contracts/charge-record.ts';
import type { Issue } from '../../core/issues.ts';
import { factsHash } from '../../core/normalise/facts-hash.ts';
import { sealableFacts } from '../../core/normalise/token-ref.ts';
import type { Db } from '../db.ts';
import { type StoredRaw, storeRawMessages } from '../intake/store-raw.ts';

type Context = { readonly sourceId: string; readonly ownerCountry: string; readonly ownerParty: string; readonly timeZone: string };
type ParsedCdr = { readonly ok: true; readonly facts: SourceFacts; readonly credit?: true; readonly issues: readonly Issue[] } | { readonly ok: false; readonly issues: readonly Issue[] };
/** What receiving needs of a source's parser; the caller hands in the adapter's. */
export type CdrParser = {
  keyOf(bytes: Buffer, context: Context): string;
  parse(bytes: Buffer, context: Context): ParsedCdr;
};
export type ReceivingSource = { readonly format: string; readonly context: Context; readonly tokenSecret: Buffer };
export type ReceivedItem = {
  readonly rawId: string;
  readonly recordKey: string;
  /** `duplicate`: the same facts are processed already; `held`: stored, but it cannot be billed as it is. */
  readonly status: 'accepted' | 'duplicate' | 'held';
  readonly issues: readonly Issue[];
};

/** How a source's CDRs are read; undefined when there is no such source. */
export async function receivingSource(db: Db, sourceId: string): Promise<ReceivingSource | undefined> {
  const row = (await db.query('SELECT format, owner_country, owner_party, time_zone, secret FROM source, token_secret WHERE source.id = $1', [sourceId])).rows[0];
  return row === undefined ? undefined : { format: row.format, context: { sourceId, ownerCountry: row.owner_country, ownerParty: row.owner_party, timeZone: row.time_zone }, tokenSecret: row.secret };
}

/** What `storeCdrs` answers of a CDR. */
export type StoredCdr = StoredRaw;
/** A CDR as it came, under the key its parser reads. */
export type CdrMessage = { readonly recordKey: string; readonly bytes: Buffer };

/**
 * Stores CDRs as they came, in one statement that is durable when it returns, and finds what is known of each. What cannot be read
 * is stored too: nothing is lost.
 */
export function storeCdrs(db: Db, sourceId: string, messages: readonly CdrMessage[], receivedAt: Date): Promise<StoredCdr[]> {
  return storeRawMessages(db, { sourceId, batchId: null, receivedAt, messages: messages.map((m) => ({ ...m, lineNo: null })), findKnown: true });
}

/** Says of a stored CDR what its sender is told; `parsed` is what its parser reads in it. */
export function describeReceived(source: ReceivingSource, recordKey: string, { rawId, knownFacts }: StoredCdr, parsed: ParsedCdr): ReceivedItem {
  const base = { rawId: rawId.toString(), recordKey, issues: parsed.issues };
  if (!parsed.ok) return { ...base, status: 'held' };
  if (knownFacts === null) return { ...base, status: 'accepted' };
  const hash = factsHash(sealableFacts(parsed.facts, source.tokenSecret), parsed.credit);
  return { ...base, status: knownFacts.some((known) => known.equals(hash)) ? 'duplicate' : 'accepted' };
}

/** Stores CDRs of one sender together and says of each what is known already. */
export async function receiveCdrs(db: Db, source: ReceivingSource, items: readonly Buffer[], receivedAt: Date, parserOf: (format: string) => CdrParser): Promise<ReceivedItem[]> {
  const parser = parserOf(source.format);
  const messages = items.map((bytes) => ({ recordKey: parser.keyOf(bytes, source.context), bytes }));
  const stored = await storeCdrs(db, source.context.sourceId, messages, receivedAt);
  return messages.map(({ recordKey, bytes }, i) => describeReceived(source, recordKey, stored[i] as StoredCdr, parser.parse(bytes, source.context)));
}

/** True for an error of PostgreSQL that one message can cause for all that are stored with it; nothing was stored then. */
export function isOfOneMessage(error: unknown): boolean {
  // Data exceptions, violated constraints, limits of an index row; a deadlock with another statement.
  return /^(22|23|54|40)...$/.test((error as { code?: unknown }).code?.toString() ?? '');
}
