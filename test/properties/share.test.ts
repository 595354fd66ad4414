import fc from 'fast-check';
import { expect, it } from 'vitest';
import { add, allocate, exactFromDecimal, exactFromInt, roundToMoney } from '../../src/core/money.ts';
import { bookedAsShared } from '../../src/core/share/month.ts';
import { priceByInterval } from '../../src/core/share/price-by-interval.ts';
import { shareOfRecord } from '../../src/core/share/share-of-record.ts';
import { spread } from '../../src/core/share/spread.ts';
import { otherCurrencyOf, type StatedShare, stateMonth } from '../../src/core/share/statement.ts';
import { energy, march, monthSession, noPrices, nothingCarried, type Share, se3, shareAgreement } from '../support/share.ts';

const percent = fc.integer({ min: 0, max: 10_000 }).map((n) => (n / 100).toFixed(2));
const price = fc.integer({ min: 0, max: 500 }).map((n) => (n / 100).toFixed(2));
const clause = fc.oneof(
  fc.record({ kind: fc.constant('netShare'), percent }),
  fc.record({ kind: fc.constant('perKwh'), amount: price, counts: fc.constantFrom('delivered', 'billed') }),
  fc.record({ kind: fc.constant('perSession'), amount: price }),
  fc.record({ kind: fc.constant('deduct'), what: fc.constant('cardFee'), percent, perSession: price }),
  fc.record({ kind: fc.constant('passThrough'), price: fc.record({ by: fc.constant('fixed'), perKwh: price }) }),
  fc.record({
    kind: fc.constant('tieredShare'),
    by: fc.constantFrom('net', 'kWh'),
    steps: fc.tuple(percent, percent, fc.integer({ min: 1, max: 100 })).map(([a, b, from]) => [
      { from: '0', percent: a },
      { from: String(from), percent: b },
    ]),
  }),
  fc.record({ kind: fc.constant('guarantee'), netPerMonth: price.map((p) => `${p}0`), carryForward: fc.boolean() }),
);
const agreement = fc
  .record({
    clauses: fc.array(clause, { minLength: 1, maxLength: 5 }),
    parts: fc.array(fc.integer({ min: 1, max: 3000 }), { maxLength: 3 }),
    rest: fc.record({ sharesLosses: fc.boolean(), negativeMonth: fc.constantFrom('carry' as const, 'floor' as const), writtenOffAtOurCost: fc.boolean() }),
  })
  .map(({ clauses, parts, rest }) =>
    shareAgreement(
      clauses.map((c, i) => ({ ...c, id: `c${i}` })),
      { ...rest, beneficiaries: parts.map((p, i) => ({ accountId: `acc_${i}`, percent: (p / 100).toFixed(2) })) },
    ),
  );
const given = fc.record({
  saleMinor: fc.bigInt(0n, 20_000n),
  wh: fc.integer({ min: 0, max: 80_000 }),
  minute: fc.integer({ min: 0, max: 5 }),
  site: fc.integer({ min: 1, max: 2 }),
  isWrittenOff: fc.boolean(),
});
const sessionsOf = (terms: Share, all: readonly { saleMinor: bigint; wh: number; minute: number; site: number; isWrittenOff: boolean }[]) =>
  all.map((g, i) => monthSession(terms, { ...g, key: `k${i}`, at: `2026-03-02T10:0${g.minute}:00Z`, siteId: `site_${g.site}` }));
const shareOf = (terms: Share, saleNetMinor: bigint, wh: number) =>
  shareOfRecord({ agreement: terms, ownerAccountId: 'acc_owner', currency: 'SEK', siteId: 's', saleNetMinor, delivered: energy(wh), isWrittenOff: false, prices: noPrices, subject: 'k' }).shares;
const sum = (values: readonly bigint[]) => values.reduce((a, b) => a + b, 0n);

it('what payees get of a clause sums to its rounded amount, and the order of beneficiaries moves an odd öre at most', () => {
  fc.assert(
    fc.property(agreement, fc.bigInt(0n, 100_000n), fc.integer({ min: 0, max: 100_000 }), (terms, sale, wh) => {
      const shares = shareOf(terms, sale, wh);
      for (const component of new Set(shares.map((s) => s.component))) {
        const own = shares.filter((s) => s.component === component);
        expect(sum(own.map((s) => s.netMinor))).toBe(own[0]?.explanation.roundedMinor);
        expect(new Set(own.map((s) => s.splitNo)).size).toBe(own.length);
      }
      const turned = shareOf({ ...terms, beneficiaries: terms.beneficiaries.toReversed() }, sale, wh);
      for (const s of shares) {
        const other = turned.find((t) => t.component === s.component && t.payeeAccountId === s.payeeAccountId);
        const off = s.netMinor - (other?.netMinor ?? 0n);
        expect(off >= -1n && off <= 1n).toBe(true);
      }
    }),
  );
});

