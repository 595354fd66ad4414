import { exactFromDecimal, formatMinor, roundToMoney } from '../../core/money.ts';
import { type ClaimClass, claimClasses, classifyClaim } from '../../core/partner/classify-claim.ts';
import type { Db } from '../db.ts';
import { siteHoldings } from '../site-holdings.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

/** A session at a partner's charger: what the partner claims for it, and what we booked from our own rating. Money net, decimal text in major units; energy in Wh as text. */
export type PartnerClaim = {
  readonly recordId: string;
  readonly sourceId: string;
  readonly cdrId: string;
  readonly siteId: string;
  readonly endAt: string;
  readonly energyWh: string;
  readonly class: ClaimClass;
  readonly claimed: string | null;
  readonly claimCurrency: string | null;
  readonly booked: string;
  readonly currency: string;
  /** claimed − booked */
  readonly difference: string | null;
  /** Under which reading of the tariff the partner comes to its figure, where one is known. */
  readonly cause: string | null;
};
export type ClaimTotals = {
  readonly class: ClaimClass;
  readonly currency: string;
  readonly records: number;
  readonly energyWh: string;
  readonly claimed: string;
  readonly booked: string;
  readonly difference: string;
};
export type PartnerMonth = { readonly accountId: string; readonly month: string; readonly totals: readonly ClaimTotals[]; readonly held: { readonly records: number; readonly energyWh: string } };

/** What is booked of a partner's sessions in a service month ($1, $2), each with the claim that was sealed and the finding on it. */
const booked = `SELECT h.record_id, h.source_id, h.cdr_id, h.site_id, h.energy_wh, r.end_at, c.currency, c.net_minor, convert_from(r.canonical, 'UTF8')::jsonb #> '{facts,partnerPrice}' AS price,
    (SELECT i->'params' FROM jsonb_array_elements(h.issues) i WHERE i->>'code' = 'purchaseDiffers' LIMIT 1) AS finding
  FROM (SELECT record_id, revision, currency, sum(net_minor)::bigint AS net_minor FROM rated_charge
        WHERE entity_id = (SELECT entity_id FROM account WHERE id = $1) AND service_month = $2 AND payer_account_id IS NULL AND payee_account_id = $1 AND role = 'roamingPurchase' AND reversal_of IS NULL GROUP BY 1, 2, 3) c
  JOIN record_head h ON h.record_id = c.record_id AND h.revision = c.revision AND h.state = 'booked' JOIN charge_record r ON r.record_id = c.record_id AND r.revision = c.revision`;

/** Records `h`, each with whose its site was when its session began (`o`). */
const operated = `FROM record_head h JOIN ${siteHoldings} o ON o.site_id = h.site_id LEFT JOIN session_span p ON p.record_id = h.record_id LEFT JOIN charge_record r ON r.record_id = h.record_id AND r.revision = h.revision
  WHERE (o.valid_from = '-infinity' AND o.valid_to = 'infinity' OR coalesce(p.start_at, r.start_at, h.ended_on) >= o.valid_from AND coalesce(p.start_at, r.start_at, h.ended_on) < o.valid_to)`;

type Order = { readonly accountId: string; readonly month: string; readonly class?: ClaimClass | undefined };

/** The sessions of a partner's month, one by one, newest record first; of one class only where asked. */
export async function partnerClaims(db: Db, order: Order, { cursor, limit }: PageOrder): Promise<Page<PartnerClaim>> {
  const list = ['claims', order.accountId, order.month, order.class] as const;
  const items: PartnerClaim[] = [];
  // A class is known only once a session is read: pages are read on until one is full.
  for (let after = keyBefore(list, { cursor }); ; ) {
    const { rows } = await db.query(`SELECT * FROM (${booked}) b WHERE ($3::bigint IS NULL OR record_id < $3) ORDER BY record_id DESC LIMIT $4`, [order.accountId, order.month, after, limit + 1]);
    items.push(...rows.map(claimOf).filter((c) => order.class === undefined || c.class === order.class));
    const last = rows.at(-1);
    if (items.length > limit || rows.length <= limit || last === undefined) break;
    after = last.record_id.toString();
  }
  return pageOf(
    list,
    items,
    limit,
    (c) => c.recordId,
    (c) => c,
  );
}

