import { tokenRefOf } from '../../core/normalise/token-ref.ts';
import type { Db } from '../db.ts';
import { eraseParties } from '../erase-parties.ts';
import { pauseIntake } from '../erasure-lock.ts';
import { openChargeSql } from '../open-charges.ts';
import { openSettlements } from '../open-settlements.ts';
import { recordKeySql, waitsSql } from '../record-key.ts';
import { lockSetUp } from '../set-up-lock.ts';
import { tokenSecret } from '../token-secret.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';
import { refuseNaming } from './refuse-naming.ts';

export type ErasureOrder = { readonly accountId: string; readonly reason: string; readonly dryRun: boolean };
/** How much of each kind went, or would go; and what stays: what the law wants kept, and what another account needs too. */
export type Erasure = {
  readonly accountIds: readonly string[];
  readonly dryRun: boolean;
  readonly erased: { readonly parties: number; readonly mappings: number; readonly tokens: number; readonly rawBodies: number; readonly sessionTrails: number };
  readonly kept: { readonly records: number; readonly documents: number; readonly sharedTokens: number; readonly sharedRawBodies: number };
};

type Driver = { readonly partyId: string; readonly accountIds: readonly string[]; readonly entityIds: readonly string[]; readonly words: readonly string[] };
type Token = { readonly ref: string; readonly uid: string };

/**
 * Erases the driver behind an account, in all accounts of that person: name, address and numbers of the party, the mappings of the tokens,
 * their UIDs in every source, where the sessions stood, and the bytes of every message that led to the records. Sealed records, charges,
 * documents, journals and the audit trail stay; they name nobody. A dry run counts and changes nothing. What another account needs too
 * (a token it uses, the very same bytes) stays and is counted. Refused while something is open, or when the reason names the driver.
 */
export async function eraseDriver(db: Db, order: ErasureOrder, by: By): Promise<Erasure> {
  if (!order.dryRun) {
    await lockSetUp(db);
    await pauseIntake(db);
  }
  const driver = await loadDriver(db, order.accountId);
  const mapped = await mappedTokens(db, driver);
  const refs = [...new Set([...mapped.map((t) => t.ref), ...(await sealedRefs(db, driver))])];
  const uids = [...new Set([...mapped.map((t) => t.uid), ...(await keptUids(db, refs))])];
  refuseNaming(order.reason, [...driver.words, ...uids]);
  const records = await recordsOf(db, driver, refs, uids);
  await refuseOpen(db, driver, records);
  const found = await findings(db, driver, refs, records);
  if (order.dryRun) return { accountIds: driver.accountIds, dryRun: true, ...found };

  const { parties, mappings } = await eraseParties(db, [driver.partyId]);
  const tokens = await db.query(`DELETE FROM token t WHERE t.ref = ANY($1) AND NOT ${usedByOthers}`, [refs, driver.accountIds]);
  const trails = await db.query('DELETE FROM session_span WHERE record_id = ANY($1::bigint[])', [records]);
  const sessions = await db.query(`DELETE FROM ocpi_session s WHERE ${sessionOf}`, [refs, driver.accountIds]);
  const bodies = await db.query<{ n: bigint }>(`${bodiesOf} SELECT count(*) FILTER (WHERE expunge_raw_body(received_month, body_hash, $2, $3)) AS n FROM bodies WHERE NOT shared`, [
    records,
    order.reason,
    by.actor,
  ]);
  const erased = { parties, mappings, tokens: tokens.rowCount ?? 0, rawBodies: Number(bodies.rows[0]?.n ?? 0n), sessionTrails: (trails.rowCount ?? 0) + (sessions.rowCount ?? 0) };
  if (Object.values(erased).some((n) => n > 0)) await audit(db, by, { action: 'driver.erase', subject: order.accountId, reason: order.reason, after: { erased, kept: found.kept } });
  return { accountIds: driver.accountIds, dryRun: false, erased, kept: found.kept };
}

