import type { Db } from '../db.ts';
import { freeEnergySql } from '../ledger/free-energy.ts';
import { type Page, type PageRequest, pageAfter } from './set-up-page.ts';

/** Where received energy can be, in Wh; together they are what was received (invariant 9). */
const energyBuckets = ['billed', 'open', 'carried', 'parked', 'held', 'free', 'excluded', 'rejected', 'billedElsewhere'] as const;
type Bucket = (typeof energyBuckets)[number];
type Figures = { readonly [Name in Bucket]: bigint } & {
  readonly received: bigint;
  /** Memo, within billed: what allowances of issued documents cover. */
  readonly included: bigint;
  /** Memo, within rejected: gave way to the same session by another route. */
  readonly linked: bigint;
  /** received minus all the rest: not zero is a stop-the-line defect. */
  readonly difference: bigint;
};
export type BalanceRow = { readonly month: string } & Figures;
/** The balance of one source, site and service month. `kind`: of a charger of ours, another operator's, or a driver's home. */
export type BalanceDetail = BalanceRow & { readonly sourceId: string | null; readonly siteId: string | null; readonly kind: 'own' | 'foreign' | 'home' | 'unknown' };
export type BalanceFilter = { readonly month?: string | undefined; readonly sourceId?: string | undefined; readonly siteId?: string | undefined; readonly kind?: string | undefined };

/**
 * The left side, held, parked and rejected come from the current facts of each record; the rest from charges, claims and documents.
 * What was free stays free, whatever becomes of its charge. Nothing is billed elsewhere so far: that bucket has no source yet.
 */
export const energyDetails = `WITH heads AS (
    SELECT source_id, site_id, coalesce(service_month, 'unknown') AS month, sum(energy_wh) AS received,
      sum(energy_wh) FILTER (WHERE state = 'parked') AS parked, sum(energy_wh) FILTER (WHERE state IN ('received', 'quarantined')) AS held,
      sum(energy_wh) FILTER (WHERE state = 'rejected') AS rejected, sum(energy_wh) FILTER (WHERE state = 'rejected' AND linked_to IS NOT NULL) AS linked
    FROM record_head GROUP BY 1, 2, 3
  ), judged AS (
    SELECT h.source_id, c.site_id, c.service_month AS month, c.energy_wh, CASE WHEN c.role = 'allowance' AND c.quantity_unit = 'Wh' THEN c.quantity ELSE 0 END AS allowed_wh,
      CASE WHEN ${freeEnergySql} AND c.energy_wh <> 0 THEN 'free' WHEN d.state = 'issued' THEN 'billed' WHEN k.disposition IN ('excluded', 'carried') THEN k.disposition ELSE 'open' END AS bucket
    FROM rated_charge c LEFT JOIN record_head h ON h.record_id = c.record_id LEFT JOIN claim k ON k.charge_id = c.charge_id LEFT JOIN document d ON d.id = k.document_id
    WHERE c.energy_wh <> 0 OR c.role = 'allowance'
  ), charges AS (
    SELECT source_id, site_id, month, sum(energy_wh) FILTER (WHERE bucket = 'billed') AS billed, sum(energy_wh) FILTER (WHERE bucket = 'open') AS open, sum(energy_wh) FILTER (WHERE bucket = 'carried') AS carried,
      sum(energy_wh) FILTER (WHERE bucket = 'free') AS free, sum(energy_wh) FILTER (WHERE bucket = 'excluded') AS excluded, sum(allowed_wh) FILTER (WHERE bucket = 'billed') AS included
    FROM judged GROUP BY 1, 2, 3
  ), both_sides AS (
    SELECT source_id, site_id, month, received, 0 AS billed, 0 AS open, 0 AS carried, parked, held, 0 AS free, 0 AS excluded, rejected, 0 AS included, linked FROM heads
    UNION ALL SELECT source_id, site_id, month, 0, billed, open, carried, 0, 0, free, excluded, 0, included, 0 FROM charges
  )
  SELECT b.source_id, b.site_id, b.month, coalesce(s.kind, 'unknown') AS kind, ${['received', 'billed', 'open', 'carried', 'parked', 'held', 'free', 'excluded', 'rejected', 'included', 'linked']
    .map((name) => `coalesce(sum(b.${name}), 0)::bigint AS ${name}`)
    .join(', ')}, 0::bigint AS "billedElsewhere"
  FROM both_sides b LEFT JOIN site s ON s.id = b.site_id GROUP BY b.source_id, b.site_id, b.month, s.kind`;

