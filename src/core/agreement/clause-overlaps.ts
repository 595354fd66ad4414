import type { Scope } from '../../contracts/agreement.ts';
import type { Severity } from '../issues.ts';

type Clause = { readonly kind: string; readonly id: string; readonly scope?: Scope | undefined; readonly sourceIds?: readonly string[] };

/** Of what sets a price only one may match a session; of these fees and steps two are rarely meant. Discounts and allowances add up. */
const severityOf: Readonly<Record<string, Severity>> = {
  priceList: 'blocks',
  priceSource: 'blocks',
  roamingPrice: 'blocks',
  startFee: 'warns',
  idleFee: 'warns',
  tiers: 'warns',
  cap: 'warns',
  minimum: 'warns',
  tieredShare: 'warns',
  guarantee: 'warns',
  passThrough: 'warns',
};

/** Pairs of clauses of one kind that match the same session, by site or route. `sites` tells the kind of each site. */
export function clauseOverlaps(clauses: readonly Clause[], sites: ReadonlyMap<string, string>): { readonly first: string; readonly second: string; readonly severity: Severity }[] {
  return clauses.flatMap((first, i) =>
    clauses.slice(i + 1).flatMap((second) => {
      const severity = severityOf[first.kind];
      if (severity === undefined || first.kind !== second.kind) return [];
      return scopesMeet(first.scope, second.scope, sites) && routesMeet(first.sourceIds, second.sourceIds) ? [{ first: first.id, second: second.id, severity }] : [];
    }),
  );
}

/** A clause that names a route goes before one for all others. */
function routesMeet(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return (a === undefined) === (b === undefined) && meet(a, b);
}

/** Left out is everything. */
function meet(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return a === undefined || b === undefined || a.some((x) => b.includes(x));
}

function scopesMeet(a: Scope | undefined, b: Scope | undefined, sites: ReadonlyMap<string, string>): boolean {
  if (!meet(a?.siteIds, b?.siteIds) || !meet(a?.siteKinds, b?.siteKinds)) return false;
  // Where both name sites, a shared one has to be of a kind that both take.
  const named = a?.siteIds === undefined ? b?.siteIds : b?.siteIds === undefined ? a.siteIds : a.siteIds.filter((id) => b.siteIds?.includes(id));
  if (named === undefined) return true;
  const takes = (scope: Scope | undefined, id: string) => scope?.siteKinds === undefined || (scope.siteKinds as readonly string[]).includes(sites.get(id) ?? '');
  return named.some((id) => takes(a, id) && takes(b, id));
}
