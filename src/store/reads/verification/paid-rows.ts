import type { EventKind } from '../../../core/ledger/ledger-table.ts';
import { linesOf } from '../../../core/ledger/postings.ts';
import type { Db } from '../../db.ts';
import type { Judged } from './intake-rows.ts';
import { pagesOf } from './pages.ts';

/**
 * What payments are booked at against what was paid: what cards were charged and paid back, and what an approved payment takes off the payables of its documents, and what the bank sent back of it puts back. What
 * a card pays of a document in another currency is compared in that currency alone.
 */
export const paidDifferences = (db: Db) =>
  pagesOf<Judged>(
    db,
    `WITH card (kind, account, sign) AS (VALUES ${[...cardRows('capture', 'cardCaptured'), ...cardRows('refund', 'cardRefunded')].join(', ')}), both_sides AS (
       SELECT 'card/' || p.key AS key, l.account, p.currency AS unit, d.account_id, '' AS place, l.sign * p.captured_minor AS amount, CASE WHEN p.currency = n.currency THEN l.sign * p.captured_minor END AS book
       FROM card_payment p JOIN document d ON d.id = p.document_id JOIN legal_entity n ON n.id = p.entity_id JOIN card l ON l.kind = p.kind WHERE p.state = 'captured'
       UNION ALL
       SELECT 'payment/' || p.id, l.account, p.currency, y.account_id, '', l.sign * e.amount, l.sign * e.book_minor
       FROM payment p JOIN payment_document y ON y.payment_id = p.id JOIN ledger_entry e ON e.transaction_key = 'issue/' || y.document_id AND e.ledger_account IN ('ownerPayable', 'driverPayable')
       CROSS JOIN LATERAL (VALUES (e.ledger_account, -1), ('bankClearing', 1)) l (account, sign) WHERE p.state = 'approved'
       UNION ALL
       SELECT 'paymentReturn/' || i.end_to_end_id, l.account, p.currency, i.account_id, '', l.sign * e.amount, l.sign * e.book_minor
       FROM payment_return r JOIN payment p ON p.id = r.payment_id JOIN payment_item i ON i.payment_id = r.payment_id AND i.no = r.no JOIN payment_document y ON y.payment_id = p.id AND y.account_id = i.account_id
       JOIN ledger_entry e ON e.transaction_key = 'issue/' || y.document_id AND e.ledger_account IN ('ownerPayable', 'driverPayable') CROSS JOIN LATERAL (VALUES (e.ledger_account, 1), ('bankClearing', -1)) l (account, sign)
       UNION ALL
       SELECT t.key, e.ledger_account, e.unit, e.account_id, concat_ws(' ', e.cost_center, e.site_id, e.vat_code, e.service_month, e.source_id), -e.amount, CASE WHEN t.key LIKE 'card/%' AND e.unit <> n.currency THEN NULL ELSE -e.book_minor END
       FROM ledger_transaction t JOIN ledger_entry e ON e.transaction_key = t.key JOIN legal_entity n ON n.id = t.entity_id WHERE t.kind = 'paid')
     SELECT 'ledger transaction ' || key || ': ' || account || ' is ' || -sum(amount) || ' ' || unit || CASE WHEN coalesce(sum(book), 0) <> 0 THEN ' and ' || -sum(book) || ' in the books' ELSE '' END || ' more than was paid' AS problem
     FROM both_sides GROUP BY key, account, unit, account_id, place HAVING sum(amount) <> 0 OR coalesce(sum(book), 0) <> 0 ORDER BY key, account, unit`,
  );

export type MatchedRow = {
  readonly id: string;
  readonly currency: string;
  readonly books: string;
  /** Whether it is booked at all. */
  readonly is_booked: boolean;
  readonly fx_rate: string | null;
  /** As the rate is kept; null where there is no such rate of that date, and where none is needed. */
  readonly rate: string | null;
  readonly net_minor: bigint;
  readonly vat_minor: bigint;
  readonly self_assessed_minor: bigint;
  readonly accrued_minor: bigint;
  readonly accepted_minor: bigint;
  readonly disputed_minor: bigint;
  /** Of the charges that it settles: in its currency, and in the books. */
  readonly charged: bigint;
  readonly booked: bigint;
  readonly lines: readonly { readonly netMinor: string; readonly accruedMinor: string; readonly outcome: string }[];
  /** What its entries come to by ledger account, in its currency and in the books; those of another account or unit under a name of their own. */
  readonly entries: Readonly<Record<string, readonly [string, string]>>;
};

