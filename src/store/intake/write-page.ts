import { type Charge, mirrorOf } from '../../core/allocate/charges.ts';
import { invariant } from '../../core/invariant.ts';
import type { Issue } from '../../core/issues.ts';
import { postingsFor } from '../../core/ledger/postings.ts';
import { chargeHash, hashOfChargeText, type SealedRecord } from '../../core/seal/charge-record.ts';
import { parseInstant } from '../../core/time.ts';
import { arrayOf, bytea, byteaOfHex, byteaOfText, date, int4, int8, jsonb, text, timestamptz } from '../binary.ts';
import { type CopyTable, column, copyIn, rowsFor } from '../copy-in.ts';
import { type Db, TryAgain } from '../db.ts';
import { chargeOfRow } from './charge-of-row.ts';
import { type Head, headKeyText } from './load-page.ts';
import type { TokenUse } from './load-setup.ts';

export type Outcome = 'accepted' | 'revised' | 'duplicate' | 'superseded' | 'conflict' | 'quarantined' | 'linked';
export type OutcomeRow = { readonly rawId: bigint; readonly recordId: bigint; readonly revision: number; readonly outcome: Outcome; readonly issues: readonly Issue[] };
export type FindingRow = { readonly rawId: bigint; readonly recordId: bigint; readonly issue: Issue; readonly profileVersion: number };
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

const outcomeTable: CopyTable<OutcomeRow> = {
  name: 'raw_outcome',
  columns: [
    column('raw_id', int8, (r) => r.rawId),
    column('record_id', int8, (r) => r.recordId),
    column('revision', int4, (r) => r.revision),
    column('outcome', text, (r) => r.outcome),
    column('issues', jsonb, (r) => issuesText(r.issues)),
  ],
};

/** Nearly always there are none. */
function issuesText(issues: readonly Issue[]): string {
  return issues.length === 0 ? '[]' : JSON.stringify(issues);
}

/** Writes outcomes and takes the messages off the work list. */
export async function writeOutcomes(db: Db, rows: readonly OutcomeRow[]): Promise<void> {
  if (rows.length === 0) return;
  await copyIn(db, [rowsFor(outcomeTable, rows)]);
  await db.query('DELETE FROM raw_pending WHERE raw_id = ANY($1::bigint[])', [arrayOf(int8, rows, (r) => r.rawId)]);
}

const findingTable: CopyTable<FindingRow> = {
  name: 'finding',
  columns: [
    column('raw_id', int8, (r) => r.rawId),
    column('record_id', int8, (r) => r.recordId),
    column('code', text, (r) => r.issue.code),
    column('rule_version', int4, (r) => r.issue.ruleVersion ?? 1),
    column('severity', text, (r) => r.issue.severity),
    column('subject', text, (r) => r.issue.subject),
    column('params', jsonb, (r) => JSON.stringify(r.issue.params)),
    column('computed', text, (r) => r.issue.params['computed']?.toString() ?? null),
    column('allowed', text, (r) => r.issue.params['limit']?.toString() ?? null),
    column('profile_version', int4, (r) => r.profileVersion),
  ],
};

/** Keeps what was found of each message, with the rule's version, what it computed and what it allows. */
export async function writeFindings(db: Db, rows: readonly FindingRow[]): Promise<void> {
  if (rows.length > 0) await copyIn(db, [rowsFor(findingTable, rows)]);
}

/** Keeps the UIDs that references stand for, and the day each was last seen. */
export async function writeTokens(db: Db, tokens: readonly TokenUse[]): Promise<void> {
  if (tokens.length === 0) return;
  // In one order everywhere, so that two pages never wait for each other.
  const sorted = [...tokens].sort((a, b) => (a.sourceId + a.ref < b.sourceId + b.ref ? -1 : 1));
  await db.query(
    `INSERT INTO token (source_id, ref, uid) SELECT n.* FROM unnest($1::text[], $2::text[], $3::text[]) AS n(source_id, ref, uid)
     WHERE NOT EXISTS (SELECT FROM token t WHERE t.source_id = n.source_id AND t.ref = n.ref AND t.last_seen_on >= CURRENT_DATE)
     ON CONFLICT (source_id, ref) DO UPDATE SET last_seen_on = CURRENT_DATE WHERE token.last_seen_on < CURRENT_DATE`,
    [arrayOf(text, sorted, (t) => t.sourceId), arrayOf(text, sorted, (t) => t.ref), arrayOf(text, sorted, (t) => t.uid)],
  );
}