async function loadDriver(db: Db, accountId: string): Promise<Driver> {
  const { rows } = await db.query<{
    id: string;
    entity_id: string;
    category: string;
    party_id: string;
    name: string;
    vat_number: string | null;
    org_number: string | null;
    email: string | null;
    address: unknown;
    labels: string[];
  }>(
    `SELECT a.id, a.entity_id, a.category, p.id AS party_id, p.name, p.vat_number, p.org_number, p.email, p.address,
       ARRAY(SELECT u.label FROM fleet_unit u WHERE u.party_id = p.id UNION SELECT s.name FROM site s JOIN account o ON o.id = s.owner_account_id WHERE s.kind = 'home' AND o.party_id = p.id) AS labels
     FROM party p JOIN account a ON a.party_id = p.id WHERE p.id = (SELECT party_id FROM account WHERE id = $1) ORDER BY a.id FOR UPDATE OF p`,
    [accountId],
  );
  const [first] = rows;
  if (first === undefined) throw new Refused('notFound', `there is no account "${accountId}"`);
  const other = rows.find((r) => r.category !== 'driver');
  if (other?.id === accountId) throw new Refused('invalid', `account ${accountId} is of category ${other.category}: only drivers are erased`);
  if (other !== undefined)
    throw new Refused('wrongState', `the party of account ${accountId} stands behind account ${other.id} of category ${other.category} too: give that one a party of its own first`);
  const words = [first.name, first.vat_number, first.org_number, first.email, ...first.labels, ...texts(first.address)].filter((word) => word !== null);
  return { partyId: first.party_id, accountIds: rows.map((r) => r.id), entityIds: [...new Set(rows.map((r) => r.entity_id))], words };
}

function texts(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(texts) : [];
}

async function mappedTokens(db: Db, { accountIds }: Driver): Promise<Token[]> {
  const secret = await tokenSecret(db);
  const { rows } = await db.query<{ external_key: string }>("SELECT DISTINCT external_key FROM mapping WHERE kind = 'token' AND internal_id = ANY($1)", [accountIds]);
  return rows.map((r) => ({ ref: tokenRefOf(secret, r.external_key), uid: r.external_key }));
}

/** Every sealed record has a charge: by its payer the records are found without a scan. */
const paidRecords = 'SELECT c.record_id FROM rated_charge c WHERE c.entity_id = ANY($2) AND c.payer_account_id = ANY($1) AND c.record_id IS NOT NULL';

/** References in sealed revisions, whose mapping may be gone. */
async function sealedRefs(db: Db, { accountIds, entityIds }: Driver): Promise<string[]> {
  const { rows } = await db.query<{ ref: string }>(
    `SELECT DISTINCT convert_from(r.canonical, 'UTF8')::jsonb #>> '{facts,tokenRef}' AS ref FROM charge_record r WHERE r.account_id = ANY($1) AND r.record_id IN (${paidRecords})`,
    [accountIds, entityIds],
  );
  return rows.map((r) => r.ref);
}

async function keptUids(db: Db, refs: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ uid: string }>('SELECT uid FROM token WHERE ref = ANY($1)', [refs]);
  return rows.map((r) => r.uid);
}

/**
 * Records that were ever billed to the driver, wait for it, or were rejected with one of its tokens; and those that nobody can read, when one
 * of the UIDs stands in what came.
 */
