import { describe, expect, it } from 'vitest';
import { toDecimal4HalfEven } from '../../src/core/money.ts';
import { claimOf, compareClaim } from '../../src/core/rate/compare-claim.ts';
import { offerTariff, rateCdr } from '../../src/core/rate/rate-cdr.ts';
import { cdrOf, type Element, type OcpiTariff, tariffOf, zone } from '../support/ocpi.ts';

const startMs = Date.UTC(2024, 4, 6, 4, 30);
const quarter = 900_000;
const iso = (ms: number) => new Date(ms).toISOString();
const energy = (price: number, step_size = 1) => ({ type: 'ENERGY', price, vat: 25, step_size });

// 06:30 local: two quarters, the second on the other side of 04:45 UTC.
const periods = [
  { start_date_time: iso(startMs), dimensions: [{ type: 'ENERGY', volume: 4.2337 }] },
  { start_date_time: iso(startMs + quarter), dimensions: [{ type: 'ENERGY', volume: 1.1 }] },
];

function verdict(claimed: unknown, elements: Element[], others: OcpiTariff[] = []) {
  const cdr = cdrOf(startMs, startMs + 2 * quarter, periods, { total_cost: claimed });
  const input = { version: '2.2.1' as const, cdr, timezone: zone, offers: [offerTariff(tariffOf(elements), '2.2.1', '$.tariff')] };
  const ours = rateCdr(input);
  if (!ours.ok) throw new Error(ours.issue.code);
  const offers = others.map((tariff) => offerTariff(tariff, '2.2.1', '$.tariff'));
  const { cause, under, difference } = compareClaim(claimOf(cdr, '2.2.1'), ours, input, offers);
  return [cause, under, difference.excl === null ? null : toDecimal4HalfEven(difference.excl)];
}

describe('compareClaim', () => {
  // 5.334 kWh (5.3337 in steps of 1 Wh) at 3.333: 17.778222 net, 22.2227775 gross
  const plain = [{ price_components: [energy(3.333)] }];

  it('agrees to the four decimals of OCPI', () => {
    expect(verdict({ excl_vat: 17.7782, incl_vat: 22.2228 }, plain)).toEqual(['agrees', null, '0.0000']);
    expect(verdict({ excl_vat: 17.7782 }, plain)).toEqual(['agrees', null, '0.0000']);
  });

  it('a total in cents is rounding', () => {
    expect(verdict({ excl_vat: 17.78, incl_vat: 22.22 }, plain)).toEqual(['rounding', 'the total', '0.0018']);
  });

  it('each line in cents is rounding too, when nothing else explains it', () => {
    // 14.1109 and 3.6673, both raised
    expect(verdict({ excl_vat: 17.79 }, plain)).toEqual(['rounding', 'each line', '0.0118']);
  });

  it('net and gross that are mixed up, or another rate, are VAT', () => {
    expect(verdict({ excl_vat: 22.22 }, plain)).toEqual(['VAT', 'the net claimed is our gross', '4.4418']);
    expect(verdict({ excl_vat: 17.78, incl_vat: 17.78 }, plain)).toEqual(['VAT', 'net agrees, tax does not', '0.0018']);
    expect(verdict({ excl_vat: 20, incl_vat: 22.22 }, plain)).toEqual(['VAT', 'gross agrees, net does not', '2.2218']);
    expect(verdict({ excl_vat: 15, incl_vat: 17.78 }, plain)).toEqual(['VAT', 'the gross claimed is our net', '-2.7782']);
  });

  it('step_size left out, or applied to every period', () => {
    // ours: 5.3337 in steps of 1 kWh is 6; by period 5 + 2
    const stepped = [{ price_components: [energy(2, 1000)] }];
    expect(verdict({ excl_vat: 10.67 }, stepped)).toEqual(['step_size', 'nothing rounded', '-1.3300']);
    expect(verdict({ excl_vat: 14 }, stepped)).toEqual(['step_size', 'every period rounded', '2.0000']);
  });

  it('UTC taken for local time', () => {
    // ours at 2 after 06:00 local; in UTC all of it at 1
    const byClock = [{ price_components: [energy(1)], restrictions: { end_time: '06:00' } }, { price_components: [energy(2)] }];
    expect(verdict({ excl_vat: 5.33 }, byClock)).toEqual(['time zone', 'UTC', '-5.3380']);
  });

  it('another version of the tariff, valid then or not', () => {
    const older = { ...tariffOf([{ price_components: [energy(3)] }]), id: 'T0', end_date_time: '2020-01-01T00:00:00Z' };
    expect(verdict({ excl_vat: 16 }, plain, [older])).toEqual(['tariff version', 'T0', '-1.7782']);
  });

  it('what nothing explains is unknown, and what is not there no claim', () => {
    expect(verdict({ excl_vat: 99 }, plain)).toEqual(['unknown', null, '81.2218']);
    expect(verdict({}, plain)).toEqual(['no claim', null, null]);
  });
});

describe('claimOf', () => {
  const text = (claim: ReturnType<typeof claimOf>) => [claim.excl, claim.incl].map((exact) => (exact === null ? null : toDecimal4HalfEven(exact)));
  it('reads the total of each version', () => {
    expect(text(claimOf({ total_cost: 4.9 }, '2.1.1'))).toEqual(['4.9000', null]);
    expect(text(claimOf({ total_cost: { excl_vat: '4', incl_vat: 5 } }, '2.2.1'))).toEqual(['4.0000', '5.0000']);
    expect(
      text(
        claimOf(
          {
            total_cost: {
              before_taxes: 4,
              taxes: [
                { name: 'GST', amount: 0.2 },
                { name: 'QST', amount: 0.399 },
              ],
            },
          },
          '2.3.0',
        ),
      ),
    ).toEqual(['4.0000', '4.5990']);
    expect(text(claimOf({ total_cost: { before_taxes: 4, taxes: [{}] } }, '2.3.0'))).toEqual(['4.0000', null]);
    expect(text(claimOf(null, '2.2.1'))).toEqual([null, null]);
  });
});
