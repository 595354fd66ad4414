import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Receipt, receiptJournals, receiptLines } from '../../src/core/accounting/receipt-journals.ts';
import { type ComposeInput, composeDocument, type DocumentCharge } from '../../src/core/document/compose.ts';
import { vatOfGross } from '../../src/core/money.ts';

const percents = new Map([
  ['SE25', '25'],
  ['SE12', '12'],
]);
const glOf = (key: string) => key;

const charge = fc.record({
  site: fc.constantFrom('a', 'b', ''),
  day: fc.constantFrom('2019-12-01', '2019-12-02', '2019-12-03'),
  costCenter: fc.constantFrom('1', '2'),
  vatCode: fc.constantFrom('SE25', 'SE12'),
  // Some take back what others sold.
  gross: fc.bigInt({ min: -5000n, max: 50_000n }),
});
type Drawn = typeof charge extends fc.Arbitrary<infer T> ? T : never;

function netOf({ gross, vatCode }: Drawn): bigint {
  return gross - vatOfGross(gross, percents.get(vatCode) ?? '');
}

function chargeOf(drawn: Drawn, i: number): DocumentCharge {
  return {
    chargeIds: [BigInt(i)],
    chargeHashes: [String(i)],
    role: 'driverSale',
    component: 'energy',
    unitPrice: '1',
    quantity: 1n,
    quantityUnit: 'Wh',
    currency: 'SEK',
    roundingMode: 'grossFirst',
    netMinor: netOf(drawn),
    grossMinor: drawn.gross,
    vatCode: drawn.vatCode,
    glAccount: '3001',
    costCenter: drawn.costCenter,
    customerCostCenter: null,
    siteId: drawn.site === '' ? null : drawn.site,
    sessionKey: null,
    ofMonth: false,
    serviceFrom: drawn.day,
    serviceOn: drawn.day,
    serviceMonth: '2019-12',
    energyWh: 0n,
    mappingVersion: 1,
    credits: null,
    heldSince: null,
  };
}

/** As the composer makes it, so that its VAT and rounding are those of real documents. */
function receiptOf(documentId: string, drawn: readonly Drawn[]): Receipt {
  const charges = drawn.map(chargeOf);
  const input: ComposeInput = {
    kind: 'invoice',
    credits: null,
    entityId: 'e',
    accountId: 'a',
    strategy: 'cardReceipt',
    currency: 'SEK',
    roundingMode: 'grossFirst',
    period: '2019-12',
    charges,
    adjustments: [],
    vatPercents: percents,
  };
  const composed = composeDocument(input);
  if (composed === undefined) throw new Error('nothing in it');
  const parts = charges.map((c) => ({ siteId: c.siteId ?? '', on: c.serviceOn, glAccount: c.glAccount, costCenter: c.costCenter, vatCode: c.vatCode, netMinor: c.netMinor, grossMinor: c.grossMinor }));
  return { documentId, currency: 'SEK', roundingMode: 'grossFirst', payableMinor: composed.payableMinor, vat: composed.vat, parts };
}

it('aggregated journals equal the receipts they come from, part by part, and each sums to zero', () => {
  fc.assert(
    fc.property(fc.array(fc.array(charge, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 6 }), (all) => {
      const receipts = all.map((drawn, i) => receiptOf(`doc_${i}`, drawn));
      const lines = receipts.flatMap((r) => receiptLines(r, glOf));
      const journals = receiptJournals(lines, { runId: 'run', customer: 'c', currency: 'SEK', postedOn: '2020-01-06', keyOf: (site, on) => `${on} ${site}` });
      const sums = new Map<string, bigint>();
      const add = (key: string, amount: bigint) => sums.set(key, (sums.get(key) ?? 0n) + amount);
      for (const { lines: own } of journals) {
        expect(own.reduce((sum, l) => sum + BigInt(l.amountMinor), 0n)).toBe(0n);
        for (const l of own) add(`${l.part} ${l.costCenter ?? ''} ${l.vatCode ?? ''}`, BigInt(l.amountMinor));
      }
      // The posting of each receipt by itself, taken off again.
      for (const receipt of receipts) {
        add('party  ', -receipt.payableMinor);
        for (const p of receipt.parts) add(`net ${p.costCenter} ${p.vatCode}`, p.netMinor);
        for (const v of receipt.vat) add(`tax  ${v.vatCode}`, v.vatMinor);
        const whole = receipt.parts.reduce((sum, p) => sum + p.netMinor, 0n) + receipt.vat.reduce((sum, v) => sum + v.vatMinor, 0n);
        add('rounding  ', receipt.payableMinor - whole);
        // What a card was charged at a place is what its journal owes for it.
        const owed = lines.filter((l) => l.documentId === receipt.documentId && l.part === 'party');
        for (const place of owed) {
          const gross = receipt.parts.filter((p) => p.siteId === place.siteId && p.on === place.on).reduce((sum, p) => sum + p.grossMinor, 0n);
          expect(place.amountMinor).toBe(gross);
        }
      }
      expect([...sums].filter(([, amount]) => amount !== 0n)).toEqual([]);
    }),
  );
});
