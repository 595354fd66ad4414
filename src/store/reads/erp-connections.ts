import type { Db } from '../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

/** An ERP connection: when it holds, and what it holds. */
export type ErpConnectionView = {
  readonly connectionId: string;
  readonly entityId: string;
  readonly adapter: string;
  readonly production: boolean;
  readonly validFrom: string;
  readonly validTo: string | null;
  readonly postings: Readonly<Record<string, number>>;
  readonly comparedAt: string | null;
  /** Open ones. */
  readonly drifts: number;
  /** Months that are closed here or there alone, in their order. */
  readonly periods: readonly PeriodDifferenceView[];
};
export type PeriodDifferenceView = {
  readonly month: string;
  readonly here: 'open' | 'softClosed' | 'closed';
  readonly there: 'open' | 'closed';
  readonly words: string | null;
  readonly foundAt: string;
};
export type DriftView = {
  readonly driftId: string;
  readonly connectionId: string;
  readonly key: string;
  readonly kind: 'missing' | 'differs' | 'reversed' | 'unknownThere';
  readonly words: string;
  readonly foundAt: string;
  readonly seenAt: string;
  readonly clearedAt: string | null;
  /** Who signed that it may stay so, and why. */
  readonly signedBy: string | null;
  readonly signedReason: string | null;
};

export async function listErpConnections(db: Db): Promise<readonly ErpConnectionView[]> {
  const { rows } = await db.query(
    `SELECT c.id, c.entity_id, c.adapter, c.production, c.valid_from::text AS valid_from, c.valid_to::text AS valid_to,
       (SELECT coalesce(jsonb_object_agg(state, n), '{}') FROM (SELECT state, count(*) AS n FROM erp_posting p WHERE p.connection_id = c.id GROUP BY state) s) AS postings,
       (SELECT max(at) FROM erp_comparison m WHERE m.connection_id = c.id) AS compared_at, (SELECT count(*) FROM erp_drift d WHERE d.connection_id = c.id AND d.cleared_at IS NULL) AS drifts,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('month', p.month, 'here', p.here, 'there', p.there, 'words', p.words, 'foundAt', to_char(p.found_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) ORDER BY p.month), '[]')
         FROM erp_period_difference p WHERE p.connection_id = c.id) AS periods
     FROM erp_connection c ORDER BY c.entity_id, c.valid_from, c.id`,
  );
  return rows.map((r) => ({
    connectionId: r.id,
    entityId: r.entity_id,
    adapter: r.adapter,
    production: r.production,
    validFrom: r.valid_from,
    validTo: r.valid_to,
    postings: r.postings,
    comparedAt: r.compared_at?.toISOString() ?? null,
    drifts: Number(r.drifts),
    periods: r.periods,
  }));
}

/** What drifted, newest first; only what still is so unless `all`. */
export async function listDrifts(
  db: Db,
  filter: { readonly connectionId?: string | undefined; readonly all?: boolean | undefined; readonly driftId?: string | undefined },
  page: PageOrder,
): Promise<Page<DriftView>> {
  const list = ['drifts', filter.connectionId, filter.all ?? false, filter.driftId] as const;
  const { rows } = await db.query(
    `SELECT * FROM erp_drift WHERE ($1::text IS NULL OR connection_id = $1) AND ($2::boolean OR cleared_at IS NULL) AND ($3::bigint IS NULL OR id < $3) AND ($5::text IS NULL OR id::text = $5) ORDER BY id DESC LIMIT $4`,
    [filter.connectionId ?? null, filter.all ?? false, keyBefore(list, page), page.limit + 1, filter.driftId ?? null],
  );
  return pageOf(
    list,
    rows,
    page.limit,
    (r) => String(r.id),
    (r): DriftView => ({
      driftId: String(r.id),
      connectionId: r.connection_id,
      key: r.key,
      kind: r.kind,
      words: r.words,
      foundAt: r.found_at.toISOString(),
      seenAt: r.seen_at.toISOString(),
      clearedAt: r.cleared_at?.toISOString() ?? null,
      signedBy: r.signed_by,
      signedReason: r.signed_reason,
    }),
  );
}
