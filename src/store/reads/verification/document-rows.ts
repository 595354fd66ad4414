import type { QueryResultRow } from 'pg';
import type { StoredDocument, StoredParts } from '../../../core/document/judge-document.ts';
import { adjustmentOf, chargeOf, claimedCharges, manualLines } from '../../cycle/claimed-charges.ts';
import { creditRefs } from '../../cycle/credits.ts';
import { isReceiptSql } from '../../cycle/hand-receipts.ts';
import type { Db } from '../../db.ts';
import type { Judged } from './intake-rows.ts';
import { pagesOf } from './pages.ts';

// A document may hold tens of thousands of charges: few at a time.
const documentsPerPage = 20;

// Whatever its run is called, or is gone: a fixed document is relied on.
const fixedSql = "d.state IN ('approved', 'awaitingNumber', 'issued')";

/** Every document that somebody may rely on, so none of a dry run, with its parts. */
export async function* builtDocuments(db: Db): AsyncGenerator<{ readonly row: StoredDocument; readonly parts: StoredParts }[]> {
  const pages = pagesOf<StoredDocument>(
    db,
    `SELECT d.*, r.label AS period FROM document d LEFT JOIN billing_run r ON r.id = d.run_id WHERE r.kind = 'live' OR ${fixedSql} ORDER BY d.run_id, d.account_id, d.id`,
    documentsPerPage,
  );
  for await (const documents of pages) yield withParts(db, documents);
}

/** Where what is kept as credited of issued lines, and of VAT codes (line 0), is not what issued documents credit, or its bounds are not what was billed. */
export const creditsOff = (db: Db) =>
  pagesOf<Judged>(
    db,
    `WITH credited AS (SELECT l.credits_document_id AS document_id, g.line_no, l.vat_code::text AS vat_code, -sum(l.net_minor) AS minor FROM document d JOIN document_line l ON l.document_id = d.id AND l.credits_document_id IS NOT NULL
         CROSS JOIN LATERAL (VALUES (l.credits_line_no), (0)) g (line_no) WHERE d.state = 'issued' AND g.line_no IS NOT NULL GROUP BY 1, 2, 3),
       part AS (SELECT k.document_id, k.line_no, c.vat_code::text AS vat_code, c.net_minor AS net FROM document_claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.document_id IN (SELECT document_id FROM credited)
         UNION ALL SELECT a.document_id, a.line_no, a.vat_code, a.net_minor FROM document_line a WHERE a.kind = 'adjustment' AND a.document_id IN (SELECT document_id FROM credited)),
       bound AS (SELECT p.document_id, g.line_no, p.vat_code, sum(least(p.net, 0)) AS low, sum(greatest(p.net, 0)) AS high FROM part p CROSS JOIN LATERAL (VALUES (p.line_no), (0)) g (line_no) GROUP BY 1, 2, 3)
     SELECT 'of line ' || coalesce(c.line_no, o.line_no) || ' of document ' || coalesce(c.document_id, o.document_id) || ' ' || coalesce(c.minor, 0) || ' is credited, and kept is ' || coalesce(o.credited_minor::text, 'nothing') || ' of ' || coalesce(b.low, 0) || ' to ' || coalesce(b.high, 0) AS problem
     FROM credited c FULL JOIN document_credit o ON (o.document_id, o.line_no, o.vat_code) = (c.document_id, c.line_no, c.vat_code) LEFT JOIN bound b ON (b.document_id, b.line_no, b.vat_code) = (c.document_id, c.line_no, c.vat_code)
     WHERE (o.credited_minor, o.low_minor, o.high_minor) IS DISTINCT FROM (c.minor, coalesce(b.low, 0), coalesce(b.high, 0)) ORDER BY coalesce(c.document_id, o.document_id), coalesce(c.line_no, o.line_no)`,
  );

