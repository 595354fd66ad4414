import fc from 'fast-check';
import { expect, it } from 'vitest';
import { renderSie } from '../../src/adapters/documents/sie/render-sie.ts';
import type { ErpDocument } from '../../src/contracts/erp-document.ts';
import { batchTotals } from '../../src/core/accounting/batch.ts';
import { voucherOf } from '../../src/core/accounting/voucher.ts';
import { readSie } from '../support/read-sie.ts';

const sums = fc.array(
  fc.record({
    glAccount: fc.constantFrom('3001', '3051', '3740'),
    costCenter: fc.constantFrom('100', '200'),
    siteId: fc.option(fc.constantFrom('a', 'b', 'c')),
    amount: fc.bigInt(-10_000_000n, 10_000_000n),
  }),
  { minLength: 1, maxLength: 12 },
);
const taxes = fc.array(fc.bigInt(-1_000_000n, 1_000_000n), { maxLength: 3 });

/** A posting whose net lines are the sums of its parts by site, and the parts. */
function posting(parts: readonly { glAccount: string; costCenter: string; siteId: string | null; amount: bigint }[], vat: readonly bigint[], currency: string) {
  const nets = new Map<string, bigint>();
  for (const p of parts) nets.set(`${p.glAccount} ${p.costCenter}`, (nets.get(`${p.glAccount} ${p.costCenter}`) ?? 0n) + p.amount);
  const net = [...nets].map(([key, amount]) => ({ part: 'net' as const, glAccount: key.slice(0, 4), costCenter: key.slice(5), vatCode: 'SE25', amountMinor: amount.toString() }));
  const tax = vat.map((amount, i) => ({ part: 'tax' as const, glAccount: '2611', costCenter: null, vatCode: `V${i}`, amountMinor: amount.toString() }));
  const rest = [...net, ...tax].reduce((sum, l) => sum - BigInt(l.amountMinor), 0n);
  const document: ErpDocument = {
    key: 'doc',
    kind: 'invoice',
    runId: 'run',
    legalNumber: '2020-000001',
    accountId: 'acc',
    currency,
    postedOn: '2020-01-07',
    lines: [{ part: 'party', glAccount: '1510', costCenter: null, vatCode: null, amountMinor: rest.toString() }, ...net, ...tax],
  };
  return { document, sites: parts.map(({ amount, ...p }) => ({ ...p, vatCode: 'SE25', amountMinor: amount })) };
}

it('a voucher sums to zero at any rate, and its splits are the lines of the document', () => {
  fc.assert(
    fc.property(sums, taxes, fc.option(fc.bigInt(1n, 2_000_000n)), (parts, vat, rate) => {
      const { document, sites } = posting(parts, vat, rate === null ? 'SEK' : 'EUR');
      const { lines } = voucherOf(document, sites, { currency: 'SEK', factor: rate === null ? null : { n: rate, d: 100_000n } });
      expect(lines.reduce((sum, l) => sum + l.amountMinor, 0n)).toBe(0n);
      for (const own of document.lines) {
        const split = lines.filter((l) => l.part === own.part && l.glAccount === own.glAccount && l.costCenter === own.costCenter && l.vatCode === own.vatCode);
        expect(split.reduce((sum, l) => sum + l.documentMinor, 0n)).toBe(BigInt(own.amountMinor));
      }
    }),
  );
});

it('SIE says every voucher with its sums, whatever the names are, and no name breaks out of its field', () => {
  // Quotes, backslashes, braces, control characters, emoji, direction marks, lone surrogates, 200 characters.
  const hostile = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.constantFrom('"', '\\', '\\"', '{', '} #TRANS 1 {} 1', '🚗', '\u202e\u0007', 'Ångström "Øst" Łódź', 'x'.repeat(200)));
  fc.assert(
    fc.property(sums, fc.array(fc.bigInt(-1000n, 1000n), { maxLength: 1 }), hostile, hostile, (parts, vat, name, site) => {
      const { document, sites } = posting(parts, vat, 'SEK');
      const voucher = voucherOf(document, sites, { currency: 'SEK', factor: null });
      const batch = {
        batchId: 'run_1',
        closedOn: '2020-01-09',
        entity: { name, orgNumber: '556000-0001', country: 'SE', currency: 'SEK' },
        series: 'W',
        vouchers: [voucher, { ...voucher, text: name }],
        accountNames: new Map([['1510', name]]),
        siteNames: new Map([['a', site]]),
      };
      const made = renderSie(batch);
      if ('issues' in made) throw new Error('all accounts are numbers');
      const read = readSie(made.bytes);
      const totals = batchTotals(batch);
      expect(read.vouchers.map((v) => v.lines.length)).toEqual(batch.vouchers.map((v) => v.lines.length));
      expect(read.vouchers.every((v) => v.lines.reduce((sum, l) => sum + l.amountMinor, 0n) === 0n)).toBe(true);
      for (const { glAccount, debitMinor, creditMinor } of totals.accounts) {
        const own = read.vouchers.flatMap((v) => v.lines).filter((l) => l.glAccount === glAccount);
        expect(own.reduce((sum, l) => sum + l.amountMinor, 0n)).toBe(debitMinor - creditMinor);
      }
      expect(read.objects.filter((o) => o.dimension === '6').map((o) => o.id)).toEqual(
        [
          ...new Set(
            sites
              .filter((s) => voucher.lines.some((l) => l.project === s.siteId))
              .map((s) => s.siteId)
              .filter((s) => s !== null),
          ),
        ].sort(),
      );
      expect(made.bytes.every((byte) => byte >= 32 || byte === 13 || byte === 10)).toBe(true);
    }),
  );
});