async function recordsOf(db: Db, { accountIds, entityIds }: Driver, refs: readonly string[], uids: readonly string[]): Promise<bigint[]> {
  const { rows } = await db.query<{ record_id: bigint }>(
    `${paidRecords} UNION SELECT h.record_id FROM record_head h WHERE h.token_ref = ANY($3) AND (h.account_id IS NULL OR h.account_id = ANY($1))
     UNION SELECT h.record_id FROM record_head h WHERE h.account_id = ANY($1) AND ${waitsSql}
     UNION SELECT h.record_id FROM record_head h JOIN raw_outcome o ON o.record_id = h.record_id JOIN raw_message m ON m.id = o.raw_id JOIN raw_body b ON b.received_month = m.received_month AND b.hash = m.body_hash
       WHERE h.token_ref IS NULL AND EXISTS (SELECT FROM unnest($4::text[]) u WHERE strpos(lower(encode(b.bytes, 'escape')), lower(u)) > 0) ORDER BY record_id`,
    // Shorter ones would be found in anything.
    [accountIds, entityIds, refs, uids.filter((uid) => uid.length >= 4)],
  );
  return rows.map((r) => r.record_id);
}

/** What goes by the bank account or card that would be gone, and what to do about it. */
const settlements = {
  payment: (id: string) => `payment ${id} is under way: have it decided, and fetch its file`,
  owed: (id: string) => `document ${id} is owed and not paid: pay it, or state that it is paid`,
  card: (id: string) => `the card is being charged for document ${id}: note what became of it`,
} as const;

async function refuseOpen(db: Db, { accountIds, entityIds }: Driver, records: readonly bigint[]): Promise<void> {
  const { rows } = await db.query<{ waiting: bigint | null; pending: bigint | null; charge: bigint | null; document: string | null; unkept: string | null }>(
    `SELECT (SELECT min(h.record_id) FROM record_head h WHERE h.record_id = ANY($3::bigint[]) AND ${waitsSql}) AS waiting,
       (SELECT min(p.raw_id) FROM record_head h JOIN raw_pending p ON p.source_id = h.source_id AND p.record_key = ${recordKeySql} WHERE h.record_id = ANY($3::bigint[])) AS pending,
       least((SELECT min(c.charge_id) FROM rated_charge c WHERE c.entity_id = ANY($2) AND c.payer_account_id = ANY($1) AND ${openChargeSql}), (SELECT min(o.charge_id) FROM open_charge o WHERE o.account_id = ANY($1)),
         (SELECT min(c.charge_id) FROM rated_charge c WHERE c.record_id = ANY($3::bigint[]) AND ${openChargeSql})) AS charge,
       (SELECT min(d.id) FROM document d WHERE d.account_id = ANY($1) AND d.state NOT IN ('issued', 'discarded')) AS document,
       (SELECT min(d.id) FROM document d WHERE d.account_id = ANY($1) AND d.state = 'issued' AND NOT EXISTS (SELECT FROM archived_file f WHERE f.subject_kind = 'document' AND f.subject_id = d.id AND f.form = 'pdf')) AS unkept`,
    [accountIds, entityIds, records],
  );
  const settling = await db.query<{ kind: 'payment' | 'owed' | 'card'; id: string }>(`SELECT kind, min(id) AS id FROM (${openSettlements}) o WHERE account_id = ANY($1) GROUP BY kind ORDER BY kind`, [
    accountIds,
  ]);
  const open = rows[0] ?? { waiting: null, pending: null, charge: null, document: null, unkept: null };
  const reasons = [
    ...(open.waiting === null ? [] : [`record ${open.waiting} waits: decide on it, or add what it waits for`]),
    ...(open.pending === null ? [] : [`message ${open.pending} is not processed yet: wait until it is`]),
    ...(open.charge === null ? [] : [`charge ${open.charge} is not billed: bill it, or write it off, in a run first`]),
    ...(open.document === null ? [] : [`document ${open.document} is not issued: issue it, or cancel its run`]),
    // It would name nobody, for good.
    ...(open.unkept === null ? [] : [`document ${open.unkept} is issued and its file not kept yet: wait until its run has archived it`]),
    ...settling.rows.map(({ kind, id }) => settlements[kind](id)),
  ];
  if (reasons.length > 0) throw new Refused('wrongState', `account ${accountIds.join(', ')} has something open; ${reasons.join('; ')}`);
}

