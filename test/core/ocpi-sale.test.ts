import { describe, expect, it } from 'vitest';
import { itemsOf, membersOf } from '../../src/adapters/ocpi/json-slices.ts';
import { writeCdr } from '../../src/adapters/ocpi/write-cdr.ts';
import { ocpiFormats } from '../../src/adapters/sources/ocpi.ts';
import type { ChargeRecord } from '../../src/contracts/charge-record.ts';
import type { OcpiLocation } from '../../src/contracts/ocpi.ts';
import { saleOf } from '../../src/core/ocpi/sale-of.ts';

const location: OcpiLocation = {
  address: 'Norra vägen 2',
  city: 'Stockholm',
  postal_code: '113 30',
  country: 'SWE',
  coordinates: { latitude: '59.334591', longitude: '18.063240' },
  connector_standard: 'IEC_62196_T2',
  connector_format: 'SOCKET',
  connector_power_type: 'AC_3_PHASE',
};
const facts = {
  sourceId: 'csms',
  externalIds: { cdr: '4482', session: 'S-4482' },
  tokenRef: 'ref',
  evseId: 'SE*WLT*E1',
  startAt: '2019-12-03T10:00:00Z',
  endAt: '2019-12-03T11:30:00Z',
  chargingEndAt: '2019-12-03T11:00:00Z',
  energyWh: 10_500,
  periods: 'unsplit',
};
// 4.00 flat + 10.5 kWh x 2.95 = 30.975, rounded to 30.98, + 60 min x 0.10 = 0.10 an hour: 0.10; a discount of 1.00. VAT 25 % per component:
// 1.00, 7.745 -> 7.75 (half away from zero), 0.025 -> 0.03, -0.25. Net 34.08, gross 34.08 + 8.53 = 42.61.
const charge = (component: string, net: string, gross: string) => ({ component, currency: 'SEK', net, gross, vatPercent: '25.00' });
const charges = [charge('FLAT/0', '400', '500'), charge('ENERGY/0', '3098', '3873'), charge('TIME/0', '10', '13'), charge('discount', '-100', '-125')];
const tariff = { id: 'roaming', currency: 'SEK', elements: [{ price_components: [{ type: 'ENERGY', price: '2.95', vat: '25', step_size: 1 }] }], min_price: { excl_vat: '1.00' } };
const sale = saleOf({
  record: { recordId: '17', facts } as unknown as ChargeRecord,
  revision: 2,
  charges,
  location,
  siteId: 'site_1',
  timeZone: 'Europe/Stockholm',
  tariff,
  from: { countryCode: 'SE', partyId: 'WLT' },
  to: { countryCode: 'NO', partyId: 'AUR' },
  madeAt: '2019-12-04T00:00:00.000Z',
});
type Cdr = Record<string, unknown>;

