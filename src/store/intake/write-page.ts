import { type Charge, mirrorOf } from '../../core/allocate/charges.ts';
import type { Issue } from '../../core/issues.ts';
import { postingsFor } from '../../core/ledger/postings.ts';
import { chargeHash, type SealedRecord } from '../../core/seal/charge-record.ts';
import type { Db } from '../db.ts';
import { chargeOfRow } from './charge-of-row.ts';
import type { Head, TokenUse } from './load-page.ts';

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

/** jsonb keeps no bigint: text form of a value for a jsonb parameter. */
const json = (value: unknown) => JSON.stringify(value, (_key, v) => (typeof v === 'bigint' ? v.toString() : v));

/** Writes outcomes and takes the messages off the work list. */
export async function writeOutcomes(db: Db, rows: readonly OutcomeRow[]): Promise<void> {
  await db.query(
    `INSERT INTO raw_outcome (raw_id, record_id, revision, outcome, issues)
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::text[], $5::jsonb[])`,
    [rows.map((r) => r.rawId), rows.map((r) => r.recordId), rows.map((r) => r.revision), rows.map((r) => r.outcome), rows.map((r) => json(r.issues))],
  );
  await db.query('DELETE FROM raw_pending WHERE raw_id = ANY($1::bigint[])', [rows.map((r) => r.rawId)]);
}

/** Keeps what was found of each message, with the rule's version, what it computed and what it allows. */
export async function writeFindings(db: Db, rows: readonly FindingRow[]): Promise<void> {
  if (rows.length === 0) return;
  const param = (name: 'computed' | 'limit') => rows.map((r) => r.issue.params[name]?.toString() ?? null);
  await db.query(
    `INSERT INTO finding (raw_id, record_id, code, rule_version, severity, subject, params, computed, allowed, profile_version)
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::integer[], $5::text[], $6::text[], $7::jsonb[], $8::text[], $9::text[], $10::integer[])`,
    [
      rows.map((r) => r.rawId),
      rows.map((r) => r.recordId),
      rows.map((r) => r.issue.code),
      rows.map((r) => r.issue.ruleVersion ?? 1),
      rows.map((r) => r.issue.severity),
      rows.map((r) => r.issue.subject),
      rows.map((r) => json(r.issue.params)),
      param('computed'),
      param('limit'),
      rows.map((r) => r.profileVersion),
    ],
  );
}

/** Keeps the UIDs that references stand for, and the day each was last seen. */
export async function writeTokens(db: Db, tokens: readonly TokenUse[]): Promise<void> {
  if (tokens.length === 0) return;
  // In one order everywhere, so that two pages never wait for each other.
  const sorted = [...tokens].sort((a, b) => (a.sourceId + a.ref < b.sourceId + b.ref ? -1 : 1));
  await db.query(
    `INSERT INTO token (source_id, ref, uid) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
     ON CONFLICT (source_id, ref) DO UPDATE SET last_seen_on = CURRENT_DATE WHERE token.last_seen_on < CURRENT_DATE`,
    [sorted.map((t) => t.sourceId), sorted.map((t) => t.ref), sorted.map((t) => t.uid)],
  );
}

