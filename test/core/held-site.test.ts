import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { heldSite, type SiteHolder } from '../../src/core/allocate/held-site.ts';
import { placeInTime, type Span } from '../../src/core/set-up/place-in-time.ts';
import { blockedBy, fleet, ownSite } from '../support/session.ts';

const north: SiteHolder = { ownerAccountId: 'north', operatorAccountId: null };
const south: SiteHolder = { ownerAccountId: 'south', operatorAccountId: null };
const site = { ...ownSite, ownerAccountId: 'first' };
const ownerAt = (spans: readonly Span<SiteHolder>[], ms: number) => heldSite(site, spans, ms);

describe('whose a site is', () => {
  it('is as its entry says before the first span, then by the span that holds, half-open', () => {
    const spans = [
      { fromMs: 100, toMs: 200, value: north },
      { fromMs: 200, toMs: Number.POSITIVE_INFINITY, value: south },
    ];
    expect([99, 100, 199, 200].map((ms) => ownerAt(spans, ms).ownerAccountId)).toEqual(['first', 'north', 'north', 'south']);
    expect(ownerAt([], 0)).toBe(site);
  });
  it('is missing in a gap, and ambiguous where two hold at once: both block the session by name', () => {
    const gap = [{ fromMs: 100, toMs: 200, value: north }];
    expect(ownerAt(gap, 200).holding).toBe('missing');
    expect(ownerAt([...gap, { fromMs: 150, toMs: 300, value: south }], 160).holding).toBe('ambiguous');
    expect(blockedBy({ payer: fleet, site: { ...ownSite, holding: 'missing' } })).toEqual(['siteHolderMissing']);
    expect(blockedBy({ payer: fleet, site: { ...ownSite, holding: 'ambiguous' } })).toEqual(['siteHolderAmbiguous']);
  });
  it('has one answer at every instant, in whatever order changes were made: that of the last one made that reaches it', () => {
    const change = fc.record({ fromMs: fc.integer({ min: 0, max: 20 }), owner: fc.constantFrom('a', 'b', null) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), fc.integer({ min: -1, max: 25 }), (changes, at) => {
        let spans: readonly Span<SiteHolder>[] = [];
        // By hand: who holds each millisecond; a change holds until the next beginning that was known when it was made.
        const held = new Map<number, string | null>();
        const begins = new Set<number>();
        for (const { fromMs, owner } of changes) {
          const placed = placeInTime(spans, fromMs, { ownerAccountId: owner, operatorAccountId: null }, (x, y) => x.ownerAccountId === y.ownerAccountId);
          if (placed.kind === 'unchanged') continue;
          spans = placed.spans;
          const until = [...begins].filter((b) => b > fromMs).sort((x, y) => x - y)[0] ?? 30;
          for (let ms = fromMs; ms < until; ms += 1) held.set(ms, owner);
          begins.add(fromMs);
        }
        const found = ownerAt(spans, at);
        expect(found.holding).toBeUndefined();
        expect(found.ownerAccountId).toBe(held.has(at) ? held.get(at) : 'first');
      }),
    );
  });
});
