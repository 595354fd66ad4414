import type { ChargeRecord } from '../../contracts/charge-record.ts';
import type { OcpiLocation, OcpiParty, OcpiPrice, OcpiSale } from '../../contracts/ocpi.ts';
import { formatMinor } from '../money.ts';

/** A live charge of the sale; amounts in minor units as text, the VAT percent as the charge's code has it. */
export type SaleCharge = { readonly component: string; readonly currency: string; readonly net: string; readonly gross: string; readonly vatPercent: string | null };

export type SaleInput = {
  readonly record: ChargeRecord;
  readonly revision: number;
  readonly charges: readonly SaleCharge[];
  readonly location: OcpiLocation;
  readonly siteId: string;
  /** IANA zone of the site. */
  readonly timeZone: string;
  readonly tariff: Readonly<Record<string, unknown>> | null;
  readonly from: OcpiParty;
  readonly to: OcpiParty;
  readonly madeAt: string;
};

/** Which part of total_cost a component belongs to (mod_cdrs, total_energy_cost and others); what is none of them, such as a discount, is in the total alone. */
const parts = { ENERGY: 'energy', TIME: 'time', PARKING_TIME: 'parking', FLAT: 'fixed', RESERVATION_TIME: 'reservation', RESERVATION_FLAT: 'reservation' } as const;

/**
 * What our CDR of a session says to the partner who pays for it: the sealed facts, and the price as it was booked. Its id is ours alone
 * (record and revision), so that a correction has another one and two sources never meet in one id. Charges are in one currency.
 */
export function saleOf({ record, revision, charges, location, siteId, timeZone, tariff, from, to, madeAt }: SaleInput): OcpiSale {
  const { facts, recordId } = record;
  const currency = charges[0]?.currency ?? '';
  const part = (name: (typeof parts)[keyof typeof parts]) => {
    const own = charges.filter((c) => parts[c.component.split('/')[0] as keyof typeof parts] === name);
    return own.length === 0 ? {} : { [name]: priceOf(own, currency) };
  };
  return {
    cdrId: `WL-${recordId}-${revision}`,
    creditOf: null,
    from,
    to,
    startAt: facts.startAt,
    endAt: facts.endAt,
    sessionId: facts.externalIds.session ?? null,
    authorizationId: facts.externalIds.authorization ?? null,
    token: { sourceId: facts.sourceId, ref: facts.tokenRef },
    location: { ...location, siteId, evseId: facts.evseId ?? siteId, connectorId: facts.connectorId ?? '1', timeZone },
    currency,
    tariff,
    periods: periodsOf(facts),
    energyWh: facts.energyWh,
    cost: { total: priceOf(charges, currency), ...part('energy'), ...part('time'), ...part('parking'), ...part('fixed'), ...part('reservation') },
    madeAt,
  };
}

/** As sealed; of a session that its source did not split, or that was corrected, what was reserved, one stretch of charging and one after it. */
function periodsOf(facts: ChargeRecord['facts']): OcpiSale['periods'] {
  if (facts.periods !== 'unsplit') return facts.periods;
  const chargedUntil = facts.chargingEndAt ?? facts.endAt;
  const seconds = (from: string, to: string) => Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / 1000));
  const usedAt = facts.reservedUntil ?? facts.startAt;
  const reserved = { startAt: facts.startAt, energyWh: 0, chargingSeconds: 0, parkingSeconds: 0, reservedSeconds: seconds(facts.startAt, usedAt) };
  if (usedAt === facts.endAt && reserved.reservedSeconds > 0) return [reserved];
  const charging = { startAt: usedAt, energyWh: facts.energyWh, chargingSeconds: seconds(usedAt, chargedUntil), parkingSeconds: 0 };
  const parkingSeconds = seconds(chargedUntil, facts.endAt);
  const used = parkingSeconds === 0 ? [charging] : [charging, { startAt: chargedUntil, energyWh: 0, chargingSeconds: 0, parkingSeconds }];
  return reserved.reservedSeconds === 0 ? used : [reserved, ...used];
}

function priceOf(charges: readonly SaleCharge[], currency: string): OcpiPrice {
  const sum = (of: readonly SaleCharge[], field: 'net' | 'gross') => of.reduce((total, c) => total + BigInt(c[field]), 0n);
  const percents = [...new Set(charges.map((c) => c.vatPercent))];
  const vat = percents.map((percent) => {
    const own = charges.filter((c) => c.vatPercent === percent);
    return { percent: percent === null ? null : String(Number(percent)), amount: formatMinor(sum(own, 'gross') - sum(own, 'net'), currency) };
  });
  return { net: formatMinor(sum(charges, 'net'), currency), gross: formatMinor(sum(charges, 'gross'), currency), vat };
}
