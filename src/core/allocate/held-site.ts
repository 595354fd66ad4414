import { type Issue, issue } from '../issues.ts';
import type { Span } from '../set-up/place-in-time.ts';
import type { SiteSetup } from './setup.ts';

/** Whose a site is for a while; null: nobody's. */
export type SiteHolder = Pick<SiteSetup, 'ownerAccountId' | 'operatorAccountId'>;

/**
 * A site as it was held at an instant (D06): by the span that holds then; before the first of them as its entry says. A gap between spans, and
 * two that hold at once, are marked on it. `spans` are in order of their beginning.
 */
export function heldSite(site: SiteSetup, spans: readonly Span<SiteHolder>[], atMs: number): SiteSetup {
  const [first] = spans;
  if (first === undefined || atMs < first.fromMs) return site;
  const [span, ...others] = spans.filter((s) => s.fromMs <= atMs && atMs < s.toMs);
  if (span === undefined) return { ...site, holding: 'missing' };
  return others.length > 0 ? { ...site, holding: 'ambiguous' } : { ...site, ...span.value };
}

/** Why nobody can say whose a site is; undefined when somebody can. It blocks. */
export function unheld({ siteId, holding }: SiteSetup, subject: string): Issue | undefined {
  if (holding === undefined) return undefined;
  return issue(holding === 'missing' ? 'siteHolderMissing' : 'siteHolderAmbiguous', 'blocks', subject, { site: siteId });
}