const headColumns =
  'source_id, owner_country, owner_party, cdr_id, record_id, revision, facts_hash, state, session_key, site_id, account_id, service_month, energy_wh, waiting_for, waiting_raw_id, issues, source_updated_at, token_ref, waiting_hash, waiting_updated_at, at_risk_minor, at_risk_currency, linked_to';
const headArrays = `unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::integer[], $7::bytea[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[], $14::text[], $15::bigint[], $16::jsonb[], $17::timestamptz[],
    $18::text[], $19::bytea[], $20::timestamptz[], $21::bigint[], $22::text[], $23::bigint[])
  AS t(${headColumns})`;

/**
 * Brings the heads of the page to their new state: those locked by `lockHeads` are updated, those it found missing are
 * inserted, in key order, so that two transactions never wait for each other crosswise. Throws TryAgain when somebody else
 * made the head of a key that was new here: anew, the transaction finds it and waits for its lock.
 */
export async function writeHeads(db: Db, rows: readonly Head[]): Promise<void> {
  const known = rows.filter((row) => !row.isNew);
  const added = rows.filter((row) => row.isNew).map((row) => ({ row, text: headKeyText(row.key) }));
  if (known.length > 0) {
    await db.query(
      `UPDATE record_head h SET revision = t.revision, facts_hash = t.facts_hash, state = t.state, session_key = t.session_key, site_id = t.site_id, account_id = t.account_id,
         service_month = t.service_month, energy_wh = t.energy_wh, waiting_for = t.waiting_for, issues = t.issues, source_updated_at = t.source_updated_at, token_ref = t.token_ref,
         waiting_since = CASE WHEN t.waiting_raw_id IS NOT NULL THEN CASE WHEN h.waiting_raw_id = t.waiting_raw_id THEN h.waiting_since ELSE now() END END,
         waiting_raw_id = t.waiting_raw_id, waiting_hash = t.waiting_hash, waiting_updated_at = t.waiting_updated_at, at_risk_minor = t.at_risk_minor, at_risk_currency = t.at_risk_currency,
         linked_to = t.linked_to, updated_at = now()
       FROM ${headArrays} WHERE h.source_id = t.source_id AND h.owner_country = t.owner_country::char(2) AND h.owner_party = t.owner_party AND h.cdr_id = t.cdr_id`,
      headValues(known),
    );
  }
  if (added.length === 0) return;
  added.sort((a, b) => (a.text < b.text ? -1 : 1));
  const inserted = db.query(
    `INSERT INTO record_head (${headColumns}, waiting_since) SELECT t.*, CASE WHEN t.waiting_raw_id IS NOT NULL THEN now() END FROM ${headArrays}`,
    headValues(added.map((a) => a.row)),
  );
  await inserted.catch((error: Error & { code?: string; table?: string }) => {
    if (error.code === '23505') throw new TryAgain('a record of this page was begun by another transaction', { cause: error });
    throw error;
  });
}

