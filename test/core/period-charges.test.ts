import { describe, expect, it } from 'vitest';
import { dueOf, openFees } from '../../src/core/period/contract-months.ts';
import { computeMonth, type MonthInput } from '../../src/core/period/month.ts';
import { releasedBy } from '../../src/core/period/release.ts';
import type { MonthClause } from '../../src/core/period/segments.ts';
import { settleMonth } from '../../src/core/period/settle.ts';
import { charged, issuedOf, month, plan } from '../support/month.ts';

const fee = (amount: string, more: { id?: string; billed?: 'arrears' | 'advance'; refund?: 'prorata' | 'none' } = {}) =>
  ({ kind: 'fee', id: 'fee', amount, billed: 'arrears', refund: 'prorata', ...more }) as const;
const included = (kWhPerMonth: string, rolloverMonths = 0) => ({ kind: 'included', id: 'inc', kWhPerMonth, rolloverMonths }) as const;
const only = (of: string) => ({ first: of, last: of, full: of, since: of });
const due = (input: MonthInput) => settleMonth(input, computeMonth(input).clauses, []);
const nets = (input: MonthInput) => due(input).map((r) => [r.component, r.netMinor]);

describe('a monthly fee', () => {
  it('is prorated by days when it starts within the month', () => {
    // 17 of 31 days of 99.00: 54.290…, so 54.29.
    expect(nets(month('2026-03', [plan(1, '2026-03-15', [fee('99')])]))).toEqual([['fee', 5429n]]);
  });

  it('is not due on paused days, and not from the day of a cancellation on', () => {
    // Paused 11 to 20 March: 10 + 11 = 21 of 31 days, in two rows: 99 × 10/31 = 31.935… and 99 × 11/31 = 35.129….
    const paused = [plan(1, '2026-01-01', [fee('99')]), plan(2, '2026-03-11', [], 'paused'), plan(3, '2026-03-21', [fee('99')])];
    expect(nets(month('2026-03', paused))).toEqual([
      ['fee', 3194n],
      ['fee', 3513n],
    ]);
    // Ended on 11 March: 10 of 31 days.
    expect(nets(month('2026-03', [plan(1, '2026-01-01', [fee('99')]), plan(2, '2026-03-11', [], 'ended')]))).toEqual([['fee', 3194n]]);
  });

  it('comes to the full fee when segments tile the month at one price, and the day of a change is the new plan’s', () => {
    // 100 × 10/31 = 32.258 → 32.26; the last takes 100.00 − 32.26 = 67.74.
    const tiled = [plan(1, '2026-01-01', [fee('100', { id: 'old' })]), plan(2, '2026-03-11', [fee('100', { id: 'new' })])];
    expect(new Map(due(month('2026-03', tiled)).map((r) => [r.clause, [r.netMinor, r.quantity, r.serviceOn]]))).toEqual(
      new Map([
        ['new', [6774n, 21n, '2026-03-31']],
        ['old', [3226n, 10n, '2026-03-10']],
      ]),
    );
    // At another price each counts its own days: 100 × 10/31 = 32.26, 200 × 21/31 = 135.48.
    const changed = [plan(1, '2026-01-01', [fee('100')]), plan(2, '2026-03-11', [fee('200')])];
    expect(nets(month('2026-03', changed))).toEqual([
      ['fee', 3226n],
      ['fee', 13548n],
    ]);
  });

  it('comes to the full fee too where its plan turns to arrears within the month', () => {
    // 49.01 × 15/30 = 24.505, so 24.51; the last takes 24.50.
    const turned = [plan(1, '2026-03-01', [fee('49.01', { billed: 'advance' })]), plan(2, '2026-04-16', [fee('49.01')])];
    expect(nets(month('2026-04', turned))).toEqual([
      ['advanceFee', 2451n],
      ['fee', 2450n],
    ]);
  });

  it('counts its own days beside another one of the same price', () => {
    // Both begin on 16 April: 49.01 × 15/30 = 24.505, so 24.51 each.
    const twice = [plan(1, '2026-04-16', [fee('49.01'), fee('49.01', { id: 'second' })])];
    expect(nets(month('2026-04', twice))).toEqual([
      ['fee', 2451n],
      ['fee', 2451n],
    ]);
    // Paused on the 16th and 17th, each tiles nothing: 15 and 13 of 30 days, 24.51 and 21.24.
    const paused = [plan(1, '2026-01-01', twice[0]?.agreement.clauses as MonthClause[]), plan(2, '2026-04-16', [], 'paused'), plan(3, '2026-04-18', twice[0]?.agreement.clauses as MonthClause[])];
    expect(nets(month('2026-04', paused)).map(([, net]) => net)).toEqual([2451n, 2124n, 2451n, 2124n]);
  });

  it('is grossed up and rounded for a consumer before it enters', () => {
    // 79.99 × 1.25 = 99.9875 → 99.99 gross; VAT 99.99 × 25/125 = 19.998 → 20.00; net 79.99.
    expect(due(month('2026-03', [plan(1, '2026-01-01', [fee('79.99')])], [], 'grossFirst'))[0]).toMatchObject({ grossMinor: 9999n, netMinor: 7999n });
  });

  it('in advance is billed for the next month, and an early end gives its days back unless the clause says none', () => {
    const contract = (versions: Parameters<typeof month>[1], issued = new Map()) => ({ ...month('2026-03', versions), firstMonth: '2026-03', sessions: new Map(), issued });
    const begun = [plan(1, '2026-03-01', [fee('93', { billed: 'advance' })])];
    const march = dueOf(contract(begun), only('2026-03'));
    expect(march.map((d) => [d.serviceMonth, d.row.netMinor])).toEqual([
      ['2026-03', 9300n],
      ['2026-04', 9300n],
    ]);
    const issued = new Map([
      ['2026-03', march.slice(0, 1).map((d) => issuedOf(d.row))],
      ['2026-04', march.slice(1).map((d) => issuedOf(d.row))],
    ]);
    // Ended on 11 April: 10 of 30 days of 93.00 are due, 31.00; 62.00 of what was paid goes back, and May is not billed.
    const ended = [...begun, plan(2, '2026-04-11', [], 'ended')];
    expect(dueOf(contract(ended, issued), { ...only('2026-04'), since: '2026-03' }).map((d) => [d.serviceMonth, d.row.component, d.row.netMinor])).toEqual([['2026-04', 'advanceFee#2', -6200n]]);
    const keeps = [plan(1, '2026-03-01', [fee('93', { billed: 'advance', refund: 'none' })]), plan(2, '2026-04-11', [], 'ended')];
    expect(dueOf(contract(keeps, issued), { ...only('2026-04'), since: '2026-03' })).toEqual([]);
  });

  it('in advance that is kept counts towards the days that its clause bills in arrears instead', () => {
    const inAdvance = plan(1, '2026-03-01', [fee('93', { billed: 'advance', refund: 'none' })]);
    const [paid] = due(month('2026-04', [inAdvance]));
    if (paid === undefined) throw new Error('April is due in advance');
    const april = (amount: string, from: string, done = [issuedOf(paid)]) => {
      const input = month('2026-04', [inAdvance, plan(2, from, [fee(amount, { refund: 'none' })])]);
      return settleMonth(input, computeMonth(input).clauses, done);
    };
    const brief = (rows: ReturnType<typeof april>) => rows.map((r) => [r.component, r.role, r.netMinor, r.grossMinor]);
    // 93.00 paid April: nothing more is due of it, nor goes anything back where less would be.
    expect(brief(april('93', '2026-04-01'))).toEqual([]);
    expect(brief(april('93', '2026-04-16'))).toEqual([]);
    expect(brief(april('60', '2026-04-16'))).toEqual([]);
    // Dearer from the 16th on: 15 days of 93.00 and 15 of 120.00 are 106.50, less the 93.00.
    const dearer = april('120', '2026-04-16');
    expect(brief(dearer)).toEqual([['fee#2', 'subscriptionFee', 1350n, 1688n]]);
    const done = [paid, ...dearer].map(issuedOf);
    expect(brief(april('120', '2026-04-16', done))).toEqual([]);
    // 15 days of 100.00 are 50.00, 3.50 more than was kept for them.
    expect(brief(april('100', '2026-04-16', done))).toEqual([['fee#3', 'subscriptionFee', -1000n, -1250n]]);
    expect(brief(april('80', '2026-04-16', done))).toEqual([['fee#3', 'subscriptionFee', -1350n, -1688n]]);
  });

  it('in advance that was written off, or credited by its line, is not billed in arrears either', () => {
    for (const refund of ['none', 'prorata'] as const) {
      const inAdvance = plan(1, '2026-03-01', [fee('93', { billed: 'advance', refund })]);
      const [paid] = due(month('2026-04', [inAdvance]));
      if (paid === undefined) throw new Error('April is due in advance');
      const { clause, component, netMinor, grossMinor } = paid;
      const april = (amount: string, from: string, done: Parameters<typeof settleMonth>[2], off: Parameters<typeof settleMonth>[3] = []) => {
        const input = month('2026-04', [inAdvance, plan(2, from, [fee(amount, { refund })])]);
        return settleMonth(input, computeMonth(input).clauses, done, off);
      };
      const off = [{ clause, component, netMinor, grossMinor }];
      const credited = [{ ...issuedOf(paid), creditedAway: true }];
      for (const of of [(amount: string, from: string) => april(amount, from, [], off), (amount: string, from: string) => april(amount, from, credited)]) {
        for (const from of ['2026-04-01', '2026-04-16']) expect(of('93', from)).toEqual([]);
        expect(of('60', '2026-04-16')).toEqual([]);
        // Dearer from the 16th on: 15 days of 120.00 are 60.00, less the 46.50 that were left of the 93.00.
        expect(of('120', '2026-04-16').map((r) => [r.component, r.netMinor, r.grossMinor])).toEqual([['fee#2', 1350n, 1688n]]);
      }
      const billed = april('120', '2026-04-16', [], off).map((r) => issuedOf(r));
      expect(april('120', '2026-04-16', billed, off)).toEqual([]);
    }
  });

  it('is due with the week in which its month ends, and what sessions decide with each week', () => {
    const terms = [fee('99'), included('10'), { kind: 'minimum', id: 'min', netPerMonth: '50' } as const];
    // Each 6 kWh for 12.00.
    const first = charged('2026-03-04', 6, 1200n, { isNew: true });
    const second = charged('2026-03-11', 6, 1200n, { isNew: true });
    const contract = (sessions: readonly ReturnType<typeof charged>[], issued = new Map()) => ({
      ...month('2026-03', [plan(1, '2026-03-01', terms)]),
      firstMonth: '2026-03',
      sessions: new Map([['2026-03', sessions]]),
      issued,
    });
    const week = { first: '2026-03', last: '2026-03', full: '2026-02', since: '2026-03' };
    // 2 to 8 March: 6 of 10 included kWh cover all of it, and nothing else is due.
    const one = dueOf(contract([first]), week);
    expect(one.map((d) => [d.row.component, d.row.netMinor, d.row.quantity])).toEqual([['included', -1200n, 6000n]]);
    // 9 to 15 March: 4 kWh are left, worth 4 × 2.00; what comes is the difference to the week before.
    const after = new Map([['2026-03', one.map((d) => issuedOf(d.row))]]);
    const two = dueOf(contract([{ ...first, isNew: false }, second], after), week);
    expect(two.map((d) => [d.row.component, d.row.netMinor, d.row.quantity])).toEqual([['included#2', -800n, 4000n]]);
    // 30 March to 5 April ends March: its fee, and the minimum: 50.00 less the 24.00 − 20.00 that were billed. April has begun, and owes nothing yet.
    const issued = new Map([['2026-03', [...one, ...two].map((d) => issuedOf(d.row))]]);
    const last = dueOf(
      contract(
        [first, second].map((s) => ({ ...s, isNew: false })),
        issued,
      ),
      { first: '2026-03', last: '2026-04', full: '2026-03', since: '2026-03' },
    );
    expect(last.map((d) => [d.serviceMonth, d.row.component, d.row.netMinor])).toEqual([
      ['2026-03', 'fee', 9900n],
      ['2026-03', 'minimum', 4600n],
    ]);
  });

  it('of a quarter is due month by month, with the quarter', () => {
    const contract = { ...month('2026-03', [plan(1, '2025-12-01', [fee('99')])]), firstMonth: '2025-12', sessions: new Map(), issued: new Map() };
    // The quarter before is looked at again: December was parked then.
    expect(dueOf(contract, { first: '2026-01', last: '2026-03', full: '2026-03', since: '2025-10' }).map((d) => [d.serviceMonth, d.row.netMinor])).toEqual(
      ['2025-12', '2026-01', '2026-02', '2026-03'].map((m) => [m, 9900n]),
    );
  });

  it('in advance becomes revenue day by day, all of it on its last day', () => {
    const april = { netMinor: 10_000n, fromOn: '2026-04-01', toOn: '2026-04-30' };
    // 100.00 × 10/30 = 33.333….
    expect([releasedBy(april, '2026-03-31'), releasedBy(april, '2026-04-10'), releasedBy(april, '2026-04-30'), releasedBy(april, '2026-06-01')]).toEqual([0n, 3333n, 10_000n, 10_000n]);
  });
});

