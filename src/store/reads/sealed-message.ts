import type { ChargeFacts, ChargeRecord } from '../../contracts/charge-record.ts';
import type { Db } from '../db.ts';

/** The message a sealed revision stands on, with what a parser needs to know of its source and the facts that were sealed from it. */
export type SealedMessageRow = {
  readonly recordId: string;
  readonly revision: number;
  readonly rawId: string;
  readonly receivedAt: string;
  /** Null when the body was expunged. */
  readonly bytes: Buffer | null;
  readonly format: string;
  readonly context: { readonly sourceId: string; readonly ownerCountry: string; readonly ownerParty: string; readonly timeZone: string };
  readonly facts: ChargeFacts;
  readonly tokenSecret: Buffer;
};

/** The message of a record's revision (the current one unless told); undefined when there is no such sealed revision. */
export async function sealedMessage(db: Db, recordId: string, revision?: number): Promise<SealedMessageRow | undefined> {
  const { rows } = await db.query(
    `SELECT r.record_id, r.revision, r.raw_id, r.canonical, m.received_at, b.bytes, s.id, s.format, s.owner_country, s.owner_party, s.time_zone, k.secret
     FROM token_secret k, charge_record r JOIN raw_message m ON m.id = r.raw_id JOIN raw_body b ON b.received_month = m.received_month AND b.hash = m.body_hash JOIN source s ON s.id = m.source_id
     WHERE r.record_id = $1 AND ($2::integer IS NULL OR r.revision = $2) ORDER BY r.revision DESC LIMIT 1`,
    [recordId, revision ?? null],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const record = JSON.parse(row.canonical.toString('utf8')) as ChargeRecord;
  // What the facts were resolved to was not in the message.
  const { siteId: _site, accountId: _account, ...facts } = record.facts;
  return {
    recordId: String(row.record_id),
    revision: row.revision,
    rawId: String(row.raw_id),
    receivedAt: row.received_at.toISOString(),
    bytes: row.bytes,
    format: row.format,
    context: { sourceId: row.id, ownerCountry: row.owner_country, ownerParty: row.owner_party, timeZone: row.time_zone },
    facts,
    tokenSecret: row.secret,
  };
}
