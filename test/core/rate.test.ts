import { describe, expect, it } from 'vitest';
import { type Tariff, tariffSchema } from '../../src/contracts/tariff.ts';
import { rateSession } from '../../src/core/rate/rate-session.ts';
import { splitSession } from '../../src/core/rate/split-session.ts';
import { parseInstant } from '../../src/core/time.ts';

const zone = 'Europe/Stockholm';
const at = (text: string) => parseInstant(text) ?? Number.NaN;
const tariff = (elements: unknown[]): Tariff => tariffSchema.parse({ id: 't', currency: 'SEK', elements });
const energy = (price: string, step_size = 1) => ({ type: 'ENERGY', price, vat: '25', step_size });
const dayNight = tariff([{ restrictions: { start_time: '22:00', end_time: '06:00' }, price_components: [energy('1.00')] }, { price_components: [energy('2.00')] }]);
const rate = (t: Tariff, start: string, end: string, energyWh: number) => {
  const times = { startMs: at(start), endMs: at(end) };
  return rateSession({ tariff: t, ...times, zone, periods: splitSession({ tariff: t, ...times, energyWh, zone }) });
};

describe('rating', () => {
  it('prices an evening that runs into the night, split at 22:00 local time', () => {
    // 20:00 to 24:00 local, 8 kWh: 4 kWh by day at 2.00, 4 kWh by night at 1.00 = 12.00
    const result = rate(dayNight, '2019-12-01T19:00:00Z', '2019-12-01T23:00:00Z', 8000);
    expect(result.total4).toBe('12.0000');
    expect(result.components.map((c) => [c.elementIndex, c.quantity.stated])).toEqual([
      [1, 4000],
      [0, 4000],
    ]);
  });
  it('holds a night of nine real hours when the clock is put back', () => {
    // 2019-10-26 20:00Z (22:00 local) to 2019-10-27 05:00Z (06:00 local): 9 hours, all night
    const result = rate(dayNight, '2019-10-26T20:00:00Z', '2019-10-27T05:00:00Z', 9000);
    expect(result.components.map((c) => [c.elementIndex, c.quantity.stated])).toEqual([[0, 9000]]);
    expect(result.total4).toBe('9.0000');
  });
  it('charges a start fee once, however many periods there are', () => {
    const t = tariff([
      { restrictions: { start_time: '22:00', end_time: '06:00' }, price_components: [energy('1.00')] },
      { price_components: [{ type: 'FLAT', price: '4.00', vat: '25', step_size: 1 }] },
    ]);
    expect(rate(t, '2019-12-01T18:00:00Z', '2019-12-03T18:00:00Z', 0).total4).toBe('4.0000');
  });
  it('rounds the priced quantity of the session up to the step, once', () => {
    // 4.3 + 1.1 kWh with step 500 Wh bills 5.5 kWh (OCPI 2.2.1 mod_tariffs, step_size)
    const t = tariff([{ price_components: [energy('1.00', 500)] }]);
    const periods = [
      { startMs: 0, endMs: 3_600_000, energyWh: 4300, chargingMs: 3_600_000, parkingMs: 0 },
      { startMs: 3_600_000, endMs: 7_200_000, energyWh: 1100, chargingMs: 3_600_000, parkingMs: 0 },
    ];
    expect(rateSession({ tariff: t, periods, startMs: 0, endMs: 7_200_000, zone }).total4).toBe('5.5000');
  });
  it('rounds only parking when parking is priced', () => {
    const t = tariff([
      {
        price_components: [
          { type: 'TIME', price: '60', vat: '25', step_size: 600 },
          { type: 'PARKING_TIME', price: '6', vat: '25', step_size: 600 },
        ],
      },
    ]);
    const periods = [{ startMs: 0, endMs: 1_200_000, energyWh: 0, chargingMs: 660_000, parkingMs: 540_000 }];
    // 11 min exactly at 60/h = 11.00; 9 min parking rounds to 10 min at 6/h = 1.00
    expect(rateSession({ tariff: t, periods, startMs: 0, endMs: 1_200_000, zone }).total4).toBe('12.0000');
  });
  it('refuses a restriction that it does not know rather than price it wrongly', () => {
    expect(() => tariff([{ restrictions: { min_power: 5 }, price_components: [energy('1.00')] }])).toThrow(/min_power/);
  });
});