/** Brings the heads to their new state; the heads are locked by `lockHeads` in the same transaction. */
export async function writeHeads(db: Db, rows: readonly Head[]): Promise<void> {
  if (rows.length === 0) return;
  const date = (ms: number | null | undefined) => (ms === null || ms === undefined ? null : new Date(ms));
  await db.query(
    `UPDATE record_head h SET revision = t.revision, facts_hash = t.facts_hash, state = t.state, session_key = t.session_key, site_id = t.site_id, account_id = t.account_id,
       service_month = t.service_month, energy_wh = t.energy_wh, waiting_for = t.waiting_for, issues = t.issues, source_updated_at = t.source_updated_at, token_ref = t.token_ref,
       waiting_since = CASE WHEN t.waiting_raw_id IS NOT NULL THEN CASE WHEN h.waiting_raw_id = t.waiting_raw_id THEN h.waiting_since ELSE now() END END,
       waiting_raw_id = t.waiting_raw_id, waiting_hash = t.waiting_hash, waiting_updated_at = t.waiting_updated_at, at_risk_minor = t.at_risk_minor, at_risk_currency = t.at_risk_currency,
       linked_to = t.linked_to, updated_at = now()
     FROM unnest($1::text[], $2::char(2)[], $3::text[], $4::text[], $5::integer[], $6::bytea[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::text[], $14::bigint[], $15::jsonb[],
         $16::timestamptz[], $17::text[], $18::bytea[], $19::timestamptz[], $20::bigint[], $21::char(3)[], $22::bigint[])
       AS t(source_id, owner_country, owner_party, cdr_id, revision, facts_hash, state, session_key, site_id, account_id, service_month, energy_wh, waiting_for, waiting_raw_id, issues,
         source_updated_at, token_ref, waiting_hash, waiting_updated_at, at_risk_minor, at_risk_currency, linked_to)
     WHERE h.source_id = t.source_id AND h.owner_country = t.owner_country AND h.owner_party = t.owner_party AND h.cdr_id = t.cdr_id`,
    [
      rows.map((r) => r.key.sourceId),
      rows.map((r) => r.key.ownerCountry),
      rows.map((r) => r.key.ownerParty),
      rows.map((r) => r.key.cdrId),
      rows.map((r) => r.revision),
      rows.map((r) => r.standing?.hash ?? null),
      rows.map((r) => r.state),
      rows.map((r) => r.sessionKey),
      rows.map((r) => r.siteId),
      rows.map((r) => r.accountId),
      rows.map((r) => r.serviceMonth),
      rows.map((r) => r.energyWh),
      rows.map((r) => r.waitingFor),
      rows.map((r) => r.waiting?.rawId ?? null),
      rows.map((r) => json(r.issues)),
      rows.map((r) => date(r.standing?.updatedAt)),
      rows.map((r) => r.tokenRef),
      rows.map((r) => r.waiting?.hash ?? null),
      rows.map((r) => date(r.waiting?.updatedAt)),
      rows.map((r) => r.worth?.minor ?? null),
      rows.map((r) => r.worth?.currency ?? null),
      rows.map((r) => r.linkedTo),
    ],
  );
}

type ChargeRow = {
  readonly record: Omit<BookedRecord, 'revision'>;
  readonly sessionKey: string;
  readonly revision: number;
  readonly charge: Charge;
  readonly splitNo: number;
  readonly reversalOf: bigint | null;
};

/**
 * Seals records and books their charges: record rows, reversals of the revision they replace, charges with their
 * identity (invariant 2), and one journal per page and service month. What is booked of `unbooked` is reversed, and nothing takes its place.
 * All in the caller's transaction; `wave` numbers its calls there.
 */
export async function sealAndBook(db: Db, records: readonly RecordRow[], unbooked: readonly BookedRecord[], wave: number): Promise<void> {
  if (records.length > 0) await insertRecords(db, records);
  const reversals = await reversalsOf(db, [...records.filter((r) => r.revision > 1), ...unbooked]);
  const made = records.flatMap((record) => record.charges.map((charge) => ({ record, sessionKey: record.sessionKey, revision: record.revision, charge, splitNo: 0, reversalOf: null })));
  const rows: ChargeRow[] = [...reversals, ...made];
  if (rows.length === 0) return;
  const page = await db.query<{ id: string }>("SELECT 'page/' || pg_current_xact_id()::text || '.' || $1::text AS id", [wave]);
  const pageId = page.rows[0]?.id ?? '';
  await insertCharges(db, rows, pageId);
  await book(db, rows, pageId);
}

async function insertRecords(db: Db, records: readonly RecordRow[]): Promise<void> {
  await db.query(
    `INSERT INTO charge_record (record_id, revision, raw_id, source_id, session_key, site_id, account_id, start_at, end_at, service_month, energy_wh, canonical, facts_hash, rating_hash, allocation_hash, record_hash)
     SELECT * FROM unnest($1::bigint[], $2::integer[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[], $10::text[], $11::bigint[], $12::bytea[], $13::bytea[], $14::bytea[], $15::bytea[], $16::bytea[])`,
    [
      records.map((r) => r.recordId),
      records.map((r) => r.revision),
      records.map((r) => r.rawId),
      records.map((r) => r.sourceId),
      records.map((r) => r.sessionKey),
      records.map((r) => r.siteId),
      records.map((r) => r.accountId),
      records.map((r) => r.startAt),
      records.map((r) => r.endAt),
      records.map((r) => r.serviceMonth),
      records.map((r) => r.energyWh),
      records.map((r) => r.sealed.canonical),
      records.map((r) => r.sealed.factsHash),
      records.map((r) => r.sealed.ratingHash),
      records.map((r) => r.sealed.allocationHash),
      records.map((r) => r.sealed.recordHash),
    ],
  );
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
    return [{ record, sessionKey: r.session_key, revision: r.revision, charge: mirrorOf(chargeOfRow(r)), splitNo: r.split_no, reversalOf: r.charge_id }];
  });
}

