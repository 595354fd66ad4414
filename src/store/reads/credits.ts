import type { Db } from '../db.ts';

export type RebillView = {
  readonly orderId: string;
  readonly documentId: string;
  readonly kind: string;
  readonly outcome: string;
  readonly state: 'ordered' | 'done' | 'failed';
  readonly problem: string | null;
  readonly reason: string;
  readonly author: string;
  readonly records: number;
  readonly rebilled: number | null;
  /** It does not wait for the month: the off-cycle run that makes its documents, once it is carried out. */
  readonly now: boolean;
  readonly runId: string | null;
  readonly accountIds: readonly string[];
};

/** An order to credit and rebill, with the accounts that have something to bill by it; undefined when there is none. */
export async function findRebill(db: Db, orderId: string): Promise<RebillView | undefined> {
  const { rows } = await db.query(
    `SELECT o.*, ARRAY(SELECT DISTINCT c.payer_account_id FROM rebilled_record b JOIN rated_charge c ON c.record_id = b.record_id AND c.revision IN (b.revision, b.revision - 1)
       WHERE b.order_id = o.id AND c.payer_account_id IS NOT NULL ORDER BY 1) AS accounts FROM rebill_order o WHERE o.id = $1`,
    [orderId],
  );
  const [o] = rows;
  if (o === undefined) return undefined;
  const { id, document_id: documentId, kind, outcome, state, problem, reason, author, records: rebilled, record_ids: recordIds, accounts: accountIds, now, run_id: runId } = o;
  return { orderId: id, documentId, kind, outcome, state, problem, reason, author, records: recordIds.length, rebilled, now, runId, accountIds };
}

/** The currency of a document; undefined when there is none of this id. */
export async function documentCurrency(db: Db, documentId: string): Promise<string | undefined> {
  return (await db.query<{ currency: string }>('SELECT currency FROM document WHERE id = $1', [documentId])).rows[0]?.currency;
}
