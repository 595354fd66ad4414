import type { Db } from '../db.ts';
import { chunksOf } from './chunks.ts';

/**
 * Keeps what the accounts just built come to, as the next build of the run: totals of their documents, and their charges summed by what a
 * comparison or a rule tells apart. An account without a document gets a row too: it may have had one in the build before.
 */
export async function recordPreview(db: Db, runId: string, accounts: readonly string[], contentHash: string): Promise<void> {
  // Parked accounts are tried again with every build: that alone makes no new one.
  const { rows } = await db.query<{ build: number }>(
    `INSERT INTO preview_build (run_id, build, content_hash) SELECT $1, coalesce(max(build), 0) + 1, decode($2, 'hex') FROM preview_build WHERE run_id = $1
     HAVING (SELECT content_hash FROM preview_build WHERE run_id = $1 ORDER BY build DESC LIMIT 1) IS DISTINCT FROM decode($2, 'hex') RETURNING build`,
    [runId, contentHash],
  );
  if (rows[0] === undefined) return;
  for (const chunk of chunksOf(accounts)) await recordAccounts(db, [runId, chunk, rows[0].build]);
}

async function recordAccounts(db: Db, params: readonly [runId: string, accounts: readonly string[], build: number]): Promise<void> {
  await db.query(
    `WITH d AS (
       SELECT account_id, count(*)::integer AS n, sum(net_minor)::bigint AS net, sum(vat_minor)::bigint AS vat, sum(rounding_minor)::bigint AS rounding, sum(energy_wh)::bigint AS wh
       FROM document WHERE run_id = $1 AND account_id = ANY($2) AND state <> 'discarded' GROUP BY 1
     ), l AS (
       SELECT d.account_id, count(*)::integer AS n FROM document d JOIN document_line l ON l.document_id = d.id WHERE d.run_id = $1 AND d.account_id = ANY($2) AND d.state <> 'discarded' GROUP BY 1
     ), s AS (
       SELECT account_id, count(*)::integer AS n FROM (SELECT DISTINCT k.account_id, c.record_id FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id
         WHERE k.run_id = $1 AND k.account_id = ANY($2) AND k.disposition = 'document' AND c.record_id IS NOT NULL) r GROUP BY 1
     )
     INSERT INTO preview_account (run_id, account_id, build, currency, documents, net_minor, vat_minor, rounding_minor, energy_wh, lines, sessions)
     SELECT $1, a.id, $3, a.currency, coalesce(d.n, 0), coalesce(d.net, 0), coalesce(d.vat, 0), coalesce(d.rounding, 0), coalesce(d.wh, 0), coalesce(l.n, 0), coalesce(s.n, 0)
     FROM account a LEFT JOIN d ON d.account_id = a.id LEFT JOIN l ON l.account_id = a.id LEFT JOIN s ON s.account_id = a.id WHERE a.id = ANY($2)`,
    [...params],
  );
  // What is too small to be billed never was on a document, nor would it be without an exclusion.
  await db.query(
    `WITH cell AS (
       SELECT k.account_id,
         CASE WHEN c.session_key IS NULL THEN 'period'
              WHEN c.reversal_of IS NOT NULL OR c.revision > 1 AND EXISTS (
                SELECT FROM rated_charge m JOIN claim mk ON mk.charge_id = m.charge_id WHERE m.record_id = c.record_id AND m.reversal_of IS NOT NULL AND mk.run_id = $1) THEN 'correction'
              WHEN c.service_month < r.period THEN 'late' ELSE 'sale' END AS nature,
         k.disposition <> 'document' AS excluded, c.role, c.component, c.unit_price, c.tariff_version_id, c.site_id, c.vat_code,
         sum(c.quantity)::bigint AS quantity, sum(c.net_minor)::bigint AS net, sum(c.energy_wh)::bigint AS wh, count(*)::integer AS charges,
         coalesce(sum(c.net_minor) FILTER (WHERE k.disposition = 'document' AND c.service_month = r.period AND c.session_key IS NOT NULL AND c.payer_account_id IS NOT NULL AND NOT EXISTS (
           SELECT FROM rated_charge s WHERE s.record_id = c.record_id AND s.service_month = c.service_month AND s.payer_account_id IS NULL AND s.payee_account_id IS NOT NULL)), 0)::bigint AS unshared
       FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id JOIN billing_run r ON r.id = k.run_id
       WHERE k.run_id = $1 AND k.account_id = ANY($2) AND NOT (k.disposition = 'excluded' AND c.clause = 'smallSession')
       GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
       UNION ALL
       SELECT account_id, 'period', false, role, component, unit_price, NULL, site_id, vat_code, sum(quantity)::bigint, sum(net_minor)::bigint, sum(energy_wh)::bigint, count(*)::integer, 0
       FROM period_charge WHERE run_id = $1 AND account_id = ANY($2) GROUP BY 1, 4, 5, 6, 8, 9
       UNION ALL
       SELECT d.account_id, 'manual', false, 'adjustment', coalesce(l.adjustment_id, ''), '', NULL, NULL, l.vat_code, l.quantity, l.net_minor, l.energy_wh, 1, 0
       FROM document d JOIN document_line l ON l.document_id = d.id WHERE d.run_id = $1 AND d.account_id = ANY($2) AND d.state <> 'discarded' AND l.kind = 'adjustment'
     )
     INSERT INTO preview_cell (run_id, account_id, build, cell_no, nature, excluded, role, component, unit_price, tariff_version_id, site_id, vat_code, quantity, net_minor, energy_wh, charges, unshared_minor)
     SELECT $1, account_id, $3, row_number() OVER (PARTITION BY account_id), nature, excluded, role, component, unit_price, tariff_version_id, site_id, vat_code, quantity, net, wh, charges, unshared FROM cell`,
    [...params],
  );
}

/** Account rows of a run as its newest build holds them, or as an earlier build did: `build` is a SQL expression, NULL for the newest. */
export const previewAccounts = (run: string, build = 'NULL::integer') =>
  `SELECT DISTINCT ON (account_id) * FROM preview_account WHERE run_id = ${run} AND (${build} IS NULL OR build <= ${build}) ORDER BY account_id, build DESC`;
