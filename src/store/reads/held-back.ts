import type { HeldBackRow } from '../../core/cycle/close-report.ts';
import { formatMinor } from '../../core/money.ts';
import { unsigned } from '../cycle/run-reads.ts';
import type { Db } from '../db.ts';

/** `net`: of all it would have billed, `fees` of it what the month decided. */
export type HeldBack = HeldBackRow & { readonly charges: number; readonly fees: string };

/** What a run carries since an account is parked, an invoice is held or a correction waits, by reason and currency. */
export async function heldBack(db: Db, runId: string): Promise<readonly HeldBack[]> {
  const { rows } = await db.query(
    `SELECT p.reason, p.currency, count(DISTINCT p.account_id)::integer AS accounts, sum(p.n)::integer AS n, sum(p.wh)::bigint AS wh, sum(p.net + p.fees)::bigint AS net, sum(p.fees)::bigint AS fees,
       count(DISTINCT p.account_id) FILTER (WHERE NOT ${unsigned('account', 'p.account_id')})::integer AS signed
     FROM (
       SELECT h.cause AS reason, h.account_id, c.currency, count(*) AS n, sum(c.energy_wh) AS wh, sum(c.net_minor) AS net, 0 AS fees FROM exclusion_hit h JOIN rated_charge c ON c.charge_id = h.charge_id
         WHERE h.run_id = $1 AND h.outcome = 'carried' AND h.cause IN ('parked', 'late', 'minimum', 'zero', 'originalNotIssued', 'purchaseOrder') GROUP BY 1, 2, 3
       UNION ALL SELECT reason, account_id, currency, 0, 0, 0, fees_minor FROM held_document WHERE run_id = $1
       UNION ALL SELECT cause, account_id, currency, 0, 0, 0, net_minor FROM left_out_fee WHERE run_id = $1 AND outcome = 'carried' AND cause IN ('parked', 'late')
       UNION ALL SELECT 'parked', x.account_id, a.currency, 0, 0, 0, 0 FROM run_account x JOIN account a ON a.id = x.account_id WHERE x.run_id = $1 AND x.state = 'parked') p JOIN billing_run r ON r.id = $1
     GROUP BY 1, 2 ORDER BY 1, 2`,
    [runId],
  );
  return rows.map((r) => ({
    reason: r['reason'],
    currency: r['currency'],
    accounts: r['accounts'],
    charges: r['n'],
    energyWh: r['wh'].toString(),
    net: formatMinor(r['net'], r['currency']),
    fees: formatMinor(r['fees'], r['currency']),
    signed: r['reason'] === 'parked' || r['reason'] === 'purchaseOrder' ? r['signed'] : null,
  }));
}
