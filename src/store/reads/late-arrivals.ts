import { formatMinor } from '../../core/money.ts';
import { claimable } from '../cycle/record-set.ts';
import type { Db } from '../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

export type LateArrivals = { readonly charges: bigint; readonly energyWh: bigint; readonly netMinor: bigint };

/** What came for the run's months after its set closed: listed beside it, never in it. Nothing before the set is closed, and nothing beside a dry run, which takes nothing in. */
export async function lateArrivals(db: Db, runId: string): Promise<LateArrivals> {
  const { rows } = await db.query(
    `SELECT count(*) AS charges, coalesce(sum(l.energy_wh), 0)::bigint AS energy_wh, coalesce(sum(l.net_minor), 0)::bigint AS net_minor
     FROM (${claimable}) l WHERE EXISTS (SELECT FROM billing_run r WHERE r.id = $1 AND r.kind = 'live' AND r.set_closed_at IS NOT NULL)
       AND NOT EXISTS (SELECT FROM claim own WHERE own.charge_id = l.charge_id AND own.run_id = $1)`,
    [runId],
  );
  return { charges: rows[0].charges, energyWh: rows[0].energy_wh, netMinor: rows[0].net_minor };
}

export type LateAccount = { readonly accountId: string; readonly accountName: string; readonly charges: number; readonly energyWh: string; readonly net: string; readonly currency: string };

/** The same by account and currency, most charges first. Money net, as decimal text in major units, energy in Wh as text. */
export async function lateByAccount(db: Db, runId: string, page: PageOrder): Promise<Page<LateAccount>> {
  const list = ['late arrivals', runId] as const;
  const [charges, accountId, currency] = keyBefore(list, page)?.split('|') ?? [];
  const { rows } = await db.query(
    `SELECT * FROM (
       SELECT l.payer_account_id AS account_id, p.name, l.currency, count(*) AS charges, sum(l.energy_wh)::bigint AS wh, sum(l.net_minor)::bigint AS net
       FROM (${claimable}) l JOIN account a ON a.id = l.payer_account_id JOIN party p ON p.id = a.party_id
       WHERE EXISTS (SELECT FROM billing_run r WHERE r.id = $1 AND r.kind = 'live' AND r.set_closed_at IS NOT NULL) AND NOT EXISTS (SELECT FROM claim own WHERE own.charge_id = l.charge_id AND own.run_id = $1)
       GROUP BY 1, 2, 3
     ) t WHERE $2::bigint IS NULL OR (-charges, account_id, currency) > (-$2::bigint, $3, $4) ORDER BY charges DESC, account_id, currency LIMIT $5`,
    [runId, charges ?? null, accountId ?? null, currency ?? null, page.limit + 1],
  );
  return pageOf(
    list,
    rows,
    page.limit,
    (r) => `${r.charges}|${r.account_id}|${r.currency}`,
    (r): LateAccount => ({ accountId: r.account_id, accountName: r.name, charges: Number(r.charges), energyWh: r.wh.toString(), net: formatMinor(r.net, r.currency), currency: r.currency }),
  );
}

/** Late arrivals that were taken into a run's set, and by whom; the shares that come along are not counted. Energy in Wh as text. */
export async function pulledInto(db: Db, runId: string): Promise<readonly { readonly author: string; readonly charges: number; readonly energyWh: string }[]> {
  const { rows } = await db.query(
    `SELECT k.pulled_in_by AS author, count(*) AS charges, sum(c.energy_wh)::bigint AS wh FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id AND c.payer_account_id IS NOT NULL
     WHERE k.run_id = $1 AND k.pulled_in_by IS NOT NULL GROUP BY 1 ORDER BY 1`,
    [runId],
  );
  return rows.map((r) => ({ author: r.author, charges: Number(r.charges), energyWh: r.wh.toString() }));
}
