import { type LedgerEvent, postingsFor } from '../../../core/ledger/postings.ts';
import type { Db } from '../../db.ts';
import type { Judged } from './intake-rows.ts';
import { pagesOf } from './pages.ts';

/** Each ledger transaction sums to zero in each unit, and has entries of its own. */
export const ledgerBalances = (db: Db) =>
  pagesOf<Judged>(
    db,
    `SELECT 'ledger transaction ' || coalesce(t.key, e.transaction_key) || CASE
       WHEN t.key IS NULL THEN ' has entries and does not exist' WHEN e.rest <> 0 THEN ' is off by ' || e.rest || ' ' || e.unit END AS problem
     FROM ledger_transaction t FULL JOIN (SELECT transaction_key, unit, sum(amount) AS rest FROM ledger_entry GROUP BY 1, 2) e ON e.transaction_key = t.key ORDER BY coalesce(t.key, e.transaction_key), e.unit`,
  );

/**
 * Entries against what they were made of: charges of a page, an issued document, what a run wrote off. Rows are sums that differ.
 * The postings are those of `postingsFor`, asked for one unit of each figure, since they are linear.
 */
export const ledgerDifferences = (db: Db) =>
  pagesOf<Judged>(
    db,
    `WITH posting (event, account, is_wh, net, vat, payable, wh) AS (VALUES ${postingRows().join(', ')}), both_sides AS (
       SELECT c.page_id || '/' || c.service_month AS key, p.account, CASE WHEN p.is_wh THEN 'Wh' ELSE c.currency END AS unit, c.cost_center, coalesce(c.payer_account_id, c.payee_account_id) AS account_id,
         c.site_id, c.vat_code, c.service_month, r.source_id, p.net * c.net_minor + p.wh * c.energy_wh AS amount
       FROM rated_charge c JOIN charge_record r ON r.record_id = c.record_id AND r.revision = c.revision JOIN posting p ON p.event = CASE c.role WHEN 'siteShareEstimate' THEN 'shareEstimated' ELSE 'saleRated' END
       UNION ALL
       SELECT 'issue/' || d.id, p.account, CASE WHEN p.is_wh THEN 'Wh' ELSE d.currency END, NULL, d.account_id, NULL, NULL, NULL, NULL, p.net * d.net_minor + p.vat * d.vat_minor + p.payable * d.payable_minor + p.wh * d.energy_wh
       FROM document d JOIN posting p ON p.event = 'saleInvoiced' WHERE d.state = 'issued'
       UNION ALL
       SELECT 'issue/' || d.id, p.account, d.currency, NULL, d.account_id, NULL, NULL, NULL, NULL, p.net * l.net_minor
       FROM document d JOIN document_line l ON l.document_id = d.id AND l.kind = 'adjustment' JOIN posting p ON p.event = 'adjusted' WHERE d.state = 'issued'
       UNION ALL
       SELECT t.key, p.account, CASE WHEN p.is_wh THEN 'Wh' ELSE c.currency END, c.cost_center, k.account_id, c.site_id, NULL, c.service_month, NULL, p.net * c.net_minor + p.wh * c.energy_wh
       FROM ledger_transaction t JOIN claim k ON k.run_id = t.source_ref AND k.disposition = 'excluded' JOIN rated_charge c ON c.charge_id = k.charge_id JOIN posting p ON p.event = 'excludedWrittenOff' WHERE t.kind = 'writtenOff'
       UNION ALL
       SELECT t.key, e.ledger_account, e.unit, e.cost_center, e.account_id, e.site_id, e.vat_code, e.service_month, e.source_id, -e.amount
       FROM ledger_transaction t JOIN ledger_entry e ON e.transaction_key = t.key WHERE t.kind IN ('rated', 'invoiced', 'writtenOff')
     )
     SELECT 'ledger transaction ' || key || ': ' || account || ' is ' || -sum(amount) || ' ' || unit || ' more than it was made of' AS problem
     FROM both_sides GROUP BY key, account, unit, cost_center, account_id, site_id, vat_code, service_month, source_id HAVING sum(amount) <> 0 ORDER BY key, account, unit`,
  );

/** Transactions whose seller, date or source is not that of what they book. */
export const ledgerHeaders = (db: Db) =>
  pagesOf<Judged>(
    db,
    `SELECT 'ledger transaction ' || t.key || ' has another seller, date or source than what it books' AS problem FROM ledger_transaction t
     LEFT JOIN (SELECT page_id, page_id || '/' || service_month AS key, max(entity_id) AS entity_id, max(service_on) AS effective_on FROM rated_charge GROUP BY page_id, service_month) c ON t.kind = 'rated' AND c.key = t.key
     LEFT JOIN document d ON t.kind = 'invoiced' AND 'issue/' || d.id = t.key LEFT JOIN issue_stamp s ON s.document_id = d.id
     LEFT JOIN billing_run r ON t.kind = 'writtenOff' AND 'writeOff/' || r.id = t.key
     WHERE CASE t.kind WHEN 'rated' THEN (t.source_ref, t.entity_id, t.effective_on) IS DISTINCT FROM (c.page_id, c.entity_id, c.effective_on)
       WHEN 'invoiced' THEN (t.source_ref, t.entity_id, t.effective_on) IS DISTINCT FROM (d.id, d.entity_id, s.issued_on)
       WHEN 'writtenOff' THEN (t.source_ref, t.entity_id) IS DISTINCT FROM (r.id, r.entity_id) END ORDER BY t.key`,
  );

/** How many entries there are. */
export async function entryCount(db: Db): Promise<number> {
  return Number((await db.query<{ n: bigint }>('SELECT count(*) AS n FROM ledger_entry')).rows[0]?.n ?? 0n);
}

function postingRows(): string[] {
  const none = { currency: 'money', netMinor: 0n, vatMinor: 0n, payableMinor: 0n, energyWh: 0n };
  const figures = ['netMinor', 'vatMinor', 'payableMinor', 'energyWh'] as const;
  const kinds: readonly LedgerEvent['kind'][] = ['saleRated', 'shareEstimated', 'saleInvoiced', 'adjusted', 'excludedWrittenOff'];
  return kinds.flatMap((kind) =>
    figures.flatMap((figure) =>
      postingsFor({ ...none, kind, [figure]: 1n })
        .filter((posting) => posting.amount !== 0n)
        .map((posting) => `('${kind}', '${posting.ledgerAccount}', ${posting.unit === 'Wh'}, ${figures.map((f) => (f === figure ? posting.amount : 0n)).join(', ')})`),
    ),
  );
}
