import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { count, grouped, kWh, link, localTime, monthName, words } from '../../src/ui/format.ts';

describe('figures for people', () => {
  it('sets thousands apart and leaves the fraction as it is', () => {
    expect(['0', '12.50', '999', '1000', '-1234.50', '1234567.8900', '-100.00'].map(grouped)).toEqual(['0', '12.50', '999', '1,000', '-1,234.50', '1,234,567.8900', '-100.00']);
  });
  it('writes Wh as kWh with three decimals, also below one kWh and below zero', () => {
    expect(['0', '1', '-1', '999', '1000', '10500', '1234567890', '-4001'].map(kWh)).toEqual(['0.000', '0.001', '-0.001', '0.999', '1.000', '10.500', '1,234,567.890', '-4.001']);
  });
  it('changes no digit of any figure', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }), (wh) => {
        expect(BigInt(kWh(wh.toString()).replace(/[,.]/g, ''))).toBe(wh);
        expect(BigInt(grouped(wh.toString()).replaceAll(',', ''))).toBe(wh);
      }),
    );
  });
});

describe('times, codes and links', () => {
  it('writes an instant in the local time of a zone, over the end of summer time too', () => {
    // 00:30 UTC is 02:30 in summer time; an hour later the clocks have gone back and it is 02:30 again.
    expect(localTime('2019-10-27T00:30:00Z', 'Europe/Stockholm')).toBe('2019-10-27 02:30:00');
    expect(localTime('2019-10-27T01:30:00Z', 'Europe/Stockholm')).toBe('2019-10-27 02:30:00');
    expect(localTime('2019-12-31T23:00:00.000Z', 'Europe/Stockholm')).toBe('2020-01-01 00:00:00');
    expect(localTime('never', 'Europe/Stockholm')).toBe('never');
  });
  it('names months, codes and numbers of things', () => {
    expect([monthName('2019-12'), monthName('unknown'), words('notVatRegistered'), words('emspSettlement'), count(1, 'record'), count(1200, 'record')]).toEqual([
      'December 2019',
      'unknown',
      'not VAT registered',
      'eMSP settlement',
      '1 record',
      '1,200 records',
    ]);
  });
  it('escapes what goes into a link and leaves out what is not there', () => {
    expect(link('/x')).toBe('/x');
    expect(link('/x', { a: 'b&c=1', none: undefined, empty: '' })).toBe('/x?a=b%26c%3D1');
  });
});