it('what a sale gives, the same sale taken back takes: percentages mirror to the öre', () => {
  fc.assert(
    fc.property(percent, fc.array(fc.integer({ min: 1, max: 3000 }), { maxLength: 3 }), fc.bigInt(1n, 100_000n), (p, parts, sale) => {
      const terms = shareAgreement([{ kind: 'netShare', id: 'a', percent: p }], { beneficiaries: parts.map((x, i) => ({ accountId: `acc_${i}`, percent: (x / 100).toFixed(2) })) });
      expect(shareOf(terms, -sale, 0).map((s) => s.netMinor)).toEqual(shareOf(terms, sale, 0).map((s) => -s.netMinor));
    }),
  );
});

it('all statements of a month, with the shares its sessions booked, sum to the same for every order of arrival', () => {
  fc.assert(
    fc.property(agreement, fc.array(fc.tuple(given, fc.integer({ min: 1, max: 3 })), { maxLength: 8 }), (terms, arrivals) => {
      const all = sessionsOf(
        terms,
        arrivals.map(([g]) => g),
      );
      const total = (statements: readonly (readonly { payeeAccountId: string | null; netMinor: bigint }[])[]) => {
        const booked = all.flatMap((s) => s.booked);
        const sums = new Map<string, bigint>();
        for (const r of [...booked, ...statements.flat()]) sums.set(r.payeeAccountId ?? '', (sums.get(r.payeeAccountId ?? '') ?? 0n) + r.netMinor);
        return [...sums].filter(([, v]) => v !== 0n).sort();
      };
      const atOnce = stateMonth(march(terms, all), nothingCarried);
      const stated: StatedShare[] = [];
      const statements = [1, 2, 3].map((statementNo) => {
        const here = all.flatMap((s, i) => ((arrivals[i]?.[1] ?? 1) <= statementNo ? [{ ...s, isLate: arrivals[i]?.[1] === statementNo && statementNo > 1 }] : []));
        // The order in which they are handed over decides nothing either.
        const { rows } = stateMonth(march(terms, statementNo === 2 ? here.toReversed() : here, { statementNo, stated: [...stated] }), nothingCarried);
        expect(new Set(rows.map((r) => `${r.component} ${r.splitNo}`)).size).toBe(rows.length);
        stated.push(...rows.map((r) => ({ clause: r.clause, payeeAccountId: r.payeeAccountId ?? '', siteId: r.siteId, netMinor: r.netMinor })));
        return rows;
      });
      expect(total(statements)).toEqual(total([atOnce.rows]));
      expect(total([atOnce.rows])).toEqual(atOnce.payees.flatMap((p): [string, bigint][] => (p.monthMinor === 0n ? [] : [[p.accountId, p.monthMinor]])).sort());
    }),
  );
});

it('taking a session out after its statement leaves what the month gives without it', () => {
  fc.assert(
    fc.property(agreement, fc.array(given, { minLength: 1, maxLength: 6 }), (terms, all) => {
      const sessions = sessionsOf(terms, all);
      const [, ...left] = sessions;
      const before = stateMonth(march(terms, sessions), nothingCarried);
      const stated = before.rows.map((r): StatedShare => ({ clause: r.clause, payeeAccountId: r.payeeAccountId ?? '', siteId: r.siteId, netMinor: r.netMinor }));
      const after = stateMonth(march(terms, left, { statementNo: 2, stated }), nothingCarried);
      const net = (rows: readonly { netMinor: bigint }[]) => sum(rows.map((r) => r.netMinor));
      expect(net(before.rows) + net(after.rows)).toBe(net(stateMonth(march(terms, left), nothingCarried).rows));
    }),
  );
});

it('of sales in another currency the statements of a month take back what those booked that are given up, whenever they are: no more, no less', () => {
  const times = fc.record({ lostIn: fc.option(fc.integer({ min: 1, max: 3 })), given });
  fc.assert(
    fc.property(agreement, fc.array(times, { maxLength: 6 }), (terms, all) => {
      const sessions = sessionsOf(
        terms,
        all.map((t) => t.given),
      );
      const stated: StatedShare[] = [];
      const inEuro = [1, 2, 3].flatMap((statementNo) => {
        const lost = sessions.filter((_, i) => (all[i]?.lostIn ?? 4) <= statementNo);
        const elsewhere = [{ currency: 'EUR', givenUp: [{ agreement: terms, shares: lost.flatMap((s) => s.booked) }], stated: [...stated] }];
        const rows = stateMonth(march(terms, [], { statementNo, elsewhere }), nothingCarried).rows.filter((r) => r.currency === 'EUR');
        stated.push(...rows.map((r) => ({ clause: r.clause, payeeAccountId: r.payeeAccountId ?? '', siteId: r.siteId, netMinor: r.netMinor })));
        expect(rows.map((r) => otherCurrencyOf(r.component))).toEqual(rows.map(() => 'EUR'));
        return rows;
      });
      const lost = sessions.filter((_, i) => all[i]?.lostIn !== null).flatMap((s) => s.booked);
      const paysAnyway = new Set(terms.clauses.flatMap((c) => (terms.writtenOffAtOurCost || ('counts' in c && c.counts === 'delivered') ? [c.id] : [])));
      for (const clause of new Set(lost.map((s) => s.clause))) {
        const of = (shares: readonly { clause: string; netMinor: bigint }[]) => sum(shares.filter((s) => s.clause === clause).map((s) => s.netMinor));
        expect(of(inEuro)).toBe(paysAnyway.has(clause) ? 0n : -of(lost));
      }
    }),
  );
});

