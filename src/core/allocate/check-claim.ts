import type { ChargeFacts } from '../../contracts/charge-record.ts';
import { readingDimensions } from '../../contracts/ocpi.ts';
import type { Tariff } from '../../contracts/tariff.ts';
import { type Issue, issue } from '../issues.ts';
import { compare, type Exact, exactFromDecimal, sub, toDecimal4HalfEven } from '../money.ts';
import { compareClaim } from '../rate/compare-claim.ts';
import { type OfferedTariff, offerTariff, type RatingInput, rateCdr } from '../rate/rate-cdr.ts';

/** Half of the last digit that OCPI writes of a cost. */
const halfOfLastDigit: Exact = { n: 1n, d: 20_000n };

/**
 * Dual rating: what a partner claims for a session beside our own price of it (`own`), both net in major units. A finding that tells the cause of
 * the difference; undefined when they agree, when nothing is claimed, or when the claim cannot be compared (another currency, an unsplit session).
 */
export function checkClaim(facts: ChargeFacts, tariff: Tariff, zone: string, own: Exact): Issue | undefined {
  const { partnerPrice, periods } = facts;
  if (partnerPrice === undefined || periods === 'unsplit' || partnerPrice.origin === 'notSignificant' || partnerPrice.currency !== tariff.currency) return undefined;
  // Nearly all agree; only what differs is rated again, as the partner may have.
  const gap = sub(exactFromDecimal(partnerPrice.exclVat), own);
  if (compare(gap.n < 0n ? { n: -gap.n, d: gap.d } : gap, halfOfLastDigit) <= 0) return undefined;
  const hours = (seconds: number) => (seconds / 3600).toFixed(9);
  const dimensions = (p: (typeof periods)[number]) => [
    { type: 'ENERGY', volume: (p.energyWh / 1000).toFixed(3) },
    { type: 'TIME', volume: hours(p.chargingSeconds) },
    { type: 'PARKING_TIME', volume: hours(p.parkingSeconds) },
    { type: 'RESERVATION_TIME', volume: hours(p.reservedSeconds ?? 0) },
  ];
  const cdr = {
    country_code: facts.ownerCountry,
    currency: partnerPrice.currency,
    start_date_time: facts.startAt,
    end_date_time: facts.endAt,
    total_cost: { excl_vat: partnerPrice.exclVat },
    total_energy: facts.energyWh / 1000,
    total_time: 0,
    charging_periods: periods.map((p) => ({ start_date_time: p.startAt, dimensions: [...dimensions(p).filter((d) => Number(d.volume) !== 0), ...readingDimensions(p)] })),
  };
  const input: RatingInput = { version: '2.2.1', cdr, timezone: zone, offers: [offerOf(tariff)] };
  const ours = rateCdr(input);
  const { currency } = tariff;
  if (!ours.ok)
    return issue('claimDiffers', 'info', facts.cdrId, { claimed: partnerPrice.exclVat, ours: '?', currency, cause: `it cannot be rated as OCPI: ${ours.issue.code} at ${ours.issue.subject}` });
  const verdict = compareClaim({ excl: exactFromDecimal(partnerPrice.exclVat), incl: null }, ours, input);
  if (verdict.cause === 'agrees' || verdict.cause === 'no claim') return undefined;
  return issue('claimDiffers', 'info', facts.cdrId, {
    claimed: partnerPrice.exclVat,
    ours: toDecimal4HalfEven(ours.costs.total?.excl ?? { n: 0n, d: 1n }),
    currency,
    cause: verdict.under === null ? verdict.cause : `${verdict.cause} (${verdict.under})`,
  });
}

const offers = new WeakMap<Tariff, OfferedTariff>();

/** Our tariff as OCPI publishes one, made once per object so that it is compiled once. Who publishes it, and when, prices nothing. */
function offerOf(tariff: Tariff): OfferedTariff {
  const known = offers.get(tariff);
  if (known !== undefined) return known;
  const offer = offerTariff({ country_code: 'XX', party_id: 'OWN', last_updated: '2000-01-01T00:00:00Z', ...tariff }, '2.2.1', '$.tariff');
  offers.set(tariff, offer);
  return offer;
}
