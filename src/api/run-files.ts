import { renderJournalCsv } from '../adapters/documents/csv/render-journal.ts';
import { pdfType } from '../adapters/documents/document-files.ts';
import { renderReport } from '../adapters/documents/pdf/render-report.ts';
import { renderSie } from '../adapters/documents/sie/render-sie.ts';
import type { AccountingBatch } from '../core/accounting/batch.ts';
import { batchManifest } from '../core/accounting/manifest.ts';
import { closePaper } from '../core/cycle/close-report.ts';
import { describeIssue, issue } from '../core/issues.ts';
import { sha256 } from '../core/seal/charge-record.ts';
import { archiveFiles } from '../store/commands/archive-files.ts';
import type { Db } from '../store/db.ts';
import { accountingBatch } from '../store/reads/accounting-batch.ts';
import { type ArchivedFile, archivedFile } from '../store/reads/archived-files.ts';
import { reportOf } from '../store/reads/run-report.ts';
import { runStart } from '../store/reads/runs.ts';
import { Problem } from './problem.ts';

export const runForms = ['sie', 'journal', 'manifest', 'report'] as const;
export type RunForm = (typeof runForms)[number];
type Made = { readonly fileName: string; readonly contentType: string; readonly body: Buffer };

/**
 * A file of a closed run: SIE 4I, the journal as CSV, the manifest of both with their totals, or the close report as PDF. Made and archived
 * when it is first asked for, the same bytes from then on. 404 without such a run, 409 before its close, 422 where SIE cannot say it.
 */
export async function runFile(db: Db, runId: string, form: RunForm): Promise<ArchivedFile> {
  const kept = await archivedFile(db, 'run', runId, form);
  if (kept !== undefined) return kept;
  if ((await runStart(db, runId)) === undefined) throw new Problem(404, 'notFound', `There is no run "${runId}".`);
  const batch = await accountingBatch(db, runId);
  if (batch === undefined) throw new Problem(409, 'notClosed', describeIssue(issue('notClosed', 'blocks', runId)));
  const made = await makers[form](db, runId, batch);
  await archiveFiles(db, [{ ...made, subject: { kind: 'run', id: runId }, form }]);
  // Whoever archived it first decides.
  return (await archivedFile(db, 'run', runId, form)) ?? { ...made, form, sha256: sha256(made.body).toString('hex') };
}

const makers: Readonly<Record<RunForm, (db: Db, runId: string, batch: AccountingBatch) => Promise<Made>>> = {
  async sie(_db, runId, batch) {
    const made = renderSie(batch);
    if ('issues' in made) throw new Problem(422, 'notForSie', made.issues.map(describeIssue).join(' '), { errors: made.issues });
    return { fileName: `${runId}.si`, contentType: 'application/octet-stream', body: made.bytes };
  },
  async journal(_db, runId, batch) {
    return { fileName: `${runId}-journal.csv`, contentType: 'text/csv; charset=utf-8', body: renderJournalCsv(batch) };
  },
  async manifest(db, runId, batch) {
    const files = [];
    for (const form of ['sie', 'journal'] as const) {
      const file = await runFile(db, runId, form).catch((error) => (error instanceof Problem && error.status === 422 ? undefined : Promise.reject(error)));
      if (file !== undefined) files.push({ form, fileName: file.fileName, bytes: file.body.length, sha256: file.sha256 });
    }
    return { fileName: `${runId}-manifest.json`, contentType: 'application/json', body: Buffer.from(`${JSON.stringify(batchManifest(batch, files), null, 2)}\n`) };
  },
  async report(db, runId, batch) {
    const report = await reportOf(db, runId);
    if (report === undefined) throw new Problem(404, 'notFound', `There is no run "${runId}".`);
    return { fileName: `${runId}-report.pdf`, contentType: pdfType, body: await renderReport(closePaper(report), { author: batch.entity.name, on: batch.closedOn }) };
  },
};

/** A file as the answer to a request. */
export function fileResponse({ fileName, contentType, body }: Pick<ArchivedFile, 'fileName' | 'contentType' | 'body'>, disposition: 'inline' | 'attachment' = 'attachment'): Response {
  return new Response(new Uint8Array(body), {
    headers: { 'content-type': contentType, 'content-disposition': `${disposition}; filename="${fileName}"`, 'x-content-sha256': sha256(body).toString('hex') },
  });
}
