import { describe, expect, it } from 'vitest';
import { parserFor } from '../../src/adapters/sources/registry.ts';

const parser = parserFor('ocpi-2-2-1');
const context = { sourceId: 'hub', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' };
type Dimension = readonly [type: string, volume: number | string];
/** A CDR from 10:00 to 12:00 with periods that begin at these minutes of the day. */
const parsed = (totalEnergy: number | string, ...periods: readonly (readonly [at: string, ...Dimension[]])[]) =>
  parser.parse(
    Buffer.from(
      JSON.stringify({
        country_code: 'NO',
        party_id: 'NRD',
        id: 'P-1',
        start_date_time: '2019-12-05T10:00:00Z',
        end_date_time: '2019-12-05T12:00:00Z',
        cdr_token: { uid: 'U1' },
        cdr_location: { id: 'AdO1' },
        currency: 'SEK',
        charging_periods: periods.map(([at, ...dimensions]) => ({ start_date_time: `2019-12-05T${at}:00Z`, dimensions: dimensions.map(([type, volume]) => ({ type, volume })) })),
        total_cost: { excl_vat: 31 },
        total_energy: totalEnergy,
        last_updated: '2019-12-05T12:05:00Z',
      }),
    ),
    context,
  );
const period = (at: string, energyWh: number, chargingSeconds = 0, parkingSeconds = 0) => ({ startAt: `2019-12-05T${at}:00Z`, energyWh, chargingSeconds, parkingSeconds });

describe('the periods of a CDR', () => {
  it('come in the order of their time, whatever order they were written in', () => {
    const ordered = parsed(10, ['10:00', ['ENERGY', 8]], ['11:00', ['ENERGY', 2]], ['11:30', ['PARKING_TIME', 0.5]]);
    const shuffled = parsed(10, ['11:30', ['PARKING_TIME', 0.5]], ['10:00', ['ENERGY', 8]], ['11:00', ['ENERGY', 2]]);
    expect(ordered).toMatchObject({ ok: true, issues: [], facts: { periods: [period('10:00', 8000), period('11:00', 2000), period('11:30', 0, 0, 1800)] } });
    expect(shuffled).toMatchObject({ ok: true, issues: [{ code: 'periodsOutOfOrder', severity: 'warns' }], facts: ordered.ok ? { periods: ordered.facts.periods } : {} });
  });

  it('add up a dimension that comes twice, and know it in small letters', () => {
    // 0.25 h and 0.5 h are 2,700 s; 4.0005 and 5.9995 kWh are 10,000 Wh.
    expect(parsed(10, ['10:00', ['TIME', 0.25], ['ENERGY', '4.0005'], ['time', '0.5'], ['energy', 5.9995]])).toMatchObject({
      ok: true,
      issues: [
        { code: 'dimensionRepeated', severity: 'warns', params: { dimension: 'ENERGY' } },
        { code: 'dimensionRepeated', severity: 'warns', params: { dimension: 'TIME' } },
      ],
      facts: { energyWh: 10_000, periods: [period('10:00', 10_000, 2700)] },
    });
  });

  it('may hold what adding doubles up leaves, which JSON writes with an exponent', () => {
    // 0.1 + 0.2 - 0.3 kWh are 5.551115123125783e-17: 0 Wh.
    expect(parsed(10, ['10:00', ['ENERGY', 10], ['PARKING_TIME', 1e-7]], ['11:00', ['ENERGY', 0.1 + 0.2 - 0.3]])).toMatchObject({
      ok: true,
      issues: [],
      facts: { energyWh: 10_000, periods: [period('10:00', 10_000), period('11:00', 0)] },
    });
    expect(parsed('1e1', ['10:00', ['ENERGY', '1e1']])).toMatchObject({ ok: true, facts: { energyWh: 10_000 } });
    for (const volume of ['1e', 'ten', 1e-45])
      expect(parsed(10, ['10:00', ['ENERGY', volume]])).toMatchObject({ ok: false, issues: [{ params: { detail: expect.stringContaining('must be a decimal number') } }] });
  });

  it('hold energy finer than a Wh, as OCPI’s four decimals do, and share what it comes to', () => {
    // Three times 1,234.5 Wh are 3,703.5, rounded once 3,704, not 3 × 1,235 = 3,705: of 3 × 1,234 two Wh are left, for the first two.
    expect(parsed(3.7035, ['10:00', ['ENERGY', 1.2345]], ['10:30', ['ENERGY', 1.2345]], ['11:00', ['ENERGY', 1.2345]])).toMatchObject({
      ok: true,
      facts: { energyWh: 3704, periods: [period('10:00', 1235), period('10:30', 1235), period('11:00', 1234)] },
    });
    // 1,000.4 and 999.4 Wh are 1,999.8: 2,000, where each alone is rounded down. Given back (-0.6 Wh): 1,000.4 - 0.6 = 999.8.
    expect(parsed(1.9998, ['10:00', ['ENERGY', 1.0004]], ['11:00', ['ENERGY', 0.9994]])).toMatchObject({ facts: { energyWh: 2000, periods: [period('10:00', 1001), period('11:00', 999)] } });
    expect(parsed(0.9998, ['10:00', ['ENERGY', 1.0004]], ['11:00', ['ENERGY', -0.0006]])).toMatchObject({ facts: { energyWh: 1000, periods: [period('10:00', 1001), period('11:00', -1)] } });
    expect(parsed(3.705, ['10:00', ['ENERGY', 1.2345]], ['10:30', ['ENERGY', 1.2345]], ['11:00', ['ENERGY', 1.2335]])).toMatchObject({
      ok: false,
      issues: [{ params: { detail: 'the periods hold 3703 Wh, total_energy says 3705 Wh' } }],
    });
  });

  it('hold what the total says where each was rounded or cut to the Wh, by less than one each', () => {
    // Three times 1,000.4 Wh are 3,001.2: written as 1.000 each, and 3.001 together. The one more is the first's that charged.
    const thirds = (total: number, each = 1) => parsed(total, ['10:00', ['RESERVATION_TIME', 0.25]], ['10:15', ['ENERGY', each]], ['10:30', ['ENERGY', each]], ['11:00', ['ENERGY', each]]);
    expect(thirds(3.001)).toMatchObject({ ok: true, issues: [], facts: { energyWh: 3001, periods: [{ energyWh: 0 }, period('10:15', 1001), period('10:30', 1000), period('11:00', 1000)] } });
    // 1,000.9 Wh each, cut: 3,002.7 in all. 999.6 each, rounded up: 2,998.8.
    expect(thirds(3.002)).toMatchObject({ facts: { energyWh: 3002, periods: [{ energyWh: 0 }, { energyWh: 1001 }, { energyWh: 1001 }, { energyWh: 1000 }] } });
    expect(thirds(2.999)).toMatchObject({ facts: { energyWh: 2999, periods: [{ energyWh: 0 }, { energyWh: 1000 }, { energyWh: 1000 }, { energyWh: 999 }] } });
    expect(thirds(3.003)).toMatchObject({ ok: false, issues: [{ params: { detail: 'the periods hold 3000 Wh, total_energy says 3003 Wh' } }] });
    // One alone is the total.
    expect(parsed(3.001, ['10:00', ['ENERGY', 3]])).toMatchObject({ ok: false });
  });

  it('hold what was reserved, and say nothing of it where nothing was', () => {
    // 0.3667 h are 1,320.12 s: 22 minutes.
    expect(parsed(10, ['10:00', ['RESERVATION_TIME', 0.3667]], ['10:22', ['ENERGY', 10], ['RESERVATION_TIME', 0]])).toMatchObject({
      ok: true,
      issues: [],
      facts: { periods: [{ ...period('10:00', 0), reservedSeconds: 1320 }, period('10:22', 10_000)] },
    });
    const read = parsed(10, ['10:00', ['ENERGY', 10]]);
    expect(read.ok && read.facts.periods).toEqual([period('10:00', 10_000)]);
  });

  it('hold power and current as they are told, of each the last', () => {
    expect(parsed(10, ['10:00', ['ENERGY', 8], ['MAX_POWER', 7], ['MIN_POWER', '3.7'], ['max_power', 11.04]], ['11:00', ['ENERGY', 2], ['MIN_CURRENT', 0], ['MAX_CURRENT', 16]])).toMatchObject({
      ok: true,
      issues: [],
      facts: {
        periods: [
          { ...period('10:00', 8000), readings: { maxPower: 11.04, minPower: 3.7 } },
          { ...period('11:00', 2000), readings: { minCurrent: 0, maxCurrent: 16 } },
        ],
      },
    });
  });

  it('hold no power that no number holds: it would be sealed as none', () => {
    expect(parsed(10, ['10:00', ['ENERGY', 10], ['MAX_POWER', '9'.repeat(400)]])).toMatchObject({
      ok: false,
      issues: [{ code: 'badShape', params: { detail: 'a power or a current is beyond any number' } }],
    });
  });
});
