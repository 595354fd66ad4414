import { describe, expect, it } from 'vitest';
import { parserFor } from '../../src/adapters/sources/registry.ts';

const parser = parserFor('csms-transactions');
const context = { sourceId: 'csms', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' };
const transaction = {
  id: 'TX-90',
  siteId: 12,
  evseId: 'SE*WLT*E1*2',
  connectorId: 2,
  idTag: 'CARD1',
  authorizationId: 'AUTH-7',
  startedOn: '2019-12-05 18:00:00',
  stoppedOn: '2019-12-05 21:00:00',
  stopReason: 'EVDisconnected',
  lastUpdate: '2019-12-05T20:05:00Z',
  meterValues: [
    { timestamp: '2019-12-05 18:00:00', value: '1200.0004', unit: 'kWh' },
    { timestamp: '2019-12-05 19:30:00', value: '1211.4998', unit: 'kWh' },
    { timestamp: '2019-12-05 21:00:00', value: '1211.5', unit: 'kWh' },
    { timestamp: '2019-12-05 21:00:00', value: 31, measurand: 'Temperature' },
  ],
};
const read = (more: object = {}) => parser.parse(Buffer.from(JSON.stringify({ ...transaction, ...more })), context);

describe('a CSMS’s transaction export', () => {
  it('reads a time without offset in the zone of the source, however it parts date and time; one with an offset by that', () => {
    const startOf = (startedOn: string) => read({ startedOn, meterValues: [], totalEnergy: 9 });
    for (const startedOn of ['2019-12-05 18:00:00', '2019-12-05T18:00:00', '2019-12-05T18:00:00.000', '2019-12-05T18:00:00+01:00', '2019-12-05T17:00:00.000Z'])
      expect([startedOn, startOf(startedOn)]).toMatchObject([startedOn, { ok: true, facts: { startAt: '2019-12-05T17:00:00Z' } }]);
    expect(startOf('2019-10-27T02:30:00')).toMatchObject({ ok: true, issues: [{ code: 'ambiguousLocalTime' }], facts: { startAt: '2019-10-27T00:30:00Z' } });
  });

  // Register 1,200.0004 kWh is 1,200,000 Wh (0.4 Wh down), 1,211.4998 is 1,211,500 (0.8 up), 1,211.5 is 1,211,500: 11,500 Wh, and no more after 19:30.
  it('takes the energy from the register in whole Wh, and tells when it stopped rising', () => {
    expect(read()).toEqual({
      ok: true,
      issues: [],
      updatedAt: Date.UTC(2019, 11, 5, 20, 5),
      facts: {
        sourceId: 'csms',
        ownerCountry: 'SE',
        ownerParty: 'WLT',
        cdrId: 'tx-90',
        externalIds: { cdr: 'TX-90', session: 'TX-90', authorization: 'AUTH-7' },
        siteKey: '12',
        evseId: 'SE*WLT*E1*2',
        connectorId: '2',
        tokenKey: 'CARD1',
        startAt: '2019-12-05T17:00:00Z',
        endAt: '2019-12-05T20:00:00Z',
        chargingEndAt: '2019-12-05T18:30:00Z',
        energyWh: 11_500,
        meterStartWh: 1_200_000,
        meterEndWh: 1_211_500,
        periods: 'unsplit',
      },
    });
  });
  it('bills what the CSMS states where it does, and leaves the register beside it for the rules', () => {
    expect(read({ totalEnergy: 11.4, energyUnit: 'kWh' })).toMatchObject({ facts: { energyWh: 11_400, meterStartWh: 1_200_000, meterEndWh: 1_211_500 } });
  });
  // A register of six digits passes 999,999 Wh between 18:00 and 19:00: 20,000 Wh as stated, the last of them by 20:00; the hour from then on is idle, not all three.
  it('lets charging end where the register stands still for good, though it began anew on the way, or shot up and came back', () => {
    const at = (...wh: number[]) => ({ totalEnergy: 20_000, meterValues: wh.map((value, i) => ({ timestamp: `2019-12-05 ${18 + i}:00:00`, value })) });
    expect(read(at(990_000, 2_000, 10_000, 10_000))).toMatchObject({ facts: { chargingEndAt: '2019-12-05T19:00:00Z', meterStartWh: 990_000, meterEndWh: 10_000 } });
    expect(read(at(1_000, 30_000, 20_997, 21_000))).toMatchObject({ facts: { chargingEndAt: '2019-12-05T19:00:00Z' } });
    expect(read(at(990_000, 2_000, 6_000, 10_000)).ok && read(at(990_000, 2_000, 6_000, 10_000))).not.toHaveProperty('facts.chargingEndAt');
  });
  it('puts readings in the order of their time, whatever the order they are listed in', () => {
    expect(read({ meterValues: [...transaction.meterValues].reverse() })).toEqual(read());
  });
  it('takes the register as a whole where phases are told beside it, and what the phases come to where they alone are', () => {
    const at = (time: string, phase: string | undefined, value: string) => ({ timestamp: `2019-12-05 ${time}`, value, unit: 'kWh', ...(phase === undefined ? {} : { phase }) });
    const phases = (time: string, ...values: string[]) => values.map((value, i) => at(time, ['L1', 'L2-N', 'L3'][i], value));
    const begin = phases('18:00:00', '400.0002', '400.0002', '400.0001');
    const end = phases('21:00:00', '404', '403.5', '404');
    // 404 + 403.5 + 404 = 1,211.5 kWh, and 1,200.0005 kWh, rounded once to 1,200,001 Wh, before: 11,499 Wh.
    expect(read({ meterValues: [...begin, ...end] })).toMatchObject({ facts: { energyWh: 11_499, meterStartWh: 1_200_001, meterEndWh: 1_211_500 } });
    // What one phase told last, alone, is no register; between two phases there is none.
    expect(read({ meterValues: [...begin, ...end, at('21:00:05', 'L1', '404'), at('18:00:00', 'L1-L2', '7')] })).toMatchObject({ facts: { energyWh: 11_499 } });
    expect(read({ meterValues: [...begin, ...transaction.meterValues, ...end] })).toEqual(read());
  });
  it.each(['PowerLoss', 'EmergencyStop', 'HardReset'])('finds a stop after which the charger may not have counted all: %s', (stopReason) => {
    expect(read({ stopReason })).toMatchObject({ ok: true, issues: [{ code: 'stoppedAbruptly', severity: 'warns', params: { stopReason } }] });
  });
  it('reads the autumn’s folded hour as its first pass, and says so', () => {
    expect(read({ startedOn: '2019-10-27 02:30:00' })).toMatchObject({ facts: { startAt: '2019-10-27T00:30:00Z' }, issues: [{ code: 'ambiguousLocalTime' }] });
  });
});

describe('a vehicle’s word', () => {
  const vehicle = parserFor('vehicle-telematics');
  const charge = { id: 'c1', vehicleId: 'VIN1', placeId: 'home-1', start: '2019-12-05T18:00:00+01:00', end: '2019-12-05T23:00:00+01:00' };
  const tell = (more: object) => vehicle.parse(Buffer.from(JSON.stringify({ ...charge, ...more })), context);
  it('is evidence and no meter', () => {
    expect(tell({ energyAddedKwh: 12.3456 })).toMatchObject({ ok: true, issues: [], facts: { energyWh: 12_346, measuredBy: 'vehicle', siteKey: 'home-1', tokenKey: 'VIN1' } });
  });
  // From 41.5 % to 80 % of 77.4 kWh: 38.5 % × 77.4 = 29.799 kWh.
  it('is taken from the state of charge where it tells no energy, exactly, and marked so', () => {
    expect(tell({ stateOfCharge: { start: 41.5, end: 80 }, batteryCapacityKwh: 77.4 })).toMatchObject({ facts: { energyWh: 29_799 }, issues: [{ code: 'energyFromStateOfCharge' }] });
  });
});
