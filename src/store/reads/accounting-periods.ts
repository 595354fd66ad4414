import type { PeriodState } from '../../core/accounting/period-states.ts';
import { dayBefore, monthAfter } from '../../core/period/segments.ts';
import { kindOfCharge } from '../accounting/standings.ts';
import type { Db } from '../db.ts';
import { glKeySql } from './verification/ledger-rows.ts';

export type PeriodView = { readonly month: string; readonly state: PeriodState; readonly transactions: number; readonly accruals: number; readonly events: readonly PeriodEvent[] };
export type PeriodEvent = { readonly action: string; readonly actor: string; readonly reason: string; readonly at: string };

/** The accounting periods of an entity that have postings, an accrual or a state, newest first. */
export async function accountingPeriods(db: Db, entityId: string): Promise<PeriodView[]> {
  const { rows } = await db.query<{ month: string; state: PeriodState; transactions: bigint; accruals: bigint; events: PeriodEvent[] }>(
    `SELECT m.month, CASE WHEN m.month <= c.through THEN 'closed' ELSE coalesce(p.state, 'open') END AS state,
       (SELECT count(*) FROM ledger_transaction t WHERE t.entity_id = $1 AND t.period = m.month) AS transactions, (SELECT count(*) FROM accrual a WHERE a.entity_id = $1 AND a.month = m.month) AS accruals,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('action', v.action, 'actor', v.actor, 'reason', v.reason, 'at', to_char(v.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) ORDER BY v.id), '[]')
         FROM accounting_period_event v WHERE v.entity_id = $1 AND v.month = m.month) AS events
     FROM (SELECT period AS month FROM ledger_transaction WHERE entity_id = $1 UNION SELECT month FROM accounting_period WHERE entity_id = $1 UNION SELECT month FROM accrual WHERE entity_id = $1) m
     CROSS JOIN (SELECT max(month) AS through FROM accounting_period WHERE entity_id = $1 AND state = 'closed') c
     LEFT JOIN accounting_period p ON p.entity_id = $1 AND p.month = m.month ORDER BY m.month DESC`,
    [entityId],
  );
  return rows.map((r) => ({ month: r.month, state: r.state, transactions: Number(r.transactions), accruals: Number(r.accruals), events: r.events }));
}

/** Minor units, debit positive. `difference` is the ledger less both sides of the ERP: zero, or something is missing there. */
export type ProofRow = {
  readonly currency: string;
  readonly glAccount: string | null;
  readonly costCenter: string | null;
  readonly ledgerMinor: bigint;
  readonly documentsMinor: bigint;
  readonly accrualsMinor: bigint;
  readonly differenceMinor: bigint;
};
export type Proof = { readonly fromMonth: string | null; readonly month: string; readonly rows: readonly ProofRow[]; readonly unverified: number; readonly holds: boolean };

/**
 * The proof of a month: what the ERP was handed in it, documents and change in accruals, against the sub-ledger, per currency, GL account and cost center.
 * It begins after the last month before it that was accrued. The estimate for sessions without a CDR is no part of it. What parties owe or are owed is one sum,
 * without a cost center; what was paid the ERP books itself, from the bank. `unverified`: postings that the ERP has not read back equal yet.
 */
