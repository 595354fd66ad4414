import { sha256 } from '../../core/seal/charge-record.ts';
import { arrayOf, bytea, int4, text } from '../binary.ts';
import type { Db } from '../db.ts';

export type RawInput = {
  readonly sourceId: string;
  readonly batchId: string | null;
  readonly receivedAt: Date;
  readonly messages: readonly { readonly recordKey: string; readonly bytes: Uint8Array; readonly lineNo: number | null }[];
  /** Also finds what stands under each key already. */
  readonly findKnown?: boolean;
};
export type StoredRaw = {
  readonly rawId: bigint;
  readonly recordKey: string;
  /** The hashes of the facts that stand or wait under the key; null where it is new, or nobody asked. */
  readonly knownFacts: readonly Buffer[] | null;
};

// A lookup for each message, since a join may be planned to read every head of the source.
const knownFactsSql = `(SELECT array_remove(ARRAY[h.facts_hash, h.waiting_hash], NULL) FROM record_head h WHERE h.source_id = $1 AND h.owner_country = upper(split_part(record_key, '*', 1))::char(2)
  AND h.owner_party = upper(split_part(record_key, '*', 2)) AND h.cdr_id = substr(record_key, strpos(record_key, '*') + strpos(substr(record_key, strpos(record_key, '*') + 1), '*') + 1))`;

/** The same of a message that comes alone, by a parameter: known before the statement runs, it leaves one of the heads' partitions to open instead of all. */
const knownFactsOfOneSql = knownFactsSql.replaceAll('record_key', '$9::text');

type Statement = { readonly text: string; readonly values: readonly unknown[] };

/**
 * Stores messages as they came, before anything else is tried, and puts each on the work list: one statement.
 * Bodies lie apart by their hash, so that the same bytes are kept once a month and can be expunged alone.
 */
export async function storeRawMessages(db: Db, input: RawInput): Promise<StoredRaw[]> {
  if (input.messages.length === 0) return [];
  const { text, values } = storing(input);
  const stored = await db.query<{ id: bigint; record_key: string; known_facts: Buffer[] | null }>(text, [...values]);
  return stored.rows.map((row) => ({ rawId: row.id, recordKey: row.record_key, knownFacts: row.known_facts }));
}

/** `storeRawMessages` for a lot of messages that comes in parts: a part is made ready, which may take as long, while the database stores the one before. */
export async function storeRawParts(db: Db, parts: Iterable<RawInput>): Promise<void> {
  let underWay: Promise<unknown> | undefined;
  try {
    for (const part of parts) {
      const { text, values } = storing(part);
      await underWay;
      underWay = db.query(text, [...values]);
    }
  } finally {
    await underWay;
  }
}

function storing(input: RawInput): Statement {
  const month = `${input.receivedAt.toISOString().slice(0, 7)}-01`;
  const hashes = input.messages.map((m) => sha256(m.bytes));
  const [only] = input.messages.length === 1 ? input.messages : [];
  const knownFacts = input.findKnown !== true ? 'NULL::bytea[]' : only === undefined ? knownFactsSql : knownFactsOfOneSql;
  return {
    text: `WITH bodies AS (
       INSERT INTO raw_body (received_month, hash, bytes, length) SELECT $4::date, h, b, length(b) FROM unnest($5::bytea[], $8::bytea[]) AS t(h, b) ON CONFLICT DO NOTHING
     ), stored AS (
       INSERT INTO raw_message (source_id, batch_id, line_no, received_at, received_month, body_hash, record_key)
       SELECT $1, $2, line_no, $3, $4::date, hash, record_key
       FROM unnest($5::bytea[], $6::text[], $7::integer[]) WITH ORDINALITY AS t(hash, record_key, line_no, n) ORDER BY n
       RETURNING id, record_key
     ), listed AS (
       INSERT INTO raw_pending (raw_id, source_id, record_key, received_at, batch_id) SELECT id, $1, record_key, $3, $2 FROM stored
     ) SELECT id, record_key, ${knownFacts} AS known_facts FROM stored ORDER BY id`,
    values: [
      input.sourceId,
      input.batchId,
      input.receivedAt,
      month,
      arrayOf(bytea, hashes, (hash) => hash),
      arrayOf(text, input.messages, (m) => m.recordKey),
      arrayOf(int4, input.messages, (m) => m.lineNo),
      arrayOf(bytea, input.messages, (m) => m.bytes),
      ...(knownFacts === knownFactsOfOneSql && only !== undefined ? [only.recordKey] : []),
    ],
  };
}

export type PendingFilter = {
  readonly batchId?: string;
  readonly before?: Date;
  /** Only messages after this one. */
  readonly after?: string;
  /** One of several lanes by the record's key: the messages of a key are all in one. */
  readonly lane?: { readonly index: number; readonly of: number };
  readonly limit: number;
};

/** Message ids of a batch, or of the whole work list (older than `before`), not yet processed; oldest first. */
export async function pendingMessages(db: Db, filter: PendingFilter): Promise<string[]> {
  const { rows } = await db.query<{ raw_id: bigint }>(
    `SELECT raw_id FROM raw_pending
     WHERE ($1::text IS NULL OR batch_id = $1) AND ($2::timestamptz IS NULL OR received_at < $2) AND raw_id > $4 AND (hashtext(record_key) & 2147483647) % $5 = $6
     ORDER BY raw_id LIMIT $3`,
    [filter.batchId ?? null, filter.before ?? null, filter.limit, filter.after ?? '0', filter.lane?.of ?? 1, filter.lane?.index ?? 0],
  );
  return rows.map((row) => row.raw_id.toString());
}

/** The same of one record: ids of messages under its key that are not yet processed. */
export async function pendingOfRecord(db: Db, ref: { readonly sourceId: string; readonly recordKey: string }, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ raw_id: bigint }>('SELECT raw_id FROM raw_pending WHERE source_id = $1 AND record_key = $2 ORDER BY raw_id LIMIT $3', [ref.sourceId, ref.recordKey, limit]);
  return rows.map((row) => row.raw_id.toString());
}

/** How many messages of a list wait, counted no further than `most`. */
export async function pendingCountUpTo(db: Db, { batchId, before }: Pick<PendingFilter, 'batchId' | 'before'>, most: number): Promise<number> {
  const { rows } = await db.query<{ n: bigint }>(
    'SELECT count(*) AS n FROM (SELECT FROM raw_pending WHERE ($1::text IS NULL OR batch_id = $1) AND ($2::timestamptz IS NULL OR received_at < $2) LIMIT $3) p',
    [batchId ?? null, before ?? null, most],
  );
  return Number(rows[0]?.n ?? 0n);
}
