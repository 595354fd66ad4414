import { ratedKindOfRole } from '../../../core/ledger/event-of-charge.ts';
import { accountsOfCharges, type EventKind, type Figure, isEnergy, type LedgerAccount } from '../../../core/ledger/ledger-table.ts';
import { linesOf } from '../../../core/ledger/postings.ts';
import type { Db } from '../../db.ts';
import { freeEnergySql } from '../../ledger/free-energy.ts';
import type { Judged } from './intake-rows.ts';
import { pagesOf } from './pages.ts';

const ownGl = [...accountsOfCharges].map((account) => `'${account}'`).join(', ');
/** SQL: the key under which the GL mapping has the account of a `ledger_entry e`, as `glKeyOf` of core/ledger has it. */
export const glKeySql = `CASE WHEN e.unit = 'Wh' OR e.ledger_account IN (${ownGl}) THEN NULL WHEN e.ledger_account IN ('outputVat', 'inputVat', 'selfAssessedVat') THEN e.ledger_account || '.' || coalesce(e.vat_code, '') ELSE e.ledger_account END`;

/** Each ledger transaction sums to zero in each unit and in the books, and has entries of its own. */
export const ledgerBalances = (db: Db) =>
  pagesOf<Judged>(
    db,
    `SELECT 'ledger transaction ' || coalesce(t.key, e.transaction_key) || CASE
       WHEN t.key IS NULL THEN ' has entries and does not exist' WHEN e.rest <> 0 THEN ' is off by ' || e.rest || ' ' || e.unit END AS problem
     FROM ledger_transaction t FULL JOIN (SELECT transaction_key, unit, sum(amount) AS rest FROM ledger_entry GROUP BY 1, 2
       UNION ALL SELECT transaction_key, 'in the books', sum(book_minor) FROM ledger_entry GROUP BY 1) e ON e.transaction_key = t.key ORDER BY coalesce(t.key, e.transaction_key), e.unit`,
  );

/**
 * Entries against what they were made of: charges of a page, an issued document, what a run wrote off, which it has once all of it is issued. Rows are sums that differ, in
 * their unit or in the books. What an issued document comes to in the books is compared where it is in their currency; another
 * currency's rate is that of the issue date, and only what was unbilled is known without it.
 */
