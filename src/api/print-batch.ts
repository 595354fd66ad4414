import { pageCount } from '../adapters/documents/pdf/page-count.ts';
import type { PrintManifest } from '../contracts/delivery-overview.ts';
import { addresseeOf } from '../core/delivery/delivery.ts';
import { type PrintItem, printManifest } from '../core/delivery/print-manifest.ts';
import type { Db } from '../store/db.ts';
import { findPrintBatch, printedFiles } from '../store/reads/deliveries.ts';
import { issuedDocuments } from '../store/reads/issued-document.ts';
import { Problem } from './problem.ts';

/**
 * What a print house prints: each file of a batch with its addressee, pages and hash. Names and addresses as they are now; who was erased
 * meanwhile, or has no address any more, has no row. 404 without such a batch.
 */
export async function manifestOf(db: Db, batchId: string): Promise<PrintManifest> {
  const batch = await findPrintBatch(db, batchId);
  if (batch === undefined) throw new Problem(404, 'notFound', `There is no print batch "${batchId}".`);
  const files = await printedFiles(db, batchId);
  const items: PrintItem[] = [];
  for (const document of await issuedDocuments(db, batch.documentIds)) {
    const file = files.get(document.documentId);
    const addressee = addresseeOf(document.party, document.entity.country);
    if (file === undefined || addressee === undefined) continue;
    const { documentId, legalNumber, dueOn, ocr, currency, payableMinor, party } = document;
    items.push({
      documentId,
      legalNumber,
      fileName: file.fileName,
      sha256: file.sha256,
      pages: pageCount(file.body),
      addressee,
      country: party.address.country ?? party.country,
      dueOn,
      ocr,
      currency,
      payableMinor,
      attempt: file.attempt,
    });
  }
  return printManifest({ batchId, entityId: batch.entityId, madeAt: batch.madeAt }, items);
}