export async function erpProof(db: Db, entityId: string, month: string): Promise<Proof> {
  const from = (await db.query<{ month: string | null }>('SELECT max(month) AS month FROM accrual WHERE entity_id = $1 AND month < $2', [entityId, month])).rows[0]?.month ?? null;
  const { rows } = await db.query<{ currency: string; gl: string | null; cc: string | null; ledger: bigint; documents: bigint; accruals: bigint }>(
    `WITH books AS (
       SELECT e.unit AS currency, coalesce(e.gl_account, m.gl_account) AS gl, e.cost_center AS cc, sum(e.amount) AS amount
       FROM ledger_entry e JOIN ledger_transaction t ON t.key = e.transaction_key
       LEFT JOIN gl_mapping m ON e.gl_account IS NULL AND m.entity_id = t.entity_id AND m.key = ${glKeySql} AND m.version = (SELECT max(version) FROM gl_mapping WHERE entity_id = t.entity_id)
       WHERE t.entity_id = $1 AND t.period <= $2 AND t.period > $3 AND e.unit <> 'Wh' AND t.kind <> 'paid' GROUP BY 1, 2, 3
     ), sent AS (
       SELECT p.currency, l->>'glAccount' AS gl, l->>'costCenter' AS cc, sum((l->>'amountMinor')::bigint) AS amount, p.key LIKE 'accrual/%' AS is_accrual
       FROM erp_posting p JOIN erp_connection x ON x.id = p.connection_id AND x.entity_id = $1 CROSS JOIN LATERAL (SELECT convert_from(p.payload, 'UTF8')::jsonb AS body) b CROSS JOIN LATERAL jsonb_array_elements(b.body->'lines') l
       WHERE p.key NOT LIKE 'estimate/%' AND left(b.body->>'postedOn', 7) <= $2 AND left(b.body->>'postedOn', 7) > $3 GROUP BY 1, 2, 3, 5
     )
     SELECT currency, gl, cc, sum(ledger)::bigint AS ledger, sum(documents)::bigint AS documents, sum(accruals)::bigint AS accruals FROM (
       SELECT currency, gl, cc, amount AS ledger, 0 AS documents, 0 AS accruals FROM books
       UNION ALL SELECT currency, gl, cc, 0, CASE WHEN is_accrual THEN 0 ELSE amount END, CASE WHEN is_accrual THEN amount ELSE 0 END FROM sent) u
     GROUP BY 1, 2, 3 HAVING sum(ledger) <> 0 OR sum(documents) <> 0 OR sum(accruals) <> 0 ORDER BY 1, 2, 3`,
    [entityId, month, from ?? ''],
  );
  const unverified = await db.query<{ n: bigint }>(
    `SELECT count(*) AS n FROM erp_posting p JOIN erp_connection x ON x.id = p.connection_id AND x.entity_id = $1
     WHERE p.state <> 'verified' AND left(convert_from(p.payload, 'UTF8')::jsonb->>'postedOn', 7) <= $2 AND left(convert_from(p.payload, 'UTF8')::jsonb->>'postedOn', 7) > $3`,
    [entityId, month, from ?? ''],
  );
  const found = rows.map(
    (r): ProofRow => ({
      currency: r.currency,
      glAccount: r.gl,
      costCenter: r.cc,
      ledgerMinor: r.ledger,
      documentsMinor: r.documents,
      accrualsMinor: r.accruals,
      differenceMinor: r.ledger - r.documents - r.accruals,
    }),
  );
  return { fromMonth: from, month, rows: found, unverified: Number(unverified.rows[0]?.n ?? 0n), holds: found.every((r) => r.differenceMinor === 0n) };
}

/** What an accrual said and what became of it, in minor units by kind, account and cost center. Of sales and costs: what of it was invoiced, written off or is still open since; of the estimate: what the sessions came to. */
export type AccrualAgainstActual = {
  readonly kind: string;
  readonly currency: string;
  readonly glAccount: string | null;
  readonly costCenter: string;
  readonly accruedMinor: bigint;
  readonly invoicedMinor: bigint;
  readonly writtenOffMinor: bigint;
  readonly openMinor: bigint;
};

/**
 * Last month's accrual against what came of it; signs are those of the charges. Empty where the month was not accrued. Charges that came to nothing together have
 * no ledger transaction: they count from the accrual on that found them there.
 */
