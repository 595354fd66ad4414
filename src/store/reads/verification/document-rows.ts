import type { QueryResultRow } from 'pg';
import type { DocumentAdjustment, DocumentCharge } from '../../../core/document/compose.ts';
import { adjustmentOf, annexOrder, chargeOf, claimedCharges, manualLines } from '../../cycle/claimed-charges.ts';
import { creditRefs } from '../../cycle/credits.ts';
import type { Db } from '../../db.ts';
import type { Judged } from './intake-rows.ts';
import { pagesOf } from './pages.ts';

// A document may hold tens of thousands of charges: few at a time.
const documentsPerPage = 20;

export type DocumentRow = {
  readonly id: string;
  readonly state: string;
  readonly type: string;
  readonly period: string;
  readonly credits_document_id: string | null;
  readonly service_from: string | null;
  readonly service_to: string | null;
  readonly account_id: string;
  readonly entity_id: string;
  readonly currency: string;
  readonly net_minor: bigint;
  readonly vat_minor: bigint;
  readonly rounding_minor: bigint;
  readonly payable_minor: bigint;
  readonly energy_wh: bigint;
  readonly charge_count: number;
  readonly canonical: Buffer;
  readonly content_hash: Buffer;
};
/** What a document was composed from, and the lines it was written to. */
export type DocumentParts = {
  readonly charges: readonly (DocumentCharge & { readonly lineNo: number })[];
  readonly adjustments: readonly DocumentAdjustment[];
  readonly lines: readonly QueryResultRow[];
};

/** Every document that somebody may rely on, with its parts. */
export async function* builtDocuments(db: Db): AsyncGenerator<{ readonly row: DocumentRow; readonly parts: DocumentParts }[]> {
  const pages = pagesOf<DocumentRow>(db, 'SELECT d.*, r.period FROM document d JOIN billing_run r ON r.id = d.run_id ORDER BY d.run_id, d.account_id, d.id', documentsPerPage);
  for await (const documents of pages) {
    const ids = documents.map((d) => d.id);
    const charges = await db.query(`${claimedCharges} WHERE c.document_id = ANY($1) ORDER BY c.document_id, ${annexOrder}`, [ids]);
    const lines = await db.query('SELECT * FROM document_line WHERE document_id = ANY($1) ORDER BY document_id, line_no', [ids]);
    const adjustments = await db.query(`SELECT l.document_id, a.* FROM document_line l JOIN (${manualLines}) a ON a.id = l.adjustment_id WHERE l.document_id = ANY($1) ORDER BY a.id`, [ids]);
    const refs = await creditRefs(db, charges.rows);
    const of = (rows: readonly QueryResultRow[], id: string) => rows.filter((r) => r['document_id'] === id);
    yield documents.map((row) => ({
      row,
      parts: {
        charges: of(charges.rows, row.id).map((r) => ({ ...chargeOf(r, refs), lineNo: r['line_no'] })),
        adjustments: of(adjustments.rows, row.id).map(adjustmentOf),
        lines: of(lines.rows, row.id),
      },
    }));
  }
}

export type RunRow = { readonly id: string; readonly content_hash: Buffer; readonly group_hashes: readonly Buffer[]; readonly approved: boolean; readonly needs_approval: boolean };

/** Runs whose documents are built, with their groups' hashes and whether that content was approved. */
export const hashedRuns = (db: Db) =>
  pagesOf<RunRow>(
    db,
    `SELECT r.id, r.content_hash, ARRAY(SELECT g.content_hash FROM release_group g WHERE g.run_id = r.id ORDER BY g.name) AS group_hashes,
       EXISTS (SELECT FROM approval a WHERE a.run_id = r.id AND a.decision = 'approve' AND a.content_hash = r.content_hash) AS approved,
       EXISTS (SELECT FROM document d WHERE d.run_id = r.id AND d.state IN ('approved', 'awaitingNumber', 'issued')) AS needs_approval
     FROM billing_run r WHERE r.content_hash IS NOT NULL ORDER BY r.id`,
  );

export type StampRow = Judged & { readonly number: bigint; readonly series_id: string; readonly ocr: string | null; readonly legal_number: string };

/** Legal numbers, series by series: from 1, without gap or repeat, each on an issued document, up to where the series stands. */
export const issueStamps = (db: Db) =>
  pagesOf<StampRow>(
    db,
    `SELECT s.number, s.series_id, s.ocr, s.legal_number, CASE
       WHEN s.number <> s.n THEN 'series ' || s.series_id || ' has number ' || s.number || ' where ' || s.n || ' belongs'
       WHEN s.same > 1 THEN 'legal number ' || s.legal_number || ' is on ' || s.same || ' documents'
       WHEN s.legal_number <> q.prefix || lpad(s.number::text, 6, '0') THEN 'document ' || s.document_id || ' bears ' || s.legal_number || ', which is not number ' || s.number || ' of its series'
       WHEN d.id IS NULL OR d.state <> 'issued' THEN 'number ' || s.legal_number || ' is on document ' || s.document_id || ', which is not issued'
       WHEN s.number = s.last AND q.next <> s.last + 1 THEN 'series ' || s.series_id || ' goes on at ' || q.next || ' after number ' || s.last END AS problem
     FROM (SELECT *, row_number() OVER (PARTITION BY series_id ORDER BY number) AS n, max(number) OVER (PARTITION BY series_id) AS last, count(*) OVER (PARTITION BY series_id, legal_number) AS same FROM issue_stamp) s
     JOIN number_series q ON q.id = s.series_id LEFT JOIN document d ON d.id = s.document_id ORDER BY s.series_id, s.number`,
  );

/** Issued documents have a number, and series that took numbers show them. */
export const unnumbered = (db: Db) =>
  pagesOf<Judged>(
    db,
    `SELECT 'document ' || d.id || ' is issued without a number' AS problem FROM document d WHERE d.state = 'issued' AND NOT EXISTS (SELECT FROM issue_stamp s WHERE s.document_id = d.id)
     UNION ALL SELECT 'series ' || q.id || ' took ' || q.next - 1 || ' numbers and shows none' FROM number_series q WHERE q.next > 1 AND NOT EXISTS (SELECT FROM issue_stamp s WHERE s.series_id = q.id) ORDER BY 1`,
  );

/** What was handed to the ERP's outbox: the frozen payload, its key and amount; each issued document once. */
export const outboxRows = (db: Db) =>
  pagesOf<Judged>(
    db,
    `SELECT CASE WHEN p.key IS NULL THEN 'document ' || d.id || ' is issued and in no outbox' ELSE 'posting ' || p.key || CASE
       WHEN sha256(p.payload) <> p.payload_hash THEN ' has another payload than its hash says'
       WHEN convert_from(p.payload, 'UTF8')::jsonb ->> 'key' <> p.key THEN ' has the payload of another'
       WHEN (convert_from(p.payload, 'UTF8')::jsonb ->> 'runId', convert_from(p.payload, 'UTF8')::jsonb ->> 'currency') IS DISTINCT FROM (p.run_id, p.currency::text) THEN ' has another run or currency than its payload'
       WHEN p.document_id IS NOT NULL AND p.control_minor <> d.payable_minor THEN ' has another amount than its document' END END AS problem
     FROM erp_posting p FULL JOIN (SELECT * FROM document WHERE state = 'issued') d ON d.id = p.document_id ORDER BY p.key NULLS FIRST, d.id`,
  );
