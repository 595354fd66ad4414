import type { IssuedDocument } from '../../core/document/issued-document.ts';
import { renderPdf } from './pdf/render-pdf.ts';
import { renderUbl } from './ubl/render-ubl.ts';

/** A rendered file, with the name and type that it is sent under. */
export type RenderedFile = { readonly form: string; readonly fileName: string; readonly contentType: string; readonly body: Buffer };

export const pdfType = 'application/pdf';
export const ublType = 'application/xml; charset=utf-8';

/** A document's number as the name of a file. */
export function fileNameOf({ legalNumber }: Pick<IssuedDocument, 'legalNumber'>, extension: string): string {
  return `${legalNumber.replaceAll(/[^A-Za-z0-9_-]/g, '_')}.${extension}`;
}

/** What of an issued document is kept for good: its PDF in the receiver's language, and the e-invoice where it can be one. */
export async function filesOfDocument(document: IssuedDocument): Promise<RenderedFile[]> {
  const ubl = renderUbl(document);
  return [
    { form: 'pdf', fileName: fileNameOf(document, 'pdf'), contentType: pdfType, body: await renderPdf(document) },
    ...('bytes' in ubl ? [{ form: 'xml', fileName: fileNameOf(document, 'xml'), contentType: ublType, body: ubl.bytes }] : []),
  ];
}
