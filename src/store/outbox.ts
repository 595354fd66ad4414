import { canonicalBytes, sha256 } from '../core/seal/charge-record.ts';
import type { Db, Store } from './db.ts';

const lockTimedOut = '55P03';

/** What is handed over; structurally an ERP document. */
export type Outgoing = { readonly key: string; readonly kind: string; readonly runId: string | null; readonly currency: string; readonly lines: readonly { readonly amountMinor: string }[] };

/** Puts documents into the outbox, in the transaction that issues them. Payloads are frozen: the same key again is the same row, and throws RangeError when its payload is another. */
export async function enqueue(db: Db, connectionId: string, rows: readonly (Outgoing & { readonly documentId: string | null; readonly controlMinor: bigint })[]): Promise<void> {
  if (rows.length === 0) return;
  const payloads = rows.map(({ documentId: _d, controlMinor: _c, ...payload }) => canonicalBytes(payload));
  const keys = rows.map((r) => r.key);
  const hashes = payloads.map(sha256);
  await db.query(
    `INSERT INTO erp_posting (key, connection_id, run_id, document_id, kind, payload, payload_hash, control_minor, currency)
     SELECT k, $1, r, d, kind, p, h, c, cur FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::bigint[], $9::text[]) AS t(k, r, d, kind, p, h, c, cur) ON CONFLICT (key) DO NOTHING`,
    [connectionId, keys, rows.map((r) => r.runId), rows.map((r) => r.documentId), rows.map((r) => r.kind), payloads, hashes, rows.map((r) => r.controlMinor), rows.map((r) => r.currency)],
  );
  const differing = await db.query<{ key: string }>(
    'SELECT p.key FROM unnest($1::text[], $2::bytea[]) AS t(k, h) JOIN erp_posting p ON p.key = t.k WHERE p.payload_hash <> t.h ORDER BY p.key LIMIT 1',
    [keys, hashes],
  );
  const [other] = differing.rows;
  if (other !== undefined) throw new RangeError(`${other.key} is in the outbox with another payload: a change is a new document`);
}

/**
 * Runs `work` as the only writer of an ERP connection, on the database connection that holds the lock: when that is cut, the lock
 * is gone and the next statement fails, so the work stops. Waits its turn; answers undefined when that outlasts the pool's lock_timeout.
 */
export async function asOnlyWriter<T>(store: Store, connectionId: string, work: (db: Db) => Promise<T>): Promise<{ readonly result: T } | undefined> {
  const client = await store.pool.connect();
  let broken: Error | undefined;
  try {
    try {
      await client.query("SELECT pg_advisory_lock(hashtextextended('erp/' || $1, 0))", [connectionId]);
    } catch (error) {
      if ((error as { code?: string }).code === lockTimedOut) return undefined;
      throw error;
    }
    try {
      return { result: await work(client) };
    } finally {
      await client.query("SELECT pg_advisory_unlock(hashtextextended('erp/' || $1, 0))", [connectionId]).catch((error: Error) => {
        broken = error;
      });
    }
  } finally {
    client.release(broken);
  }
}

/** `externalId`: the ERP acknowledged it before. */
export type OutboxRow = {
  readonly key: string;
  readonly payload: Buffer;
  readonly attempt: number;
  readonly externalId: string | null;
  /** The last attempt got no answer. */
  readonly isUnknown: boolean;
};

/**
 * Takes the next rows of a connection to send, oldest first; `attempt` counts this one. Rows that a killed worker left in `sending`,
 * or in `posted` without their read-back, come back too: call it as the only writer.
 */
export async function takeBatch(db: Db, connectionId: string, limit: number): Promise<OutboxRow[]> {
  const { rows } = await db.query(
    `WITH taken AS (
       UPDATE erp_posting p SET state = 'sending', attempt = p.attempt + 1, updated_at = now()
       FROM (SELECT key, state FROM erp_posting WHERE connection_id = $1 AND state IN ('queued', 'unknown', 'sending', 'posted') ORDER BY created_at, key LIMIT $2 FOR UPDATE SKIP LOCKED) before
       WHERE p.key = before.key
       RETURNING p.key, p.payload, p.attempt, p.external_id, p.created_at, before.state IN ('unknown', 'sending') AS is_unknown)
     SELECT key, payload, attempt, external_id AS "externalId", is_unknown AS "isUnknown" FROM taken ORDER BY created_at, key`,
    [connectionId, limit],
  );
  return rows;
}

/** From which states an answer may come. */
const answerFrom = { queued: ['sending'], unknown: ['sending'], posted: ['sending'], verified: ['posted'], refused: ['sending', 'posted'], held: ['sending'] } as const;

export type Answer = { readonly state: keyof typeof answerFrom; readonly externalId?: string; readonly words?: string };

