import type { ChargeFacts } from '../../contracts/charge-record.ts';
import type { Issue } from '../../core/issues.ts';
import { factsHash } from '../../core/normalise/facts-hash.ts';
import type { Db } from '../db.ts';
import { storeRawMessages } from '../intake/store-raw.ts';
import { recordKeySql } from '../record-key.ts';
import { Refused } from './refusal.ts';

type Context = { readonly sourceId: string; readonly ownerCountry: string; readonly ownerParty: string; readonly timeZone: string };
/** What receiving needs of a source's parser; the caller hands in the adapter's. */
export type CdrParser = {
  keyOf(bytes: Buffer, context: Context): string;
  parse(bytes: Buffer, context: Context): { readonly ok: true; readonly facts: ChargeFacts; readonly issues: readonly Issue[] } | { readonly ok: false; readonly issues: readonly Issue[] };
};
export type ReceivedItem = {
  readonly rawId: string;
  readonly recordKey: string;
  /** `duplicate`: the same facts are processed already; `held`: stored, but it cannot be billed as it is. */
  readonly status: 'accepted' | 'duplicate' | 'held';
  readonly issues: readonly Issue[];
};

/**
 * Stores CDRs as they came, durable once the transaction commits, and says of each what is known already. What cannot be read is
 * stored too: nothing is lost. Refused when the source is unknown.
 */
export async function receiveCdrs(
  db: Db,
  input: { readonly sourceId: string; readonly items: readonly Buffer[]; readonly receivedAt: Date },
  parserOf: (format: string) => CdrParser,
): Promise<ReceivedItem[]> {
  const source = (await db.query('SELECT format, owner_country, owner_party, time_zone FROM source WHERE id = $1', [input.sourceId])).rows[0];
  if (source === undefined) throw new Refused('notFound', `there is no source "${input.sourceId}"`);
  const parser = parserOf(source.format);
  const context = { sourceId: input.sourceId, ownerCountry: source.owner_country, ownerParty: source.owner_party, timeZone: source.time_zone };
  const messages = input.items.map((bytes) => ({ recordKey: parser.keyOf(bytes, context), bytes, lineNo: null }));
  const known = await knownFacts(
    db,
    input.sourceId,
    messages.map((m) => m.recordKey),
  );
  const stored = await storeRawMessages(db, { sourceId: input.sourceId, batchId: null, receivedAt: input.receivedAt, messages });
  return stored.map(({ rawId, recordKey }, i): ReceivedItem => {
    const parsed = parser.parse(input.items[i] ?? Buffer.alloc(0), context);
    const base = { rawId: rawId.toString(), recordKey, issues: parsed.issues };
    if (!parsed.ok) return { ...base, status: 'held' };
    return { ...base, status: known.get(recordKey)?.equals(factsHash(parsed.facts)) === true ? 'duplicate' : 'accepted' };
  });
}

async function knownFacts(db: Db, sourceId: string, keys: readonly string[]): Promise<Map<string, Buffer>> {
  const { rows } = await db.query<{ key: string; facts_hash: Buffer }>(
    `SELECT ${recordKeySql} AS key, h.facts_hash
     FROM unnest($2::char(2)[], $3::text[], $4::text[]) AS t(country, party, id)
     JOIN record_head h ON h.source_id = $1 AND h.owner_country = t.country AND h.owner_party = t.party AND h.cdr_id = t.id WHERE h.facts_hash IS NOT NULL`,
    [sourceId, keys.map((k) => (k.split('*')[0] ?? '').toUpperCase()), keys.map((k) => (k.split('*')[1] ?? '').toUpperCase()), keys.map((k) => k.split('*').slice(2).join('*'))],
  );
  return new Map(rows.map((r) => [r.key, r.facts_hash]));
}
