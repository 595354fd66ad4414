import type { Db } from '../db.ts';
import { type Page, type PageRequest, pageAfter } from './set-up-page.ts';

export type PartnerInvoiceView = {
  readonly invoiceId: string;
  readonly accountId: string;
  readonly number: string;
  readonly issuedOn: string;
  readonly currency: string;
  readonly netMinor: bigint;
  readonly acceptedMinor: bigint;
  readonly disputedMinor: bigint;
  readonly lines: readonly { readonly cdrId: string; readonly recordId: string | null; readonly netMinor: string; readonly accruedMinor: string; readonly outcome: string }[];
};

/** Partners' invoices as they were matched, by id; of an account, or all. */
export async function partnerInvoices(db: Db, filter: { readonly accountId?: string | undefined }, page: PageRequest): Promise<Page<PartnerInvoiceView>> {
  return pageAfter(
    ['partner invoices', filter.accountId],
    page,
    (row) => [row.invoiceId],
    async (after, take) => {
      const { rows } = await db.query(
        `SELECT i.id AS "invoiceId", i.account_id AS "accountId", i.number, i.issued_on::text AS "issuedOn", i.currency, i.net_minor AS "netMinor", i.accepted_minor AS "acceptedMinor", i.disputed_minor AS "disputedMinor",
           (SELECT jsonb_agg(jsonb_build_object('cdrId', l.cdr_id, 'recordId', l.record_id::text, 'netMinor', l.net_minor::text, 'accruedMinor', l.accrued_minor::text, 'outcome', l.outcome) ORDER BY l.line_no) FROM partner_invoice_line l WHERE l.invoice_id = i.id) AS lines
         FROM partner_invoice i WHERE ($1::text IS NULL OR i.account_id = $1) AND ($2::text IS NULL OR i.id > $2) ORDER BY i.id LIMIT $3`,
        [filter.accountId ?? null, after?.[0] ?? null, take],
      );
      return rows;
    },
  );
}

/** Payments that were stated of a document. */
export async function paymentsOf(
  db: Db,
  documentId: string,
): Promise<readonly { readonly reference: string; readonly paidOn: string; readonly amountMinor: bigint; readonly origin: string; readonly author: string }[]> {
  const { rows } = await db.query('SELECT reference, paid_on::text AS "paidOn", amount_minor AS "amountMinor", origin, author FROM payment_fact WHERE document_id = $1 ORDER BY stated_at, reference', [
    documentId,
  ]);
  return rows;
}
