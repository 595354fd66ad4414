import { describe, expect, it } from 'vitest';
import { datesToAsk, type PeriodThere, periodDifferences } from '../../src/core/hand-over/compare-periods.ts';

const open: PeriodThere = { state: 'open' };
const closed = (words: string): PeriodThere => ({ state: 'closed', words });

describe('periods of an ERP beside ours', () => {
  it('differ where one side alone is closed, both ways; soft-closed still takes postings', () => {
    const here = { '2019-10': 'closed', '2019-11': 'closed', '2019-12': 'softClosed' } as const;
    const stateOf = (month: string) => (month in here ? here[month as keyof typeof here] : 'open');
    const there = new Map([
      ['2020-01-31', closed('no fiscal year')],
      ['2019-12-31', open],
      ['2019-11-30', open],
      ['2019-10-31', closed('closed')],
      ['2020-02-07', open],
    ]);
    expect(periodDifferences(there, stateOf)).toEqual([
      { month: '2019-11', here: 'closed', there: 'open', words: null },
      { month: '2020-01', here: 'open', there: 'closed', words: 'no fiscal year' },
    ]);
  });
  it('are closed there when one of their dates is', () => {
    const there = new Map([
      ['2019-12-31', open],
      ['2019-12-02', closed('from 2019-12-15 alone')],
      ['2019-12-20', open],
    ]);
    expect(periodDifferences(there, () => 'open')).toEqual([{ month: '2019-12', here: 'open', there: 'closed', words: 'from 2019-12-15 alone' }]);
  });
  it('are asked for by the dates to post on, and the last day of what is closed here', () => {
    expect(datesToAsk(['2020-02', '2019-12'], ['2020-03-06', '2020-03-06'])).toEqual(['2019-12-31', '2020-02-29', '2020-03-06']);
  });
});
