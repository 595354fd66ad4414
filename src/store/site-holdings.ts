import type { SiteHolder } from '../core/allocate/held-site.ts';
import { groupBy } from '../core/group-by.ts';
import type { Span } from '../core/set-up/place-in-time.ts';
import type { Db } from './db.ts';

/** SQL: whose each site was when, half-open: site_id, valid_from, valid_to, owner_account_id, operator_account_id. What the site's entry says holds until the first span. */
export const siteHoldings = `(SELECT s.id AS site_id, '-infinity'::timestamptz AS valid_from, coalesce((SELECT min(h.valid_from) FROM site_holder h WHERE h.site_id = s.id), 'infinity') AS valid_to, s.owner_account_id, s.operator_account_id FROM site s
  UNION ALL SELECT h.site_id, h.valid_from, h.valid_to, h.owner_account_id, h.operator_account_id FROM site_holder h)`;

/** The spans of sites in order of time, for those that have any; what a site's entry says holds before the first. */
export async function loadSiteHolders(db: Db, siteIds: readonly string[]): Promise<ReadonlyMap<string, readonly Span<SiteHolder>[]>> {
  if (siteIds.length === 0) return new Map();
  const { rows } = await db.query<{ site_id: string; from_ms: string; to_ms: string; owner: string | null; operator: string | null }>(
    `SELECT site_id, (extract(epoch FROM valid_from) * 1000)::bigint::text AS from_ms, CASE WHEN valid_to = 'infinity' THEN 'Infinity' ELSE (extract(epoch FROM valid_to) * 1000)::bigint::text END AS to_ms,
       owner_account_id AS owner, operator_account_id AS operator FROM site_holder WHERE site_id = ANY($1) ORDER BY site_id, valid_from`,
    [[...new Set(siteIds)]],
  );
  const spans = groupBy(rows, (r) => r.site_id);
  return new Map([...spans].map(([id, own]) => [id, own.map((r) => ({ fromMs: Number(r.from_ms), toMs: Number(r.to_ms), value: { ownerAccountId: r.owner, operatorAccountId: r.operator } }))]));
}
