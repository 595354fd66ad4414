import type { QueryResultRow } from 'pg';
import { describeIssue, type Issue } from '../../core/issues.ts';
import { formatMinor } from '../../core/money.ts';
import type { Db } from '../db.ts';
import { headByKey, keyParams, recordKeySql } from '../record-key.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';
import { causeSql } from './waiting.ts';

export type RecordState = 'received' | 'quarantined' | 'rejected' | 'parked' | 'booked';

/** A CDR and where it stands. Energy in Wh as text. */
export type RecordView = {
  readonly recordId: string;
  readonly sourceId: string;
  readonly recordKey: string;
  readonly state: RecordState;
  readonly revision: number;
  readonly sessionKey: string;
  readonly siteId: string | null;
  readonly accountId: string | null;
  /** The UID of the token, as long as it is kept. */
  readonly token: string | null;
  readonly serviceMonth: string | null;
  readonly energyWh: string;
  readonly waitingFor: string | null;
  readonly waitingSince: string | null;
  /** Net, decimal text in major units. */
  readonly atRisk: { readonly currency: string; readonly net: string } | null;
  readonly linkedTo: string | null;
  readonly issues: readonly { readonly code: string; readonly severity: string; readonly text: string }[];
  readonly updatedAt: string;
};

const columns = `h.*, ${recordKeySql} AS record_key, (SELECT t.uid FROM token t WHERE t.source_id = h.source_id AND t.ref = h.token_ref) AS token`;

/** `id` is a record's number, or `{sourceId}/{country*party*cdrId}`. The record of that id; undefined when nothing of it was processed. */
export async function findRecord(db: Db, id: string): Promise<RecordView | undefined> {
  const [sourceId = '', recordKey = ''] = splitId(id);
  const { rows } = /^\d{1,18}$/.test(id)
    ? await db.query(`SELECT ${columns} FROM record_head h WHERE h.record_id = $1`, [id])
    : await db.query(`SELECT ${columns} ${headByKey}`, keyParams(sourceId, recordKey));
  return rows[0] === undefined ? undefined : viewOf(rows[0]);
}

function splitId(id: string): string[] {
  const at = id.indexOf('/');
  return at < 0 ? [] : [id.slice(0, at), id.slice(at + 1)];
}

export type RecordFilter = {
  readonly state?: string | undefined;
  readonly sourceId?: string | undefined;
  /** Only those that wait, and for this cause. */
  readonly cause?: string | undefined;
  readonly token?: string | undefined;
  readonly sessionId?: string | undefined;
};

/** Records in order of their number, newest first; those that the filter lets through. */
export async function listRecords(db: Db, filter: RecordFilter & PageOrder): Promise<Page<RecordView>> {
  const list = ['records', filter.state, filter.sourceId, filter.cause, filter.token, filter.sessionId] as const;
  const { rows } = await db.query(
    `SELECT ${columns} FROM record_head h
     WHERE ($1::text IS NULL OR h.state = $1) AND ($2::text IS NULL OR h.source_id = $2) AND ($3::bigint IS NULL OR h.record_id < $3)
       AND ($5::text IS NULL OR h.waiting_raw_id IS NOT NULL AND ${causeSql} = $5)
       AND ($6::text IS NULL OR h.record_id IN (SELECT p.record_id FROM token t JOIN session_span p ON p.token_ref = t.ref AND p.source_id = t.source_id WHERE t.uid = $6))
       AND ($7::text IS NULL OR h.record_id IN (SELECT p.record_id FROM session_span p WHERE p.session_id = $7))
     ORDER BY h.record_id DESC LIMIT $4`,
    [filter.state ?? null, filter.sourceId ?? null, keyBefore(list, filter), filter.limit + 1, filter.cause ?? null, filter.token ?? null, filter.sessionId ?? null],
  );
  return pageOf(list, rows, filter.limit, (r) => String(r['record_id']), viewOf);
}

function viewOf(r: QueryResultRow): RecordView {
  return {
    recordId: String(r['record_id']),
    sourceId: r['source_id'],
    recordKey: r['record_key'],
    state: r['state'],
    revision: r['revision'],
    sessionKey: r['session_key'],
    siteId: r['site_id'],
    accountId: r['account_id'],
    token: r['token'],
    serviceMonth: r['service_month'],
    energyWh: String(r['energy_wh']),
    waitingFor: r['waiting_for'],
    waitingSince: r['waiting_since']?.toISOString() ?? null,
    atRisk: r['at_risk_minor'] === null ? null : { currency: r['at_risk_currency'], net: formatMinor(r['at_risk_minor'], r['at_risk_currency']) },
    linkedTo: r['linked_to'] === null ? null : String(r['linked_to']),
    issues: withToken(r['issues'] as Issue[], r['token']).map((i) => ({ code: i.code, severity: i.severity, text: describeIssue(i) })),
    updatedAt: r['updated_at'].toISOString(),
  };
}

/** Issues name a token by its reference; people read its UID, as long as it is kept. */
export function withToken(issues: readonly Issue[], uid: string | null): Issue[] {
  return issues.map((i) => (uid !== null && 'token' in i.params ? { ...i, params: { ...i.params, token: uid } } : i));
}

/** The sealed JSON of a record's revision (the current one unless told), byte for byte; undefined when it was never sealed. */
export async function sealedRecord(db: Db, recordId: string, revision?: number): Promise<{ readonly revision: number; readonly canonical: Buffer; readonly recordHash: string } | undefined> {
  const { rows } = await db.query(
    "SELECT revision, canonical, encode(record_hash, 'hex') AS hash FROM charge_record WHERE record_id = $1 AND ($2::integer IS NULL OR revision = $2) ORDER BY revision DESC LIMIT 1",
    [recordId, revision ?? null],
  );
  return rows[0] === undefined ? undefined : { revision: rows[0].revision, canonical: rows[0].canonical, recordHash: rows[0].hash };
}