it('a spread loses nothing, keeps each part within a unit, mirrors, and is the largest remainder where all parts have one sign', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -100_000, max: 100_000 }), { minLength: 1, maxLength: 8 }), (tenThousandths) => {
      const parts = tenThousandths.map((n) => ({ n: BigInt(n), d: 10_000n }));
      const total = roundToMoney(parts.reduce(add, exactFromInt(0)), 'SEK', 'halfAwayFromZero');
      const split = spread(total, parts, 'SEK');
      expect(sum(split)).toBe(total);
      for (const [i, m] of split.entries()) expect(Math.abs(Number(m) - (tenThousandths[i] ?? 0) / 100)).toBeLessThan(1.01);
      expect(
        spread(
          -total,
          parts.map((p) => ({ n: -p.n, d: p.d })),
          'SEK',
        ),
      ).toEqual(split.map((m) => -m));
      const positive = tenThousandths.map((n) => BigInt(Math.abs(n) * 100));
      const whole = sum(positive) / 100n;
      // In whole units the two agree.
      if (sum(positive) % 10_000n === 0n && whole > 0n)
        expect(
          spread(
            whole / 100n,
            positive.map((n) => ({ n, d: 1_000_000n })),
            'SEK',
          ),
        ).toEqual(allocate(whole / 100n, positive));
    }),
  );
});

it('a spread of less than its parts takes the unit from the smallest remainder', () => {
  const parts = [exactFromDecimal('1.009'), exactFromDecimal('1.001')];
  expect(spread(199n, parts, 'SEK')).toEqual([100n, 99n]);
  expect(spread(203n, parts, 'SEK')).toEqual([102n, 101n]);
});

it('energy by interval sums to the session’s, and one flat price costs energy × price', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 50_000 }), fc.integer({ min: 0, max: 7200 }), fc.integer({ min: 0, max: 80_000 }), fc.constantFrom(900, 3600), (startS, lengthS, wh, seconds) => {
      const startMs = Date.parse('2026-10-24T22:00:00Z') + startS * 1000;
      const series = se3(
        '2026-10-24T22:00:00Z',
        Array.from({ length: 90_000 / seconds }, () => '123.45'),
        seconds,
      ).get('se3');
      const delivered = { energyWh: BigInt(wh), stretches: [{ startMs, endMs: startMs + lengthS * 1000, energyWh: BigInt(wh) }] };
      const priced = series && priceByInterval(series, delivered, 'k');
      if (priced === undefined || !('exact' in priced)) throw new Error('no price');
      expect(sum(priced.intervals.map((i) => i.energyWh))).toBe(BigInt(wh));
      const flat = exactFromDecimal('123.45');
      expect(priced.exact.n * flat.d * 1_000_000n).toBe(flat.n * BigInt(wh) * priced.exact.d);
    }),
  );
});

it('sessions whose shares stand as booked may be summed instead of told one by one: the statement is the same to the word', () => {
  fc.assert(
    fc.property(
      agreement.filter(bookedAsShared),
      fc.array(fc.tuple(given, fc.boolean(), fc.bigInt(-500n, 500n)), { maxLength: 10 }),
      fc.array(fc.record({ clause: fc.constantFrom('c0', 'c1'), netMinor: fc.bigInt(-300n, 300n) }), { maxLength: 2 }),
      (terms, all, elsewhere) => {
        const told = sessionsOf(
          terms,
          all.map(([g, isSettled]) => ({ ...g, isWrittenOff: g.isWrittenOff && !isSettled })),
        ).map((s, i) => ({ ...s, periodNetMinor: all[i]?.[1] ? 0n : (all[i]?.[2] ?? 0n) }));
        // What other records booked that are not of the month any more comes off again.
        const gone = elsewhere.map((e): StatedShare => ({ ...e, payeeAccountId: 'acc_owner', siteId: 'site_2' }));
        const booked = [...told.flatMap((s) => s.booked), ...gone];
        const settled = told.filter((_, i) => all[i]?.[1]);
        const rest = told.filter((_, i) => !all[i]?.[1]);
        const bySite = new Map([...new Set(settled.map((s) => s.siteId))].map((site) => [site, settled.filter((s) => s.siteId === site).length]));
        const shares = settled.flatMap((s) => s.booked.map((b) => ({ ...b, siteId: s.siteId })));
        const summed = stateMonth(march(terms, rest, { booked, settled: { version: 1, bySite, shares } }), nothingCarried);
        const whole = stateMonth(march(terms, told, { booked }), nothingCarried);
        expect(summed.rows).toEqual(whole.rows);
        expect(summed.carried.guarantees).toEqual(whole.carried.guarantees);
        expect(summed.payees.filter((p) => p.monthMinor !== 0n)).toEqual(whole.payees.filter((p) => p.monthMinor !== 0n));
      },
    ),
    { numRuns: 500 },
  );
});