describe('a sale as a CDR', () => {
  it('costs what was booked, part by part, and in all with what belongs to no part', () => {
    expect(sale.cost).toEqual({
      total: { net: '34.08', gross: '42.61', vat: [{ percent: '25', amount: '8.53' }] },
      energy: { net: '30.98', gross: '38.73', vat: [{ percent: '25', amount: '7.75' }] },
      time: { net: '0.10', gross: '0.13', vat: [{ percent: '25', amount: '0.03' }] },
      fixed: { net: '4.00', gross: '5.00', vat: [{ percent: '25', amount: '1.00' }] },
    });
    expect([sale.cdrId, sale.sessionId]).toEqual(['WL-17-2', 'S-4482']);
  });

  it('tells what was reserved of a session that was corrected, apart from what charged', () => {
    const told = (more: object) =>
      saleOf({
        record: { recordId: '17', facts: { ...facts, ...more } } as unknown as ChargeRecord,
        revision: 2,
        charges,
        location,
        siteId: 'site_1',
        timeZone: 'Europe/Stockholm',
        tariff,
        from: sale.from,
        to: sale.to,
        madeAt: sale.madeAt,
      });
    const period = (startAt: string, energyWh: number, chargingSeconds: number, parkingSeconds: number) => ({ startAt, energyWh, chargingSeconds, parkingSeconds });
    expect(told({ reservedUntil: '2019-12-03T10:15:00Z' }).periods).toEqual([
      { ...period(facts.startAt, 0, 0, 0), reservedSeconds: 900 },
      period('2019-12-03T10:15:00Z', 10_500, 2700, 0),
      period(facts.chargingEndAt, 0, 0, 1800),
    ]);
    expect(told({ energyWh: 0, chargingEndAt: undefined, reservedUntil: facts.endAt }).periods).toEqual([{ ...period(facts.startAt, 0, 0, 0), reservedSeconds: 5400 }]);
  });

  it('is written in the words of each version', () => {
    const in221 = writeCdr(sale, '2.2.1', 'AURORA-1') as Cdr;
    expect(in221).toMatchObject({ total_cost: { excl_vat: 34.08, incl_vat: 42.61 }, total_energy: 10.5, total_time: 1.5, total_parking_time: 0.5, cdr_token: { country_code: 'NO', uid: 'AURORA-1' } });
    expect(in221['charging_periods']).toMatchObject([
      {
        dimensions: [
          { type: 'ENERGY', volume: 10.5 },
          { type: 'TIME', volume: 1 },
        ],
        tariff_id: 'roaming',
      },
      { start_date_time: '2019-12-03T11:00:00Z', dimensions: [{ type: 'PARKING_TIME', volume: 0.5 }] },
    ]);
    expect(in221['tariffs']).toMatchObject([{ min_price: { excl_vat: 1 }, elements: [{ price_components: [{ price: 2.95, vat: 25 }] }] }]);
    const in230 = writeCdr(sale, '2.3.0', 'AURORA-1') as Cdr;
    expect(in230).toMatchObject({ total_cost: { before_taxes: 34.08, taxes: [{ name: 'VAT', percentage: 25, amount: 8.53 }] }, tariffs: [{ tax_included: 'NO', min_price: { before_taxes: 1 } }] });
    const in211 = writeCdr(sale, '2.1.1', 'AURORA-1') as Cdr;
    expect(in211).toMatchObject({
      total_cost: 34.08,
      auth_id: 'AURORA-1',
      stop_date_time: '2019-12-03T11:30:00Z',
      location: { time_zone: 'Europe/Stockholm', evses: [{ connectors: [{ id: '1' }] }] },
    });
    expect([in211['country_code'], (in211['tariffs'] as Cdr[])[0]?.['min_price']]).toEqual([undefined, undefined]);
  });

  it('is read back by our own parser to the same session, in every version', () => {
    const context = { sourceId: 'peer', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' };
    for (const [version, parser] of (['2.1.1', '2.2.1', '2.3.0'] as const).map((v, i) => [v, ocpiFormats[i]] as const)) {
      const bytes = Buffer.from(JSON.stringify(writeCdr(sale, version, 'AURORA-1')));
      expect(parser?.keyOf(bytes, context), version).toBe('se*wlt*wl-17-2');
      expect(parser?.parse(bytes, context), version).toMatchObject({
        ok: true,
        facts: { tokenKey: 'AURORA-1', siteKey: 'site_1', evseId: 'SE*WLT*E1', connectorId: '1', energyWh: 10_500, endAt: '2019-12-03T11:30:00Z', partnerPrice: { currency: 'SEK', exclVat: '34.08' } },
      });
    }
  });
});

describe('a sale with a reservation as a CDR', () => {
  const periods = [
    { startAt: '2019-12-03T10:00:00Z', energyWh: 0, chargingSeconds: 0, parkingSeconds: 0, reservedSeconds: 900, readings: { maxCurrent: 16, maxPower: 11 } },
    { startAt: '2019-12-03T10:15:00Z', energyWh: 10_500, chargingSeconds: 4500, parkingSeconds: 0 },
  ];
  const input = { revision: 2, location, siteId: 'site_1', timeZone: 'Europe/Stockholm', tariff: null, from: sale.from, to: sale.to, madeAt: sale.madeAt };
  // 3.00 of time and a fee of 2.00 for the reservation, 30.98 for energy: 35.98.
  const reserved = saleOf({
    ...input,
    record: { recordId: '17', facts: { ...facts, periods } } as unknown as ChargeRecord,
    charges: [charge('RESERVATION_TIME/0', '300', '375'), charge('RESERVATION_FLAT/0', '200', '250'), charge('ENERGY/1', '3098', '3873')],
  });

  it('says what was reserved and what that cost, and what power and current there was, but in 2.1.1, which knows neither reservations nor power', () => {
    const cdr = writeCdr(reserved, '2.2.1', 'AURORA-1') as Cdr;
    expect(cdr).toMatchObject({ total_cost: { excl_vat: 35.98 }, total_reservation_cost: { excl_vat: 5, incl_vat: 6.25 }, total_energy_cost: { excl_vat: 30.98 } });
    expect((cdr['charging_periods'] as Cdr[])[0]).toMatchObject({
      dimensions: [
        { type: 'MAX_CURRENT', volume: 16 },
        { type: 'MAX_POWER', volume: 11 },
        { type: 'RESERVATION_TIME', volume: 0.25 },
      ],
    });
    expect((writeCdr(reserved, '2.1.1', 'AURORA-1') as { charging_periods: Cdr[] }).charging_periods[0]).toMatchObject({ dimensions: [{ type: 'MAX_CURRENT', volume: 16 }] });
  });
});

describe('JSON cut into slices', () => {
  it('gives each item its own bytes, digits and all', () => {
    const page = Buffer.from('{ "data" : [ {"a":"},]\\"","n":1.10} , [1,2], "x", 12345678901234567.10 ], "status_code":1000}');
    const members = membersOf(page);
    expect(members?.get('status_code')?.toString()).toBe('1000');
    expect(itemsOf(members?.get('data') as Buffer)?.map(String)).toEqual(['{"a":"},]\\"","n":1.10}', '[1,2]', '"x"', '12345678901234567.10']);
    expect(itemsOf(Buffer.from(' [ ] '))).toEqual([]);
  });
  it.each(['', '{', '[', '[1', '{"a"}', '{"a":}', '[,]', 'null', '{"a":1,', '["open]', '[{"a":1]'])('answers nothing for what is cut off or no list: %s', (text) => {
    expect(itemsOf(Buffer.from(text))).toBeUndefined();
    expect(membersOf(Buffer.from(text))).toBeUndefined();
  });
});
