import { type Issue, messageOf, remedyOf } from '../issues.ts';
import { add, type Exact, toDecimal4HalfEven } from '../money.ts';
import { formatInstant } from '../time.ts';
import type { ComponentKind } from './compile-tariff.ts';
import { microText } from './decimal.ts';
import { describeClamping, describePart, describeRounding, traceOf } from './explain.ts';
import { type Cost, costOf, type MeteredPeriod, type PricedLine } from './price-periods.ts';
import type { CdrRating, CdrRefusal } from './rate-cdr.ts';

type CostText = { readonly excl_vat: string | null; readonly incl_vat: string | null } | null;

/** A rating as `wattledger rate` writes it: decimal strings, costs in major units to 4 places half-even, energy in kWh, times in seconds. */
export function reportOf(name: unknown, rating: CdrRating | CdrRefusal, explain: boolean): object {
  if (!rating.ok) return { name: name ?? null, ok: false, error: { ...issueReport(rating.issue), remedy: remedyOf(rating.issue.code) } };
  const { costs, quantities: q } = rating;
  return {
    name: name ?? null,
    ok: true,
    tariff: rating.tariff,
    timezone: rating.zone,
    total_cost: costText(costs.total),
    total_energy_cost: costText(costs.energy),
    total_time_cost: costText(costs.time),
    total_parking_cost: costText(costs.parking),
    total_fixed_cost: costText(costs.fixed),
    total_reservation_cost: costText(costs.reservation),
    total_energy_kwh: kwhText(q.energy),
    total_time_s: microText(q.totalMs, 3),
    total_charging_time_s: secondsText(q.charging),
    total_parking_time_s: secondsText(q.parking),
    total_reservation_time_s: secondsText(q.reserved),
    billed_energy_kwh: kwhText(q.billedEnergy),
    billed_charging_time_s: secondsText(q.billedCharging),
    billed_parking_time_s: secondsText(q.billedParking),
    billed_reservation_time_s: secondsText(q.billedReserved),
    vat: vatReport(rating),
    credit: rating.credit,
    home_charging_compensation: rating.homeChargingCompensation,
    periods: periodReports(rating),
    warnings: rating.warnings.map(issueReport),
    ...(explain ? { explanation: explanationOf(rating) } : {}),
  };
}

/** `reportOf` as JSON text. */
export function reportText(name: unknown, rating: CdrRating | CdrRefusal, explain: boolean): string {
  return JSON.stringify(reportOf(name, rating, explain));
}

function issueReport(found: Issue): object {
  return { code: found.code, path: found.subject, message: messageOf(found) };
}

function costText(cost: Cost | null): CostText {
  if (cost === null) return null;
  return { excl_vat: cost.excl === null ? null : toDecimal4HalfEven(cost.excl), incl_vat: cost.incl === null ? null : toDecimal4HalfEven(cost.incl) };
}

function kwhText(microWh: number | null | undefined): string | null {
  return microWh === null || microWh === undefined ? null : microText(microWh, 9);
}

function secondsText(micro: number | null | undefined): string | null {
  return micro === null || micro === undefined ? null : microText(micro, 6);
}

/** Sums per VAT rate before any limit, as an invoice needs them; a null rate is *no VAT applicable*. */
function vatReport({ parts }: CdrRating): object[] {
  const rates: { percent: string | null; excl: Exact | null; incl: Exact | null }[] = [];
  const plus = (a: Exact | null, b: Exact | null) => (a === null || b === null ? null : add(a, b));
  for (const { component, excl, incl } of parts) {
    const rate = rates.find((r) => r.percent === component.vatPercent);
    if (rate === undefined) rates.push({ percent: component.vatPercent, excl, incl });
    else [rate.excl, rate.incl] = [plus(rate.excl, excl), plus(rate.incl, incl)];
  }
  return rates.map(({ percent, excl, incl }) => ({ percent, ...costText({ excl, incl }) }));
}

function periodReports({ periods, pricing }: CdrRating): object[] {
  const { lines } = pricing;
  let at = 0;
  let end = '';
  return periods.map((p, i) => {
    const from = at;
    while (lines[at]?.period === i) at += 1;
    const lineOf = (kind: ComponentKind) => {
      for (let j = from; j < at; j += 1) if (lines[j]?.component.kind === kind) return lines[j];
      return undefined;
    };
    const start = end === '' ? formatInstant(p.startMs) : end;
    end = formatInstant(p.endMs);
    return {
      start,
      end,
      energy: quantityReport(p.energy, lineOf('ENERGY'), 9),
      time: quantityReport(p.charging, lineOf('TIME'), 6),
      parking_time: quantityReport(p.parking, lineOf('PARKING_TIME'), 6),
      flat: lineCost(lineOf('FLAT')),
      ...reservationReport(p, lineOf('RESERVATION_TIME'), lineOf('RESERVATION_FLAT')),
    };
  });
}

function reservationReport(p: MeteredPeriod, time: PricedLine | undefined, flat: PricedLine | undefined): object {
  return p.reserved === undefined ? {} : { reservation_time: quantityReport(p.reserved, time, 6), reservation_flat: lineCost(flat) };
}

function quantityReport(volume: number | undefined, line: PricedLine | undefined, digits: number): object | null {
  if (volume === undefined) return null;
  const text = microText(volume, digits);
  if (line === undefined) return { volume: text, billed: text, price: null, cost: null };
  return { volume: text, billed: line.billed === volume ? text : microText(line.billed, digits), price: line.component.price, cost: lineCost(line) };
}

function lineCost(line: PricedLine | undefined): CostText {
  if (line === undefined) return null;
  const amount = BigInt(line.billed);
  return costText({ excl: costOf(line.component.excl, amount), incl: costOf(line.component.incl, amount) });
}

/** The trace for machines, and sentences for the driver. */
function explanationOf(rating: CdrRating): object {
  const { parts, pricing, clampings, tariff, credit } = rating;
  const sentences = [...parts.map(describePart), ...pricing.roundings.map(describeRounding), ...clampings.map((c) => describeClamping(c, tariff.currency))];
  if (credit) sentences.push('This is a credit: the total is given back');
  return { sentences, trace: traceOf(rating.periods, pricing, rating.zone), roundings: pricing.roundings.map((r) => ({ dimension: r.kind, sentence: describeRounding(r) })) };
}
