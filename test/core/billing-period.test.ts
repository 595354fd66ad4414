import { describe, expect, it } from 'vitest';
import { billingPeriod, cadenceOf, monthsOfPeriod, periodLabelAt } from '../../src/core/cycle/billing-period.ts';

const zone = 'Europe/Stockholm';
const window = (label: string, of = zone) => {
  const period = billingPeriod(label, of);
  return period === undefined ? undefined : [new Date(period.startMs).toISOString(), new Date(period.endMs).toISOString(), period.firstMonth, period.lastMonth, period.fullMonth];
};

describe('a period of a billing calendar', () => {
  it('is a local month, an ISO week from Monday, or a quarter', () => {
    expect(window('2019-12')).toEqual(['2019-11-30T23:00:00.000Z', '2019-12-31T23:00:00.000Z', '2019-12', '2019-12', '2019-12']);
    // 9 to 15 December: the month goes on.
    expect(window('2019-W50')).toEqual(['2019-12-08T23:00:00.000Z', '2019-12-15T23:00:00.000Z', '2019-12', '2019-12', '2019-11']);
    expect(window('2019-Q4')).toEqual(['2019-09-30T22:00:00.000Z', '2019-12-31T23:00:00.000Z', '2019-10', '2019-12', '2019-12']);
  });
  it('of a week has the year of its Thursday, and ends the month it begins in', () => {
    // 30 December 2019 to 5 January 2020.
    expect(window('2020-W01')).toEqual(['2019-12-29T23:00:00.000Z', '2020-01-05T23:00:00.000Z', '2019-12', '2020-01', '2019-12']);
    // 28 December 2020 to 3 January 2021; 2019 has 52 weeks.
    expect(window('2020-W53')?.slice(2)).toEqual(['2020-12', '2021-01', '2020-12']);
    expect(window('2019-W53')).toBeUndefined();
    // 24 February to 1 March 2020; 25 to 31 March 2019 ends with its month.
    expect(window('2020-W09')?.slice(2)).toEqual(['2020-02', '2020-03', '2020-02']);
    expect(window('2024-W13')?.slice(2)).toEqual(['2024-03', '2024-03', '2024-03']);
  });
  it('lasts an hour less in spring and an hour more in autumn', () => {
    const hours = (label: string, of = zone) => {
      const period = billingPeriod(label, of);
      return period === undefined ? 0 : (period.endMs - period.startMs) / 3_600_000;
    };
    expect([hours('2020-W12'), hours('2020-W13'), hours('2020-W43'), hours('2020-W13', 'UTC')]).toEqual([168, 167, 169, 168]);
    // 91 days, an hour less; 92 days, an hour more.
    expect([hours('2020-Q1'), hours('2020-Q4')]).toEqual([91 * 24 - 1, 92 * 24 + 1]);
  });
  it('holds its start and not its end', () => {
    // Midnight in Stockholm is 23:00 the day before in UTC.
    const monday = Date.parse('2019-12-15T23:00:00Z');
    expect([periodLabelAt(monday, 'weekly', zone), periodLabelAt(monday - 1, 'weekly', zone), periodLabelAt(monday, 'weekly', 'UTC')]).toEqual(['2019-W51', '2019-W50', '2019-W50']);
    const newYear = Date.parse('2019-12-31T23:00:00Z');
    expect([periodLabelAt(newYear, 'quarterly', zone), periodLabelAt(newYear - 1, 'quarterly', zone)]).toEqual(['2020-Q1', '2019-Q4']);
  });
  it('is nothing else', () => {
    expect(['2019-13', '2019-W00', '2019-W54', '2019-Q5', '2019', '2019-w50', '2019-12-01'].map(cadenceOf)).toEqual(Array(7).fill(undefined));
    expect(monthsOfPeriod('2019-Q4')).toEqual({ firstMonth: '2019-10', lastMonth: '2019-12' });
  });
});