describe('included energy', () => {
  it('covers sessions in the order of their end at what they cost, and what is left lapses', () => {
    // 100 kWh: 60 kWh at 3.00 = 180.00, then 27.5 kWh at 4.00 = 110.00.
    const result = computeMonth(month('2026-03', [plan(1, '2026-01-01', [included('100')])], [charged('2026-03-20', 27.5, 11_000n), charged('2026-03-05', 60, 18_000n)]));
    expect(result.allowances[0]).toMatchObject({ includedWh: 100_000n, usedWh: 87_500n, leftWh: 12_500n, lapsesWh: 12_500n });
    expect(result.allowances[0]?.uses.map((u) => [u.coveredWh, u.value])).toEqual([
      [60_000n, 18_000n],
      [27_500n, 11_000n],
    ]);
  });

  it('covers the last session in part, and parts its value by place', () => {
    // 50 kWh: 30 at north wholly, 90.00; 20 of 40 kWh at south, half of 120.00.
    const input = month('2026-03', [plan(1, '2026-01-01', [included('50')])], [charged('2026-03-05', 30, 9000n), charged('2026-03-06', 40, 12_000n, { site: 'south' })]);
    expect(due(input).map((r) => [r.component, r.splitNo, r.place.siteId, r.netMinor, r.quantity])).toEqual([
      ['included', 0, 'north', -9000n, 30_000n],
      ['included', 1, 'south', -6000n, 20_000n],
    ]);
  });

  it('is not used up by energy that is free (D14)', () => {
    // 20 kWh for nothing, then 40 kWh for 120.00: 30 included are 90.00.
    const gift = charged('2026-03-04', 20, 0n);
    const free = { ...gift, items: gift.items.map((i) => ({ ...i, isFree: true })) };
    const result = computeMonth(month('2026-03', [plan(1, '2026-01-01', [included('30')])], [free, charged('2026-03-05', 40, 12_000n)]));
    expect(result.allowances[0]?.uses.map((u) => [u.energyWh, u.coveredWh, u.value])).toEqual([
      [20_000n, 0n, 0n],
      [40_000n, 30_000n, 9000n],
    ]);
  });

  it('takes nothing back of energy that is paid for', () => {
    // 20 kWh at −0.10 give 2.00 back, then 40 kWh cost 120.00: 30 included are 90.00.
    const spot = [charged('2026-03-04', 20, -200n), charged('2026-03-05', 40, 12_000n)];
    expect(due(month('2026-03', [plan(1, '2026-01-01', [included('30')])], spot)).map((r) => [r.component, r.netMinor, r.quantity])).toEqual([['included', -9000n, 30_000n]]);
  });

  it('of two clauses is worth what it costs in each, also where both cover a session', () => {
    // 15 kWh at 3.00: the plan's 10 are worth 30.00, the 5 that are left 15.00 of the campaign's 10.
    const versions = [plan(1, '2026-01-01', [included('10'), { ...included('10'), id: 'more' }])];
    expect(due(month('2026-03', versions, [charged('2026-03-05', 15, 4500n)])).map((r) => [r.clause, r.netMinor, r.quantity])).toEqual([
      ['inc', -3000n, 10_000n],
      ['more', -1500n, 5000n],
    ]);
    // By day 10 kWh at 3.00, by night 5 at 3.00, less 20 %: 36.00. 10 kWh are worth 24.00, the others 12.00.
    const byDay = charged('2026-03-05', 10, 3000n);
    const items = [...byDay.items, ...charged('2026-03-05', 5, 1500n).items, ...charged('2026-03-05', 0, -900n).items.map((i) => ({ ...i, component: 'discount/d' }))];
    expect(due(month('2026-03', versions, [{ ...byDay, items }])).map((r) => r.netMinor)).toEqual([-2400n, -1200n]);
  });

  it('is worth no more than the tariff’s maximum leaves of what the energy costs', () => {
    // 30 kWh for 90.00 and a fee of 30.00 are 120.00, of which the maximum takes 70.00: the energy's part of 50.00 is 37.50, and 12.50 are paid.
    const energy = charged('2026-03-05', 30, 9000n);
    const other = (component: string, amount: bigint) => charged('2026-03-05', 0, amount).items.map((i) => ({ ...i, component }));
    const capped = { ...energy, items: [...energy.items, ...other('FLAT/1', 3000n), ...other('max_price', -7000n)] };
    expect(nets(month('2026-03', [plan(1, '2026-01-01', [included('30')])], [capped]))).toEqual([['included', -3750n]]);
    // A fee that a clause adds is no part of what the maximum cuts: 90.00 less 40.00.
    const plus = { ...energy, items: [...energy.items, ...other('max_price', -4000n), ...other('startFee/s', 500n)] };
    expect(nets(month('2026-03', [plan(1, '2026-01-01', [included('30')])], [plus]))).toEqual([['included', -5000n]]);
  });

  it('is an allowance of its own for each plan, prorated by days, without transfer', () => {
    // 10 of 31 days of 31 kWh: 10 kWh, of which 4 are used; 21 of 31 days of 62 kWh: 42 kWh, of 50 wanted. At 2.00 a kWh: 8.00 and 84.00.
    const versions = [plan(1, '2026-01-01', [included('31')]), plan(2, '2026-03-11', [included('62')])];
    const result = computeMonth(month('2026-03', versions, [charged('2026-03-05', 4, 800n), charged('2026-03-12', 50, 10_000n)]));
    expect(result.allowances.map((a) => [a.includedWh, a.usedWh, a.lapsesWh])).toEqual([
      [10_000n, 4000n, 6000n],
      [42_000n, 42_000n, 0n],
    ]);
    expect(result.clauses.map((c) => c.parts.reduce((s, p) => s + p.amount, 0n))).toEqual([-800n, -8400n]);
  });

  it('rolls over as long as the clause says, oldest first', () => {
    const versions = [plan(1, '2026-01-01', [included('10', 1)])];
    const january = computeMonth(month('2026-01', versions, [charged('2026-01-05', 4, 800n)]));
    // 6 kWh of January and 10 of February; 12 are used, so January's first, and 4 of February go on.
    const february = computeMonth(month('2026-02', versions, [charged('2026-02-05', 12, 2400n)]), january.lots);
    expect(february.allowances[0]).toMatchObject({ rolledInWh: 6000n, usedWh: 12_000n, leftWh: 4000n, lapsesWh: 0n });
    expect(february.lots).toEqual([{ clause: 'inc', wh: 4000n, lastMonth: '2026-03' }]);
    const march = computeMonth(month('2026-03', versions), february.lots);
    expect(march.allowances[0]).toMatchObject({ rolledInWh: 4000n, lapsesWh: 4000n });
  });

  it('keeps what is left of each month for as long as the clause says', () => {
    const versions = [plan(1, '2026-01-01', [included('100', 2)])];
    const january = computeMonth(month('2026-01', versions));
    const february = computeMonth(month('2026-02', versions), january.lots);
    expect(february.allowances[0]).toMatchObject({ rolledInWh: 100_000n, leftWh: 200_000n, lapsesWh: 0n });
    // 300 kWh at 2.00: 100 of January, 100 of February and 100 of March.
    const march = computeMonth(month('2026-03', versions, [charged('2026-03-05', 300, 60_000n)]), february.lots);
    expect(march.allowances[0]).toMatchObject({ rolledInWh: 200_000n, usedWh: 300_000n, leftWh: 0n, lapsesWh: 0n });
    // 250 kWh: January's go first, then 100 of February and 50 of March, of which 50 go on to May; nothing of January lapses.
    const less = computeMonth(month('2026-03', versions, [charged('2026-03-05', 250, 50_000n)]), february.lots);
    expect(less.lots).toEqual([{ clause: 'inc', wh: 50_000n, lastMonth: '2026-05' }]);
    const idle = computeMonth(month('2026-03', versions), february.lots);
    expect(idle.allowances[0]).toMatchObject({ leftWh: 300_000n, lapsesWh: 100_000n });
  });

  it('keeps what was rolled in through a new version within the month', () => {
    const versions = [plan(1, '2026-01-01', [included('280', 1)]), plan(2, '2026-02-11', [included('560', 1)])];
    const january = computeMonth(month('2026-01', versions));
    // February: 10 of 28 days of 280 are 100 kWh, 18 of 28 of 560 are 360. 50 are used before, of January's 280, and 600 after: 230 of January's, 360, and 10 are paid.
    const february = computeMonth(month('2026-02', versions, [charged('2026-02-05', 50, 10_000n), charged('2026-02-12', 600, 120_000n)]), january.lots);
    expect(february.allowances.map((a) => [a.includedWh, a.rolledInWh, a.usedWh, a.leftWh, a.lapsesWh])).toEqual([
      [100_000n, 280_000n, 50_000n, 330_000n, 0n],
      [360_000n, 230_000n, 590_000n, 0n, 0n],
    ]);
    // What the first days included goes on to March; nothing of January does.
    expect(february.lots).toEqual([{ clause: 'inc', wh: 100_000n, lastMonth: '2026-03' }]);
    const idle = computeMonth(month('2026-02', versions), january.lots);
    expect(idle.allowances.map((a) => a.lapsesWh)).toEqual([0n, 280_000n]);
  });
});

