import type { RetentionClass } from '../../contracts/retention.ts';
import type { Db } from '../db.ts';
import { eraseParties } from '../erase-parties.ts';
import { openChargeSql } from '../open-charges.ts';
import { openSettlements } from '../open-settlements.ts';
import { waitsSql } from '../record-key.ts';

/** How long a class is kept, as of an instant. */
export type Limit = { readonly keep: number; readonly asOf: Date };
/** Who takes it away, and why: kept with what is expunged. */
export type Remover = { readonly actor: string; readonly reason: string };
type ClassRules = {
  /** SELECT of what is due, with the instant it has been there since as `at`. $1 is how long it is kept, $2 the instant now. Nothing that is still needed. */
  readonly due: string;
  /** Takes away a batch of what is due; answers how many, and nothing when nothing is left. */
  remove(db: Db, limit: Limit, by: Remover): Promise<number>;
};

const today = "($2::timestamptz AT TIME ZONE 'UTC')::date";
const monthsAgo = `(${today} - make_interval(months => $1::integer))::date`;

// From receipt as well, or what is imported from years ago would lose its neighbours in the first night.
const trailsDue = `SELECT s.record_id, s.end_at AS at FROM session_span s
  WHERE s.end_at < ${monthsAgo} AND NOT EXISTS (SELECT FROM raw_message m WHERE m.id = s.raw_id AND m.received_at >= ${monthsAgo})
    AND NOT EXISTS (SELECT FROM record_head h WHERE h.record_id = s.record_id AND ${waitsSql})`;

// As a peer told them while they went on; their CDRs are expected in a row of its own.
const sessionsDue = `SELECT s.peer_id, s.country_code, s.party_id, s.session_id, s.received_at AS at FROM ocpi_session s WHERE s.received_at < ${monthsAgo}`;

// By whole months: a body has no day. Its month's last day is past the limit.
const bodiesDue = `SELECT b.received_month, b.hash, b.received_month::timestamptz AS at FROM raw_body b
  WHERE b.bytes IS NOT NULL AND b.received_month <= (${today} - make_interval(months => $1::integer + 1))::date AND (b.received_month, b.hash) NOT IN (
    SELECT m.received_month, m.body_hash FROM raw_message m
    WHERE m.id IN (SELECT p.raw_id FROM raw_pending p UNION ALL SELECT h.waiting_raw_id FROM record_head h WHERE h.waiting_raw_id IS NOT NULL))`;

const tokenOver = `t.last_seen_on < ${monthsAgo} AND NOT EXISTS (SELECT FROM record_head h WHERE h.token_ref = t.ref AND h.source_id = t.source_id
    AND (${waitsSql} OR EXISTS (SELECT FROM rated_charge c WHERE c.record_id = h.record_id AND ${openChargeSql})))`;
const tokensDue = `SELECT t.source_id, t.ref, t.last_seen_on::timestamptz AS at FROM token t WHERE ${tokenOver}`;
// A mapping that has ended says the UID too; it goes when its token is gone, or goes now.
const mappingsDue = `SELECT m.source_id, m.external_key, m.valid_from, m.valid_to AS at FROM mapping m
  WHERE m.kind = 'token' AND m.valid_to < ${monthsAgo} AND NOT EXISTS (SELECT FROM token t WHERE t.source_id = m.source_id AND lower(t.uid) = lower(m.external_key) AND NOT (${tokenOver}))`;

const keysDue = 'SELECT k.actor, k.key, k.created_at AS at FROM idempotency_key k WHERE k.created_at < $2::timestamptz - make_interval(days => $1::integer)';

