import type { Db } from '../db.ts';
import { bookDocuments, type IssuedDocument } from '../ledger/book-documents.ts';
import { bookPeriodCharges } from './drafts.ts';
import { requestCardPayments } from './request-card-payments.ts';

/** Books documents that have their number: first what the month decided and they bill. */
export async function bookIssued(db: Db, documents: readonly IssuedDocument[], issueOn: string): Promise<void> {
  if (documents.length === 0) return;
  await bookPeriodCharges(
    db,
    documents.map((d) => d.id),
  );
  await bookDocuments(db, documents, issueOn);
}

/** From here on they are issued: nothing of them changes, and cards are charged. */
export async function markIssued(db: Db, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await db.query("UPDATE document SET state = 'issued' WHERE id = ANY($1)", [ids]);
  await requestCardPayments(db, ids);
}
