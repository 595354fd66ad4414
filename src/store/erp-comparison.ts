import { owedTypes } from '../core/document/owed.ts';
import type { Db } from './db.ts';

export type ComparedRow = { readonly key: string; readonly documentId: string | null; readonly state: string; readonly payload: Buffer; readonly mappingVersion: number | null };
export type FoundDrift = { readonly key: string; readonly kind: string; readonly words: string };
export type ToldPayment = { readonly documentId: string; readonly state: string; readonly openMinor: bigint };

/** Everything that was handed over to a connection, or is to be, in order of key. */
export async function rowsToCompare(db: Db, connectionId: string): Promise<readonly ComparedRow[]> {
  const { rows } = await db.query('SELECT key, document_id AS "documentId", state, payload, mapping_version AS "mappingVersion" FROM erp_posting WHERE connection_id = $1 ORDER BY key', [
    connectionId,
  ]);
  return rows;
}

/** Keeps what a comparison found: what is new, what is still so, and what is as it was sent again. A signature is of what was found then: other words need another one. */
export async function keepDrift(db: Db, connectionId: string, compared: number, drifts: readonly FoundDrift[]): Promise<void> {
  const of = [drifts.map((d) => d.key), drifts.map((d) => d.kind), drifts.map((d) => d.words)];
  await db.query(
    `UPDATE erp_drift d SET cleared_at = now() WHERE connection_id = $1 AND cleared_at IS NULL AND NOT EXISTS (SELECT FROM unnest($2::text[], $3::text[]) AS f(key, kind) WHERE f.key = d.key AND f.kind = d.kind)`,
    [connectionId, of[0], of[1]],
  );
  await db.query(
    `INSERT INTO erp_drift (connection_id, key, kind, words) SELECT $1, f.* FROM unnest($2::text[], $3::text[], $4::text[]) AS f(key, kind, words)
     ON CONFLICT (connection_id, key, kind) WHERE cleared_at IS NULL DO UPDATE SET words = excluded.words, seen_at = now(), signed_by = CASE WHEN erp_drift.words = excluded.words THEN erp_drift.signed_by END,
       signed_reason = CASE WHEN erp_drift.words = excluded.words THEN erp_drift.signed_reason END, signed_at = CASE WHEN erp_drift.words = excluded.words THEN erp_drift.signed_at END`,
    [connectionId, ...of],
  );
  await db.query('INSERT INTO erp_comparison (connection_id, compared, drifts) VALUES ($1, $2, $3)', [connectionId, compared, drifts.length]);
}

/** What drifted of a run and nobody has signed, in words. */
export async function unsignedDriftOfRun(db: Db, runId: string): Promise<readonly string[]> {
  const { rows } = await db.query<{ key: string; words: string }>(
    'SELECT d.key, d.words FROM erp_drift d JOIN erp_posting p ON p.key = d.key WHERE p.run_id = $1 AND d.cleared_at IS NULL AND d.signed_at IS NULL ORDER BY d.key, d.id',
    [runId],
  );
  return rows.map(({ key, words }) => `${key} drifted: ${words}; mend it there and compare again, or sign it`);
}

/** Keys of what drifted in an entity's ERPs up to a month and nobody has signed; also what was never sent, of whatever month. */
export async function unsignedDriftUpTo(db: Db, entityId: string, month: string): Promise<readonly string[]> {
  const { rows } = await db.query<{ key: string }>(
    `SELECT d.key FROM erp_drift d JOIN erp_connection x ON x.id = d.connection_id AND x.entity_id = $1 LEFT JOIN erp_posting p ON p.key = d.key
     WHERE d.cleared_at IS NULL AND d.signed_at IS NULL AND (p.key IS NULL OR left(convert_from(p.payload, 'UTF8')::jsonb ->> 'postedOn', 7) <= $2) ORDER BY d.key, d.id`,
    [entityId, month],
  );
  return rows.map((r) => r.key);
}

/** A direct debit may be returned for eight weeks; so long, and a little longer, a payment may come back. */
const settledForDays = 70;

/** Documents of a connection whose payment may still change: not settled as last told, or not for ten weeks. */
export async function documentsToAskPayment(db: Db, connectionId: string, now: Date): Promise<readonly { readonly documentId: string; readonly payload: Buffer }[]> {
  const { rows } = await db.query(
    `SELECT p.document_id AS "documentId", p.payload FROM erp_posting p LEFT JOIN LATERAL (SELECT state, told_at FROM document_payment x WHERE x.document_id = p.document_id ORDER BY told_at DESC LIMIT 1) x ON true
     WHERE p.connection_id = $1 AND p.state = 'verified' AND p.document_id IS NOT NULL AND p.kind <> 'journal' AND (x.state IS NULL OR x.state NOT IN ('paid', 'writtenOff') OR x.told_at > $2::timestamptz - interval '${settledForDays} days') ORDER BY p.key`,
    [connectionId, now],
  );
  return rows;
}

/** Keeps what an ERP told of payments, where it is not what it told last. Told is what is open as a receivable; of what we owe it is kept with the sign of the document. Answers how many changed. */
export async function keepPayments(db: Db, connectionId: string, told: readonly ToldPayment[]): Promise<number> {
  const { rowCount } = await db.query(
    `INSERT INTO document_payment (document_id, connection_id, state, open_minor) SELECT t.id, $1, t.state, o.minor FROM unnest($2::text[], $3::text[], $4::bigint[]) AS t(id, state, open) JOIN document d ON d.id = t.id
     CROSS JOIN LATERAL (SELECT CASE WHEN d.type = ANY($5) THEN -t.open ELSE t.open END AS minor) o
     LEFT JOIN LATERAL (SELECT state, open_minor FROM document_payment x WHERE x.document_id = t.id ORDER BY told_at DESC LIMIT 1) x ON true WHERE (x.state, x.open_minor) IS DISTINCT FROM (t.state, o.minor)`,
    [connectionId, told.map((t) => t.documentId), told.map((t) => t.state), told.map((t) => t.openMinor.toString()), owedTypes],
  );
  return rowCount ?? 0;
}

/** Connections that hold something. */
export async function connectionsInUse(db: Db): Promise<readonly string[]> {
  const { rows } = await db.query<{ id: string }>('SELECT id FROM erp_connection c WHERE EXISTS (SELECT FROM erp_posting p WHERE p.connection_id = c.id) ORDER BY id');
  return rows.map((r) => r.id);
}