/** Documents with what they were composed from. */
export async function withParts(db: Db, documents: readonly StoredDocument[]): Promise<{ readonly row: StoredDocument; readonly parts: StoredParts }[]> {
  const ids = documents.map((d) => d.id);
  const charges = await db.query(`${claimedCharges} WHERE c.document_id = ANY($1) ORDER BY c.document_id, c.charge_id`, [ids]);
  const lines = await db.query('SELECT * FROM document_line WHERE document_id = ANY($1) ORDER BY document_id, line_no', [ids]);
  const adjustments = await db.query(`SELECT a.*, l.document_id FROM document_line l JOIN (${manualLines}) a ON a.id = l.adjustment_id WHERE l.document_id = ANY($1) ORDER BY a.id`, [ids]);
  const refs = await creditRefs(db, charges.rows);
  const of = (rows: readonly QueryResultRow[], id: string) => rows.filter((r) => r['document_id'] === id);
  return documents.map((row) => ({
    row,
    parts: {
      charges: of(charges.rows, row.id).map((r) => ({ ...chargeOf(r, refs), lineNo: r['line_no'] })),
      adjustments: of(adjustments.rows, row.id).map(adjustmentOf),
      lines: of(lines.rows, row.id),
    },
  }));
}

/** `hash`: null while it is built; `approved`: it was approved, in the review that it is in; `needsApproval`: documents of it are fixed; `leftOut`: the part of its hash over what it leaves out, null of groups that were built before it was part. */
export type GroupRow = { readonly name: string; readonly hash: string | null; readonly leftOut: string | null; readonly approved: boolean; readonly needsApproval: boolean };
export type RunRow = {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  /** Null while something of it is built. */
  readonly content_hash: Buffer | null;
  readonly groups: readonly GroupRow[];
};

/** Runs whose documents are built, or fixed, with their groups' hashes in order of their names, and whether that content was approved. */
export const hashedRuns = (db: Db) =>
  pagesOf<RunRow>(
    db,
    `SELECT r.id, r.kind, r.state, r.content_hash, (SELECT coalesce(jsonb_agg(jsonb_build_object('name', g.name, 'hash', encode(g.content_hash, 'hex'), 'leftOut', encode(g.left_out_hash, 'hex'),
       'approved', EXISTS (SELECT FROM approval a WHERE a.run_id = r.id AND a.group_name = g.name AND a.decision = 'approve' AND a.content_hash = g.content_hash AND a.review = g.review),
       'needsApproval', EXISTS (SELECT FROM document d WHERE d.run_id = r.id AND d.group_name = g.name AND ${fixedSql})) ORDER BY g.name COLLATE "C"), '[]')
       FROM release_group g WHERE g.run_id = r.id) AS groups
     FROM billing_run r WHERE r.kind = 'live' AND r.content_hash IS NOT NULL OR EXISTS (SELECT FROM document d WHERE d.run_id = r.id AND ${fixedSql}) ORDER BY r.id`,
  );

export type StampRow = Judged & { readonly number: bigint; readonly series_id: string; readonly ocr: string | null; readonly legal_number: string };

