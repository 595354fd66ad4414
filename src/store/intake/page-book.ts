import { type Charge, mirrorOf } from '../../core/allocate/charges.ts';
import { invariant } from '../../core/invariant.ts';
import { chargeHash, hashOfChargeText, type SealedRecord } from '../../core/seal/charge-record.ts';
import { parseInstant } from '../../core/time.ts';
import { byteaOfHex, byteaOfText, int4, int8, text, timestamptz } from '../binary.ts';
import { type CopyTable, column, copyIn, RowsWriter } from '../copy-in.ts';
import type { Db } from '../db.ts';
import { type ChargeToBook, RatedSums, unnumberedChargeTable } from '../ledger/book-charges.ts';
import { type GlAccounts, journalRows } from '../ledger/write-journals.ts';
import { chargeOfRow } from './charge-of-row.ts';

/** A record whose booked charges are to be reversed. */
export type BookedRecord = Pick<RecordRow, 'recordId' | 'revision' | 'sourceId' | 'entityId' | 'recordKey'>;
export type RecordRow = {
  readonly recordId: bigint;
  readonly revision: number;
  readonly rawId: bigint;
  readonly sourceId: string;
  readonly entityId: string;
  readonly recordKey: string;
  readonly sessionKey: string;
  readonly siteId: string;
  readonly accountId: string;
  readonly startAt: string;
  readonly endAt: string;
  readonly serviceMonth: string;
  readonly energyWh: number;
  readonly sealed: SealedRecord;
  readonly charges: readonly Charge[];
};

const recordTable: CopyTable<RecordRow> = {
  name: 'charge_record',
  columns: [
    column('record_id', int8, (r) => r.recordId),
    column('revision', int4, (r) => r.revision),
    column('raw_id', int8, (r) => r.rawId),
    column('source_id', text, (r) => r.sourceId),
    column('session_key', text, (r) => r.sessionKey),
    column('site_id', text, (r) => r.siteId),
    column('account_id', text, (r) => r.accountId),
    column('start_at', timestamptz, (r) => instantMs(r.startAt)),
    column('end_at', timestamptz, (r) => instantMs(r.endAt)),
    column('service_month', text, (r) => r.serviceMonth),
    column('energy_wh', int8, (r) => r.energyWh),
    column('canonical', byteaOfText, (r) => r.sealed.canonical),
    column('facts_hash', byteaOfHex, (r) => r.sealed.factsHash),
    column('rating_hash', byteaOfHex, (r) => r.sealed.ratingHash),
    column('allocation_hash', byteaOfHex, (r) => r.sealed.allocationHash),
    column('record_hash', byteaOfHex, (r) => r.sealed.recordHash),
  ],
};

function instantMs(at: string): number {
  const ms = parseInstant(at);
  invariant(ms !== undefined, 'instants of sealed facts are RFC 3339');
  return ms;
}

/**
 * What a page seals and books, each record once: its row, its charges, and what those come to in the ledger. Rows are encoded as they are
 * added, so that a decided record's text and charges die young instead of living as long as the page.
 */
export class PageBook {
  readonly #pageId: string;
  readonly #records = new RowsWriter(recordTable);
  readonly #charges = new RowsWriter(unnumberedChargeTable);
  readonly #sums = new RatedSums();
  readonly #replaced: BookedRecord[] = [];

  /** `pageId` names its charges and journals; no two have the same. */
  constructor(pageId: string) {
    this.#pageId = pageId;
  }

  /** A record to be sealed in the place of the revision before it, if there is one. */
  seal(record: RecordRow): void {
    if (record.revision > 1) this.takeBack(record);
    this.#records.add(record);
    for (const row of chargesOf(record)) this.#book(this.#charges, row);
  }

  /** A record whose booked charges are to be reversed. */
  takeBack({ entityId, recordId, recordKey, revision, sourceId }: BookedRecord): void {
    this.#replaced.push({ entityId, recordId, recordKey, revision, sourceId });
  }

  /** Writes it all in the caller's transaction, the reversals of what is replaced among it. Nothing is added afterwards. */
  async write(db: Db, gl: GlAccounts): Promise<void> {
    const mirrors = new RowsWriter(unnumberedChargeTable);
    for (const row of await reversalsOf(db, this.#replaced)) this.#book(mirrors, row);
    const written = [this.#records, mirrors, this.#charges].filter((rows) => rows.count > 0);
    if (written.length === 0) return;
    // What is taken back is numbered before what takes its place.
    await copyIn(db, [...written.map((rows) => rows.finish()), ...journalRows(this.#sums.journals(this.#pageId), gl)]);
  }

  #book(rows: RowsWriter<{ readonly row: ChargeToBook; readonly pageId: string }>, row: ChargeToBook): void {
    rows.add({ row, pageId: this.#pageId });
    this.#sums.add(row);
  }
}

/** The charges of a record as they are booked. */
export function chargesOf(record: RecordRow): ChargeToBook[] {
  const { charges, entityId, recordId, recordKey, revision, sealed, sessionKey, sourceId } = record;
  return charges.map((charge, i) => ({
    entityId,
    sourceId,
    recordId,
    revision,
    sessionKey,
    charge,
    reversalOf: null,
    hash: hashOfChargeText(recordKey, revision, sealed.chargeTexts[i] ?? '', false),
  }));
}

/** The mirrors of what is booked of records. */
async function reversalsOf(db: Db, records: readonly BookedRecord[]): Promise<ChargeToBook[]> {
  if (records.length === 0) return [];
  const byId = new Map(records.map((r) => [r.recordId, r]));
  const live = await db.query(`SELECT c.* FROM rated_charge c JOIN charge_identity i ON i.charge_id = c.charge_id WHERE c.record_id = ANY($1::bigint[]) AND c.reversal_of IS NULL`, [
    records.map((r) => r.recordId),
  ]);
  return live.rows.flatMap((r) => {
    const record = byId.get(r.record_id);
    if (record === undefined) return [];
    const { entityId, recordId, recordKey, sourceId } = record;
    const charge = mirrorOf(chargeOfRow(r));
    return [{ entityId, sourceId, recordId, revision: r.revision, sessionKey: r.session_key, charge, reversalOf: r.charge_id, hash: chargeHash(recordKey, r.revision, charge, true) }];
  });
}
