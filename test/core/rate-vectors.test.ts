import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { add, compare, type Exact, exactFromDecimal, sub } from '../../src/core/money.ts';
import { reportText } from '../../src/core/rate/cdr-report.ts';
import { rateRequest } from '../../src/core/rate/rate-cdr.ts';

type Cost = { excl_vat: string | null; incl_vat: string | null } | null;
type Line = { volume: string; billed: string; price: string | null; cost: Cost } | null;
type Period = { start: string; end: string; energy: Line; time: Line; parking_time: Line; flat: Cost };
type Report = { [field: string]: unknown } & { ok: boolean; periods: Period[] };
type Vector = { name: string; timezone: string; expected: Report; meta: { spec_total?: Cost; tie_artifact?: string[] } };

const file = path.join(import.meta.dirname, '../vectors/rating/vectors.ndjson');
const vectors = readFileSync(file, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Vector);

type Correction = { total_energy_cost: Cost; billed_energy_kwh: string; period: { index: number; energy: Line } };
const corrections = JSON.parse(readFileSync(path.join(path.dirname(file), 'text-before-oracle.json'), 'utf8')) as Record<string, Correction>;

/** Where a limit hides in the total that the reference departs from the text, the README of the vectors gives the text's figures. */
function expectedOf({ name, expected }: Vector): Report {
  const correction = corrections[name];
  if (correction === undefined) return expected;
  const { period, ...fields } = correction;
  return { ...expected, ...fields, periods: expected.periods.map((p, i) => (i === period.index ? { ...p, energy: period.energy } : p)) };
}

const costs = ['total_cost', 'total_energy_cost', 'total_time_cost', 'total_parking_cost', 'total_fixed_cost'];
const quantities = ['total_energy_kwh', 'total_time_s', 'total_charging_time_s', 'total_parking_time_s', 'billed_energy_kwh', 'billed_charging_time_s', 'billed_parking_time_s'];

const reportedAs = (vector: Vector) => JSON.parse(reportText(vector.name, rateRequest(vector), false)) as Report;
const within = (a: string | null, b: string | null, slack: string) => {
  if (a === null || b === null) return a === b;
  const gap: Exact = sub(exactFromDecimal(a), exactFromDecimal(b));
  const limit = exactFromDecimal(slack);
  return compare(gap, limit) <= 0 && compare(add(gap, limit), { n: 0n, d: 1n }) >= 0;
};
const sameCost = (a: Cost, b: Cost, slack: string) => (a === null || b === null ? a === b : within(a.excl_vat, b.excl_vat, slack) && within(a.incl_vat, b.incl_vat, slack));
// The cost of a period is expected unrounded: four decimals are right within half of the last, and the 28 digits of its quotient.
const half = '0.0000500000000001';
const sameLine = (a: Line, b: Line) =>
  a === null || b === null ? a === b : within(a.volume, b.volume, '0') && within(a.billed, b.billed, '0') && within(a.price, b.price, '0') && sameCost(a.cost, b.cost, half);
const samePeriod = (a: Period, b: Period) =>
  a.start === b.start && a.end === b.end && sameLine(a.energy, b.energy) && sameLine(a.time, b.time) && sameLine(a.parking_time, b.parking_time) && sameCost(a.flat, b.flat, half);

/** Every field that differs, by the rule at the head of the vectors' README; none when all is right. */
function differences(vector: Vector): string[] {
  const [ours, expected] = [reportedAs(vector), expectedOf(vector)];
  if (!expected.ok) return ours.ok ? ['accepted'] : [];
  if (!ours.ok) return [`refused: ${JSON.stringify(ours['error'])}`];
  const { spec_total: specTotal, tie_artifact: ties = [] } = vector.meta;
  const wrong: string[] = [];
  const check = (field: string, same: boolean) => {
    if (!same) wrong.push(`${field}: ${JSON.stringify(ours[field])}, expected ${JSON.stringify(expected[field])}`);
  };
  check('timezone', ours['timezone'] === expected['timezone']);
  check('tariff', JSON.stringify(ours['tariff']) === JSON.stringify(expected['tariff']));
  if (specTotal !== undefined) {
    check('total_cost', sameCost(ours['total_cost'] as Cost, specTotal, '0'));
    return wrong;
  }
  for (const field of costs) check(field, sameCost(ours[field] as Cost, expected[field] as Cost, ties.includes(field) ? '0.0001' : '0'));
  for (const field of quantities) check(field, within(ours[field] as string | null, expected[field] as string | null, '0'));
  check('periods', ours.periods.length === expected.periods.length && ours.periods.every((p, i) => samePeriod(p, expected.periods[i] as Period)));
  return wrong;
}

describe(`rating vectors, process time zone ${process.env['TZ'] ?? 'as it is'}`, () => {
  it('there are 459', () => {
    expect(vectors).toHaveLength(459);
  });

  it.each(vectors.map((vector) => [vector.name, vector] as const))('%s', (_name, vector) => {
    expect(differences(vector)).toEqual([]);
  });
});
