import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type StatementLayout, statementLayoutSchema } from '../../src/contracts/statement-layout.ts';
import { readStatement } from '../../src/core/completeness/read-statement.ts';

const layoutOf = (more: object = {}): StatementLayout =>
  statementLayoutSchema.parse({
    per: 'month',
    columns: { on: 'Month', count: 'CDRs', energy: 'Energy', amount: 'Amount', currency: 'Currency', party: 'CPO' },
    dateFormat: 'MM/YYYY',
    energyUnit: 'kWh',
    decimal: ',',
    grouping: ' ',
    ...more,
  });
const line = (n: number, Month: string, CPO: string, CDRs: string, Energy: string, Amount: string, Currency = 'EUR') => ({ line: n, cells: { Month, CPO, CDRs, Energy, Amount, Currency } });

describe('a hub’s statement', () => {
  it('is read by its layout: a line of a month and partner is a total of it', () => {
    // 1 234,567 kWh = 1,234,567 Wh.
    expect(readStatement([line(2, '12/2019', 'FR*ABC', '1 200', '1 234,567', '4 321,50')], layoutOf())).toEqual({
      totals: [{ on: '2019-12', party: 'FR*ABC', count: 1200, energyWh: 1_234_567, amount: '4321.5000', currency: 'EUR', origin: 'hub' }],
      refused: [],
    });
  });

  it('has lines of one month and partner added, exactly; energy is rounded once', () => {
    // 0.0004 + 0.0004 + 0.0004 kWh = 1.2 Wh, so 1 Wh: each line rounded by itself would be 0. 0.10 + 0.20 + 0.3005 = 0.6005.
    const lines = [line(2, '12/2019', 'fr-abc', '1', '0,0004', '0,10'), line(3, '12/2019', 'FRABC', '2', '0,0004', '0,20'), line(4, '12/2019', 'FR*ABC', '3', '0,0004', '0,3005')];
    expect(readStatement(lines, layoutOf()).totals).toEqual([{ on: '2019-12', party: 'FR*ABC', count: 6, energyWh: 1, amount: '0.6005', currency: 'EUR', origin: 'hub' }]);
  });

  it('may tell days that count into a month, each line a CDR, country and party apart, a currency of all', () => {
    const layout = layoutOf({
      columns: { on: 'End', energy: 'Wh', amount: 'Net', party: { country: 'Land', party: 'Op' } },
      dateFormat: 'DD.MM.YYYY',
      energyUnit: 'Wh',
      decimal: '.',
      grouping: '',
      currency: 'SEK',
      origin: 'gireve',
    });
    const cdr = (n: number, End: string, Wh: string, Net: string) => ({ line: n, cells: { End, Wh, Net, Land: 'no', Op: 'nrd' } });
    expect(readStatement([cdr(5, '1.12.2019 23:59', '10500', '31'), cdr(6, '31.12.2019', '4250', '12.5')], layout).totals).toEqual([
      { on: '2019-12', party: 'NO*NRD', count: 2, energyWh: 14_750, amount: '43.5000', currency: 'SEK', origin: 'gireve' },
    ]);
    const daily = { ...layout, per: 'day' as const, columns: { on: 'End', energy: 'Wh' } };
    expect(readStatement([cdr(5, '1.12.2019', '10500', '31'), cdr(6, '31.12.2019', '4250', '12.5')], daily).totals.map((t) => [t.on, t.party, t.count, t.amount])).toEqual([
      ['2019-12-01', undefined, 1, undefined],
      ['2019-12-31', undefined, 1, undefined],
    ]);
  });

  it('names each line that cannot be read, with all that is wrong with it, and reads the others', () => {
    const lines = [
      line(2, '13/2019', 'ABC', '-1', '1.5', 'x', 'euro'),
      line(3, '', 'FR*ABC', '1,5', '1', '1'),
      { line: 4, cells: {} },
      line(5, '12/2019', 'FR*ABC', '1', '1', '1'),
      line(6, '12/2019', 'FR*ABC', '1', '1', '1', 'SEK'),
      line(7, '12/2019', 'FR*ABC', '1', '1 23', '1,00001'),
    ];
    const { totals, refused } = readStatement(lines, layoutOf());
    expect(totals).toHaveLength(1);
    expect(refused).toEqual([
      {
        line: 2,
        errors: [
          'CDRs must be from 0 to 2000000000',
          '"EURO" is no currency such as SEK',
          '"13/2019" is no date as MM/YYYY',
          '"ABC" names no country and party such as NO*NRD',
          'Energy: "1.5" is no number with "," and at most 9 decimals',
          'Amount: "x" is no number with "," and at most 4 decimals',
        ],
      },
      { line: 3, errors: ['CDRs: "1,5" is no number with "," and at most 0 decimals', 'Month is empty'] },
      { line: 4, errors: ['CDRs', 'Currency', 'Month', 'CPO', 'Energy', 'Amount'].map((name) => `there is no column "${name}": correct the layout, or its header`) },
      { line: 6, errors: ['its currency is SEK, and that of line 5, of the same month and party, EUR'] },
      { line: 7, errors: ['Energy: "1 23" is no number with "," and at most 9 decimals', 'Amount: "1,00001" is no number with "," and at most 4 decimals'] },
    ]);
  });

  it('has a layout that says what it needs', () => {
    const problems = (more: object) => statementLayoutSchema.safeParse({ per: 'day', columns: { on: 'a', energy: 'b' }, dateFormat: 'YYYY-MM-DD', ...more }).error?.issues.map((i) => i.message);
    expect(problems({})).toBeUndefined();
    expect(problems({ dateFormat: 'YYYY-MM' })).toEqual(['per day wants a dateFormat with the day']);
    expect(problems({ grouping: ',', decimal: ',' })).toEqual(['grouping and decimal cannot be the same']);
    expect(problems({ columns: { on: 'a', energy: 'b', amount: 'c' } })).toEqual(['an amount wants a currency: its column, or the one of all']);
  });

  it('comes to the same however its lines are ordered or cut into parts (law)', () => {
    const part = fc.record({ wh: fc.integer({ min: 0, max: 10_000_000 }), count: fc.nat({ max: 50 }), cents: fc.integer({ min: -5000, max: 5000 }), day: fc.integer({ min: 1, max: 28 }) });
    const layout = layoutOf({ per: 'day', dateFormat: 'YYYY-MM-DD', decimal: '.', grouping: '' });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 30 }), fc.infiniteStream(fc.nat()), (parts, dice) => {
        const rows = parts.map(({ wh, count, cents, day }, i) => line(i + 2, `2019-12-${String(day).padStart(2, '0')}`, 'NO*NRD', String(count), (wh / 1000).toFixed(3), (cents / 100).toFixed(2)));
        const shuffled = rows.map((row) => ({ row, at: dice.next().value as number })).sort((a, b) => a.at - b.at);
        const sorted = (read: ReturnType<typeof readStatement>) => [...read.totals].sort((a, b) => (a.on < b.on ? -1 : 1));
        const there = sorted(readStatement(rows, layout));
        expect(
          sorted(
            readStatement(
              shuffled.map((s) => s.row),
              layout,
            ),
          ),
        ).toEqual(there);
        expect(there.reduce((sum, t) => sum + t.energyWh, 0)).toBe(parts.reduce((sum, p) => sum + p.wh, 0));
        expect(there.reduce((sum, t) => sum + t.count, 0)).toBe(parts.reduce((sum, p) => sum + p.count, 0));
      }),
    );
  });
});