/** Records what the ERP answered to a row. Throws RangeError when its state does not allow that answer. */
export async function recordAnswer(db: Db, key: string, answer: Answer): Promise<void> {
  const { rowCount } = await db.query('UPDATE erp_posting SET state = $2, external_id = coalesce($3, external_id), answer = $4, updated_at = now() WHERE key = $1 AND state = ANY($5)', [
    key,
    answer.state,
    answer.externalId ?? null,
    answer.words ?? null,
    answerFrom[answer.state],
  ]);
  if (rowCount !== 1) throw new RangeError(`${key} cannot become ${answer.state}: it is not ${answerFrom[answer.state].join(' or ')}`);
}

/** How many rows of a connection still have to be sent or read back. */
export async function leftToHandOver(db: Db, connectionId: string): Promise<number> {
  const { rows } = await db.query<{ n: bigint }>("SELECT count(*) AS n FROM erp_posting WHERE connection_id = $1 AND state IN ('queued', 'unknown', 'sending', 'posted')", [connectionId]);
  return Number(rows[0]?.n ?? 0n);
}

/** Workflow ids of the runs behind these rows that have none left to send or read back. */
export async function settledRuns(db: Db, keys: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ workflow_id: string }>(
    `SELECT DISTINCT r.workflow_id FROM erp_posting p JOIN billing_run r ON r.id = p.run_id WHERE p.key = ANY($1)
       AND NOT EXISTS (SELECT FROM erp_posting o WHERE o.run_id = r.id AND o.state IN ('queued', 'unknown', 'sending', 'posted')) ORDER BY 1`,
    [keys],
  );
  return rows.map((r) => r.workflow_id);
}

/** How far the hand-over of a run is, or that of one of its groups; `problem` is what the ERP last said about a row that is still open. */
export async function runHandOver(db: Db, runId: string, group?: string): Promise<{ readonly left: number; readonly problem: string | null }> {
  const { rows } = await db.query<{ n: bigint; problem: string | null }>(
    `SELECT count(*) AS n, (array_agg(p.key || ': ' || p.answer ORDER BY p.updated_at DESC) FILTER (WHERE p.answer IS NOT NULL AND p.state IN ('queued', 'unknown')))[1] AS problem
     FROM erp_posting p LEFT JOIN document d ON d.id = p.document_id WHERE p.run_id = $1 AND p.state IN ('queued', 'unknown', 'sending', 'posted') AND ($2::text IS NULL OR d.group_name = $2)`,
    [runId, group ?? null],
  );
  return { left: Number(rows[0]?.n ?? 0n), problem: rows[0]?.problem ?? null };
}

/** What the ERP refused of a group, and whether every group of the run is handed over and each row verified, so that its control totals can be compared. */
export async function groupHandedOver(
  db: Db,
  runId: string,
  group: string,
): Promise<{ readonly stopped: readonly { key: string; state: string; answer: string | null }[]; readonly allVerified: boolean }> {
  const stopped = await db.query(
    "SELECT p.key, p.state, p.answer FROM erp_posting p JOIN document d ON d.id = p.document_id WHERE p.run_id = $1 AND d.group_name = $2 AND p.state IN ('refused', 'held') ORDER BY p.key",
    [runId, group],
  );
  const all = await db.query<{ verified: boolean }>(
    `SELECT NOT EXISTS (SELECT FROM erp_posting WHERE run_id = $1 AND state <> 'verified')
       AND NOT EXISTS (SELECT FROM release_group WHERE run_id = $1 AND state NOT IN ('handingOver', 'reconciled', 'closed')) AS verified`,
    [runId],
  );
  return { stopped: stopped.rows, allVerified: all.rows[0]?.verified ?? false };
}

/** Adapter, settings and production mark of an ERP connection. Throws RangeError when there is none of this id. */
export async function erpConnection(
  db: Db,
  id: string,
): Promise<{ readonly id: string; readonly adapter: string; readonly settings: Readonly<Record<string, unknown>>; readonly production: boolean }> {
  const { rows } = await db.query('SELECT id, adapter, settings, production FROM erp_connection WHERE id = $1', [id]);
  if (rows.length === 0) throw new RangeError(`there is no ERP connection ${id}`);
  return rows[0];
}

/** Payloads of a run, for the comparison with the ERP's control totals, and how many rows are not verified yet. */
export async function handedOver(
  db: Db,
  runId: string,
): Promise<{ readonly payloads: readonly Buffer[]; readonly left: number; readonly stopped: readonly { key: string; state: string; answer: string | null }[] }> {
  const { rows } = await db.query('SELECT key, payload, state, answer FROM erp_posting WHERE run_id = $1 ORDER BY key', [runId]);
  return {
    payloads: rows.map((r) => r.payload),
    left: rows.filter((r) => r.state !== 'verified').length,
    stopped: rows.filter((r) => r.state === 'refused' || r.state === 'held').map((r) => ({ key: r.key, state: r.state, answer: r.answer })),
  };
}