/** Invoices of partners with what they settle, the rate they were converted by and their entries. */
export const matchedInvoices = (db: Db) =>
  pagesOf<MatchedRow>(
    db,
    `SELECT i.*, n.currency AS books, t.key IS NOT NULL AS is_booked, t.fx_rate, f.rate::text AS rate, c.charged, c.booked, l.lines, e.entries
     FROM partner_invoice i JOIN legal_entity n ON n.id = i.entity_id LEFT JOIN ledger_transaction t ON t.key = 'partnerInvoice/' || i.id
     LEFT JOIN fx_rate f ON f.into_currency = n.currency AND f.currency = i.currency AND f.rate_on BETWEEN t.effective_on - 7 AND t.effective_on
       AND t.fx_rate = f.source || ' ' || f.rate_on || ' ' || f.currency || '/' || f.into_currency || ' ' || f.rate || ' v' || f.version
     CROSS JOIN LATERAL (SELECT coalesce(sum(c.net_minor), 0)::bigint AS charged, coalesce(sum(c.book_net_minor), 0)::bigint AS booked FROM partner_invoice_charge x JOIN rated_charge c ON c.charge_id = x.charge_id
       WHERE x.invoice_id = i.id AND c.payee_account_id = i.account_id AND c.currency = i.currency) c
     CROSS JOIN LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('netMinor', net_minor::text, 'accruedMinor', accrued_minor::text, 'outcome', outcome)), '[]') AS lines FROM partner_invoice_line WHERE invoice_id = i.id) l
     CROSS JOIN LATERAL (SELECT coalesce(jsonb_object_agg(s.name, jsonb_build_array(s.amount, s.book)), '{}') AS entries
       FROM (SELECT ledger_account || CASE WHEN (account_id, unit) IS DISTINCT FROM (i.account_id, i.currency::text) THEN ' of ' || coalesce(account_id, 'nobody') || ' in ' || unit ELSE '' END AS name, sum(amount)::text AS amount, sum(book_minor)::text AS book
         FROM ledger_entry WHERE transaction_key = t.key GROUP BY 1) s) e
     ORDER BY i.id`,
  );

export type PaymentRow = {
  readonly id: string;
  readonly entity_id: string;
  readonly currency: string;
  readonly format: string;
  readonly due_until: string;
  readonly execute_on: string;
  readonly content_hash: Buffer;
  readonly amount_minor: bigint;
  /** In the order of their numbers. */
  readonly items: readonly { readonly accountId: string; readonly amountMinor: string; readonly bankAccountVersion: number; readonly remittance: string; readonly returnedMinor: string | null }[];
  readonly documents: readonly {
    readonly documentId: string;
    readonly accountId: string;
    readonly dueOn: string;
    readonly legalNumber: string;
    readonly payableMinor: string;
    readonly returned: boolean;
  }[];
};

/** Payments to payees that are proposed or approved, with their items and the documents that they pay; a rejected one has let go of these. */
export const proposedPayments = (db: Db) =>
  pagesOf<PaymentRow>(
    db,
    `SELECT p.*, i.items, y.documents FROM payment p
     CROSS JOIN LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('accountId', account_id, 'amountMinor', amount_minor::text, 'bankAccountVersion', bank_account_version, 'remittance', remittance,
         'returnedMinor', (SELECT r.amount_minor::text FROM payment_return r WHERE r.payment_id = p.id AND r.no = m.no)) ORDER BY no), '[]') AS items
       FROM payment_item m WHERE payment_id = p.id) i
     CROSS JOIN LATERAL (SELECT coalesce(jsonb_agg(jsonb_build_object('documentId', d.id, 'accountId', y.account_id, 'dueOn', s.due_on, 'legalNumber', s.legal_number, 'payableMinor', d.payable_minor::text, 'returned', y.returned)), '[]') AS documents
       FROM payment_document y JOIN document d ON d.id = y.document_id AND d.account_id = y.account_id AND d.currency = p.currency JOIN issue_stamp s ON s.document_id = d.id WHERE y.payment_id = p.id) y
     WHERE p.state <> 'rejected' ORDER BY p.id`,
  );

function cardRows(kind: string, event: EventKind): string[] {
  return linesOf(event).flatMap(({ debit, credit }) => [`('${kind}', '${debit}', 1)`, `('${kind}', '${credit}', -1)`]);
}