describe('tiers, cap and minimum', () => {
  it('take a discount off each kWh from its threshold on', () => {
    // 250 kWh: 100 at 0.20 and 50 at 0.50 off: 20.00 + 25.00.
    const tiers: MonthClause = {
      kind: 'tiers',
      id: 't',
      steps: [
        { fromKwh: '100', discountPerKwh: '0.20' },
        { fromKwh: '200', discountPerKwh: '0.50' },
      ],
    };
    expect(nets(month('2026-03', [plan(1, '2026-01-01', [tiers])], [charged('2026-03-05', 150, 45_000n), charged('2026-03-06', 100, 30_000n)]))).toEqual([['tiers', -4500n]]);
  });

  it('take no more off a kWh than it costs after discounts', () => {
    // 30 kWh for 90.00 less a discount of 80.00: 1.00 off each would be 30.00, and 10.00 are left.
    const cheap = charged('2026-03-05', 30, 9000n);
    const items = [...cheap.items, ...charged('2026-03-05', 0, -8000n).items.map((i) => ({ ...i, component: 'discount/d' }))];
    const tiers: MonthClause = { kind: 'tiers', id: 't', steps: [{ fromKwh: '0', discountPerKwh: '1' }] };
    expect(nets(month('2026-03', [plan(1, '2026-01-01', [tiers])], [{ ...cheap, items }]))).toEqual([['tiers', -1000n]]);
  });

  it('count what the clause before left: included energy, then the cap', () => {
    // 400.00 + 200.00 less 100 included kWh at 4.00 leaves 200.00; above the cap of 150.00 are 50.00.
    const versions = [plan(1, '2026-01-01', [{ kind: 'cap', id: 'c', netPerMonth: '150' }, included('100')])];
    expect(nets(month('2026-03', versions, [charged('2026-03-05', 100, 40_000n), charged('2026-03-06', 50, 20_000n)]))).toEqual([
      ['cap', -5000n],
      ['included', -40_000n],
    ]);
  });

  it('bill what a minimum lacks; fees do not count to it', () => {
    // 500.00 − 120.00.
    const versions = [plan(1, '2026-01-01', [fee('99'), { kind: 'minimum', id: 'm', netPerMonth: '500' }])];
    expect(nets(month('2026-03', versions, [charged('2026-03-05', 40, 12_000n)]))).toEqual([
      ['fee', 9900n],
      ['minimum', 38_000n],
    ]);
    expect(nets(month('2026-03', versions))).toEqual([
      ['fee', 9900n],
      ['minimum', 50_000n],
    ]);
  });

  it('gross up a consumer’s cap', () => {
    // Cap 100.00 net is 125.00 gross; 150.00 gross was sold.
    const capped = month('2026-03', [plan(1, '2026-01-01', [{ kind: 'cap', id: 'c', netPerMonth: '100' }])], [charged('2026-03-05', 40, 15_000n)], 'grossFirst');
    expect(due(capped)[0]).toMatchObject({ grossMinor: -2500n, netMinor: -2000n });
  });
});

