import { describe, expect, it } from 'vitest';
import { type Tariff, tariffSchema } from '../../src/contracts/tariff.ts';
import { messageOf } from '../../src/core/issues.ts';
import { compileTariff } from '../../src/core/rate/compile-tariff.ts';
import { lintTariff } from '../../src/core/rate/lint-tariff.ts';

type Element = { price_components: object[]; restrictions?: object };
const energy = (price: number, rest: object = {}) => ({ type: 'ENERGY', price, vat: 25, step_size: 1, ...rest });
const tariffOf = (elements: Element[], rest: object = {}): Tariff => tariffSchema.parse({ id: 'T1', currency: 'SEK', elements, ...rest });
const lint = (elements: Element[], rest: object = {}) => lintTariff(compileTariff(tariffOf(elements, rest)));
const found = (elements: Element[], rest: object = {}) => lint(elements, rest).map((i) => [i.code, i.severity, i.params['element'] ?? i.params['dimension'] ?? i.params['bound'] ?? '']);

describe('lintTariff', () => {
  it('has nothing to say about a plain tariff, nor about day and night that tile the week', () => {
    expect(found([{ price_components: [energy(2)] }])).toEqual([]);
    const night = { price_components: [energy(1)], restrictions: { start_time: '22:00', end_time: '06:00' } };
    expect(found([night, { price_components: [energy(2)], restrictions: { start_time: '06:00', end_time: '22:00' } }])).toEqual([]);
    expect(found([night, { price_components: [energy(2)] }])).toEqual([]);
  });

  it('names an element that an earlier one always precedes, even when only several together do', () => {
    expect(found([{ price_components: [energy(2)] }, { price_components: [energy(1)], restrictions: { start_time: '22:00' } }])).toEqual([['shadowedElement', 'warns', 2]]);
    const halves = [
      { start_time: '00:00', end_time: '12:00' },
      { start_time: '12:00', end_time: '00:00' },
    ].map((restrictions) => ({ price_components: [energy(1)], restrictions }));
    expect(found([...halves, { price_components: [energy(3)] }])).toEqual([['shadowedElement', 'warns', 3]]);
  });

  it('an element shadowed in one dimension alone is named for that one', () => {
    const issues = lint([{ price_components: [energy(2)] }, { price_components: [energy(3), { type: 'TIME', price: 1, step_size: 1 }] }]);
    expect(issues.map(messageOf)).toEqual(['element 2 never prices ENERGY: an earlier element always holds']);
  });

  it.each([
    [{ min_kwh: 20, max_kwh: 10 }],
    [{ min_duration: 600, max_duration: 600 }],
    [{ start_time: '10:00', end_time: '10:00' }],
    [{ start_date: '2024-06-01', end_date: '2024-05-01' }],
    [{ start_date: '2024-05-06', end_date: '2024-05-07', day_of_week: ['SUNDAY'] }],
    [{ min_power: 50, max_power: 22 }],
  ])('restrictions that never hold together: %j', (restrictions) => {
    expect(found([{ price_components: [energy(1)], restrictions }, { price_components: [energy(2)] }])).toEqual([['unreachableElement', 'warns', 1]]);
  });

  it('tells when energy is free for some hours or days, and only hints at free parking', () => {
    const gap = lint([{ price_components: [energy(1)], restrictions: { start_time: '06:00', end_time: '22:00' } }]);
    expect(gap.map(messageOf)).toEqual(['ENERGY is free on THURSDAY at 00:00 and priced at other times']);
    expect(found([{ price_components: [energy(1)], restrictions: { day_of_week: ['MONDAY'] } }])).toEqual([['gapInDay', 'warns', 'ENERGY']]);
    const parking = { price_components: [{ type: 'PARKING_TIME', price: 5, step_size: 60 }], restrictions: { start_time: '09:00', end_time: '18:00' } };
    expect(found([{ price_components: [energy(1)] }, parking])).toEqual([['gapInDay', 'info', 'PARKING_TIME']]);
  });

  it('a first hour that is free is no gap in the day', () => {
    expect(found([{ price_components: [energy(1)] }, { price_components: [{ type: 'PARKING_TIME', price: 5, step_size: 60 }], restrictions: { min_duration: 3600 } }])).toEqual([]);
  });

  it('prices, rates and steps that look like a slip of the unit', () => {
    expect(found([{ price_components: [energy(250)] }])).toEqual([['absurdPrice', 'warns', 1]]);
    expect(found([{ price_components: [energy(-0.1)] }])).toEqual([['absurdPrice', 'warns', 1]]);
    expect(found([{ price_components: [energy(1, { vat: 125 })] }])).toEqual([['absurdVat', 'warns', 1]]);
    expect(found([{ price_components: [energy(1, { step_size: 1_000_000 })] }])).toEqual([['absurdStep', 'warns', 1]]);
  });

  it('limits that cross, or whose VAT does not fit', () => {
    const plain = [{ price_components: [energy(1)] }];
    expect(found(plain, { min_price: { excl_vat: 9 }, max_price: { excl_vat: 5 } })).toEqual([['limitsCross', 'warns', '']]);
    expect(found(plain, { max_price: { excl_vat: 8, incl_vat: 10 } })).toEqual([]);
    expect(found(plain, { max_price: { excl_vat: 8, incl_vat: 11 } })).toEqual([['limitsDisagree', 'warns', 'max_price']]);
  });

  it('reservation elements are tried for a used and for a lapsed reservation', () => {
    const time = (price: number, reservation: string) => ({ price_components: [{ type: 'TIME', price, step_size: 60 }], restrictions: { reservation } });
    expect(found([{ price_components: [energy(1)] }, time(2, 'RESERVATION_EXPIRES'), time(1, 'RESERVATION')])).toEqual([]);
    expect(found([{ price_components: [energy(1)] }, time(2, 'RESERVATION'), time(1, 'RESERVATION')])).toEqual([['shadowedElement', 'warns', 3]]);
  });

  it('says so when there is too much to try', () => {
    const many = Array.from({ length: 60 }, (_, i) => ({
      price_components: [energy(1)],
      restrictions: { min_kwh: i, min_duration: i, start_time: `00:${String(i).padStart(2, '0')}` },
    }));
    expect(found(many).map(([code]) => code)).toEqual(['lintIncomplete']);
  });
});
