import type { ErpTotal, RevenueProof, SeriesAudit, UnbilledProof } from '../../contracts/run-proofs.ts';
import { ratedKindOfRole } from '../../core/ledger/event-of-charge.ts';
import { ledgerTable } from '../../core/ledger/ledger-table.ts';
import { formatMinor } from '../../core/money.ts';
import type { Db } from '../db.ts';
import { openChargeSql } from '../open-charges.ts';

/** The series a run took numbers of. */
export async function seriesOf(db: Db, runId: string): Promise<SeriesAudit[]> {
  const { rows } = await db.query(
    `SELECT s.id, s.document_type, s.counterparty_id, (array_agg(i.legal_number ORDER BY i.number))[1] AS first, (array_agg(i.legal_number ORDER BY i.number DESC))[1] AS last, count(*)::integer AS n,
       ARRAY(SELECT g::text FROM generate_series(1, s.next - 1) g WHERE NOT EXISTS (SELECT FROM issue_stamp x WHERE x.series_id = s.id AND x.number = g) ORDER BY g LIMIT 10) AS gaps,
       (SELECT count(*)::integer FROM issue_stamp x WHERE x.series_id = s.id AND x.number >= s.next) AS beyond
     FROM number_series s JOIN issue_stamp i ON i.series_id = s.id JOIN document d ON d.id = i.document_id AND d.run_id = $1 GROUP BY s.id ORDER BY s.document_type, s.counterparty_id, s.id`,
    [runId],
  );
  return rows.map((r) => ({ seriesId: r.id, documentType: r.document_type, counterpartyId: r.counterparty_id, first: r.first, last: r.last, count: r.n, gaps: r.gaps, beyond: r.beyond }));
}

/** Debit positive, decimal text in major units. */
export async function erpTotalsOf(db: Db, runId: string): Promise<ErpTotal[]> {
  const { rows } = await db.query<{ key: string; handed_over: bigint; in_erp: bigint }>('SELECT * FROM erp_control_total WHERE run_id = $1 ORDER BY key', [runId]);
  return rows.map((r) => {
    const [kind = '', glAccount = '', costCenter = '', vatCode = '', currency = ''] = r.key.split('|');
    const money = (minor: bigint) => formatMinor(minor, currency);
    return { kind, glAccount, costCenter, vatCode, currency, handedOver: money(r.handed_over), inErp: money(r.in_erp), difference: money(r.in_erp - r.handed_over) };
  });
}

const revenueRoles = Object.entries(ratedKindOfRole).flatMap(([role, kind]) => ((ledgerTable[kind].lines as { readonly net?: readonly string[] }).net?.[1] === 'revenue' ? [role] : []));

/** Per service month that a run bills, account and cost center; what is deferred and released over its days is left out on both sides. */
export async function revenueProof(db: Db, runId: string): Promise<RevenueProof[]> {
  const { rows } = await db.query<{ month: string; gl_account: string | null; cost_center: string | null; currency: string; revenue: bigint; issued: bigint; unbilled: bigint; written_off: bigint }>(
    `WITH run AS (SELECT id, entity_id FROM billing_run WHERE id = $1),
     months AS (SELECT DISTINCT c.service_month AS month FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = $1 AND c.payer_account_id IS NOT NULL),
     charges AS (
       SELECT c.service_month AS month, c.gl_account, c.cost_center, c.currency::text AS currency, coalesce(sum(c.net_minor) FILTER (WHERE x.bucket = 'issued'), 0) AS issued, coalesce(sum(c.net_minor) FILTER (WHERE x.bucket = 'unbilled'), 0) AS unbilled,
         coalesce(sum(c.net_minor) FILTER (WHERE x.bucket = 'writtenOff'), 0) AS written_off
       FROM run JOIN rated_charge c ON c.entity_id = run.entity_id AND c.service_month IN (SELECT month FROM months) AND c.payer_account_id IS NOT NULL AND c.role = ANY($2)
       LEFT JOIN claim k ON k.charge_id = c.charge_id LEFT JOIN document d ON d.id = k.document_id
       CROSS JOIN LATERAL (SELECT CASE WHEN d.state = 'issued' THEN 'issued' WHEN k.disposition = 'excluded' THEN 'writtenOff' ELSE 'unbilled' END AS bucket) x GROUP BY 1, 2, 3, 4
     ), ledger AS (
       SELECT e.service_month AS month, e.gl_account, e.cost_center, e.unit AS currency, -sum(e.amount) AS revenue
       FROM ledger_entry e JOIN ledger_transaction t ON t.key = e.transaction_key JOIN run ON run.entity_id = t.entity_id
       WHERE e.ledger_account = 'revenue' AND t.kind <> 'released' AND e.service_month IN (SELECT month FROM months) GROUP BY 1, 2, 3, 4
     )
     SELECT month, gl_account, cost_center, currency, coalesce(l.revenue, 0)::bigint AS revenue, coalesce(c.issued, 0)::bigint AS issued, coalesce(c.unbilled, 0)::bigint AS unbilled, coalesce(c.written_off, 0)::bigint AS written_off
     FROM ledger l FULL JOIN charges c USING (month, gl_account, cost_center, currency) ORDER BY 1, 2, 3, 4`,
    [runId, revenueRoles],
  );
  return rows.map((r) => {
    const money = (minor: bigint) => formatMinor(minor, r.currency);
    return {
      month: r.month,
      glAccount: r.gl_account ?? '',
      costCenter: r.cost_center ?? '',
      currency: r.currency,
      revenue: money(r.revenue),
      issued: money(r.issued),
      unbilled: money(r.unbilled),
      writtenOff: money(r.written_off),
      difference: money(r.revenue - r.issued - r.unbilled - r.written_off),
    };
  });
}

/** Of all of the run's entity. */
export async function unbilledProof(db: Db, runId: string): Promise<UnbilledProof[]> {
  const { rows } = await db.query<{ currency: string; ledger: bigint; charges: bigint }>(
    `WITH run AS (SELECT entity_id FROM billing_run WHERE id = $1),
     ledger AS (SELECT e.unit AS currency, sum(e.amount) AS minor FROM ledger_entry e JOIN ledger_transaction t ON t.key = e.transaction_key JOIN run ON run.entity_id = t.entity_id WHERE e.ledger_account = 'unbilledReceivable' GROUP BY 1),
     charges AS (SELECT c.currency::text AS currency, sum(c.net_minor) AS minor FROM rated_charge c JOIN run ON run.entity_id = c.entity_id WHERE ${openChargeSql} GROUP BY 1)
     SELECT currency, coalesce(l.minor, 0)::bigint AS ledger, coalesce(c.minor, 0)::bigint AS charges FROM ledger l FULL JOIN charges c USING (currency) ORDER BY 1`,
    [runId],
  );
  return rows.map((r) => ({ currency: r.currency, ledger: formatMinor(r.ledger, r.currency), charges: formatMinor(r.charges, r.currency), difference: formatMinor(r.ledger - r.charges, r.currency) }));
}
