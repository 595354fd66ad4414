import { canonicalBytes, sha256 } from '../core/seal/charge-record.ts';
import type { Db } from './db.ts';

/** What is handed over; structurally an ERP document. */
export type Outgoing = { readonly key: string; readonly kind: string; readonly runId: string; readonly currency: string; readonly lines: readonly { readonly amountMinor: string }[] };

/** Puts documents into the outbox, in the transaction that issues them. Payloads are frozen; the same key again is the same row. */
export async function enqueue(db: Db, connectionId: string, rows: readonly (Outgoing & { readonly documentId: string; readonly controlMinor: bigint })[]): Promise<void> {
  if (rows.length === 0) return;
  const payloads = rows.map(({ documentId: _d, controlMinor: _c, ...payload }) => canonicalBytes(payload));
  await db.query(
    `INSERT INTO erp_posting (key, connection_id, run_id, document_id, kind, payload, payload_hash, control_minor, currency)
     SELECT k, $1, r, d, kind, p, h, c, cur FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::bigint[], $9::text[]) AS t(k, r, d, kind, p, h, c, cur) ON CONFLICT (key) DO NOTHING`,
    [
      connectionId,
      rows.map((r) => r.key),
      rows.map((r) => r.runId),
      rows.map((r) => r.documentId),
      rows.map((r) => r.kind),
      payloads,
      payloads.map(sha256),
      rows.map((r) => r.controlMinor),
      rows.map((r) => r.currency),
    ],
  );
}

export type OutboxRow = { readonly key: string; readonly payload: Buffer; readonly attempt: number };

/** Takes the next rows of a connection to send; `attempt` counts this one. Rows left in `sending` by a killed worker come back. */
export async function takeBatch(db: Db, connectionId: string, limit: number): Promise<OutboxRow[]> {
  const { rows } = await db.query(
    `UPDATE erp_posting p SET state = 'sending', attempt = attempt + 1, updated_at = now()
     WHERE key IN (SELECT key FROM erp_posting WHERE connection_id = $1 AND state IN ('queued', 'unknown', 'sending') ORDER BY created_at, key LIMIT $2 FOR UPDATE)
     RETURNING key, payload, attempt`,
    [connectionId, limit],
  );
  return rows.sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** Records what the ERP answered to a row in `sending`. */
export async function recordAnswer(
  db: Db,
  key: string,
  answer: { readonly state: 'queued' | 'unknown' | 'verified' | 'refused'; readonly externalId?: string; readonly words?: string },
): Promise<void> {
  await db.query("UPDATE erp_posting SET state = $2, external_id = coalesce($3, external_id), answer = $4, updated_at = now() WHERE key = $1 AND state = 'sending'", [
    key,
    answer.state,
    answer.externalId ?? null,
    answer.words ?? null,
  ]);
}

/** Payloads of a run, for the comparison with the ERP's control totals, and how many rows are not verified yet. */
export async function handedOver(db: Db, runId: string): Promise<{ readonly payloads: readonly Buffer[]; readonly left: number; readonly refused: readonly { key: string; answer: string | null }[] }> {
  const { rows } = await db.query('SELECT key, payload, state, answer FROM erp_posting WHERE run_id = $1 ORDER BY key', [runId]);
  return {
    payloads: rows.map((r) => r.payload),
    left: rows.filter((r) => r.state !== 'verified').length,
    refused: rows.filter((r) => r.state === 'refused').map((r) => ({ key: r.key, answer: r.answer })),
  };
}

/** Refused rows back into the queue, after what they name was mended. */
export async function requeueRefused(db: Db, runId: string): Promise<number> {
  const { rowCount } = await db.query("UPDATE erp_posting SET state = 'queued', updated_at = now() WHERE run_id = $1 AND state = 'refused'", [runId]);
  return rowCount ?? 0;
}
