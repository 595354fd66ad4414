import type { Db } from '../db.ts';
import { bookDocuments } from '../ledger/book-documents.ts';
import { handToOutbox } from './hand-to-outbox.ts';
import { stampOwnerDocuments } from './owner-documents.ts';
import { bookPeriodCharges } from './period-charges.ts';
import { lockRun } from './run-state.ts';
import { stampInvoices } from './stamp-invoices.ts';

const batch = 100;

/**
 * Issues up to 100 approved documents of a run in the caller's transaction: gapless numbers under the series' row lock, the issue
 * stamp, the ledger, the outbox. Issues exactly the approved content: a document whose group hash is not the approved one stops it.
 * `issueOn` is the calendar date of issue in the entity's zone; it picks the series (D40). Answers how many are left.
 */
export async function issueDocuments(db: Db, runId: string, issueOn: string): Promise<{ readonly issued: number; readonly left: number }> {
  const state = await lockRun(db, runId);
  if (state !== 'issuing') throw new RangeError(`run ${runId} is ${state}: only an issuing run issues documents`);
  const approved = await db.query(`SELECT 1 FROM billing_run r JOIN approval a ON a.run_id = r.id AND a.decision = 'approve' AND a.content_hash = r.content_hash WHERE r.id = $1`, [runId]);
  if (approved.rowCount === 0) throw new RangeError(`run ${runId} has no approval of the content it holds`);
  const documents = await db.query(
    `SELECT d.*, a.payment_terms_days, a.strategy FROM document d JOIN account a ON a.id = d.account_id WHERE d.run_id = $1 AND d.state = 'approved' ORDER BY d.account_id, d.id LIMIT $2 FOR UPDATE OF d`,
    [runId, batch],
  );
  if (documents.rows.length > 0) {
    const [first] = documents.rows;
    const isSale = (type: string) => type === 'invoice' || type === 'creditNote';
    const sales = documents.rows.filter((d) => isSale(d.type));
    await stampOwnerDocuments(
      db,
      first['entity_id'],
      documents.rows.filter((d) => !isSale(d.type)).map((d) => ({ id: d.id, accountId: d.account_id, type: d.type, termsDays: d.payment_terms_days })),
      issueOn,
    );
    await stampInvoices(
      db,
      first['entity_id'],
      sales.map((d) => ({ id: d.id, type: d.type, terms: d.payment_terms_days, transfer: d.strategy === 'driverInvoice' || d.strategy === 'fleetInvoice' })),
      issueOn,
    );
    await bookPeriodCharges(
      db,
      documents.rows.map((d) => d.id),
    );
    await bookDocuments(db, documents.rows, issueOn);
    await handToOutbox(
      db,
      runId,
      first['entity_id'],
      documents.rows.map((d) => d.id),
      issueOn,
    );
    await db.query("UPDATE document SET state = 'issued' WHERE id = ANY($1)", [documents.rows.map((d) => d.id)]);
  }
  const { rows } = await db.query<{ n: bigint }>("SELECT count(*) AS n FROM document WHERE run_id = $1 AND state = 'approved'", [runId]);
  return { issued: documents.rows.length, left: Number(rows[0]?.n ?? 0n) };
}
