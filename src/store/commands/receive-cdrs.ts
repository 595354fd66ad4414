import type { SourceFacts } from '../../contracts/charge-record.ts';
import type { Issue } from '../../core/issues.ts';
import { factsHash } from '../../core/normalise/facts-hash.ts';
import { sealableFacts } from '../../core/normalise/token-ref.ts';
import type { Db } from '../db.ts';
import { storeRawMessages } from '../intake/store-raw.ts';
import { recordKeySql } from '../record-key.ts';

type Context = { readonly sourceId: string; readonly ownerCountry: string; readonly ownerParty: string; readonly timeZone: string };
/** What receiving needs of a source's parser; the caller hands in the adapter's. */
export type CdrParser = {
  keyOf(bytes: Buffer, context: Context): string;
  parse(bytes: Buffer, context: Context): { readonly ok: true; readonly facts: SourceFacts; readonly issues: readonly Issue[] } | { readonly ok: false; readonly issues: readonly Issue[] };
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

/**
 * Stores CDRs as they came, in one statement that is durable when it returns, and says of each what is known already. What cannot be read
 * is stored too: nothing is lost.
 */
export async function receiveCdrs(db: Db, source: ReceivingSource, items: readonly Buffer[], receivedAt: Date, parserOf: (format: string) => CdrParser): Promise<ReceivedItem[]> {
  const parser = parserOf(source.format);
  const { sourceId } = source.context;
  const messages = items.map((bytes) => ({ recordKey: parser.keyOf(bytes, source.context), bytes, lineNo: null }));
  const known = await knownFacts(
    db,
    sourceId,
    messages.map((m) => m.recordKey),
  );
  const stored = await storeRawMessages(db, { sourceId, batchId: null, receivedAt, messages });
  return stored.map(({ rawId, recordKey }, i): ReceivedItem => {
    const parsed = parser.parse(items[i] ?? Buffer.alloc(0), source.context);
    const base = { rawId: rawId.toString(), recordKey, issues: parsed.issues };
    if (!parsed.ok) return { ...base, status: 'held' };
    return { ...base, status: isKnown(known.get(recordKey), factsHash(sealableFacts(parsed.facts, source.tokenSecret))) ? 'duplicate' : 'accepted' };
  });
}

function isKnown(hashes: readonly Buffer[] | undefined, hash: Buffer): boolean {
  return hashes?.some((known) => known.equals(hash)) === true;
}

async function knownFacts(db: Db, sourceId: string, keys: readonly string[]): Promise<Map<string, readonly Buffer[]>> {
  const { rows } = await db.query<{ key: string; hashes: Buffer[] }>(
    `SELECT ${recordKeySql} AS key, array_remove(ARRAY[h.facts_hash, h.waiting_hash], NULL) AS hashes
     FROM unnest($2::char(2)[], $3::text[], $4::text[]) AS t(country, party, id)
     JOIN record_head h ON h.source_id = $1 AND h.owner_country = t.country AND h.owner_party = t.party AND h.cdr_id = t.id`,
    [sourceId, keys.map((k) => (k.split('*')[0] ?? '').toUpperCase()), keys.map((k) => (k.split('*')[1] ?? '').toUpperCase()), keys.map((k) => k.split('*').slice(2).join('*'))],
  );
  return new Map(rows.map((r) => [r.key, r.hashes]));
}
