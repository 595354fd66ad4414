import { renderPdf } from '../adapters/documents/pdf/render-pdf.ts';
import { renderUbl } from '../adapters/documents/ubl/render-ubl.ts';
import { describeIssue, issue } from '../core/issues.ts';
import type { Db } from '../store/db.ts';
import { findDocument } from '../store/reads/documents.ts';
import { issuedDocuments } from '../store/reads/issued-document.ts';
import { Problem } from './problem.ts';

export type DocumentForm = 'pdf' | 'xml';

/** An issued document as PDF, or as UBL where it can be one. 404 without such a document, 409 before its issue, 422 with every reason why it is no e-invoice. */
export async function documentFile(db: Db, id: string, form: DocumentForm, language?: string): Promise<Response> {
  const [document] = await issuedDocuments(db, [id]);
  if (document === undefined) {
    if ((await findDocument(db, id)) === undefined) throw new Problem(404, 'notFound', `There is no document "${id}".`);
    throw new Problem(409, 'notIssued', describeIssue(issue('notIssued', 'blocks', id)));
  }
  const fileName = `${document.legalNumber.replaceAll(/[^A-Za-z0-9_-]/g, '_')}.${form}`;
  const headers = (contentType: string) => ({ 'content-type': contentType, 'content-disposition': `inline; filename="${fileName}"` });
  if (form === 'pdf') return new Response(new Uint8Array(await renderPdf(document, language)), { headers: headers('application/pdf') });
  const made = renderUbl(document);
  if ('issues' in made) throw new Problem(422, 'notAnEInvoice', made.issues.map(describeIssue).join(' '), { errors: made.issues });
  return new Response(new Uint8Array(made.bytes), { headers: headers('application/xml; charset=utf-8') });
}
