import type { Db } from '../db.ts';

/** A file as it was archived. `sha256` in hex. */
export type ArchivedFile = { readonly form: string; readonly fileName: string; readonly contentType: string; readonly sha256: string; readonly body: Buffer };

/** One archived file; undefined when there is none of this form. */
export async function archivedFile(db: Db, kind: string, id: string, form: string): Promise<ArchivedFile | undefined> {
  const { rows } = await db.query<ArchivedFile>(
    `SELECT form, file_name AS "fileName", content_type AS "contentType", encode(sha256, 'hex') AS sha256, body FROM archived_file WHERE subject_kind = $1 AND subject_id = $2 AND form = $3`,
    [kind, id, form],
  );
  return rows[0];
}

/** Issued documents of a release group of a run that have no PDF in the archive yet, a few at a time. */
export async function unarchivedDocuments(db: Db, runId: string, group: string, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `SELECT d.id FROM document d WHERE d.run_id = $1 AND d.group_name = $2 AND d.state = 'issued'
       AND NOT EXISTS (SELECT FROM archived_file f WHERE f.subject_kind = 'document' AND f.subject_id = d.id AND f.form = 'pdf') ORDER BY d.id LIMIT $3`,
    [runId, group, limit],
  );
  return rows.map((r) => r.id);
}
