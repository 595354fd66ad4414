import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { marginalsOf } from '../../src/core/period/marginals.ts';
import { computeMonth } from '../../src/core/period/month.ts';
import { type DueRow, settleMonth } from '../../src/core/period/settle.ts';
import { charged, issuedOf, month, plan } from '../support/month.ts';

const versions = [
  plan(1, '2026-01-01', [
    { kind: 'fee', id: 'fee', amount: '99.90', billed: 'arrears', refund: 'prorata' },
    { kind: 'included', id: 'inc', kWhPerMonth: '77', rolloverMonths: 0 },
    { kind: 'tiers', id: 't', steps: [{ fromKwh: '60', discountPerKwh: '0.333' }] },
    { kind: 'cap', id: 'c', netPerMonth: '444.44' },
    { kind: 'minimum', id: 'm', netPerMonth: '111.11' },
  ]),
  plan(2, '2026-03-14', [
    { kind: 'included', id: 'inc', kWhPerMonth: '33', rolloverMonths: 0 },
    { kind: 'cap', id: 'c', netPerMonth: '222.22' },
    { kind: 'minimum', id: 'm', netPerMonth: '55' },
  ]),
];
const sessions = fc.array(
  fc.record({ day: fc.integer({ min: 1, max: 31 }), wh: fc.integer({ min: 1, max: 60_000 }), amount: fc.bigInt({ min: 1n, max: 30_000n }), site: fc.constantFrom('north', 'south') }),
  { maxLength: 12 },
);

describe('the charges of a month', () => {
  it.each(['netFirst', 'grossFirst'] as const)('come to the same over all documents, whatever the order of arrival and the bounds of the runs (%s)', (mode) => {
    fc.assert(
      fc.property(sessions, fc.array(fc.nat({ max: 4 }), { minLength: 12, maxLength: 12 }), (drawn, runOf) => {
        const all = drawn.map((s, i) => ({ s, i, run: runOf[i] ?? 0 }));
        const issued: DueRow[] = [];
        for (let run = 0; run <= 4; run += 1) {
          const known = all
            .filter((x) => x.run <= run)
            .map(({ s, i, run: of }) => charged(`2026-03-${String(s.day).padStart(2, '0')}`, s.wh / 1000, s.amount, { key: `k${i}`, site: s.site, isNew: of === run }));
          const input = month('2026-03', versions, known, mode);
          issued.push(...settleMonth(input, computeMonth(input).clauses, issued.map(issuedOf)));
        }
        const once = month(
          '2026-03',
          versions,
          all.map(({ s, i }) => charged(`2026-03-${String(s.day).padStart(2, '0')}`, s.wh / 1000, s.amount, { key: `k${i}`, site: s.site, isNew: true })),
          mode,
        );
        const atOnce = settleMonth(once, computeMonth(once).clauses, []);
        const sums = (rows: readonly DueRow[]) =>
          ['fee', 'included', 'tiers', 'cap', 'minimum'].map((c) =>
            rows.filter((r) => r.component.split('#')[0] === c).reduce((t, r) => ({ net: t.net + r.netMinor, gross: t.gross + r.grossMinor }), { net: 0n, gross: 0n }),
          );
        expect(sums(issued)).toEqual(sums(atOnce));
        const keys = issued.map((r) => `${r.clause}|${r.component}|${r.splitNo}`);
        expect(new Set(keys).size).toBe(keys.length);
      }),
    );
  });

  it.each(['netFirst', 'grossFirst'] as const)('once credited by their lines are owed no more, and nothing goes back of them (%s)', (mode) => {
    fc.assert(
      fc.property(sessions, sessions, (drawn, late) => {
        const own = (all: typeof drawn, of: string) =>
          all.map((s, i) => charged(`2026-03-${String(s.day).padStart(2, '0')}`, s.wh / 1000, s.amount, { key: `${of}${i}`, site: s.site, isNew: of === 'late' }));
        const before = month('2026-03', versions, own(drawn, 'k'), mode);
        const credited = settleMonth(before, computeMonth(before).clauses, []).map((row) => ({ ...issuedOf(row), creditedAway: true }));
        expect(settleMonth(before, computeMonth(before).clauses, credited)).toEqual([]);
        const after = month('2026-03', versions, [...own(drawn, 'k'), ...own(late, 'late')], mode);
        for (const row of settleMonth(after, computeMonth(after).clauses, credited)) {
          const isDiscount = ['included', 'tiers', 'cap'].includes(row.component.split('#')[0] ?? '');
          expect(isDiscount ? -row.netMinor : row.netMinor).toBeGreaterThanOrEqual(0n);
        }
      }),
    );
  });

  it('never cover more energy than is included, nor take off more than the sessions cost', () => {
    fc.assert(
      fc.property(sessions, (drawn) => {
        const own = drawn.map((s, i) => charged(`2026-03-${String(s.day).padStart(2, '0')}`, s.wh / 1000, s.amount, { key: `k${i}`, site: s.site }));
        const { allowances, clauses } = computeMonth(month('2026-03', versions, own));
        for (const a of allowances) expect(a.usedWh <= a.includedWh && a.usedWh + a.leftWh === a.includedWh).toBe(true);
        const off = clauses
          .filter((c) => ['included', 'tiers', 'cap'].includes(c.component))
          .flatMap((c) => c.parts)
          .reduce((sum, p) => sum + p.amount, 0n);
        expect(-off <= drawn.reduce((sum, s) => sum + s.amount, 0n)).toBe(true);
      }),
    );
  });

  it.each(['netFirst', 'grossFirst'] as const)('are the sum of what they made of each session, to the minor unit (%s)', (mode) => {
    fc.assert(
      fc.property(sessions, (drawn) => {
        fc.pre(drawn.length > 0);
        const own = drawn.map((s, i) => charged(`2026-03-${String(s.day).padStart(2, '0')}`, s.wh / 1000, s.amount, { key: `k${i}`, site: s.site }));
        const input = month('2026-03', versions, own, mode);
        const result = computeMonth(input);
        const behind = { ...result, clauses: result.clauses.filter((c) => c.uses.length > 0) };
        const marginals = [...marginalsOf(result, mode).values()];
        expect(marginals.reduce((sum, m) => sum + m.netMinor, 0n)).toBe(settleMonth(input, behind.clauses, []).reduce((sum, r) => sum + r.netMinor, 0n));
        expect(marginals.reduce((sum, m) => sum + m.includedWh, 0n)).toBe(result.allowances.reduce((sum, a) => sum + a.usedWh, 0n));
      }),
    );
  });
});
