import type { QueryResultRow } from 'pg';
import { isBefore } from '../../core/cycle/run-states.ts';
import { authorityOf } from '../../core/document/authorities.ts';
import { keepOpen } from '../accounting/period-rows.ts';
import type { Db } from '../db.ts';
import type { IssuedDocument } from '../ledger/book-documents.ts';
import { bookWriteOffs } from '../ledger/book-write-offs.ts';
import { documentRulesOf } from '../reads/document-rules.ts';
import { bookIssued, markIssued } from './book-issued.ts';
import { isReceiptSql } from './hand-receipts.ts';
import { handToOutbox, receiptsToOutbox } from './hand-to-outbox.ts';
import { besideClosing } from './issuing-lock.ts';
import { stampOwnerDocuments } from './owner-documents.ts';
import { groupStates, lockRun } from './run-state.ts';
import { stampInvoices } from './stamp-invoices.ts';

const batch = 100;

/** Which documents: those of one group, or of its canary alone. */
export type Issued = { readonly group: string; readonly canary?: boolean };

/**
 * Issues up to 100 approved documents of a run in the caller's transaction (what the ERP numbers is handed over without a number, and waits for it): gapless numbers under the series' row lock, the issue
 * stamp, the ledger, the outbox, what is asked of cards. Issues exactly the approved content: a group without an approval of its hash, or a document that has
 * other bytes than its own, stops it. Without `only` it issues what every group in state issuing holds.
 * `issueOn` is the calendar date of issue in the entity's zone; it picks the series (D40). Answers how many are left.
 */
export async function issueDocuments(db: Db, runId: string, issueOn: string, only?: Issued): Promise<{ readonly issued: number; readonly left: number }> {
  await besideClosing(db, runId);
  const state = await lockRun(db, runId);
  const wanted = only?.canary ? 'canary' : 'issuing';
  const groups = (await groupStates(db, runId)).filter((g) => g.state === wanted && (only === undefined || g.name === only.group));
  if (groups.length === 0) throw new RangeError(`${only === undefined ? `run ${runId} is ${state}` : `group ${only.group} of run ${runId} is not ${wanted}`}: only what is issuing issues documents`);
  const names = groups.map((g) => g.name);
  const unapproved = await db.query<{ name: string }>(
    `SELECT g.name FROM release_group g WHERE g.run_id = $1 AND g.name = ANY($2) AND NOT EXISTS
       (SELECT FROM approval a WHERE a.run_id = g.run_id AND a.group_name = g.name AND a.decision = 'approve' AND a.content_hash = g.content_hash AND a.review = g.review) ORDER BY 1`,
    [runId, names],
  );
  if (unapproved.rows.length > 0) throw new RangeError(`run ${runId} has no approval of the content it holds in ${unapproved.rows.map((g) => g.name).join(', ')}`);
  const toIssue = `d.run_id = $1 AND d.group_name = ANY($2) AND d.state = 'approved'${only?.canary ? ' AND EXISTS (SELECT FROM canary_document y WHERE y.document_id = d.id)' : ''}`;
  // Chosen before anything is read of them: what is sorted is read of all that are left.
  const chosen = await db.query<{ id: string }>(`SELECT d.id FROM document d WHERE ${toIssue} ORDER BY d.account_id, d.id LIMIT $3 FOR UPDATE`, [runId, names, batch]);
  const documents = await db.query(
    `SELECT d.*, a.payment_terms_days, sha256(d.canonical) = d.content_hash AS sound, ${isReceiptSql} AS summed_up
     FROM document d JOIN account a ON a.id = d.account_id JOIN legal_entity e ON e.id = d.entity_id WHERE d.id = ANY($1) ORDER BY d.account_id, d.id`,
    [chosen.rows.map((d) => d.id)],
  );
  const unsound = documents.rows.filter((d) => !d.sound);
  if (unsound.length > 0) throw new RangeError(`not what was approved: ${unsound.map((d) => `document ${d.id} of ${d.account_id}`).join(', ')}`);
  if (documents.rows.length > 0) {
    const [first] = documents.rows;
    const isSale = (type: string) => type === 'invoice' || type === 'receipt' || type === 'creditNote';
    const { own: rules } = await documentRulesOf(db, first['entity_id']);
    // What reaches the ERP summed up has no number there.
    const numberedThere = (d: QueryResultRow) => !d['summed_up'] && authorityOf(rules.authorities, d['type'], 'number') === 'erp';
    const [own, theirs] = [false, true].map((byErp) => documents.rows.filter((d) => numberedThere(d) === byErp)) as [QueryResultRow[], QueryResultRow[]];
    const sales = own.filter((d) => isSale(d['type']));
    await stampOwnerDocuments(
      db,
      first['entity_id'],
      own.filter((d) => !isSale(d['type'])).map((d) => ({ id: d['id'], accountId: d['account_id'], type: d['type'], termsDays: d['payment_terms_days'] })),
      issueOn,
    );
    await stampInvoices(
      db,
      first['entity_id'],
      sales.map((d) => ({ id: d['id'], type: d['type'], terms: d['payment_terms_days'], transfer: d['strategy'] === 'driverInvoice' || d['strategy'] === 'fleetInvoice' })),
      issueOn,
    );
    await bookIssued(db, own as IssuedDocument[], issueOn);
    await handToOutbox(
      db,
      runId,
      first['entity_id'],
      documents.rows.map((d) => d.id),
      issueOn,
    );
    await markIssued(
      db,
      own.map((d) => d['id']),
    );
    // They are booked by this date once they are numbered.
    if (theirs.length > 0) await keepOpen(db, first['entity_id'], issueOn.slice(0, 7));
    await db.query("UPDATE document SET state = 'awaitingNumber' WHERE id = ANY($1)", [theirs.map((d) => d['id'])]);
  }
  const { rows } = await db.query<{ n: bigint }>(`SELECT count(*) AS n FROM document d WHERE ${toIssue}`, [runId, names]);
  const left = Number(rows[0]?.n ?? 0n);
  const entityId = documents.rows[0]?.entity_id;
  // With the last of them, so that a journal holds all receipts of its site and day.
  if (left === 0 && entityId !== undefined) await receiptsToOutbox(db, runId, entityId, names, only?.canary ? 'canary' : 'rest');
  return { issued: documents.rows.length, left };
}

/**
 * Books what a run writes off, once all its groups are issued: until then exclusions of a group in review may still change. Repeatable;
 * whichever group is the last books it.
 */
export async function writeOffWhenIssued(db: Db, runId: string, issueOn: string): Promise<void> {
  await lockRun(db, runId);
  if ((await groupStates(db, runId)).some((g) => isBefore(g.state, 'issuing'))) return;
  if ((await db.query("SELECT FROM document WHERE run_id = $1 AND state = 'approved' LIMIT 1", [runId])).rowCount !== 0) return;
  await bookWriteOffs(db, runId, issueOn);
}