function headValues(rows: readonly Head[]): Buffer[] {
  return [
    arrayOf(text, rows, (r) => r.key.sourceId),
    arrayOf(text, rows, (r) => r.key.ownerCountry),
    arrayOf(text, rows, (r) => r.key.ownerParty),
    arrayOf(text, rows, (r) => r.key.cdrId),
    arrayOf(int8, rows, (r) => r.recordId),
    arrayOf(int4, rows, (r) => r.revision),
    arrayOf(bytea, rows, (r) => r.standing?.hash ?? null),
    arrayOf(text, rows, (r) => r.state),
    arrayOf(text, rows, (r) => r.sessionKey),
    arrayOf(text, rows, (r) => r.siteId),
    arrayOf(text, rows, (r) => r.accountId),
    arrayOf(text, rows, (r) => r.serviceMonth),
    arrayOf(int8, rows, (r) => r.energyWh),
    arrayOf(text, rows, (r) => r.waitingFor),
    arrayOf(int8, rows, (r) => r.waiting?.rawId ?? null),
    arrayOf(jsonb, rows, (r) => issuesText(r.issues)),
    arrayOf(timestamptz, rows, (r) => r.standing?.updatedAt ?? null),
    arrayOf(text, rows, (r) => r.tokenRef),
    arrayOf(bytea, rows, (r) => r.waiting?.hash ?? null),
    arrayOf(timestamptz, rows, (r) => r.waiting?.updatedAt ?? null),
    arrayOf(int8, rows, (r) => r.worth?.minor ?? null),
    arrayOf(text, rows, (r) => r.worth?.currency ?? null),
    arrayOf(int8, rows, (r) => r.linkedTo),
  ];
}

type ChargeRow = {
  readonly record: Omit<BookedRecord, 'revision'>;
  readonly sessionKey: string;
  readonly revision: number;
  readonly charge: Charge;
  readonly reversalOf: bigint | null;
  readonly hash: string;
};
/** As it goes into the database: under its own id and that of its page. */
type BookedCharge = { readonly row: ChargeRow; readonly chargeId: bigint; readonly pageId: string };

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

const chargeTable: CopyTable<BookedCharge> = {
  name: 'rated_charge',
  columns: [
    column('charge_id', int8, (r) => r.chargeId),
    column('record_id', int8, ({ row }) => row.record.recordId),
    column('revision', int4, ({ row }) => row.revision),
    column('session_key', text, ({ row }) => row.sessionKey),
    column('contract_id', text, ({ row }) => row.charge.contractId),
    column('clause', text, ({ row }) => row.charge.clause),
    column('role', text, ({ row }) => row.charge.role),
    column('component', text, ({ row }) => row.charge.component),
    column('split_no', int4, ({ row }) => row.charge.splitNo),
    column('contract_version', int4, ({ row }) => row.charge.contractVersion),
    column('payer_account_id', text, ({ row }) => row.charge.payerAccountId),
    column('payee_account_id', text, ({ row }) => row.charge.payeeAccountId),
    column('entity_id', text, ({ row }) => row.record.entityId),
    column('tariff_version_id', text, ({ row }) => row.charge.tariffVersionId),
    column('currency', text, ({ row }) => row.charge.currency),
    column('net_minor', int8, ({ row }) => row.charge.netMinor),
    column('gross_minor', int8, ({ row }) => row.charge.grossMinor),
    column('book_net_minor', int8, ({ row }) => row.charge.bookNetMinor),
    column('fx_rate', text, ({ row }) => row.charge.fxRate),
    column('vat_code', text, ({ row }) => row.charge.vatCode),
    column('vat_rule', text, ({ row }) => row.charge.vatRule),
    column('rounding_mode', text, ({ row }) => row.charge.roundingMode),
    column('exact_net', text, ({ row }) => row.charge.exactNet),
    column('unit_price', text, ({ row }) => row.charge.unitPrice),
    column('energy_wh', int8, ({ row }) => row.charge.energyWh),
    column('quantity', int8, ({ row }) => row.charge.quantity),
    column('quantity_unit', text, ({ row }) => row.charge.quantityUnit),
    column('gl_account', text, ({ row }) => row.charge.glAccount),
    column('cost_center', text, ({ row }) => row.charge.costCenter),
    column('customer_cost_center', text, ({ row }) => row.charge.customerCostCenter),
    column('unit_id', text, ({ row }) => row.charge.unitId),
    column('site_id', text, ({ row }) => row.charge.siteId),
    column('service_on', date, ({ row }) => row.charge.serviceOn),
    column('service_month', text, ({ row }) => row.charge.serviceMonth),
    column('mapping_version', int4, ({ row }) => row.charge.mappingVersion),
    column('reversal_of', int8, ({ row }) => row.reversalOf),
    column('page_id', text, (r) => r.pageId),
    column('charge_hash', byteaOfHex, ({ row }) => row.hash),
  ],
};

