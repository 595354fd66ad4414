import type { Db } from '../../db.ts';
import { recordKeySql } from '../../record-key.ts';
import { pagesOf } from './pages.ts';

/** A row that the database itself judged: `problem` says what does not hold. */
export type Judged = { readonly problem: string | null };

/** Stored bodies against their hash. What was expunged has no bytes left, only who did it and why. */
export const rawBodies = (db: Db) =>
  pagesOf<Judged & { readonly expunged: boolean }>(
    db,
    `SELECT bytes IS NULL AS expunged, 'raw body ' || encode(hash, 'hex') || ' of ' || to_char(received_month, 'YYYY-MM') || CASE
       WHEN bytes IS NULL AND (expunged_at IS NULL OR expunged_by IS NULL OR expunge_reason IS NULL) THEN ' is gone, and nobody signed for it'
       WHEN sha256(bytes) <> hash THEN ' has other bytes than its hash says' WHEN length(bytes) <> length THEN ' has another length than it says' END AS problem
     FROM raw_body ORDER BY received_month, hash`,
  );

/** Every message has its body and is either waiting to be processed or has an outcome that led to the record of its key; and what speaks of a message has it. */
export const rawMessages = (db: Db) =>
  pagesOf<Judged>(
    db,
    `SELECT 'message ' || coalesce(m.id, o.raw_id, p.raw_id) || CASE
       WHEN m.id IS NULL THEN CASE WHEN p.raw_id IS NULL THEN ' was processed' ELSE ' is on the work list' END || ', and is gone'
       WHEN b.hash IS NULL THEN ' has no body' WHEN p.raw_id IS NULL AND o.raw_id IS NULL THEN ' is neither processed nor on the work list'
       WHEN p.raw_id IS NOT NULL AND o.raw_id IS NOT NULL THEN ' is processed and on the work list'
       WHEN o.record_id IS NOT NULL AND h.record_id IS NULL THEN ' led to record ' || o.record_id || ', which is gone'
       WHEN h.source_id <> m.source_id OR ${recordKeySql} <> m.record_key THEN ' led to record ' || o.record_id || ', which has another key' END AS problem
     FROM raw_message m FULL JOIN raw_outcome o ON o.raw_id = m.id FULL JOIN raw_pending p ON p.raw_id = coalesce(m.id, o.raw_id)
     LEFT JOIN raw_body b ON b.received_month = m.received_month AND b.hash = m.body_hash LEFT JOIN record_head h ON h.record_id = o.record_id ORDER BY coalesce(m.id, o.raw_id, p.raw_id)`,
  );

/** Every booked CDR has its revisions without a gap, and its head says what the current one does. */
export const recordHeads = (db: Db) =>
  pagesOf<Judged>(
    db,
    `SELECT 'record ' || h.record_id || CASE
       WHEN s.revisions IS DISTINCT FROM h.revision AND h.revision > 0 THEN ' is at revision ' || h.revision || ' and has ' || coalesce(s.revisions, 0) || ' sealed'
       WHEN h.state = 'booked' AND r.record_id IS NULL THEN ' is booked and not sealed'
       WHEN h.state = 'booked' AND (r.energy_wh, r.service_month, r.site_id, r.account_id, r.session_key) IS DISTINCT FROM (h.energy_wh, h.service_month, h.site_id, h.account_id, h.session_key)
         THEN ' has a head that says otherwise than its sealed revision'
       WHEN h.state <> 'booked' AND l.record_id IS NOT NULL THEN ' is ' || h.state || ', and charges of it still count'
       WHEN h.linked_to IS NOT NULL AND (w.record_id IS NULL OR w.state = 'rejected' AND w.linked_to IS NULL AND NOT w.issues @> '[{"code": "creditedBySender"}]') THEN ' gives way to record ' || h.linked_to || ', which is not billed itself' END AS problem
     FROM record_head h LEFT JOIN charge_record r ON r.record_id = h.record_id AND r.revision = h.revision
     LEFT JOIN (SELECT record_id, count(*)::integer AS revisions FROM charge_record GROUP BY 1 HAVING min(revision) = 1 AND max(revision) = count(*)) s ON s.record_id = h.record_id
     LEFT JOIN (SELECT DISTINCT c.record_id FROM charge_identity i JOIN rated_charge c ON c.charge_id = i.charge_id) l ON l.record_id = h.record_id LEFT JOIN record_head w ON w.record_id = h.linked_to
     ORDER BY h.record_id`,
  );

export type SealedRow = {
  readonly record_id: bigint;
  readonly revision: number;
  readonly record_key: string | null;
  readonly source_id: string;
  readonly session_key: string;
  readonly site_id: string;
  readonly account_id: string;
  readonly start_at: Date;
  readonly end_at: Date;
  readonly service_month: string;
  readonly energy_wh: bigint;
  readonly canonical: Buffer;
  readonly facts_hash: Buffer;
  readonly rating_hash: Buffer;
  readonly allocation_hash: Buffer;
  readonly record_hash: Buffer;
  /** Of its head, when this is the current revision. */
  readonly identity_hash: Buffer | null;
  /** Hashes of the charges that were rated from it, in order of their ids. */
  readonly charge_hashes: readonly Buffer[];
  /** Whether the message it stands on led to this record. */
  readonly has_message: boolean;
};

/** Sealed records with what else speaks of them. */
export const sealedRecords = (db: Db) =>
  pagesOf<SealedRow>(
    db,
    `SELECT r.*, h.source_id || '/' || ${recordKeySql} AS record_key, CASE WHEN h.revision = r.revision AND h.state = 'booked' THEN h.facts_hash END AS identity_hash,
       ARRAY(SELECT c.charge_hash FROM rated_charge c WHERE c.record_id = r.record_id AND c.revision = r.revision AND c.reversal_of IS NULL ORDER BY c.charge_id) AS charge_hashes,
       EXISTS (SELECT FROM raw_outcome o WHERE o.raw_id = r.raw_id AND o.record_id = r.record_id) AS has_message
     FROM charge_record r LEFT JOIN record_head h ON h.record_id = r.record_id ORDER BY r.record_id, r.revision`,
  );