type Row = Omit<Figures, 'difference'> & { readonly source_id: string | null; readonly site_id: string | null; readonly month: string; readonly kind: BalanceDetail['kind'] };

/** The energy balance of each service month in Wh; a record without a readable end stands under month `unknown`. The sum of its details. */
export async function energyBalance(db: Db): Promise<BalanceRow[]> {
  const { rows } = await db.query<Row>(`SELECT * FROM (${energyDetails}) b ORDER BY month`);
  const months = new Map<string, Row>();
  for (const row of rows) {
    const sum = months.get(row.month);
    months.set(row.month, sum === undefined ? row : { ...sum, ...added(sum, row) });
  }
  return [...months.values()].map((row) => {
    const { source_id: _source, site_id: _site, kind: _kind, ...rest } = row;
    return { ...rest, difference: differenceOf(row) };
  });
}

const figures = ['received', 'included', 'linked', ...energyBuckets] as const;

function added(a: Row, b: Row): Omit<Figures, 'difference'> {
  return Object.fromEntries(figures.map((name) => [name, a[name] + b[name]])) as Omit<Figures, 'difference'>;
}

function differenceOf(row: Row): bigint {
  return energyBuckets.reduce((rest, bucket) => rest - row[bucket], row.received);
}

/** The energy balance per service month, source and site, in that order; what is not known yet is null, or month `unknown`. */
export async function energyBalanceDetails(db: Db, filter: BalanceFilter, page: PageRequest): Promise<Page<BalanceDetail>> {
  return pageAfter(
    'energy balance',
    page,
    (row) => [row.month, row.sourceId ?? '', row.siteId ?? ''],
    async (after, take) => {
      const { rows } = await db.query<Row>(
        `SELECT * FROM (${energyDetails}) b WHERE ($1::text IS NULL OR month = $1) AND ($2::text IS NULL OR source_id = $2) AND ($3::text IS NULL OR site_id = $3) AND ($4::text IS NULL OR kind = $4)
           AND ($5::text IS NULL OR (month, coalesce(source_id, ''), coalesce(site_id, '')) > ($5, $6, $7)) ORDER BY month, coalesce(source_id, ''), coalesce(site_id, '') LIMIT $8`,
        [filter.month ?? null, filter.sourceId ?? null, filter.siteId ?? null, filter.kind ?? null, after?.[0] ?? null, after?.[1] ?? null, after?.[2] ?? null, take],
      );
      return rows.map((row) => {
        const { source_id: sourceId, site_id: siteId, ...rest } = row;
        return { ...rest, sourceId, siteId, difference: differenceOf(row) };
      });
    },
  );
}

/** The first source, site and service month whose energy is not accounted for, with how many there are. */
export async function energyOff(db: Db): Promise<{ readonly checked: number; readonly problem: string | null }> {
  const { rows } = await db.query<Row>(`SELECT * FROM (${energyDetails}) b ORDER BY month, source_id, site_id`);
  const off = rows.find((row) => differenceOf(row) !== 0n);
  if (off === undefined) return { checked: rows.length, problem: null };
  const rest = differenceOf(off);
  return { checked: rows.length, problem: `of the energy received in ${off.month} from ${off.source_id ?? 'no source'} at ${off.site_id ?? 'no known site'}, ${rest} Wh are accounted for nowhere` };
}