const identityTable: CopyTable<BookedCharge> = {
  name: 'charge_identity',
  columns: [column('identity_key', text, ({ row }) => `${row.sessionKey}|${row.charge.role}|${row.charge.component}|${row.charge.splitNo}`), column('charge_id', int8, (r) => r.chargeId)],
};

function instantMs(at: string): number {
  const ms = parseInstant(at);
  invariant(ms !== undefined, 'instants of sealed facts are RFC 3339');
  return ms;
}

/**
 * Seals records and books their charges: record rows, reversals of the revision they replace, charges with their
 * identity (invariant 2), and one journal per page and service month. What is booked of `unbooked` is reversed, and nothing takes its place.
 * All in the caller's transaction; `wave` numbers its calls there.
 */
export async function sealAndBook(db: Db, records: readonly RecordRow[], unbooked: readonly BookedRecord[], wave: number): Promise<void> {
  const reversals = await reversalsOf(db, [...records.filter((r) => r.revision > 1), ...unbooked]);
  const rows: ChargeRow[] = [...reversals, ...records.flatMap(chargesOf)];
  if (records.length === 0 && rows.length === 0) return;
  const page = await db.query<{ id: string; charge_ids: string[] }>(
    "SELECT 'page/' || pg_current_xact_id()::text || '.' || $1::text AS id, ARRAY(SELECT nextval('charge_id_seq') FROM generate_series(1, $2::integer)) AS charge_ids",
    [wave, rows.length],
  );
  const { id: pageId = '', charge_ids: chargeIds = [] } = page.rows[0] ?? {};
  const booked = rows.map((row, i): BookedCharge => ({ row, chargeId: BigInt(chargeIds[i] ?? 0), pageId }));
  const journals = journalsOf(rows, pageId);
  await copyIn(db, [
    rowsFor(recordTable, records),
    rowsFor(chargeTable, booked),
    rowsFor(
      identityTable,
      booked.filter(({ row }) => row.reversalOf === null),
    ),
    rowsFor(journalTable, journals),
    rowsFor(
      entryTable,
      journals.flatMap((j) => j.entries),
    ),
  ]);
}

function chargesOf(record: RecordRow): ChargeRow[] {
  const { charges, recordKey, revision, sealed, sessionKey } = record;
  return charges.map((charge, i) => ({ record, sessionKey, revision, charge, reversalOf: null, hash: hashOfChargeText(recordKey, revision, sealed.chargeTexts[i] ?? '', false) }));
}

/** The mirrors of what is booked of records; frees its identity. */
async function reversalsOf(db: Db, records: readonly BookedRecord[]): Promise<ChargeRow[]> {
  if (records.length === 0) return [];
  const byId = new Map(records.map((r) => [r.recordId, r]));
  const live = await db.query(`SELECT c.* FROM rated_charge c JOIN charge_identity i ON i.charge_id = c.charge_id WHERE c.record_id = ANY($1::bigint[]) AND c.reversal_of IS NULL`, [
    records.map((r) => r.recordId),
  ]);
  await db.query('DELETE FROM charge_identity WHERE charge_id = ANY($1::bigint[])', [live.rows.map((r) => r.charge_id)]);
  return live.rows.flatMap((r) => {
    const record = byId.get(r.record_id);
    if (record === undefined) return [];
    const charge = mirrorOf(chargeOfRow(r));
    return [{ record, sessionKey: r.session_key, revision: r.revision, charge, reversalOf: r.charge_id, hash: chargeHash(record.recordKey, r.revision, charge, true) }];
  });
}

/** One ledger transaction: what the charges of a page and service month come to, per account and dimensions. */
type Journal = { readonly key: string; readonly entityId: string; readonly effectiveOn: string; readonly pageId: string; readonly entries: readonly Entry[] };
type Dimensions = { readonly costCenter: string; readonly accountId: string | null; readonly siteId: string; readonly vatCode: string; readonly serviceMonth: string; readonly sourceId: string };
type Entry = { readonly of: Dimensions; readonly journal: string; readonly ledgerAccount: string; readonly unit: string; readonly amount: bigint; readonly count: number };
/** Charges that are posted alike; the counts are of those that carry money and energy. */
type Sum = Dimensions & { readonly isShare: boolean; readonly currency: string; netMinor: bigint; energyWh: bigint; withMoney: number; withEnergy: number };