export async function accrualAgainstActual(db: Db, entityId: string, month: string): Promise<AccrualAgainstActual[]> {
  const lastDay = dayBefore(`${monthAfter(month)}-01`);
  const charges = await db.query<{ kind: string; currency: string; gl: string; cc: string; accrued: bigint; invoiced: bigint; written: bigint }>(
    `SELECT ${kindOfCharge} AS kind, c.currency, c.gl_account AS gl, c.cost_center AS cc, sum(c.net_minor)::bigint AS accrued, coalesce(sum(c.net_minor) FILTER (WHERE s.document_id IS NOT NULL OR i.id IS NOT NULL), 0)::bigint AS invoiced,
       coalesce(sum(c.net_minor) FILTER (WHERE w.key IS NOT NULL), 0)::bigint AS written
     FROM rated_charge c LEFT JOIN ledger_transaction b ON b.key = c.page_id || '/' || c.service_month LEFT JOIN claim k ON k.charge_id = c.charge_id
       LEFT JOIN partner_invoice_charge x ON x.charge_id = c.charge_id LEFT JOIN partner_invoice i ON i.id = x.invoice_id LEFT JOIN issue_stamp s ON s.document_id = k.document_id LEFT JOIN ledger_transaction w ON k.disposition = 'excluded' AND c.payer_account_id IS NOT NULL AND w.key = 'writeOff/' || k.run_id
     WHERE c.entity_id = $1 AND c.net_minor <> 0 AND c.role <> 'advanceFee' AND coalesce(s.issued_on > $3, true) AND coalesce(i.posted_on > $3, true) AND coalesce(w.period > $2, true)
       AND coalesce(b.period <= $2, true) AND EXISTS (SELECT FROM accrual a WHERE a.entity_id = $1 AND a.month = $2 AND (b.key IS NOT NULL OR c.created_at <= a.made_at)) GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`,
    [entityId, month, lastDay],
  );
  const estimates = await db.query<{ currency: string; cc: string; accrued: bigint; actual: bigint; open: bigint }>(
    `SELECT x.currency, x.cost_center AS cc, sum(x.amount_minor)::bigint AS accrued, coalesce(sum(r.net), 0)::bigint AS actual, coalesce(sum(x.amount_minor) FILTER (WHERE e.resolution IS NULL), 0)::bigint AS open
     FROM accrual_expectation x JOIN expectation e ON e.source_id = x.source_id AND e.key = x.key
     LEFT JOIN LATERAL (SELECT sum(c.net_minor) AS net FROM rated_charge c WHERE c.record_id = e.resolved_by AND c.payer_account_id IS NOT NULL AND c.currency = x.currency) r ON true
     WHERE x.accrual_id = (SELECT id FROM accrual WHERE entity_id = $1 AND month = $2 ORDER BY n DESC LIMIT 1) GROUP BY 1, 2 ORDER BY 1, 2`,
    [entityId, month],
  );
  return [
    ...charges.rows.map((r) => ({
      kind: r.kind,
      currency: r.currency,
      glAccount: r.gl,
      costCenter: r.cc,
      accruedMinor: r.accrued,
      invoicedMinor: r.invoiced,
      writtenOffMinor: r.written,
      openMinor: r.accrued - r.invoiced - r.written,
    })),
    ...estimates.rows.map((r) => ({
      kind: 'estimate',
      currency: r.currency,
      glAccount: null,
      costCenter: r.cc,
      accruedMinor: r.accrued,
      invoicedMinor: r.actual,
      writtenOffMinor: 0n,
      openMinor: r.open,
    })),
  ];
}

/** Months of an entity that have ended in its zone, hold or follow something booked, are not closed, and come after the last one that was accrued; where none was, the last one alone. Oldest first. */
export async function unaccruedMonths(db: Db, entityId: string): Promise<readonly string[]> {
  const { rows } = await db.query<{ month: string }>(
    `SELECT to_char(m, 'YYYY-MM') AS month
     FROM legal_entity e CROSS JOIN LATERAL (SELECT date_trunc('month', now() AT TIME ZONE e.time_zone) - interval '1 month' AS ended) n
     CROSS JOIN LATERAL (SELECT max(month) AS accrued FROM accrual WHERE entity_id = e.id AND month < to_char(n.ended + interval '1 month', 'YYYY-MM')) a
     CROSS JOIN LATERAL generate_series(coalesce((a.accrued || '-01')::timestamp + interval '1 month', n.ended), n.ended, interval '1 month') m
     WHERE e.id = $1 AND EXISTS (SELECT FROM ledger_transaction t WHERE t.entity_id = e.id AND t.period <= to_char(m, 'YYYY-MM'))
       AND to_char(m, 'YYYY-MM') > coalesce((SELECT max(month) FROM accounting_period p WHERE p.entity_id = e.id AND p.state = 'closed'), '') ORDER BY 1`,
    [entityId],
  );
  return rows.map((r) => r.month);
}