describe('a late session', () => {
  it('gives one difference, on what it burdens itself', () => {
    // 50 kWh included. First 40 kWh at 3.00: −120.00. Late and earlier in the month 20 kWh at 5.00 at south: 20 × 5.00 + 30 × 3.00 = 190.00, so −70.00 more.
    const versions = [plan(1, '2026-01-01', [included('50')])];
    const first = due(month('2026-03', versions, [charged('2026-03-10', 40, 12_000n)]));
    const later = month('2026-03', versions, [charged('2026-03-10', 40, 12_000n), charged('2026-03-05', 20, 10_000n, { site: 'south', isNew: true })]);
    const rows = settleMonth(later, computeMonth(later).clauses, first.map(issuedOf));
    // 50 kWh are covered now, 40 were: 10 kWh more.
    expect(rows.map((r) => [r.component, r.place.siteId, r.netMinor, r.quantity])).toEqual([['included#2', 'south', -7000n, 10_000n]]);
    expect(settleMonth(later, computeMonth(later).clauses, [...first, ...rows].map(issuedOf))).toEqual([]);
  });

  it('of another VAT rate gives one whose VAT is that of what it burdens', () => {
    const versions = [plan(1, '2026-01-01', [included('100')])];
    const swedish = charged('2026-03-10', 40, 12_500n);
    const german = (day: string, kWh: number, amount: bigint) => {
      const session = charged(day, kWh, amount, { site: 'hamburg', isNew: true });
      return { ...session, items: session.items.map((i) => ({ ...i, place: { ...i.place, vat: { code: 'DE19', percent: '19', rule: '1/test' } } })) };
    };
    const first = due(month('2026-03', versions, [swedish], 'grossFirst'));
    // Covered wholly: 125.00 at 25 % is 100.00 net, 119.00 at 19 % too.
    const later = month('2026-03', versions, [swedish, charged('2026-03-11', 20, 12_500n, { site: 'south', isNew: true }), german('2026-03-12', 20, 11_900n)], 'grossFirst');
    const rows = settleMonth(later, computeMonth(later).clauses, first.map(issuedOf));
    expect(rows.map((r) => [r.component, r.place.vat.code, r.netMinor, r.grossMinor])).toEqual([
      ['included#2', 'SE25', -10_000n, -12_500n],
      ['included#2', 'DE19', -10_000n, -11_900n],
    ]);
    expect(settleMonth(later, computeMonth(later).clauses, [...first, ...rows].map(issuedOf))).toEqual([]);
    // It takes 60 kWh of 90 that are included before the Swedish one gets 30 of its 40: 357.00 more, and 31.25 less, all on it: 325.75, of which 52.01 are VAT.
    const before = month('2026-03', [plan(1, '2026-01-01', [included('90')])], [swedish, german('2026-03-05', 60, 35_700n)], 'grossFirst');
    const moved = settleMonth(before, computeMonth(before).clauses, first.map(issuedOf));
    expect(moved.map((r) => [r.place.vat.code, r.netMinor, r.grossMinor])).toEqual([['DE19', -27_374n, -32_575n]]);
    expect(settleMonth(before, computeMonth(before).clauses, [...first, ...moved].map(issuedOf))).toEqual([]);
  });

  it('gives one on what it burdens itself also where the clause takes nothing off it, but off those after it', () => {
    // The cap of 100.00 leaves 50.00 of 150.00 sold at north. Late, and before it, 80.00 at hamburg at 19 %: 230.00 less 100.00 are 130.00 off, all of it off what comes last, and 80.00 more.
    const versions = [plan(1, '2026-01-01', [{ kind: 'cap', id: 'c', netPerMonth: '100' }])];
    const north = charged('2026-03-10', 40, 15_000n);
    const late = charged('2026-03-05', 20, 8000n, { site: 'hamburg', isNew: true });
    const german = { ...late, items: late.items.map((i) => ({ ...i, place: { ...i.place, vat: { code: 'DE19', percent: '19', rule: '1/test' } } })) };
    const first = due(month('2026-03', versions, [north]));
    const later = month('2026-03', versions, [north, german]);
    const rows = settleMonth(later, computeMonth(later).clauses, first.map(issuedOf));
    // 80.00 and its VAT of 15.20: what the late session costs beside the cap, and no VAT of another country.
    expect(rows.map((r) => [r.component, r.place.siteId, r.place.vat.code, r.netMinor, r.grossMinor, r.serviceOn])).toEqual([['cap#2', 'hamburg', 'DE19', -8000n, -9520n, '2026-03-05']]);
    expect(settleMonth(later, computeMonth(later).clauses, [...first, ...rows].map(issuedOf))).toEqual([]);

    // 0.50 off each kWh from the 50th on: of 60 kWh at north 10, 5.00. Late 20 kWh at south before them take none, and 20 more of north's do: 10.00.
    const tiers = [plan(1, '2026-01-01', [{ kind: 'tiers', id: 't', steps: [{ fromKwh: '50', discountPerKwh: '0.50' }] }])];
    const sixty = charged('2026-03-10', 60, 18_000n);
    const before = due(month('2026-03', tiers, [sixty]));
    const more = month('2026-03', tiers, [sixty, charged('2026-03-05', 20, 6000n, { site: 'south', isNew: true })]);
    expect(settleMonth(more, computeMonth(more).clauses, before.map(issuedOf)).map((r) => [r.component, r.place.siteId, r.netMinor, r.quantity])).toEqual([['tiers#2', 'south', -1000n, 20_000n]]);
  });

  it('that makes up a minimum, or some of it, takes what it lacked back where it was billed, with its VAT', () => {
    // 1000.00 less 100.00 and 100.00 are 800.00, half on each site: 400.00 and 100.00 of VAT at north, 400.00 and 76.00 at hamburg.
    const versions = [plan(1, '2026-01-01', [{ kind: 'minimum', id: 'm', netPerMonth: '1000' }])];
    const hamburg = charged('2026-03-11', 20, 10_000n, { site: 'hamburg' });
    const german = { ...hamburg, items: hamburg.items.map((i) => ({ ...i, place: { ...i.place, vat: { code: 'DE19', percent: '19', rule: '1/test' } } })) };
    const sold = [charged('2026-03-10', 20, 10_000n), german];
    const first = due(month('2026-03', versions, sold));
    expect(first.map((r) => [r.place.siteId, r.netMinor, r.grossMinor])).toEqual([
      ['north', 40_000n, 50_000n],
      ['hamburg', 40_000n, 47_600n],
    ]);
    // Late 900.00 at north: nothing lacks any more.
    const later = month('2026-03', versions, [...sold, charged('2026-03-12', 90, 90_000n, { isNew: true })]);
    const rows = settleMonth(later, computeMonth(later).clauses, first.map(issuedOf));
    expect(rows.map((r) => [r.component, r.place.siteId, r.netMinor, r.grossMinor])).toEqual([
      ['minimum#2', 'north', -40_000n, -50_000n],
      ['minimum#2', 'hamburg', -40_000n, -47_600n],
    ]);
    expect(settleMonth(later, computeMonth(later).clauses, [...first, ...rows].map(issuedOf))).toEqual([]);
    // Late 600.00 at helsinki at 25.5 %: 200.00 lack, so 600.00 go back, half of each; what was sold there stays taxed there.
    const finnish = charged('2026-03-12', 60, 60_000n, { site: 'helsinki', isNew: true });
    const partly = month('2026-03', versions, [...sold, { ...finnish, items: finnish.items.map((i) => ({ ...i, place: { ...i.place, vat: { code: 'FI255', percent: '25.5', rule: '1/test' } } })) }]);
    const some = settleMonth(partly, computeMonth(partly).clauses, first.map(issuedOf));
    expect(some.map((r) => [r.component, r.place.siteId, r.netMinor, r.grossMinor])).toEqual([
      ['minimum#2', 'north', -30_000n, -37_500n],
      ['minimum#2', 'hamburg', -30_000n, -35_700n],
    ]);
    expect(settleMonth(partly, computeMonth(partly).clauses, [...first, ...some].map(issuedOf))).toEqual([]);
  });
});

