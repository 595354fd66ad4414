import { sha256 } from '../../core/seal/charge-record.ts';
import type { Db } from '../db.ts';

export type ArchiveSubject = { readonly kind: 'document' | 'run' | 'payment'; readonly id: string };
export type FileToArchive = { readonly subject: ArchiveSubject; readonly form: string; readonly fileName: string; readonly contentType: string; readonly body: Buffer };

/** Keeps files for good. What is there already stays as it is: whoever archives the same again changes nothing. */
export async function archiveFiles(db: Db, files: readonly FileToArchive[]): Promise<void> {
  if (files.length === 0) return;
  await db.query(
    `INSERT INTO archived_file (subject_kind, subject_id, form, file_name, content_type, sha256, body)
     SELECT k, s, f, n, c, h, b FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[]) AS t(k, s, f, n, c, h, b) ON CONFLICT DO NOTHING`,
    [
      files.map((f) => f.subject.kind),
      files.map((f) => f.subject.id),
      files.map((f) => f.form),
      files.map((f) => f.fileName),
      files.map((f) => f.contentType),
      files.map((f) => sha256(f.body)),
      files.map((f) => f.body),
    ],
  );
}