async function insertCharges(db: Db, rows: readonly ChargeRow[], pageId: string): Promise<void> {
  const values = rows.map((row) => ({
    record_id: row.record.recordId,
    revision: row.revision,
    session_key: row.sessionKey,
    contract_id: row.charge.contractId,
    clause: row.charge.clause,
    role: row.charge.role,
    component: row.charge.component,
    split_no: row.splitNo,
    payer_account_id: row.charge.payerAccountId,
    payee_account_id: row.charge.payeeAccountId,
    entity_id: row.record.entityId,
    tariff_version_id: row.charge.tariffVersionId,
    currency: row.charge.currency,
    net_minor: row.charge.netMinor,
    gross_minor: row.charge.grossMinor,
    vat_code: row.charge.vatCode,
    rounding_mode: row.charge.roundingMode,
    exact_net: row.charge.exactNet,
    unit_price: row.charge.unitPrice,
    energy_wh: row.charge.energyWh,
    quantity: row.charge.quantity,
    quantity_unit: row.charge.quantityUnit,
    gl_account: row.charge.glAccount,
    cost_center: row.charge.costCenter,
    site_id: row.charge.siteId,
    service_on: row.charge.serviceOn,
    service_month: row.charge.serviceMonth,
    mapping_version: row.charge.mappingVersion,
    reversal_of: row.reversalOf,
    page_id: pageId,
    charge_hash: `\\x${chargeHash(row.record.recordKey, row.revision, row.charge, row.reversalOf !== null).toString('hex')}`,
  }));
  const columns = Object.keys(values[0] ?? {}).join(', ');
  await db.query(
    `WITH made AS (
       INSERT INTO rated_charge (${columns}) SELECT ${columns} FROM jsonb_populate_recordset(NULL::rated_charge, $1::jsonb) RETURNING charge_id, session_key, role, component, split_no, reversal_of
     ) INSERT INTO charge_identity (identity_key, charge_id)
       SELECT session_key || '|' || role || '|' || component || '|' || split_no, charge_id FROM made WHERE reversal_of IS NULL`,
    [json(values)],
  );
}

async function book(db: Db, rows: readonly ChargeRow[], pageId: string): Promise<void> {
  const months = [...new Set(rows.map((r) => r.charge.serviceMonth))].sort();
  for (const month of months) {
    const inMonth = rows.filter((r) => r.charge.serviceMonth === month);
    const entries = new Map<string, { dims: (string | null)[]; amount: bigint; count: number }>();
    for (const { charge, record } of inMonth) {
      const isShare = charge.role === 'siteShareEstimate';
      const postings = isShare
        ? postingsFor({ kind: 'shareEstimated', currency: charge.currency, netMinor: charge.netMinor })
        : postingsFor({ kind: 'saleRated', currency: charge.currency, netMinor: charge.netMinor, energyWh: charge.energyWh });
      for (const posting of postings) {
        if (posting.amount === 0n) continue;
        const dims = [posting.ledgerAccount, posting.unit, charge.costCenter, charge.payerAccountId ?? charge.payeeAccountId, charge.siteId, charge.vatCode, month, record.sourceId];
        const key = dims.join('\n');
        const entry = entries.get(key) ?? { dims, amount: 0n, count: 0 };
        entry.amount += posting.amount;
        entry.count += 1;
        entries.set(key, entry);
      }
    }
    const list = [...entries.values()].filter((e) => e.amount !== 0n);
    if (list.length === 0) continue;
    const key = `${pageId}/${month}`;
    const effectiveOn = inMonth
      .map((r) => r.charge.serviceOn)
      .sort()
      .at(-1);
    const entityId = inMonth[0]?.record.entityId;
    await db.query("INSERT INTO ledger_transaction (key, entity_id, kind, effective_on, source_ref) VALUES ($1, $2, 'rated', $3, $4)", [key, entityId, effectiveOn, pageId]);
    const column = (i: number) => list.map((e) => e.dims[i]);
    await db.query(
      `INSERT INTO ledger_entry (transaction_key, ledger_account, unit, amount, cost_center, account_id, site_id, vat_code, service_month, source_id, charge_count)
       SELECT $1, a, u, m, c, p, s, v, $9, src, n FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $10::text[], $11::integer[]) AS t(a, u, m, c, p, s, v, src, n)`,
      [key, column(0), column(1), list.map((e) => e.amount), column(2), column(3), column(4), column(5), month, column(7), list.map((e) => e.count)],
    );
  }
}