const firstYear = `date_trunc('year', ${today} - make_interval(months => $1::integer))::date`;
// Of persons with documents alone: of others nothing tells since when they are gone. A charge counts like a document, and so does what they are owed on none yet, or were not paid.
const partiesDue = `SELECT g.id, g.day::timestamptz AS at FROM (
    SELECT p.id, max(i.day) AS day FROM party p JOIN account a ON a.party_id = p.id
    JOIN (SELECT d.account_id, max(s.issued_on) AS day FROM issue_stamp s JOIN document d ON d.id = s.document_id GROUP BY 1) i ON i.account_id = a.id WHERE p.erased_at IS NULL GROUP BY 1) g
  WHERE g.day < ${firstYear} AND NOT EXISTS (SELECT FROM account a WHERE a.party_id = g.id AND (a.category <> 'driver'
    OR EXISTS (SELECT FROM rated_charge c WHERE c.entity_id = a.entity_id AND c.payer_account_id = a.id AND (c.service_on >= ${firstYear} OR ${openChargeSql}))
    OR EXISTS (SELECT FROM open_charge o WHERE o.entity_id = a.entity_id AND o.account_id = a.id) OR EXISTS (SELECT FROM (${openSettlements}) o WHERE o.account_id = a.id) OR EXISTS (SELECT FROM record_head h WHERE h.account_id = a.id AND ${waitsSql})
    OR EXISTS (SELECT FROM document d WHERE d.account_id = a.id AND d.state NOT IN ('issued', 'discarded'))))`;

const params = ({ keep, asOf }: Limit) => [keep, asOf];
const batchSize = 1000;

/** Deletes a batch of what is due from `table`, which has the key columns of `due`. `still`: what has to hold of a row `x` that changed meanwhile. */
async function deleteDue(db: Db, table: string, keys: readonly string[], due: string, limit: Limit, still = 'true'): Promise<number> {
  const same = [...keys.map((key) => `x.${key} = d.${key}`), still].join(' AND ');
  const { rowCount } = await db.query(`DELETE FROM ${table} x USING (${due} LIMIT ${batchSize}) d WHERE ${same}`, params(limit));
  return rowCount ?? 0;
}

/** What is due of each class, and how it goes. A further class is an entry here, one in the contract, and a row of `retention_policy`. */
export const classes: Readonly<Record<RetentionClass, ClassRules>> = {
  sessionTrail: {
    due: `SELECT at FROM (${trailsDue}) t UNION ALL SELECT at FROM (${sessionsDue}) s`,
    async remove(db, limit) {
      const sessions = await deleteDue(db, 'ocpi_session', ['peer_id', 'country_code', 'party_id', 'session_id'], sessionsDue, limit);
      return sessions > 0 ? sessions : deleteDue(db, 'session_span', ['record_id'], trailsDue, limit);
    },
  },
  rawBody: {
    due: bodiesDue,
    async remove(db, limit, by) {
      const { rows } = await db.query<{ n: bigint }>(`SELECT count(*) FILTER (WHERE expunge_raw_body(d.received_month, d.hash, $3, $4)) AS n FROM (${bodiesDue} LIMIT ${batchSize}) d`, [
        ...params(limit),
        by.reason,
        by.actor,
      ]);
      return Number(rows[0]?.n ?? 0n);
    },
  },
  tokenUid: {
    due: `SELECT at FROM (${tokensDue}) t UNION ALL SELECT at FROM (${mappingsDue}) m`,
    async remove(db, limit) {
      const mappings = await deleteDue(db, 'mapping', ['source_id', 'external_key', 'valid_from'], mappingsDue, limit);
      return mappings > 0 ? mappings : deleteDue(db, 'token', ['source_id', 'ref'], tokensDue, limit, `x.last_seen_on < ${monthsAgo}`);
    },
  },
  idempotencyKey: { due: keysDue, remove: (db, limit) => deleteDue(db, 'idempotency_key', ['actor', 'key'], keysDue, limit) },
  driverIdentity: {
    due: partiesDue,
    async remove(db, limit) {
      const { rows } = await db.query<{ id: string }>(`${partiesDue} LIMIT ${batchSize}`, params(limit));
      const { parties } = await eraseParties(
        db,
        rows.map((r) => r.id),
      );
      return parties;
    },
  },
};
