import { canonicalBytes, sha256 } from '../core/seal/charge-record.ts';
import type { Db, Store } from './db.ts';
import { triedAgain } from './erp-words.ts';

const lockTimedOut = '55P03';

/** What is handed over; structurally an ERP document. */
export type Outgoing = {
  readonly key: string;
  readonly kind: string;
  readonly runId: string | null;
  readonly currency: string;
  /** The document that has to be in the ERP before this one. */
  readonly credits?: { readonly key: string };
  readonly lines: readonly { readonly amountMinor: string }[];
};

/** Puts documents into the outbox, in the transaction that issues them. Payloads are frozen: the same key again is the same row, and throws RangeError when its payload is another. */
export async function enqueue(
  db: Db,
  connectionId: string,
  rows: readonly (Outgoing & { readonly documentId: string | null; readonly groupName?: string; readonly controlMinor: bigint })[],
): Promise<void> {
  if (rows.length === 0) return;
  const payloads = rows.map(({ documentId: _d, groupName: _g, controlMinor: _c, ...payload }) => canonicalBytes(payload));
  const keys = rows.map((r) => r.key);
  const hashes = payloads.map(sha256);
  await db.query(
    `INSERT INTO erp_posting (key, connection_id, run_id, document_id, kind, payload, payload_hash, control_minor, currency, after_key, group_name)
     SELECT k, $1, r, d, kind, p, h, c, cur, a, g FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], $8::bigint[], $9::text[], $10::text[], $11::text[]) AS t(k, r, d, kind, p, h, c, cur, a, g) ON CONFLICT (key) DO NOTHING`,
    [
      connectionId,
      keys,
      rows.map((r) => r.runId),
      rows.map((r) => r.documentId),
      rows.map((r) => r.kind),
      payloads,
      hashes,
      rows.map((r) => r.controlMinor),
      rows.map((r) => r.currency),
      rows.map((r) => r.credits?.key ?? null),
      rows.map((r) => r.groupName ?? null),
    ],
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

/** Whether nobody writes to an ERP connection; nobody begins to before the caller's transaction ends. */
export async function isWriterAway(db: Db, connectionId: string): Promise<boolean> {
  const { rows } = await db.query<{ away: boolean }>("SELECT pg_try_advisory_xact_lock(hashtextextended('erp/' || $1, 0)) AS away", [connectionId]);
  return rows[0]?.away ?? false;
}

/** `externalId`: the ERP acknowledged it before. */
export type OutboxRow = {
  readonly key: string;
  readonly payload: Buffer;
  readonly attempt: number;
  readonly externalId: string | null;
  /** By which version of the connection's mapping it is said to the ERP; null: in our words. */
  readonly mappingVersion: number | null;
  /** By which it was said before, where that is another one. */
  readonly mappingBefore?: number | null | undefined;
  /** The last attempt got no answer. */
  readonly isUnknown: boolean;
};

/** SQL: states in which a row still has to be sent or read back. */
const openStates = "('queued', 'unknown', 'sending', 'drafted', 'posted')";
/** SQL over a row `p`: what it follows is in the ERP, or was decided to stay out. */
const mayGo = "NOT EXISTS (SELECT FROM erp_posting b WHERE b.key = p.after_key AND b.state NOT IN ('verified', 'skipped'))";

/**
 * Takes the next rows of a connection to send, oldest first, none before the one it follows; `attempt` counts this one. Rows that a killed
 * worker left in `sending` or `drafted`, or in `posted` without their read-back, come back too: call it as the only writer.
 */
export async function takeBatch(db: Db, connectionId: string, limit: number): Promise<OutboxRow[]> {
  await holdFollowers(db, connectionId);
  const { rows } = await db.query<OutboxRow>(
    `WITH taken AS (
       UPDATE erp_posting p SET state = 'sending', attempt = p.attempt + 1, updated_at = now(),
         mapping_version = CASE before.state WHEN 'queued' THEN (SELECT max(version) FROM erp_mapping WHERE connection_id = $1) ELSE p.mapping_version END
       FROM (SELECT key, state, mapping_version FROM erp_posting p WHERE connection_id = $1 AND state IN ${openStates} AND ${mayGo} ORDER BY created_at, key LIMIT $2 FOR UPDATE SKIP LOCKED) before
       WHERE p.key = before.key
       RETURNING p.key, p.payload, p.mapping_version, p.attempt, p.external_id, p.created_at, before.state IN ('unknown', 'sending', 'drafted') AS is_unknown, before.mapping_version AS said_before)
     SELECT key, payload, mapping_version AS "mappingVersion", attempt, external_id AS "externalId", is_unknown AS "isUnknown", said_before AS "mappingBefore" FROM taken ORDER BY created_at, key`,
    [connectionId, limit],
  );
  return rows.map(({ mappingBefore, ...row }) => (row.attempt > 1 && mappingBefore !== row.mappingVersion ? { ...row, mappingBefore } : row));
}

/** What follows a document that was refused or is held is held too, and comes back when that one goes on. */
async function holdFollowers(db: Db, connectionId: string): Promise<void> {
  await db.query(
    `UPDATE erp_posting p SET state = 'held', held_for = 'predecessor', answer = 'waits for ' || b.key || ', which is ' || b.state, updated_at = now()
     FROM erp_posting b WHERE p.connection_id = $1 AND p.state = 'queued' AND b.key = p.after_key AND b.state IN ('refused', 'held')`,
    [connectionId],
  );
  await db.query(
    `UPDATE erp_posting p SET state = 'queued', held_for = NULL, answer = NULL, updated_at = now()
     FROM erp_posting b WHERE p.connection_id = $1 AND p.held_for = 'predecessor' AND b.key = p.after_key AND b.state NOT IN ('refused', 'held')`,
    [connectionId],
  );
}

/** From which states an answer may come. */
const answerFrom = {
  queued: ['sending', 'drafted'],
  unknown: ['sending', 'drafted'],
  drafted: ['sending', 'drafted'],
  posted: ['sending', 'drafted'],
  verified: ['posted'],
  refused: ['sending', 'drafted', 'posted'],
  held: ['sending', 'drafted'],
} as const;

export type Answer = {
  readonly key: string;
  readonly state: keyof typeof answerFrom;
  readonly externalId?: string;
  readonly number?: string | null | undefined;
  readonly words?: string /** By which version of the mapping it stands there, where not by the one it was taken with. */;
  readonly mappingVersion?: number | null | undefined;
};

/** Records what the ERP answered to rows, set-wise. Throws RangeError when the state of one does not allow its answer. */
export async function recordAnswers(db: Db, answers: readonly Answer[]): Promise<void> {
  for (const state of new Set(answers.map((a) => a.state))) {
    const of = answers.filter((a) => a.state === state);
    const { rows } = await db.query<{ key: string }>(
      `UPDATE erp_posting p SET state = $1, external_id = coalesce(a.external, p.external_id), erp_number = coalesce(a.number, p.erp_number), answer = a.words, mapping_version = CASE WHEN a.mapping IS NULL THEN p.mapping_version ELSE nullif(a.mapping, '')::integer END, held_for = CASE $1 WHEN 'held' THEN 'period' END, updated_at = now()
       FROM unnest($2::text[], $3::text[], $4::text[], $6::text[], $7::text[]) AS a(key, external, words, number, mapping) WHERE p.key = a.key AND p.state = ANY($5) RETURNING p.key`,
      [
        state,
        of.map((a) => a.key),
        of.map((a) => a.externalId ?? null),
        of.map((a) => a.words ?? null),
        answerFrom[state],
        of.map((a) => a.number ?? null),
        of.map((a) => (a.mappingVersion === undefined ? null : `${a.mappingVersion ?? ''}`)),
      ],
    );
    const other = of.find((a) => !rows.some((r) => r.key === a.key));
    if (other !== undefined) throw new RangeError(`${other.key} cannot become ${state}: it is not ${answerFrom[state].join(' or ')}`);
  }
}

/** How many rows of a connection can be sent or read back now; what waits for another document is not among them. */
export async function leftToHandOver(db: Db, connectionId: string): Promise<number> {
  const { rows } = await db.query<{ n: bigint }>(`SELECT count(*) AS n FROM erp_posting p WHERE connection_id = $1 AND state IN ${openStates} AND ${mayGo}`, [connectionId]);
  return Number(rows[0]?.n ?? 0n);
}

/** Connections of which something can be sent or read back now. */
export async function connectionsToHandOver(db: Db): Promise<readonly string[]> {
  const { rows } = await db.query<{ id: string }>(
    `SELECT x.id FROM erp_connection x WHERE EXISTS (SELECT FROM erp_posting p WHERE p.connection_id = x.id AND p.state IN ${openStates} AND ${mayGo}) ORDER BY 1`,
  );
  return rows.map((r) => r.id);
}

/** An entity's connections to which rows whose key begins so still have to be sent or read back. */
export async function connectionsLeft(db: Db, entityId: string, prefixes: readonly string[]): Promise<readonly string[]> {
  const { rows } = await db.query<{ id: string }>(
    `SELECT x.id FROM erp_connection x WHERE x.entity_id = $1 AND EXISTS (SELECT FROM erp_posting p JOIN unnest($2::text[]) AS b(prefix) ON starts_with(p.key, b.prefix) WHERE p.connection_id = x.id AND p.state IN ${openStates}) ORDER BY 1`,
    [entityId, prefixes],
  );
  return rows.map((r) => r.id);
}

/** Workflow ids of the runs behind these rows that have none left to send or read back. */
export async function settledRuns(db: Db, keys: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ workflow_id: string }>(
    `SELECT DISTINCT r.workflow_id FROM erp_posting p JOIN billing_run r ON r.id = p.run_id WHERE p.key = ANY($1)
       AND NOT EXISTS (SELECT FROM erp_posting o WHERE o.run_id = r.id AND o.state IN ${openStates}) ORDER BY 1`,
    [keys],
  );
  return rows.map((r) => r.workflow_id);
}

/** How far the hand-over of a run is, or that of one of its groups, and to which connections rows are left; `problem` points at what an ERP last said about one. */
export async function runHandOver(db: Db, runId: string, group?: string): Promise<{ readonly left: number; readonly connections: readonly string[]; readonly problem: string | null }> {
  const { rows } = await db.query<{ n: bigint; connections: string[]; key: string | null }>(
    `SELECT count(*) AS n, coalesce(array_agg(DISTINCT p.connection_id), '{}') AS connections, (array_agg(p.key ORDER BY p.updated_at DESC) FILTER (WHERE p.answer IS NOT NULL AND p.state IN ('queued', 'unknown')))[1] AS key
     FROM erp_posting p WHERE p.run_id = $1 AND p.state IN ${openStates} AND ($2::text IS NULL OR p.group_name = $2)`,
    [runId, group ?? null],
  );
  const key = rows[0]?.key ?? null;
  return { left: Number(rows[0]?.n ?? 0n), connections: rows[0]?.connections ?? [], problem: key === null ? null : triedAgain(key) };
}

/** What the ERP refused of a group, and whether every group of the run is handed over and each row verified, so that its control totals can be compared. */
export async function groupHandedOver(db: Db, runId: string, group: string): Promise<{ readonly stopped: readonly { key: string; state: string }[]; readonly allVerified: boolean }> {
  const stopped = await db.query("SELECT p.key, p.state FROM erp_posting p WHERE p.run_id = $1 AND p.group_name = $2 AND p.state IN ('refused', 'held') ORDER BY p.key", [runId, group]);
  const all = await db.query<{ verified: boolean }>(
    `SELECT NOT EXISTS (SELECT FROM erp_posting WHERE run_id = $1 AND state NOT IN ('verified', 'skipped'))
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

/** The ERP connections that hold something of a run. */
export async function connectionsOfRun(db: Db, runId: string): Promise<readonly string[]> {
  const { rows } = await db.query<{ id: string }>('SELECT DISTINCT connection_id AS id FROM erp_posting WHERE run_id = $1 ORDER BY 1', [runId]);
  return rows.map((r) => r.id);
}

/** What of a run went to a connection, for the comparison with its control totals, what still stops some, and what was decided to stay out of it. */
export async function handedOver(
  db: Db,
  runId: string,
  connectionId: string,
): Promise<{ readonly sent: readonly Said[]; readonly skipped: readonly Said[]; readonly stopped: readonly { key: string; state: string }[] }> {
  const { rows } = await db.query('SELECT key, payload, mapping_version, state FROM erp_posting WHERE run_id = $1 AND connection_id = $2 ORDER BY key', [runId, connectionId]);
  const said = (of: typeof rows): readonly Said[] => of.map((r) => ({ payload: r.payload, mappingVersion: r.mapping_version }));
  return {
    sent: said(rows.filter((r) => r.state !== 'skipped')),
    skipped: said(rows.filter((r) => r.state === 'skipped')),
    stopped: rows.filter((r) => r.state === 'refused' || r.state === 'held').map((r) => ({ key: r.key, state: r.state })),
  };
}
/** A payload, and the version of the mapping by which it is said. */
type Said = { readonly payload: Buffer; readonly mappingVersion: number | null };