/** Totals of a partner's month by class and currency, and what of it still waits. Undefined for an account that is there not. */
export async function partnerMonth(db: Db, { accountId, month }: Order): Promise<PartnerMonth | undefined> {
  if ((await db.query('SELECT FROM account WHERE id = $1', [accountId])).rowCount === 0) return undefined;
  const sums = new Map<string, { class: ClaimClass; currency: string; records: number; wh: bigint; claimed: bigint; booked: bigint }>();
  for (let after: string | null = null; ; ) {
    const { rows }: { rows: Row[] } = await db.query(`SELECT * FROM (${booked}) b WHERE ($3::bigint IS NULL OR record_id < $3) ORDER BY record_id DESC LIMIT 5000`, [accountId, month, after]);
    for (const row of rows) {
      const { class: kind, claimedMinor } = classOf(row);
      const key = `${kind} ${row.currency}`;
      const sum = sums.get(key) ?? { class: kind, currency: row.currency, records: 0, wh: 0n, claimed: 0n, booked: 0n };
      // What cannot be compared claims nothing in this currency.
      sums.set(key, { ...sum, records: sum.records + 1, wh: sum.wh + row.energy_wh, claimed: sum.claimed + (claimedMinor ?? 0n), booked: sum.booked + row.net_minor });
    }
    const last = rows.at(-1);
    if (rows.length < 5000 || last === undefined) break;
    after = last.record_id.toString();
  }
  const { rows: held } = await db.query(
    `SELECT count(*)::int AS n, coalesce(sum(h.energy_wh), 0)::bigint AS wh ${operated} AND o.operator_account_id = $1 AND h.service_month = $2 AND h.state IN ('quarantined', 'parked')`,
    [accountId, month],
  );
  const totals = [...sums.values()].sort((a, b) => claimClasses.indexOf(a.class) - claimClasses.indexOf(b.class) || (a.currency < b.currency ? -1 : 1));
  return {
    accountId,
    month,
    totals: totals.map(({ class: kind, currency, records, wh, claimed, booked: ours }) => ({
      class: kind,
      currency,
      records,
      energyWh: wh.toString(),
      claimed: formatMinor(claimed, currency),
      booked: formatMinor(ours, currency),
      difference: formatMinor(claimed - ours, currency),
    })),
    held: { records: held[0]?.n ?? 0, energyWh: (held[0]?.wh ?? 0n).toString() },
  };
}

/** Partners at whose chargers sessions of the month stood, with how many; in order of their ids. */
export async function partnersOfMonth(db: Db, month: string): Promise<readonly { readonly accountId: string; readonly records: number }[]> {
  const { rows } = await db.query(
    `SELECT o.operator_account_id AS account_id, count(*)::int AS n ${operated} AND o.operator_account_id IS NOT NULL AND h.service_month = $1 AND h.state <> 'rejected' GROUP BY 1 ORDER BY 1`,
    [month],
  );
  return rows.map((r) => ({ accountId: r.account_id, records: r.n }));
}

type Row = {
  readonly record_id: bigint;
  readonly source_id: string;
  readonly cdr_id: string;
  readonly site_id: string;
  readonly energy_wh: bigint;
  readonly end_at: Date;
  readonly currency: string;
  readonly net_minor: bigint;
  readonly price: { readonly currency: string; readonly exclVat: string; readonly origin: 'partner' | 'hub' | 'notSignificant' } | null;
  readonly finding: { readonly cause?: string } | null;
};

function classOf({ price, net_minor, currency, finding }: Row): { readonly class: ClaimClass; readonly claimedMinor: bigint | null } {
  const comparable = price !== null && price.currency === currency && price.origin !== 'notSignificant';
  const claimedMinor = comparable ? roundToMoney(exactFromDecimal(price.exclVat), currency, 'halfAwayFromZero') : null;
  return { claimedMinor, class: classifyClaim({ claimedMinor, bookedMinor: net_minor, claimCurrency: price?.currency ?? null, currency, origin: price?.origin ?? null, found: finding !== null }) };
}

function claimOf(row: Row): PartnerClaim {
  const { class: kind, claimedMinor } = classOf(row);
  return {
    recordId: row.record_id.toString(),
    sourceId: row.source_id,
    cdrId: row.cdr_id,
    siteId: row.site_id,
    endAt: row.end_at.toISOString(),
    energyWh: row.energy_wh.toString(),
    class: kind,
    claimed: row.price?.exclVat ?? null,
    claimCurrency: row.price?.currency ?? null,
    booked: formatMinor(row.net_minor, row.currency),
    currency: row.currency,
    difference: claimedMinor === null ? null : formatMinor(claimedMinor - row.net_minor, row.currency),
    cause: row.finding?.cause ?? null,
  };
}