const journalTable: CopyTable<Journal> = {
  name: 'ledger_transaction',
  columns: [
    column('key', text, (j) => j.key),
    column('entity_id', text, (j) => j.entityId),
    column('kind', text, () => 'rated'),
    column('effective_on', date, (j) => j.effectiveOn),
    column('source_ref', text, (j) => j.pageId),
  ],
};

const entryTable: CopyTable<Entry> = {
  name: 'ledger_entry',
  columns: [
    column('transaction_key', text, (e) => e.journal),
    column('ledger_account', text, (e) => e.ledgerAccount),
    column('unit', text, (e) => e.unit),
    column('amount', int8, (e) => e.amount),
    column('cost_center', text, (e) => e.of.costCenter),
    column('account_id', text, (e) => e.of.accountId),
    column('site_id', text, (e) => e.of.siteId),
    column('vat_code', text, (e) => e.of.vatCode),
    column('service_month', text, (e) => e.of.serviceMonth),
    column('source_id', text, (e) => e.of.sourceId),
    column('charge_count', int4, (e) => e.count),
  ],
};

function journalsOf(rows: readonly ChargeRow[], pageId: string): Journal[] {
  const byMonth = new Map<string, ChargeRow[]>();
  for (const row of rows) {
    const inMonth = byMonth.get(row.charge.serviceMonth);
    if (inMonth === undefined) byMonth.set(row.charge.serviceMonth, [row]);
    else inMonth.push(row);
  }
  return [...byMonth].flatMap(([month, inMonth]) => {
    const key = `${pageId}/${month}`;
    const entries = sumsOf(inMonth).flatMap((sum) => entriesOf(sum, key));
    const effectiveOn = inMonth.reduce((latest, { charge }) => (charge.serviceOn > latest ? charge.serviceOn : latest), '');
    return entries.length === 0 ? [] : [{ key, entityId: inMonth[0]?.record.entityId ?? '', effectiveOn, pageId, entries }];
  });
}

function sumsOf(rows: readonly ChargeRow[]): Sum[] {
  const sums = new Map<string, Sum>();
  for (const { charge, record } of rows) {
    const isShare = charge.role === 'siteShareEstimate';
    const { costCenter, siteId, vatCode, serviceMonth, currency } = charge;
    const accountId = charge.payerAccountId ?? charge.payeeAccountId;
    const key = `${isShare}\n${currency}\n${costCenter}\n${accountId}\n${siteId}\n${vatCode}\n${record.sourceId}`;
    let sum = sums.get(key);
    if (sum === undefined) {
      sum = { isShare, currency, costCenter, accountId, siteId, vatCode, serviceMonth, sourceId: record.sourceId, netMinor: 0n, energyWh: 0n, withMoney: 0, withEnergy: 0 };
      sums.set(key, sum);
    }
    sum.netMinor += charge.netMinor;
    sum.energyWh += charge.energyWh;
    if (charge.netMinor !== 0n) sum.withMoney += 1;
    if (charge.energyWh !== 0n) sum.withEnergy += 1;
  }
  return [...sums.values()];
}

/** Postings are linear: those of a sum are the sums of those of its charges. */
function entriesOf(sum: Sum, journal: string): Entry[] {
  const { isShare, currency, netMinor, energyWh, withMoney, withEnergy } = sum;
  const postings = isShare ? postingsFor({ kind: 'shareEstimated', currency, netMinor }) : postingsFor({ kind: 'saleRated', currency, netMinor, energyWh });
  return postings.flatMap(({ ledgerAccount, unit, amount }) => (amount === 0n ? [] : [{ of: sum, journal, ledgerAccount, unit, amount, count: unit === 'Wh' ? withEnergy : withMoney }]));
}
