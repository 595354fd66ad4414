import { type OcpiPrice, type OcpiSale, type OcpiVersion, readingDimensions } from '../../contracts/ocpi.ts';
import { writeTariff } from './write-tariff.ts';

/** A sale of ours as a CDR of `version`; `uid` is the token's, which the sale itself names by reference alone. Numbers are the decimal texts of the sale, which a double holds exactly as far as OCPI's four places go. */
export function writeCdr(sale: OcpiSale, version: OcpiVersion, uid: string): object {
  return version === '2.1.1' ? writeIn211(sale, uid) : writeIn22(sale, version, uid);
}

/** 2.2.1 and 2.3.0 mod_cdrs, CDR object. */
function writeIn22(sale: OcpiSale, version: '2.2.1' | '2.3.0', uid: string): object {
  const { cost, location } = sale;
  const price = version === '2.3.0' ? priceIn23 : priceIn22;
  const { address, city, postal_code, country, coordinates, name } = location;
  return {
    country_code: sale.from.countryCode,
    party_id: sale.from.partyId,
    id: sale.cdrId,
    start_date_time: sale.startAt,
    end_date_time: sale.endAt,
    ...(sale.sessionId === null ? {} : { session_id: sale.sessionId.slice(0, 36) }),
    cdr_token: { country_code: sale.to.countryCode, party_id: sale.to.partyId, uid, type: 'RFID', contract_id: uid },
    auth_method: 'AUTH_REQUEST',
    ...(sale.authorizationId === null ? {} : { authorization_reference: sale.authorizationId.slice(0, 36) }),
    cdr_location: {
      id: location.siteId,
      ...(name === undefined ? {} : { name }),
      address,
      city,
      ...(postal_code === undefined ? {} : { postal_code }),
      country,
      coordinates,
      evse_uid: location.evseId,
      evse_id: location.evseId,
      connector_id: location.connectorId,
      connector_standard: location.connector_standard,
      connector_format: location.connector_format,
      connector_power_type: location.connector_power_type,
    },
    currency: sale.currency,
    ...tariffsOf(sale, version),
    charging_periods: periodsOf(sale, version),
    // mod_cdrs, Credit CDRs: only total_cost is negative.
    total_cost: price(cost.total),
    ...(cost.fixed === undefined ? {} : { total_fixed_cost: price(cost.fixed) }),
    total_energy: kWh(sale.energyWh),
    ...(cost.energy === undefined ? {} : { total_energy_cost: price(cost.energy) }),
    total_time: totalHours(sale),
    ...(cost.time === undefined ? {} : { total_time_cost: price(cost.time) }),
    total_parking_time: hours(sum(sale, 'parkingSeconds')),
    ...(cost.parking === undefined ? {} : { total_parking_cost: price(cost.parking) }),
    ...(cost.reservation === undefined ? {} : { total_reservation_cost: price(cost.reservation) }),
    ...(sale.creditOf === null ? {} : { credit: true, credit_reference_id: sale.creditOf }),
    last_updated: sale.madeAt,
  };
}

/** 2.1.1 mod_cdrs, CDR object. Credits do not exist there: none is ever made for such a peer. */
function writeIn211(sale: OcpiSale, uid: string): object {
  const { location, madeAt } = sale;
  const connector = {
    id: location.connectorId,
    standard: location.connector_standard,
    format: location.connector_format,
    power_type: location.connector_power_type,
    voltage: location.voltage ?? 0,
    amperage: location.amperage ?? 0,
    // Optional, as is the zone below, but some cannot read a CDR without them.
    ...(sale.tariff === null ? {} : { tariff_id: sale.tariff['id'] }),
    last_updated: madeAt,
  };
  return {
    id: sale.cdrId,
    start_date_time: sale.startAt,
    stop_date_time: sale.endAt,
    // Not in the text, but what many read in its place.
    end_date_time: sale.endAt,
    auth_id: uid,
    auth_method: 'AUTH_REQUEST',
    location: {
      id: location.siteId,
      type: 'UNKNOWN',
      ...(location.name === undefined ? {} : { name: location.name }),
      address: location.address,
      city: location.city,
      postal_code: location.postal_code ?? '-',
      country: location.country,
      coordinates: location.coordinates,
      ...(location.timeZone === undefined ? {} : { time_zone: location.timeZone }),
      evses: [{ uid: location.evseId, evse_id: location.evseId, status: 'UNKNOWN', connectors: [connector], last_updated: madeAt }],
      last_updated: madeAt,
    },
    currency: sale.currency,
    ...tariffsOf(sale, '2.1.1'),
    charging_periods: periodsOf(sale, '2.1.1'),
    total_cost: Number(sale.cost.total.net),
    total_energy: kWh(sale.energyWh),
    total_time: totalHours(sale),
    total_parking_time: hours(sum(sale, 'parkingSeconds')),
    last_updated: madeAt,
  };
}

function tariffsOf({ tariff, from, madeAt }: OcpiSale, version: OcpiVersion): object {
  return tariff === null ? {} : { tariffs: [writeTariff({ body: tariff, owner: from, lastUpdated: madeAt }, version)] };
}

function periodsOf(sale: OcpiSale, version: OcpiVersion): object[] {
  return sale.periods.map((p) => ({
    start_date_time: p.startAt,
    dimensions: [
      ...(p.energyWh === 0 ? [] : [{ type: 'ENERGY', volume: kWh(p.energyWh) }]),
      ...(p.chargingSeconds === 0 ? [] : [{ type: 'TIME', volume: hours(p.chargingSeconds) }]),
      ...(p.parkingSeconds === 0 ? [] : [{ type: 'PARKING_TIME', volume: hours(p.parkingSeconds) }]),
      // As the source told them, so that the partner prices by them as we did; 2.1.1 knows no power.
      ...readingDimensions(p).filter(({ type }) => version !== '2.1.1' || !type.endsWith('_POWER')),
      // 2.1.1 knows no reserved time.
      ...(p.reservedSeconds === undefined || version === '2.1.1' ? [] : [{ type: 'RESERVATION_TIME', volume: hours(p.reservedSeconds) }]),
    ],
    ...(sale.tariff === null ? {} : { tariff_id: sale.tariff['id'] }),
  }));
}

function priceIn22({ net, gross }: OcpiPrice): object {
  return { excl_vat: Number(net), incl_vat: Number(gross) };
}

function priceIn23({ net, vat }: OcpiPrice): object {
  return { before_taxes: Number(net), taxes: vat.map(({ percent, amount }) => ({ name: 'VAT', ...(percent === null ? {} : { percentage: Number(percent) }), amount: Number(amount) })) };
}

function sum(sale: OcpiSale, field: 'chargingSeconds' | 'parkingSeconds'): number {
  return sale.periods.reduce((total, p) => total + p[field], 0);
}

/** Hours from start to end: total_time counts charging and parking. */
function totalHours(sale: OcpiSale): number {
  return hours((Date.parse(sale.endAt) - Date.parse(sale.startAt)) / 1000);
}

function kWh(wh: number): number {
  return wh / 1000;
}

/** Four places, as OCPI writes numbers. */
function hours(seconds: number): number {
  return Math.round((seconds / 3600) * 10_000) / 10_000;
}
