import { renderAnnexCsv } from '../adapters/documents/csv/render-annex.ts';
import { fileNameOf, pdfType, ublType } from '../adapters/documents/document-files.ts';
import { renderPdf } from '../adapters/documents/pdf/render-pdf.ts';
import { renderUbl } from '../adapters/documents/ubl/render-ubl.ts';
import { eInvoiceOf } from '../core/document/e-invoice.ts';
import type { IssuedDocument } from '../core/document/issued-document.ts';
import { describeIssue, issue } from '../core/issues.ts';
import type { Db } from '../store/db.ts';
import { archivedFile } from '../store/reads/archived-files.ts';
import { findDocument } from '../store/reads/documents.ts';
import { issuedDocuments } from '../store/reads/issued-document.ts';
import { Problem } from './problem.ts';
import { fileResponse } from './run-files.ts';

export type DocumentForm = 'pdf' | 'xml' | 'csv';

/**
 * An issued document as PDF, as UBL where it can be one, or its annex as CSV. PDF and UBL are the archived bytes, unless another language is
 * asked for. 404 without such a document, 409 before its issue, 422 with every reason why it is no e-invoice.
 */
export async function documentFile(db: Db, id: string, form: DocumentForm, language?: string): Promise<Response> {
  const kept = language === undefined && form !== 'csv' ? await archivedFile(db, 'document', id, form) : undefined;
  if (kept !== undefined) return fileResponse(kept, 'inline');
  const document = await issuedDocument(db, id);
  const fileName = fileNameOf(document, form);
  if (form === 'csv') return fileResponse({ fileName, contentType: 'text/csv; charset=utf-8', body: renderAnnexCsv(document) });
  if (form === 'pdf') return fileResponse({ fileName, contentType: pdfType, body: await renderPdf(document, language) }, 'inline');
  const made = renderUbl(document);
  if ('issues' in made) throw new Problem(422, 'notAnEInvoice', made.issues.map(describeIssue).join(' '), { errors: made.issues });
  return fileResponse({ fileName, contentType: ublType, body: made.bytes }, 'inline');
}

/** Whether an issued document has an e-invoice: archived, or one that can be made of it. */
export async function hasEInvoice(db: Db, id: string): Promise<boolean> {
  return (await archivedFile(db, 'document', id, 'xml')) !== undefined || !('issues' in eInvoiceOf(await issuedDocument(db, id)));
}

/** One issued document with all that its files say. Problems as above. */
export async function issuedDocument(db: Db, id: string): Promise<IssuedDocument> {
  const [document] = await issuedDocuments(db, [id]);
  if (document !== undefined) return document;
  if ((await findDocument(db, id)) === undefined) throw new Problem(404, 'notFound', `There is no document "${id}".`);
  throw new Problem(409, 'notIssued', describeIssue(issue('notIssued', 'blocks', id)));
}
