import { type Issue, messageOf, remedyOf } from '../issues.ts';
import { toDecimal4HalfEven } from '../money.ts';
import { formatInstant } from '../time.ts';
import type { ComponentKind } from './compile-tariff.ts';
import { microText } from './decimal.ts';
import { describeClamping, describePart, describeRounding, traceOf } from './explain.ts';
import { addCosts, type Cost, costOf, type MeteredPeriod, type PricedLine } from './price-periods.ts';
import type { CdrRating, CdrRefusal } from './rate-cdr.ts';

/**
 * A rating as one line of JSON, as `wattledger rate` writes it: decimal strings, costs in major units to 4 places half-even, energy in kWh,
 * times in seconds, null for what was never priced or cannot be known. Written straight as text: building the objects first, only to
 * serialise them, takes as long as rating does. Figures and codes need no escaping; names and ids do.
 */
export function reportText(name: string | number | null, rating: CdrRating | CdrRefusal, explain: boolean): string {
  const head = `{"name":${JSON.stringify(name)}`;
  if (!rating.ok) return `${head},"ok":false,"error":{${issueMembers(rating.issue)},"remedy":${JSON.stringify(remedyOf(rating.issue.code))}}}`;
  const { tariff, zone, credit, homeChargingCompensation, warnings } = rating;
  return (
    `${head},"ok":true,"tariff":{"index":${tariff.index},"id":${JSON.stringify(tariff.id)},"currency":"${tariff.currency}"},"timezone":${JSON.stringify(zone)}` +
    costMembers(rating) +
    quantityMembers(rating) +
    `,"vat":[${vatSums(rating)}],"credit":${credit},"home_charging_compensation":${homeChargingCompensation},"periods":[${periodTexts(rating)}]` +
    `,"warnings":[${warnings.map((w) => `{${issueMembers(w)}}`).join(',')}]` +
    `${explain ? `,"explanation":${JSON.stringify(explanationOf(rating))}` : ''}}`
  );
}

function issueMembers(found: Issue): string {
  return `"code":"${found.code}","path":${JSON.stringify(found.subject)},"message":${JSON.stringify(messageOf(found))}`;
}

function costMembers({ costs }: CdrRating): string {
  return (
    `,"total_cost":${costText(costs.total)},"total_energy_cost":${costText(costs.energy)},"total_time_cost":${costText(costs.time)}` +
    `,"total_parking_cost":${costText(costs.parking)},"total_fixed_cost":${costText(costs.fixed)},"total_reservation_cost":${costText(costs.reservation)}`
  );
}

function quantityMembers({ quantities: q }: CdrRating): string {
  return (
    `,"total_energy_kwh":${microJson(q.energy, 9)},"total_time_s":${microJson(q.totalMs, 3)},"total_charging_time_s":${microJson(q.charging, 6)}` +
    `,"total_parking_time_s":${microJson(q.parking, 6)},"total_reservation_time_s":${microJson(q.reserved, 6)}` +
    `,"billed_energy_kwh":${microJson(q.billedEnergy, 9)},"billed_charging_time_s":${microJson(q.billedCharging, 6)}` +
    `,"billed_parking_time_s":${microJson(q.billedParking, 6)},"billed_reservation_time_s":${microJson(q.billedReserved, 6)}`
  );
}

function costText(cost: Cost | null): string {
  if (cost === null) return 'null';
  const excl = cost.excl === null ? 'null' : `"${toDecimal4HalfEven(cost.excl)}"`;
  // One object for both where no VAT applies.
  const incl = cost.incl === cost.excl ? excl : cost.incl === null ? 'null' : `"${toDecimal4HalfEven(cost.incl)}"`;
  return `{"excl_vat":${excl},"incl_vat":${incl}}`;
}

function microJson(micro: number | null, digits: number): string {
  return micro === null ? 'null' : `"${microText(micro, digits)}"`;
}

/** Sums per VAT rate before any limit, as an invoice needs them; a null rate is *no VAT applicable*. */
function vatSums({ parts }: CdrRating): string {
  const sums = new Map<string | null, Cost>();
  for (const part of parts) sums.set(part.component.vatPercent, addCosts(sums.get(part.component.vatPercent) ?? null, part));
  let text = '';
  for (const [percent, cost] of sums) text += `${text === '' ? '' : ','}{"percent":${percent === null ? 'null' : `"${percent}"`},"cost":${costText(cost)}}`;
  return text;
}

function periodTexts({ periods, pricing }: CdrRating): string {
  const { lines } = pricing;
  let [text, end] = ['', ''];
  let at = 0;
  for (let i = 0; i < periods.length; i += 1) {
    const p = periods[i];
    if (p === undefined) continue;
    const from = at;
    while (at < lines.length && lines[at]?.period === i) at += 1;
    const start = end === '' ? formatInstant(p.startMs) : end;
    end = formatInstant(p.endMs);
    text += `${i === 0 ? '' : ','}{"start":"${start}","end":"${end}"${dimensionMembers(p, lines, from, at)}}`;
  }
  return text;
}

function dimensionMembers(p: MeteredPeriod, lines: readonly PricedLine[], from: number, to: number): string {
  const energy = dimensionText(p.energy, lineOf(lines, from, to, 'ENERGY'), 9);
  const time = dimensionText(p.charging, lineOf(lines, from, to, 'TIME'), 6);
  const parking = dimensionText(p.parking, lineOf(lines, from, to, 'PARKING_TIME'), 6);
  const session = `,"energy":${energy},"time":${time},"parking_time":${parking},"flat":${lineCost(lineOf(lines, from, to, 'FLAT'))}`;
  if (p.reserved === undefined) return session;
  const reserved = dimensionText(p.reserved, lineOf(lines, from, to, 'RESERVATION_TIME'), 6);
  return `${session},"reservation_time":${reserved},"reservation_flat":${lineCost(lineOf(lines, from, to, 'RESERVATION_FLAT'))}`;
}

function lineOf(lines: readonly PricedLine[], from: number, to: number, kind: ComponentKind): PricedLine | undefined {
  for (let i = from; i < to; i += 1) if (lines[i]?.component.kind === kind) return lines[i];
  return undefined;
}

function dimensionText(volume: number | undefined, line: PricedLine | undefined, digits: number): string {
  if (volume === undefined) return 'null';
  const text = microText(volume, digits);
  if (line === undefined) return `{"volume":"${text}","billed":"${text}","price":null,"cost":null}`;
  const billed = line.billed === volume ? text : microText(line.billed, digits);
  return `{"volume":"${text}","billed":"${billed}","price":"${line.component.price}","cost":${lineCost(line)}}`;
}

function lineCost(line: PricedLine | undefined): string {
  if (line === undefined) return 'null';
  const { excl, incl } = line.component;
  const amount = BigInt(line.billed);
  const net = costOf(excl, amount);
  return costText({ excl: net, incl: incl === excl ? net : costOf(incl, amount) });
}

/** The trace for machines, and sentences for the driver. */
function explanationOf(rating: CdrRating): object {
  const { parts, pricing, clampings, tariff, credit } = rating;
  const sentences = [...parts.map(describePart), ...pricing.roundings.map(describeRounding), ...clampings.map((c) => describeClamping(c, tariff.currency))];
  if (credit) sentences.push('This is a credit: the total is given back');
  return { sentences, trace: traceOf(rating.periods, pricing, rating.zone) };
}