describe('a fee that was written off', () => {
  const versions = (amount: string) => [plan(1, '2026-01-01', [fee(amount)])];
  const settle = (amount: string, issued: readonly bigint[], off: readonly bigint[]) => {
    const input = month('2026-03', versions(amount));
    const [row] = due(input);
    if (row === undefined) throw new Error('the month has a fee');
    const asRows = (nets: readonly bigint[], from: number) =>
      nets.map((net, i) => ({ ...issuedOf(row), component: i + from === 1 ? 'fee' : `fee#${i + from}`, netMinor: net, grossMinor: (net * 5n) / 4n }));
    return settleMonth(input, computeMonth(input).clauses, asRows(issued, 1), asRows(off, issued.length + 1)).map((r) => [r.component, r.netMinor]);
  };

  it('is not billed again, and of a dearer one what is more', () => {
    expect(settle('99', [], [9900n])).toEqual([]);
    // 109.00 are due now, 99.00 are written off.
    expect(settle('109', [], [9900n])).toEqual([['fee#2', 1000n]]);
  });

  it('gives nothing back that was never billed', () => {
    // 89.00 are due, 99.00 are written off, nothing was billed.
    expect(settle('89', [], [9900n])).toEqual([]);
    // 99.00 were billed and 10.00 more written off: due are 104.00, 99.00, 89.00.
    expect([settle('104', [9900n], [1000n]), settle('99', [9900n], [1000n]), settle('89', [9900n], [1000n])]).toEqual([[], [], [['fee#3', -1000n]]]);
    // Of 99.00 that were billed 10.00 were not given back, for good: due are 89.00, 79.00, 99.00.
    expect([settle('89', [9900n], [-1000n]), settle('79', [9900n], [-1000n]), settle('99', [9900n], [-1000n])]).toEqual([[], [['fee#3', -1000n]], []]);
  });

  it('is looked for since the month of the earliest that waits', () => {
    const contract = { ...month('2026-06', versions('99')), firstMonth: '2026-01', sessions: new Map(), issued: new Map() };
    const june = { ...only('2026-06'), since: '2026-01' };
    expect(dueOf(contract, june).map((d) => d.serviceMonth)).toEqual(['2026-04', '2026-05', '2026-06']);
    expect(dueOf({ ...contract, leftOut: { waitsFrom: '2026-02', writtenOff: new Map() } }, june).map((d) => d.serviceMonth)).toEqual(['2026-02', '2026-03', '2026-04', '2026-05', '2026-06']);
  });
});

