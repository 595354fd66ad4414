import { describe, expect, it } from 'vitest';
import { parserFor } from '../../src/adapters/sources/registry.ts';

const context = { sourceId: 's', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' };
const parsed = (format: string, message: object) => parserFor(format).parse(Buffer.from(JSON.stringify(message)), context);

const ocpi = {
  country_code: 'SE',
  party_id: 'WLT',
  id: 'C1',
  start_date_time: '2019-12-05T10:00:00Z',
  end_date_time: '2019-12-05T11:00:00Z',
  cdr_token: { uid: 'CARD1' },
  cdr_location: { id: 'G1' },
  currency: 'SEK',
  charging_periods: [{ start_date_time: '2019-12-05T10:00:00Z', dimensions: [{ type: 'ENERGY', volume: 80.86 }] }],
  total_cost: { excl_vat: 1 },
  total_energy: 80.86,
};
const closed = { transactionId: 'T1', siteId: 'G1', idTag: 'CARD1', startTime: '2019-12-05T10:00:00Z', stopTime: '2019-12-05T11:00:00Z', meterStart: 1000, meterStop: 8000 };
const exported = { id: 'T1', siteId: 'G1', idTag: 'CARD1', startedOn: '2019-12-05 10:00:00', stoppedOn: '2019-12-05 11:00:00', totalEnergy: '7.5', energyUnit: 'kWh' };
const readings = [
  { timestamp: '2019-12-05 10:00:00', value: 1000 },
  { timestamp: '2019-12-05 11:00:00', value: 8000 },
];
const charge = { id: 'V1', vehicleId: 'CAR1', placeId: 'G1', start: '2019-12-05T10:00:00Z', end: '2019-12-05T11:00:00Z', energyAddedKwh: 7.5 };

describe('what cannot be read still says what it charged, so that nothing held counts for nothing', () => {
  it.each([
    ['OCPI without a token', 'ocpi-2-2-1', { ...ocpi, cdr_token: undefined }, 80_860],
    ['OCPI without an end', 'ocpi-2-3-0', { ...ocpi, end_date_time: undefined }, 80_860],
    ['OCPI 2.1.1 without a cost', 'ocpi-2-1-1', { ...ocpi, cdr_location: undefined, cdr_token: undefined, location: { id: 'G1' }, auth_id: 'CARD1', total_cost: undefined }, 80_860],
    ['OCPI whose periods hold something else', 'ocpi-2-2-1', { ...ocpi, total_energy: 81 }, 81_000],
    ['a transaction without a token', 'json-csms', { ...closed, idTag: undefined }, 7000],
    ['a transaction that states its energy, without an end', 'json-csms', { ...closed, energyWh: 6900, stopTime: '?' }, 6900],
    ['an exported transaction without a site', 'csms-transactions', { ...exported, siteId: undefined }, 7500],
    ['an exported one with readings alone', 'csms-transactions', { ...exported, idTag: undefined, totalEnergy: undefined, energyUnit: undefined, meterValues: readings }, 7000],
  ])('%s', (_, format, message, statedWh) => {
    expect(parsed(format, message)).toMatchObject({ ok: false, statedWh });
  });

  it.each([
    ['OCPI whose energy is no number', 'ocpi-2-2-1', { ...ocpi, total_energy: 'much' }],
    ['a list', 'ocpi-2-2-1', [ocpi]],
    ['a reading that is none', 'json-csms', { ...closed, meterStop: 'x' }],
    ['a unit that nobody knows', 'csms-transactions', { ...exported, energyUnit: 'MWh' }],
    ['readings at no time', 'csms-transactions', { ...exported, totalEnergy: undefined, meterValues: readings.map((r) => ({ ...r, timestamp: '?' })) }],
    ['what a vehicle says, which is no energy of ours', 'vehicle-telematics', { ...charge, end: '?' }],
  ])('but guesses nothing: %s', (_, format, message) => {
    expect(parsed(format, message)).not.toHaveProperty('statedWh');
  });
});
