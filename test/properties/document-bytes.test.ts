import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type ComposeInput, chargeIdsOf, composeDocument, type DocumentCharge } from '../../src/core/document/compose.ts';
import { canonicalBytes } from '../../src/core/seal/charge-record.ts';
import { charge } from '../support/document.ts';

/** Charges that differ in little, so that many of them stand on one line. */
const charges = fc
  .array(fc.record({ price: fc.constantFrom('2.50', '1.25'), site: fc.constantFrom('site_1', 'site_ö', null), minor: fc.integer({ min: -900, max: 900 }), day: fc.integer({ min: 10, max: 28 }) }), {
    minLength: 1,
    maxLength: 12,
  })
  .map((rows) =>
    rows.map(({ price, site, minor, day }, i) =>
      charge(BigInt(i + 1), { netMinor: BigInt(minor), grossMinor: BigInt(minor + Math.round(minor / 4)) }, 'netFirst', {
        unitPrice: price,
        siteId: site,
        serviceFrom: `2026-03-${day}`,
        serviceOn: `2026-03-${day}`,
        ofMonth: site === null,
      }),
    ),
  );
const compose = (own: readonly DocumentCharge[]) =>
  composeDocument({
    kind: 'invoice',
    credits: null,
    entityId: 'ent',
    accountId: 'acc',
    strategy: 'fleetInvoice',
    currency: 'SEK',
    roundingMode: 'netFirst',
    period: '2026-03',
    charges: own,
    adjustments: [{ id: 'adj_1', amountMinor: 700n, vatCode: 'SE25', glAccount: '3740', costCenter: '1', description: 'Key, "as agreed"', serviceMonth: null }],
    vatPercents: new Map([['SE25', '25']]),
  } satisfies ComposeInput);

/** Sums two charges of one line, as the database does it for many. */
function plus(a: DocumentCharge, b: DocumentCharge): DocumentCharge {
  return {
    ...a,
    chargeIds: [...a.chargeIds, ...b.chargeIds],
    chargeHashes: [...a.chargeHashes, ...b.chargeHashes],
    quantity: a.quantity + b.quantity,
    netMinor: a.netMinor + b.netMinor,
    grossMinor: a.grossMinor + b.grossMinor,
    energyWh: a.energyWh + b.energyWh,
    serviceFrom: a.serviceFrom < b.serviceFrom ? a.serviceFrom : b.serviceFrom,
    serviceOn: a.serviceOn > b.serviceOn ? a.serviceOn : b.serviceOn,
  };
}

/** Some of what is alike summed, by the toss of a coin. */
function summed(own: readonly DocumentCharge[], coins: readonly boolean[]): DocumentCharge[] {
  const parts: DocumentCharge[] = [];
  for (const [i, one] of own.entries()) {
    const at = coins[i] === true ? parts.findIndex((p) => p.unitPrice === one.unitPrice && p.siteId === one.siteId) : -1;
    const before = parts[at];
    if (before === undefined) parts.push(one);
    else parts[at] = plus(before, one);
  }
  return parts;
}

it('a document has the same bytes in whatever order its charges come, and however they are summed', () => {
  fc.assert(
    fc.property(charges, fc.array(fc.boolean(), { maxLength: 12 }), fc.infiniteStream(fc.nat(1000)), (own, coins, dice) => {
      const whole = compose(own);
      const shuffled = own
        .map((c) => ({ c, at: dice.next().value as number }))
        .sort((a, b) => a.at - b.at)
        .map(({ c }) => c);
      const other = compose(summed(shuffled, coins));
      expect(other?.canonical.toString()).toBe(whole?.canonical.toString());
      expect(other?.lines.map((l) => chargeIdsOf(l).sort())).toEqual(whole?.lines.map((l) => chargeIdsOf(l).sort()));
    }),
  );
});

it('another charge of the same figures makes other bytes', () => {
  fc.assert(
    fc.property(charges, (own) => {
      const [first, ...rest] = own;
      if (first === undefined) return;
      const twin = { ...first, chargeHashes: ['f'.repeat(64)] };
      expect(compose([twin, ...rest])?.contentHash.equals(compose(own)?.contentHash ?? Buffer.alloc(0))).toBe(false);
    }),
  );
});

it('its bytes are what RFC 8785 makes of them', () => {
  fc.assert(
    fc.property(charges, (own) => {
      const text = compose(own)?.canonical.toString() ?? '';
      expect(canonicalBytes(JSON.parse(text)).toString()).toBe(text);
    }),
  );
});