export const ledgerDifferences = (db: Db) =>
  pagesOf<Judged>(
    db,
    `WITH posting (event, figure, account, sign, is_wh, with_gl) AS (VALUES ${postingRows().join(', ')}), rated (role, event) AS (VALUES ${ratedRows().join(', ')}),
     charge AS (SELECT c.*, ${freeEnergySql} AS is_free, r.source_id FROM rated_charge c LEFT JOIN charge_record r ON r.record_id = c.record_id AND r.revision = c.revision),
     issued AS (SELECT d.*, d.currency = l.currency AS in_books FROM document d JOIN legal_entity l ON l.id = d.entity_id WHERE d.state = 'issued' AND d.type IN ('invoice', 'receipt', 'creditNote')),
     written AS (SELECT r.id FROM billing_run r WHERE r.kind = 'live' AND (r.state IN ('handingOver', 'reconciled', 'closed') OR EXISTS (SELECT FROM ledger_transaction t WHERE t.key = 'writeOff/' || r.id))),
     both_sides AS (
       SELECT c.page_id || '/' || c.service_month AS key, p.account, CASE WHEN p.is_wh THEN 'Wh' ELSE c.currency END AS unit, CASE WHEN p.with_gl THEN c.gl_account END AS gl_account, c.cost_center,
         coalesce(c.payer_account_id, c.payee_account_id) AS account_id, c.site_id, c.vat_code, c.service_month, c.source_id,
         p.sign * CASE p.figure WHEN 'net' THEN c.net_minor WHEN 'energyWh' THEN CASE WHEN c.is_free THEN 0 ELSE c.energy_wh END WHEN 'freeWh' THEN CASE WHEN c.is_free THEN c.energy_wh ELSE 0 END END AS amount,
         p.sign * CASE p.figure WHEN 'net' THEN c.book_net_minor ELSE 0 END AS book
       FROM charge c JOIN rated t ON t.role = c.role JOIN posting p ON p.event = t.event
       UNION ALL
       SELECT 'issue/' || d.id, p.account, CASE WHEN p.is_wh THEN 'Wh' ELSE d.currency END, NULL, v.cost_center, d.account_id, v.site_id, v.vat_code, v.service_month, v.source_id,
         p.sign * CASE p.figure WHEN 'net' THEN c.net_minor WHEN 'energyWh' THEN CASE WHEN c.is_free THEN 0 ELSE c.energy_wh END END, p.sign * CASE p.figure WHEN 'net' THEN c.book_net_minor ELSE 0 END
       FROM issued d JOIN document_claim k ON k.document_id = d.id JOIN charge c ON c.charge_id = k.charge_id JOIN posting p ON p.event = 'saleInvoiced' AND p.figure IN ('net', 'energyWh') AND (p.account <> 'receivable' OR d.in_books)
       CROSS JOIN LATERAL (SELECT CASE WHEN p.account <> 'receivable' THEN c.cost_center END AS cost_center, CASE WHEN p.account <> 'receivable' THEN c.site_id END AS site_id,
         CASE WHEN p.account <> 'receivable' THEN c.vat_code END AS vat_code, CASE WHEN p.account <> 'receivable' THEN c.service_month END AS service_month, CASE WHEN p.account <> 'receivable' THEN c.source_id END AS source_id) v
       UNION ALL
       SELECT 'issue/' || d.id, p.account, d.currency, CASE WHEN p.with_gl THEN l.gl_account END, v.cost_center, d.account_id, v.site_id, v.vat_code, v.service_month, NULL, p.sign * l.net_minor, CASE WHEN d.in_books THEN p.sign * l.net_minor END
       FROM issued d JOIN document_line l ON l.document_id = d.id AND l.kind = 'adjustment' JOIN posting p ON p.figure = 'net' AND p.event IN ('adjusted', 'saleInvoiced')
       CROSS JOIN LATERAL (SELECT CASE WHEN p.account <> 'receivable' THEN l.cost_center END AS cost_center, CASE WHEN p.account <> 'receivable' THEN l.site_id END AS site_id,
         CASE WHEN p.account <> 'receivable' THEN l.vat_code END AS vat_code, CASE WHEN p.account <> 'receivable' THEN l.service_month END AS service_month) v
       WHERE d.in_books OR p.account <> 'receivable'
       UNION ALL
       SELECT 'issue/' || d.id, p.account, d.currency, NULL, NULL, d.account_id, NULL, CASE WHEN p.account <> 'receivable' THEN v->>'vatCode' END, NULL, NULL, p.sign * (v->>'vatMinor')::bigint, p.sign * (v->>'vatMinor')::bigint
       FROM issued d CROSS JOIN LATERAL jsonb_array_elements(CASE WHEN sha256(d.canonical) = d.content_hash THEN convert_from(d.canonical, 'UTF8')::jsonb->'vat' ELSE '[]' END) v JOIN posting p ON p.event = 'saleInvoiced' AND p.figure = 'vat' WHERE d.in_books
       UNION ALL
       SELECT 'issue/' || d.id, p.account, d.currency, NULL, NULL, d.account_id, NULL, NULL, NULL, NULL, p.sign * d.rounding_minor, p.sign * d.rounding_minor
       FROM issued d JOIN posting p ON p.event = 'saleInvoiced' AND p.figure = 'rounding' WHERE d.in_books
       UNION ALL
       SELECT 'issue/' || d.id, f.account, d.currency, NULL, NULL, d.account_id, NULL, NULL, NULL, NULL, f.amount, NULL
       FROM issued d CROSS JOIN LATERAL (VALUES ('receivable', d.payable_minor), ('outputVat', -d.vat_minor), ('rounding', -d.rounding_minor)) f (account, amount) WHERE NOT d.in_books
       UNION ALL
       SELECT 'writeOff/' || b.id, p.account, CASE WHEN p.is_wh THEN 'Wh' ELSE c.currency END, CASE WHEN p.with_gl THEN c.gl_account END, c.cost_center, k.account_id, c.site_id, c.vat_code, c.service_month, c.source_id,
         p.sign * CASE p.figure WHEN 'net' THEN c.net_minor WHEN 'energyWh' THEN CASE WHEN c.is_free THEN 0 ELSE c.energy_wh END END, p.sign * CASE p.figure WHEN 'net' THEN c.book_net_minor ELSE 0 END
       FROM written b JOIN claim k ON k.run_id = b.id AND k.disposition = 'excluded' JOIN charge c ON c.charge_id = k.charge_id AND c.payer_account_id IS NOT NULL JOIN posting p ON p.event = 'excludedWrittenOff'
       UNION ALL
       SELECT t.key, p.account, c.currency, CASE WHEN p.with_gl THEN c.gl_account END, c.cost_center, c.payer_account_id, c.site_id, c.vat_code, c.service_month, NULL, p.sign * c.net_minor, p.sign * c.book_net_minor
       FROM ledger_transaction t JOIN charge c ON t.key = 'release/' || c.charge_id || '/' || c.service_month JOIN posting p ON p.event = 'advanceFeeReleased' WHERE t.kind = 'released'
       UNION ALL
       SELECT t.key, e.ledger_account, e.unit, CASE WHEN e.ledger_account IN (${ownGl}) THEN e.gl_account END, e.cost_center, e.account_id, e.site_id, CASE WHEN f.by_rate THEN NULL ELSE e.vat_code END, e.service_month, e.source_id, -e.amount, CASE WHEN f.by_rate THEN NULL ELSE -e.book_minor END
       FROM ledger_transaction t JOIN ledger_entry e ON e.transaction_key = t.key LEFT JOIN issued d ON t.kind IN ('invoiced', 'credited') AND t.key = 'issue/' || d.id
       CROSS JOIN LATERAL (SELECT NOT coalesce(d.in_books, true) AND e.ledger_account IN ('receivable', 'outputVat', 'rounding', 'fxDifference', 'adjustment') AS by_rate) f
       WHERE t.kind IN ('rated', 'invoiced', 'credited', 'writtenOff', 'released')
     )
     SELECT 'ledger transaction ' || key || ': ' || account || ' is ' || -sum(amount) || ' ' || unit || CASE WHEN coalesce(sum(book), 0) <> 0 THEN ' and ' || -sum(book) || ' in the books' ELSE '' END || ' more than it was made of' AS problem
     FROM both_sides GROUP BY key, account, unit, gl_account, cost_center, account_id, site_id, vat_code, service_month, source_id HAVING sum(amount) <> 0 OR coalesce(sum(book), 0) <> 0 ORDER BY key, account, unit`,
  );