describe('what is open of months that cannot be computed', () => {
  const clauses = [fee('99'), fee('30', { id: 'adv', billed: 'advance' }), { kind: 'minimum', id: 'min', netPerMonth: '50' }] as const;
  const contract = { ...month('2026-06', [plan(1, '2026-05-01', clauses)]), firstMonth: '2026-05', sessions: new Map(), issued: new Map() };
  const june = { ...only('2026-06'), since: '2026-01' };
  const open = (of: Parameters<typeof openFees>[0], run: Parameters<typeof openFees>[1]) =>
    openFees(of, run)
      .map((f) => `${f.serviceMonth} ${f.component} ${f.clause}`)
      .sort();

  it('is each fee and minimum of the months that the run looks at, and the next fee in advance', () => {
    expect(open(contract, june)).toEqual([
      '2026-05 advanceFee adv',
      '2026-05 fee fee',
      '2026-05 minimum min',
      '2026-06 advanceFee adv',
      '2026-06 fee fee',
      '2026-06 minimum min',
      '2026-07 advanceFee adv',
    ]);
    // A week within June: what is due as June ends is not open yet.
    expect(open(contract, { ...june, full: '2026-05' })).toEqual(['2026-05 advanceFee adv', '2026-05 fee fee', '2026-05 minimum min', '2026-06 advanceFee adv']);
  });

  it('is not what was billed or written off, as a difference too', () => {
    const [row] = due(month('2026-05', [plan(1, '2026-05-01', [fee('99')])]));
    if (row === undefined) throw new Error('the month has a fee');
    const issued = new Map([['2026-05', [{ ...issuedOf(row), component: 'fee#2' }]]]);
    const writtenOff = new Map([['2026-06', [{ clause: 'min', component: 'minimum', netMinor: 5000n, grossMinor: 6250n }]]]);
    expect(open({ ...contract, issued, leftOut: { waitsFrom: null, writtenOff } }, june)).toEqual([
      '2026-05 advanceFee adv',
      '2026-05 minimum min',
      '2026-06 advanceFee adv',
      '2026-06 fee fee',
      '2026-07 advanceFee adv',
    ]);
  });

  it('is what is due once it can be computed', () => {
    const computed = dueOf(contract, june).map((d) => `${d.serviceMonth} ${d.row.component} ${d.row.clause}`);
    expect(open(contract, june)).toEqual(computed.sort());
  });
});