/** Legal numbers, series by series: from 1, without gap or repeat, each on an issued document that the series is for, up to where the series stands. */
export const issueStamps = (db: Db) =>
  pagesOf<StampRow>(
    db,
    `SELECT s.number, s.series_id, s.ocr, s.legal_number, CASE
       WHEN q.id IS NULL THEN 'series ' || s.series_id || ' has numbers, and is gone'
       WHEN s.number <> s.n THEN 'series ' || s.series_id || ' has number ' || s.number || ' where ' || s.n || ' belongs'
       WHEN s.same > 1 THEN 'legal number ' || s.legal_number || ' is on ' || s.same || ' documents'
       WHEN s.legal_number <> q.prefix || lpad(s.number::text, greatest(6, length(s.number::text)), '0') THEN 'document ' || s.document_id || ' bears ' || s.legal_number || ', which is not number ' || s.number || ' of its series'
       WHEN d.id IS NULL OR d.state <> 'issued' THEN 'number ' || s.legal_number || ' is on document ' || s.document_id || ', which is not issued'
       WHEN (q.entity_id, q.document_type, q.year) IS DISTINCT FROM (d.entity_id, replace(d.type, 'selfBillingCredit', 'selfBilling'), extract(year FROM s.issued_on)::integer) OR q.counterparty_id NOT IN ('', d.account_id)
         THEN 'number ' || s.legal_number || ' is on document ' || s.document_id || ', which is of another seller, type, payee or year than series ' || s.series_id
       WHEN s.number = s.last AND q.next <> s.last + 1 THEN 'series ' || s.series_id || ' goes on at ' || q.next || ' after number ' || s.last END AS problem
     FROM (SELECT *, row_number() OVER (PARTITION BY series_id ORDER BY number) AS n, max(number) OVER (PARTITION BY series_id) AS last, count(*) OVER (PARTITION BY series_id, legal_number) AS same FROM issue_stamp WHERE series_id IS NOT NULL) s
     LEFT JOIN number_series q ON q.id = s.series_id LEFT JOIN document d ON d.id = s.document_id ORDER BY s.series_id, s.number`,
  );

/** Issued documents have a number, and series that took numbers show them. What the ERP numbered bears the number it told, and no two of a kind the same. */
export const unnumbered = (db: Db) =>
  pagesOf<Judged>(
    db,
    `SELECT 'document ' || d.id || ' is issued without a number' AS problem FROM document d WHERE d.state = 'issued' AND NOT EXISTS (SELECT FROM issue_stamp s WHERE s.document_id = d.id)
     UNION ALL SELECT 'series ' || q.id || ' took ' || q.next - 1 || ' numbers and shows none' FROM number_series q WHERE q.next > 1 AND NOT EXISTS (SELECT FROM issue_stamp s WHERE s.series_id = q.id)
     UNION ALL SELECT 'document ' || s.document_id || ' bears ' || s.legal_number || ', and the ERP called it ' || coalesce(p.erp_number, 'nothing') FROM issue_stamp s LEFT JOIN erp_posting p ON p.document_id = s.document_id WHERE s.series_id IS NULL AND p.erp_number IS DISTINCT FROM s.legal_number
     UNION ALL SELECT 'number ' || s.legal_number || ' of the ERP is on ' || count(*) || ' documents of type ' || d.type FROM issue_stamp s JOIN document d ON d.id = s.document_id
       WHERE EXISTS (SELECT FROM issue_stamp o JOIN document x ON x.id = o.document_id WHERE o.series_id IS NULL AND o.legal_number = s.legal_number AND x.entity_id = d.entity_id AND x.type = d.type) GROUP BY d.entity_id, d.type, s.legal_number HAVING count(*) > 1
     UNION ALL SELECT 'document ' || d.id || ' waits for a number, and nothing asks the ERP for it' FROM document d WHERE d.state = 'awaitingNumber' AND NOT EXISTS (SELECT FROM erp_posting p WHERE p.document_id = d.id)
     UNION ALL SELECT 'number ' || s.legal_number || ' is on document ' || s.document_id || ', which is not issued' FROM issue_stamp s LEFT JOIN document d ON d.id = s.document_id WHERE s.series_id IS NULL AND d.state IS DISTINCT FROM 'issued' ORDER BY 1`,
  );

// Of a document `d` and its entity `e`: it is handed over by itself. Receipts are summed up with the last document that their group issues.
const handedOverSql = `d.state IN ('issued', 'awaitingNumber') AND NOT EXISTS (SELECT FROM erp_receipt_line r WHERE r.document_id = d.id)
  AND NOT ((d.run_id, d.group_name) IN (SELECT o.run_id, o.group_name FROM document o WHERE o.state = 'approved') AND ${isReceiptSql})`;