/** Transactions in another accounting period than their month's, or than a close sent them to; entries on an account of the chart that no version of the mapping has for them. */
export const ledgerPlaces = (db: Db) =>
  pagesOf<Judged>(
    db,
    `SELECT 'ledger transaction ' || t.key || ' stands in accounting period ' || t.period || ', and belongs into ' || n.month AS problem
     FROM ledger_transaction t CROSS JOIN LATERAL (SELECT CASE t.kind WHEN 'rated' THEN right(t.key, 7) ELSE to_char(t.effective_on, 'YYYY-MM') END AS month) n
     WHERE t.period <> n.month AND (t.period !~ '^\\d{4}-\\d\\d$' OR t.period < n.month
       OR NOT EXISTS (SELECT FROM accounting_period_event v WHERE v.entity_id = t.entity_id AND v.action IN ('close', 'softClose') AND v.month >= n.month AND v.month < t.period))
     UNION ALL
     SELECT 'ledger transaction ' || e.transaction_key || ': ' || e.ledger_account || ' is on GL account ' || coalesce(e.gl_account, 'none') || ', which no version of the mapping has for it'
     FROM ledger_entry e JOIN ledger_transaction t ON t.key = e.transaction_key CROSS JOIN LATERAL (SELECT ${glKeySql} AS key) k
     WHERE (e.unit = 'Wh' AND e.gl_account IS NOT NULL) OR (k.key IS NOT NULL AND e.gl_account IS NOT NULL
       AND NOT EXISTS (SELECT FROM gl_mapping m WHERE m.entity_id = t.entity_id AND m.key = k.key AND m.gl_account = e.gl_account)) ORDER BY 1`,
  );

