import { renderPain } from '../adapters/documents/pain/render-pain.ts';
import { sha256 } from '../core/seal/charge-record.ts';
import { archiveFiles } from '../store/commands/archive-files.ts';
import type { Db } from '../store/db.ts';
import { type ArchivedFile, archivedFile } from '../store/reads/archived-files.ts';
import { findPayment, paymentFile } from '../store/reads/payments.ts';
import { Problem } from './problem.ts';

const form = 'pain';
const contentType = 'application/xml; charset=utf-8';

/** The file of an approved payment, archived when it is first asked for: sending it twice sends the same. 404 without such a payment, 409 until it is approved. */
export async function paymentFileOf(db: Db, paymentId: string): Promise<ArchivedFile> {
  const kept = await archivedFile(db, 'payment', paymentId, form);
  if (kept !== undefined) return kept;
  const file = await paymentFile(db, paymentId);
  if (file === undefined) {
    const payment = await findPayment(db, paymentId);
    if (payment === undefined) throw new Problem(404, 'notFound', `There is no payment "${paymentId}".`);
    throw new Problem(409, 'notApproved', `Payment ${paymentId} is ${payment.state}: its file is made once somebody else than its author has approved it.`);
  }
  const made = { form, fileName: `${paymentId}.xml`, contentType, body: renderPain(file) };
  await archiveFiles(db, [{ ...made, subject: { kind: 'payment', id: paymentId } }]);
  return (await archivedFile(db, 'payment', paymentId, form)) ?? { ...made, sha256: sha256(made.body).toString('hex') };
}
