import fc from 'fast-check';
import { tariffSchema } from '../../src/contracts/tariff.ts';
import { splitSession } from '../../src/core/rate/split-session.ts';

export type Dimension = { type: string; volume: number | string };
export type Period = { start_date_time: string; tariff_id?: string; dimensions: Dimension[] };
export type Cdr = { start_date_time: string; end_date_time: string; charging_periods: Period[] } & Record<string, unknown>;
export type Component = { type: string; price: number | string; vat?: number | string; step_size: number };
export type Element = { price_components: Component[]; restrictions?: Record<string, unknown> };
export type OcpiTariff = { id: string; currency: string; elements: Element[] } & Record<string, unknown>;
export type Request = { name: string; ocpi_version: string; timezone: string; cdr: Cdr; tariff: OcpiTariff };

export const zone = 'Europe/Stockholm';

/** A CDR with just what rating reads. */
export function cdrOf(startMs: number, endMs: number, periods: Period[], rest: object = {}): Cdr {
  const iso = (ms: number) => new Date(ms).toISOString();
  const totals = { total_cost: { excl_vat: 0 }, total_energy: 0, total_time: 0 };
  return {
    country_code: 'SE',
    party_id: 'WLG',
    id: 'C1',
    currency: 'SEK',
    cdr_location: { country: 'SWE' },
    start_date_time: iso(startMs),
    end_date_time: iso(endMs),
    charging_periods: periods,
    ...totals,
    ...rest,
  };
}

export function tariffOf(elements: Element[], rest: object = {}): OcpiTariff {
  return { country_code: 'SE', party_id: 'WLG', id: 'T1', currency: 'SEK', elements, ...rest };
}

export function requestOf(cdr: Cdr, tariff: OcpiTariff, version = '2.2.1'): Request {
  return { name: 'case', ocpi_version: version, timezone: zone, cdr, tariff };
}

const clock = fc.tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom('00', '15', '30')).map(([h, m]) => `${String(h).padStart(2, '0')}:${m}`);
const time = { start_time: clock, end_time: clock, day_of_week: fc.array(fc.constantFrom('MONDAY', 'FRIDAY', 'SATURDAY', 'SUNDAY')), end_date: fc.constant('2019-10-28') };
const duration = { min_duration: fc.integer({ min: 0, max: 40_000 }), max_duration: fc.integer({ min: 600, max: 40_000 }) };
const energy = { min_kwh: fc.constantFrom(1, 10), max_kwh: fc.constantFrom(0.5, 10, 12.345) };
// The periods below state 11 kW, so that these hold: the law is about splits, not about power.
const power = { min_power: fc.constantFrom(5, 11), max_power: fc.constantFrom(11.5, 22) };

export const restrictions = fc.record({ ...time, ...duration, ...energy, ...power }, { requiredKeys: [] });
export const timeRestrictions = fc.record({ ...time, ...duration }, { requiredKeys: [] });

const price = fc.integer({ min: 0, max: 99_999 }).map((n) => n / 10_000);
const component = fc.record(
  { type: fc.constantFrom('ENERGY', 'TIME', 'PARKING_TIME', 'FLAT'), price, vat: fc.constantFrom(0, 6, 25, 8.1), step_size: fc.constantFrom(0, 1, 60, 300, 1000) },
  { requiredKeys: ['type', 'price', 'step_size'] },
);

export const tariffWith = (restriction: fc.Arbitrary<Record<string, unknown>>): fc.Arbitrary<OcpiTariff> =>
  fc.array(fc.record({ price_components: fc.array(component, { minLength: 1, maxLength: 4 }), restrictions: restriction }), { minLength: 1, maxLength: 4 }).map((elements) => tariffOf(elements));

/** Within two days of the autumn and the spring change, up to 30 hours long; energy in Wh. */
export const session = fc.record({
  startMs: fc.tuple(fc.constantFrom(Date.UTC(2019, 9, 25), Date.UTC(2019, 2, 29)), fc.integer({ min: 0, max: 3000 })).map(([day, m]) => day + m * 60_000),
  lengthMs: fc.integer({ min: 1, max: 1_800 }).map((m) => m * 60_000),
  chargingShare: fc.integer({ min: 0, max: 100 }),
  energyWh: fc.integer({ min: 0, max: 90_000 }),
});
export type Session = { startMs: number; lengthMs: number; chargingShare: number; energyWh: number };

export type Piece = { startMs: number; endMs: number; energyWh: number; chargingMs: number; parkingMs: number };

/** The session cut at every boundary of the tariff. */
export function piecesOf(tariff: OcpiTariff, s: Session): Piece[] {
  const chargingEndMs = s.startMs + Math.floor((s.lengthMs * s.chargingShare) / 100);
  return splitSession({ tariff: tariffSchema.parse(tariff), startMs: s.startMs, endMs: s.startMs + s.lengthMs, chargingEndMs, energyWh: s.energyWh, zone });
}

/** OCPI periods with exact kWh, hours to four decimals as operators write them, and the same readings throughout. */
export function periodsOf(pieces: readonly Piece[]): Period[] {
  return pieces.map(({ startMs, energyWh, chargingMs, parkingMs }) => {
    const hours = (type: string, ms: number) => (ms === 0 ? [] : [{ type, volume: Math.round(ms / 360) / 10_000 }]);
    const readings = ['MIN_POWER', 'MAX_POWER'].map((type) => ({ type, volume: 11 }));
    const energy = energyWh === 0 ? [] : [{ type: 'ENERGY', volume: energyWh / 1000 }];
    return { start_date_time: new Date(startMs).toISOString(), dimensions: [...energy, ...hours('TIME', chargingMs), ...hours('PARKING_TIME', parkingMs), ...readings] };
  });
}