/** Receipts that are summed up in journals: each wholly, and each journal the sum of its lines. */
const offReceiptsSql = `
  SELECT 'document ' || r.document_id || ' is in journals with another amount than its own' AS problem FROM erp_receipt_line r JOIN document d ON d.id = r.document_id
  GROUP BY r.document_id, d.payable_minor, d.net_minor HAVING sum(r.amount_minor) FILTER (WHERE r.part = 'party') <> d.payable_minor OR coalesce(sum(r.amount_minor) FILTER (WHERE r.part = 'net'), 0) <> -d.net_minor OR sum(r.amount_minor) <> 0
  UNION ALL SELECT 'posting ' || p.key || ' names other receipts, or another site or day, than it sums up' FROM erp_posting p CROSS JOIN LATERAL (SELECT convert_from(p.payload, 'UTF8')::jsonb -> 'receipts' AS of) x
  JOIN LATERAL (SELECT jsonb_agg(DISTINCT r.document_id) AS ids, min(r.site_id) AS site, max(r.site_id) AS last_site, min(r.charged_on) AS first_on, max(r.charged_on) AS last_on FROM erp_receipt_line r WHERE r.posting_key = p.key) r ON true
  WHERE p.key LIKE 'rcp\\_%' AND (coalesce(x.of ->> 'siteId', ''), coalesce(x.of ->> 'siteId', ''), x.of ->> 'on', x.of ->> 'on', x.of -> 'documentIds') IS DISTINCT FROM (r.site, r.last_site, r.first_on::text, r.last_on::text, r.ids)
  UNION ALL SELECT 'posting ' || coalesce(l.key, x.key) || ' is not the sum of its receipts' FROM (
    SELECT posting_key AS key, part, gl_account, coalesce(cost_center, '') AS cc, coalesce(vat_code, '') AS vat, sum(amount_minor) AS amount FROM erp_receipt_line GROUP BY 1, 2, 3, 4, 5 HAVING sum(amount_minor) <> 0) l
  FULL JOIN (SELECT p.key, x ->> 'part' AS part, x ->> 'glAccount' AS gl_account, coalesce(x ->> 'costCenter', '') AS cc, coalesce(x ->> 'vatCode', '') AS vat, (x ->> 'amountMinor')::bigint AS amount
    FROM erp_posting p CROSS JOIN LATERAL jsonb_array_elements(convert_from(p.payload, 'UTF8')::jsonb -> 'lines') x
    WHERE p.key LIKE 'rcp\\_%' AND x ->> 'amountMinor' <> '0') x USING (key, part, gl_account, cc, vat) WHERE l.amount IS DISTINCT FROM x.amount`;