/** Transactions whose seller, date or source is not that of what they book, and those that book nothing there is. */
export const ledgerHeaders = (db: Db) =>
  pagesOf<Judged>(
    db,
    `SELECT 'ledger transaction ' || t.key || ' has another seller, date or source than what it books' AS problem FROM ledger_transaction t
     LEFT JOIN (SELECT page_id, page_id || '/' || service_month AS key, max(entity_id) AS entity_id, max(service_on) AS effective_on FROM rated_charge GROUP BY page_id, service_month) c ON t.kind = 'rated' AND c.key = t.key
     LEFT JOIN document d ON 'issue/' || d.id = t.key AND CASE d.type WHEN 'invoice' THEN t.kind = 'invoiced' WHEN 'receipt' THEN t.kind = 'invoiced' WHEN 'creditNote' THEN t.kind = 'credited' ELSE t.kind IN ('stated', 'reimbursed') END
     LEFT JOIN issue_stamp s ON s.document_id = d.id LEFT JOIN billing_run r ON t.kind = 'writtenOff' AND 'writeOff/' || r.id = t.key
     LEFT JOIN rated_charge a ON t.kind = 'released' AND a.role = 'advanceFee' AND 'release/' || a.charge_id || '/' || a.service_month = t.key
     LEFT JOIN partner_invoice i ON t.kind = 'matched' AND 'partnerInvoice/' || i.id = t.key LEFT JOIN card_payment y ON t.kind = 'paid' AND 'card/' || y.key = t.key LEFT JOIN payment_item m ON t.kind = 'paid' AND 'paymentReturn/' || m.end_to_end_id = t.key
     LEFT JOIN payment_return b ON b.payment_id = m.payment_id AND b.no = m.no LEFT JOIN payment p ON t.kind = 'paid' AND p.id = coalesce(b.payment_id, substr(t.key, length('payment/') + 1))
     WHERE CASE t.kind WHEN 'rated' THEN (t.source_ref, t.entity_id, t.effective_on) IS DISTINCT FROM (c.page_id, c.entity_id, c.effective_on)
       WHEN 'writtenOff' THEN (t.source_ref, t.entity_id) IS DISTINCT FROM (r.id, r.entity_id)
       WHEN 'released' THEN (t.source_ref, t.entity_id, t.effective_on) IS DISTINCT FROM (a.charge_id::text, a.entity_id, ((a.service_month || '-01')::date + interval '1 month')::date - 1)
       WHEN 'matched' THEN (t.source_ref, t.entity_id, t.effective_on) IS DISTINCT FROM (i.id, i.entity_id, i.posted_on)
       WHEN 'paid' THEN (t.source_ref, t.entity_id, t.effective_on) IS DISTINCT FROM (coalesce(y.document_id, p.id), coalesce(y.entity_id, p.entity_id), coalesce(y.settled_on, greatest(p.execute_on, b.returned_on)))
       ELSE (t.source_ref, t.entity_id, t.effective_on) IS DISTINCT FROM (d.id, d.entity_id, s.issued_on) END ORDER BY t.key`,
  );

export type ConvertedRow = {
  readonly key: string;
  readonly currency: string;
  readonly books: string;
  readonly fx_rate: string | null;
  /** As the rate is kept; null where there is no such rate of that date. */
  readonly rate: string | null;
  readonly payable_minor: bigint;
  /** Of its charges: in the document's currency, and in the books. */
  readonly net: bigint;
  readonly booked: bigint;
  readonly adjustments: readonly string[];
  readonly vat: readonly { readonly vatCode: string; readonly baseMinor: string; readonly vatMinor: string }[];
  /** What its entries come to in the books, per ledger account, as text. */
  readonly entries: Readonly<Record<string, string>>;
};

