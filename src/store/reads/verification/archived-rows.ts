import type { Db } from '../../db.ts';
import type { Judged } from './intake-rows.ts';
import { pagesOf } from './pages.ts';

export type ArchivedRow = Judged & { readonly missing: boolean };

// Files are of some ten kilobytes, and hashed by the database: a page of rows is small.
/** Archived files against their hash and what they are of; and issued documents whose file is still to be made. */
export const archivedRows = (db: Db) =>
  pagesOf<ArchivedRow>(
    db,
    `SELECT f.subject_id IS NULL AS missing, CASE
       WHEN sha256(f.body) <> f.sha256 THEN 'the ' || f.form || ' of ' || f.subject_kind || ' ' || f.subject_id || ' has other bytes than its hash says'
       WHEN f.subject_kind = 'document' AND f.file_name <> regexp_replace(s.legal_number, '[^A-Za-z0-9_-]', '_', 'g') || '.' || f.form THEN 'the ' || f.form || ' of document ' || f.subject_id || ' has another name than its number'
       WHEN f.subject_kind = 'document' AND d.id IS NULL OR f.subject_kind = 'run' AND r.id IS NULL OR f.subject_kind = 'payment' AND y.id IS NULL THEN 'the ' || f.form || ' of ' || f.subject_kind || ' ' || f.subject_id || ' is of nothing that was issued' END AS problem
     FROM archived_file f FULL JOIN (SELECT id FROM document WHERE state = 'issued') d ON f.subject_kind = 'document' AND f.subject_id = d.id LEFT JOIN issue_stamp s ON s.document_id = d.id
     LEFT JOIN billing_run r ON f.subject_kind = 'run' AND r.id = f.subject_id AND r.state = 'closed'
     LEFT JOIN payment y ON f.subject_kind = 'payment' AND y.id = f.subject_id AND y.state = 'approved' ORDER BY f.subject_kind, f.subject_id, f.form, d.id`,
  );