/** SQL that holds for a `token t` under which a record of an account other than $2 stands. */
const usedByOthers = 'EXISTS (SELECT FROM record_head h WHERE h.token_ref = t.ref AND h.source_id = t.source_id AND h.account_id <> ALL($2))';

/** SQL that holds for an `ocpi_session s` under one of the tokens $1, as a peer told it while it went on; those of a token that others use too stay, and go by their age. */
const sessionOf = `s.token_ref = ANY($1) AND NOT EXISTS (SELECT FROM token t JOIN ocpi_peer p ON p.source_id = t.source_id WHERE p.id = s.peer_id AND t.ref = s.token_ref AND ${usedByOthers})`;

// Bodies of the messages that led to the records $1. Messages of the same bytes stand under the same id, under whatever owner their source has,
// or under the hash where it cannot read them: so they are found by their keys, without a scan.
const bodiesOf = `WITH own AS MATERIALIZED (
    SELECT DISTINCT m.received_month, m.body_hash, m.record_key, h.cdr_id FROM record_head h JOIN raw_outcome o ON o.record_id = h.record_id JOIN raw_message m ON m.id = o.raw_id
    JOIN raw_body b ON b.received_month = m.received_month AND b.hash = m.body_hash WHERE h.record_id = ANY($1::bigint[]) AND b.bytes IS NOT NULL
  ), same AS (
    SELECT own.received_month, own.body_hash, o.record_id FROM own CROSS JOIN source s
    JOIN raw_message m ON m.source_id = s.id AND m.record_key IN (own.record_key, lower(s.owner_country || '*' || s.owner_party || '*' || own.cdr_id), 'unkeyed/' || left(encode(own.body_hash, 'hex'), 24))
      AND m.received_month = own.received_month AND m.body_hash = own.body_hash
    LEFT JOIN raw_outcome o ON o.raw_id = m.id
  ), bodies AS MATERIALIZED (
    SELECT received_month, body_hash, NOT bool_and(coalesce(record_id = ANY($1::bigint[]), false)) AS shared FROM same GROUP BY 1, 2
  )`;

async function findings(db: Db, { partyId, accountIds }: Driver, refs: readonly string[], records: readonly bigint[]): Promise<Pick<Erasure, 'erased' | 'kept'>> {
  const bodies = await db.query<{ own: bigint; shared: bigint }>(`${bodiesOf} SELECT count(*) FILTER (WHERE NOT shared) AS own, count(*) FILTER (WHERE shared) AS shared FROM bodies`, [records]);
  const counts = await db.query<{ own: bigint; shared: bigint; parties: bigint; mappings: bigint; trails: bigint; documents: bigint }>(
    `SELECT count(*) FILTER (WHERE NOT u.others) AS own, count(*) FILTER (WHERE u.others) AS shared,
       (SELECT count(*) FROM party WHERE id = $3 AND erased_at IS NULL) AS parties, (SELECT count(*) FROM mapping WHERE kind = 'token' AND internal_id = ANY($2)) AS mappings,
       (SELECT count(*) FROM session_span WHERE record_id = ANY($4::bigint[])) + (SELECT count(*) FROM ocpi_session s WHERE ${sessionOf}) AS trails, (SELECT count(*) FROM document WHERE account_id = ANY($2) AND state = 'issued') AS documents
     FROM token t CROSS JOIN LATERAL (SELECT ${usedByOthers} AS others) u WHERE t.ref = ANY($1)`,
    [refs, accountIds, partyId, records],
  );
  const [row] = counts.rows;
  const number = (n: bigint | undefined) => Number(n ?? 0n);
  return {
    erased: { parties: number(row?.parties), mappings: number(row?.mappings), tokens: number(row?.own), rawBodies: number(bodies.rows[0]?.own), sessionTrails: number(row?.trails) },
    kept: { records: records.length, documents: number(row?.documents), sharedTokens: number(row?.shared), sharedRawBodies: number(bodies.rows[0]?.shared) },
  };
}
