import type { Db } from '../db.ts';
import { energyDetails } from './energy-details.ts';
import { energyDetailsAt } from './energy-details-at.ts';
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
export type BalanceFilter = {
  readonly month?: string | undefined;
  readonly sourceId?: string | undefined;
  readonly siteId?: string | undefined;
  readonly kind?: string | undefined;
  readonly asOf?: Date | undefined;
};

type Row = Omit<Figures, 'difference'> & { readonly source_id: string | null; readonly site_id: string | null; readonly month: string; readonly kind: BalanceDetail['kind'] };

/** The energy balance of each service month in Wh, of all entities or one, as it stood at an instant or as it stands; a record without a readable end stands under month `unknown`. The sum of its details. */
export async function energyBalance(db: Db, { asOf, entityId }: { readonly asOf?: Date | undefined; readonly entityId?: string | undefined } = {}): Promise<BalanceRow[]> {
  const { rows } = await db.query<Row>(`SELECT * FROM (${detailsOf(asOf, '$1::text')}) b ORDER BY month`, [entityId ?? null]);
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

const detailsOf = (asOf: Date | undefined, entity?: string) => (asOf === undefined ? energyDetails(entity) : energyDetailsAt(asOf, entity));

const figures = ['received', 'included', 'linked', ...energyBuckets] as const;

function added(a: Row, b: Row): Omit<Figures, 'difference'> {
  return Object.fromEntries(figures.map((name) => [name, a[name] + b[name]])) as Omit<Figures, 'difference'>;
}

function differenceOf(row: Row): bigint {
  return energyBuckets.reduce((rest, bucket) => rest - row[bucket], row.received);
}

/** The energy balance per service month, source and site, as it stood at an instant or as it stands, in that order; what is not known yet is null, or month `unknown`. */
export async function energyBalanceDetails(db: Db, filter: BalanceFilter, page: PageRequest): Promise<Page<BalanceDetail>> {
  return pageAfter(
    ['energy balance', filter.month, filter.sourceId, filter.siteId, filter.kind, filter.asOf],
    page,
    (row) => [row.month, row.sourceId ?? '', row.siteId ?? ''],
    async (after, take) => {
      const { rows } = await db.query<Row>(
        `SELECT * FROM (${detailsOf(filter.asOf)}) b WHERE ($1::text IS NULL OR month = $1) AND ($2::text IS NULL OR source_id = $2) AND ($3::text IS NULL OR site_id = $3) AND ($4::text IS NULL OR kind = $4)
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
  const { rows } = await db.query<Row>(`SELECT * FROM (${energyDetails()}) b ORDER BY month, source_id, site_id`);
  const off = rows.find((row) => differenceOf(row) !== 0n);
  if (off === undefined) return { checked: rows.length, problem: null };
  const rest = differenceOf(off);
  return { checked: rows.length, problem: `of the energy received in ${off.month} from ${off.source_id ?? 'no source'} at ${off.site_id ?? 'no known site'}, ${rest} Wh are accounted for nowhere` };
}