/** Postings of single documents and of accruals against what they were made of: the document's lines, VAT and totals, the accrual's lines and their mirror; and invoices of partners without theirs. */
const offPostingsSql = `
  SELECT 'posting ' || coalesce(l.key, x.key) || CASE WHEN x.key IS NULL THEN ' lacks ' || l.part || ' lines of what it posts, or is gone' ELSE ' has other ' || x.part || ' lines than what it posts' END AS problem FROM (
    SELECT key, part, gl_account, cc, vat, sum(amount) AS amount FROM (
      SELECT j.key, 'net' AS part, l.gl_account, coalesce(l.cost_center, '') AS cc, '' AS vat, j.sign * l.amount_minor AS amount FROM accrual_line l
      CROSS JOIN LATERAL (SELECT CASE l.kind WHEN 'estimate' THEN 'estimate/' ELSE 'accrual/' END || l.accrual_id || '/' || l.currency AS key) k CROSS JOIN LATERAL (VALUES (k.key, 1), (k.key || '/reversal', -1)) j (key, sign)
      UNION ALL SELECT d.id, 'net', l.gl_account, coalesce(l.cost_center, ''), l.vat_code, d.sign * l.net_minor FROM posted d JOIN document_line l ON l.document_id = d.id
      UNION ALL SELECT d.id, 'tax', '', '', v ->> 'vatCode', d.sign * (v ->> 'vatMinor')::bigint FROM posted d CROSS JOIN LATERAL jsonb_array_elements(d.vat) v
      UNION ALL SELECT d.id, f.part, '', '', '', f.amount FROM posted d CROSS JOIN LATERAL (VALUES ('party', -d.sign * d.payable_minor), ('rounding', d.sign * d.rounding_minor)) f (part, amount)) m
    GROUP BY 1, 2, 3, 4, 5 HAVING sum(amount) <> 0) l
  FULL JOIN (SELECT p.key, x ->> 'part' AS part, CASE x ->> 'part' WHEN 'net' THEN x ->> 'glAccount' ELSE '' END AS gl_account, coalesce(x ->> 'costCenter', '') AS cc, coalesce(x ->> 'vatCode', '') AS vat, sum((x ->> 'amountMinor')::bigint) AS amount
    FROM erp_posting p CROSS JOIN LATERAL jsonb_array_elements(convert_from(p.payload, 'UTF8')::jsonb -> 'lines') x
    WHERE (p.key LIKE 'accrual/%' OR p.key LIKE 'estimate/%' OR p.document_id IN (SELECT id FROM posted)) AND sha256(p.payload) = p.payload_hash GROUP BY 1, 2, 3, 4, 5 HAVING sum((x ->> 'amountMinor')::bigint) <> 0) x
    USING (key, part, gl_account, cc, vat) WHERE l.amount IS DISTINCT FROM x.amount
  UNION ALL SELECT 'partner invoice ' || i.id || ' is in no outbox, or with another amount' FROM partner_invoice i LEFT JOIN erp_posting p ON p.key = 'partnerInvoice/' || i.id WHERE p.control_minor IS DISTINCT FROM i.net_minor + i.vat_minor`;

/** What was handed to the ERP's outbox: the frozen payload, its key and amount; each document that is issued, or waits for the ERP's number, once, by itself or in journals of receipts. */
export const outboxRows = (db: Db) =>
  pagesOf<Judged>(
    db,
    `WITH posted AS MATERIALIZED (SELECT d.id, d.payable_minor, d.rounding_minor, CASE WHEN d.type IN ('invoice', 'receipt', 'creditNote') THEN -1 ELSE 1 END AS sign,
         CASE WHEN sha256(d.canonical) = d.content_hash THEN convert_from(d.canonical, 'UTF8')::jsonb -> 'vat' ELSE '[]' END AS vat
       FROM document d JOIN legal_entity e ON e.id = d.entity_id WHERE ${handedOverSql})
     SELECT problem FROM (SELECT p.key, d.id, CASE WHEN p.key IS NULL THEN 'document ' || d.id || ' is issued and in no outbox' ELSE 'posting ' || p.key || CASE
       WHEN sha256(p.payload) <> p.payload_hash THEN ' has another payload than its hash says'
       WHEN convert_from(p.payload, 'UTF8')::jsonb ->> 'key' <> p.key THEN ' has the payload of another'
       WHEN (convert_from(p.payload, 'UTF8')::jsonb ->> 'runId', convert_from(p.payload, 'UTF8')::jsonb ->> 'currency') IS DISTINCT FROM (p.run_id, p.currency::text) THEN ' has another run or currency than its payload'
       WHEN p.document_id IS NOT NULL AND p.control_minor <> d.payable_minor THEN ' has another amount than its document'
       WHEN p.document_id IS NOT NULL AND convert_from(p.payload, 'UTF8')::jsonb ->> 'accountId' IS DISTINCT FROM d.account_id THEN ' is for another account than its document'
       WHEN p.document_id IS NOT NULL AND p.group_name IS DISTINCT FROM d.group_name THEN ' has another release group than its document' END END AS problem
     FROM erp_posting p FULL JOIN (SELECT d.* FROM document d JOIN legal_entity e ON e.id = d.entity_id WHERE ${handedOverSql}) d ON d.id = p.document_id
     UNION ALL SELECT '~', '', problem FROM (${offReceiptsSql} UNION ALL ${offPostingsSql}) r) o ORDER BY key NULLS FIRST, id, problem`,
  );