/** Issued documents in another currency than the books', with the rate they were converted by. */
export const convertedDocuments = (db: Db) =>
  pagesOf<ConvertedRow>(
    db,
    `SELECT t.key, d.currency, l.currency AS books, t.fx_rate, f.rate::text AS rate, d.payable_minor, c.net, c.booked, a.nets AS adjustments,
       CASE WHEN sha256(d.canonical) = d.content_hash THEN convert_from(d.canonical, 'UTF8')::jsonb->'vat' ELSE '[]' END AS vat, e.entries
     FROM document d JOIN legal_entity l ON l.id = d.entity_id JOIN ledger_transaction t ON t.key = 'issue/' || d.id
     LEFT JOIN fx_rate f ON f.into_currency = l.currency AND f.currency = d.currency AND f.rate_on BETWEEN t.effective_on - 7 AND t.effective_on
       AND t.fx_rate = f.source || ' ' || f.rate_on || ' ' || f.currency || '/' || f.into_currency || ' ' || f.rate || ' v' || f.version
     CROSS JOIN LATERAL (SELECT coalesce(sum(c.net_minor), 0)::bigint AS net, coalesce(sum(c.book_net_minor), 0)::bigint AS booked FROM document_claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.document_id = d.id) c
     CROSS JOIN LATERAL (SELECT coalesce(jsonb_agg(n.net_minor::text), '[]') AS nets FROM document_line n WHERE n.document_id = d.id AND n.kind = 'adjustment') a
     CROSS JOIN LATERAL (SELECT coalesce(jsonb_object_agg(s.ledger_account, s.book), '{}') AS entries
       FROM (SELECT ledger_account, sum(book_minor)::text AS book FROM ledger_entry WHERE transaction_key = t.key AND unit <> 'Wh' GROUP BY 1 HAVING sum(book_minor) <> 0) s) e
     WHERE d.state = 'issued' AND d.type IN ('invoice', 'receipt', 'creditNote') AND d.currency <> l.currency ORDER BY t.key`,
  );

/** Records whose charges do not carry the energy of their current revision once: what is booked, and nothing of what is not. */
export const energyTwice = (db: Db) =>
  pagesOf<Judged>(
    db,
    `SELECT 'the charges of record ' || coalesce(h.record_id, c.record_id) || ' carry ' || coalesce(c.wh, 0) || ' Wh, and it has ' || CASE h.state WHEN 'booked' THEN h.energy_wh ELSE 0 END AS problem
     FROM record_head h FULL JOIN (SELECT record_id, sum(energy_wh) AS wh FROM rated_charge WHERE record_id IS NOT NULL GROUP BY 1) c ON c.record_id = h.record_id
     WHERE coalesce(c.wh, 0) <> CASE WHEN h.state = 'booked' THEN h.energy_wh ELSE 0 END ORDER BY coalesce(h.record_id, c.record_id)`,
  );

/** Records whose driver is paid back another amount than the fleet is charged: an outlay is passed on as it is (D20). */
export const clearingOff = (db: Db) =>
  pagesOf<Judged>(
    db,
    `SELECT 'record ' || record_id || ' charges the fleet ' || sum(net_minor) FILTER (WHERE role = 'homeRecharge') || ' and pays its driver ' || coalesce(sum(net_minor) FILTER (WHERE role = 'homeReimbursement'), 0) || ' for the same outlay' AS problem
     FROM rated_charge WHERE role IN ('homeReimbursement', 'homeRecharge') GROUP BY record_id HAVING sum(CASE role WHEN 'homeRecharge' THEN net_minor ELSE -net_minor END) <> 0 ORDER BY record_id`,
  );

/** How many entries there are. */
export async function entryCount(db: Db): Promise<number> {
  return Number((await db.query<{ n: bigint }>('SELECT count(*) AS n FROM ledger_entry')).rows[0]?.n ?? 0n);
}

function postingRows(): string[] {
  const kinds: readonly EventKind[] = [...new Set<EventKind>([...Object.values(ratedKindOfRole), 'saleInvoiced', 'adjusted', 'excludedWrittenOff', 'advanceFeeReleased'])];
  const row = (kind: EventKind, figure: Figure, account: LedgerAccount, sign: 1 | -1) => `('${kind}', '${figure}', '${account}', ${sign}, ${isEnergy(figure)}, ${accountsOfCharges.has(account)})`;
  return kinds.flatMap((kind) => linesOf(kind).flatMap(({ figure, debit, credit }) => [row(kind, figure, debit, 1), row(kind, figure, credit, -1)]));
}

function ratedRows(): string[] {
  return Object.entries(ratedKindOfRole).map(([role, kind]) => `('${role}', '${kind}')`);
}
