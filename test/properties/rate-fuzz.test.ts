import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { rateLine } from '../../src/commands/rate-stream.ts';
import { tariffSchema } from '../../src/contracts/tariff.ts';
import { type IssueCode, remedyOf } from '../../src/core/issues.ts';
import { compileTariff } from '../../src/core/rate/compile-tariff.ts';
import { lintTariff } from '../../src/core/rate/lint-tariff.ts';
import { cdrOf, requestOf, tariffOf } from '../support/ocpi.ts';

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 2000);
const lines = readFileSync(path.join(import.meta.dirname, '../vectors/rating/vectors.ndjson'), 'utf8')
  .trimEnd()
  .split('\n');

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

// Values that have broken parsers before, and a few harmless ones.
const hostile = fc.constantFrom<Json>(
  ...[null, true, false, 0, -0, -1, 0.1, 1e-7, 1e21, 1e308, -1e308, 9_007_199_254_740_992, 0.1 + 0.2, 123_456.123_456_789],
  ...['', ' ', '0', '-0', '1e5', '1e999', '-1e-999', 'NaN', 'Infinity', '0x10', '１２', '1,5', '24:00', '23:59', '2024-02-30', '2024-02-29', '2024-03-31T02:30:00', '2024-05-06T08:00:00Z'],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'Europe/Amsterdam',
    'Mars/Base',
    'RESERVATION',
    'RESERVATION_EXPIRES',
    'ENERGY',
    'energy',
    'FLAT',
    'EUR',
    'eur',
    '2.3.0',
    '2.1.1',
    'YES',
    'N/A',
    'x'.repeat(300),
  ],
  [],
  {},
  [[]],
  [null],
);
const value = fc.oneof({ weight: 4, arbitrary: hostile }, { weight: 1, arbitrary: fc.jsonValue() as fc.Arbitrary<Json> });
const kind = fc.constantFrom('replace', 'replace', 'replace', 'delete', 'repeat', 'rename', 'add');
const mutation = fc.record({ kind, where: fc.nat(), value, key: fc.constantFrom('credit', 'tax_included', 'reservation', 'tariff_id', 'min_price', 'max_price', 'restrictions', 'vat', 'start_time') });
type Mutation = { kind: string; where: number; value: Json; key: string };

/** Every place in a document, as its holder and key. */
function placesIn(holder: Json, found: { holder: Json[] | { [key: string]: Json }; key: string }[] = []): typeof found {
  if (typeof holder !== 'object' || holder === null) return found;
  for (const [key, member] of Object.entries(holder)) {
    found.push({ holder: holder as Json[] | { [key: string]: Json }, key });
    placesIn(member, found);
  }
  return found;
}

function mutate(document: Json, { kind: what, where, value, key: extra }: Mutation): void {
  // A copy: a later mutation may reach into it.
  const replacement = structuredClone(value);
  const places = placesIn(document);
  const place = places[where % Math.max(places.length, 1)];
  if (place === undefined) return;
  const { holder, key } = place;
  if (Array.isArray(holder)) {
    const at = Number(key);
    if (what === 'delete') holder.splice(at, 1);
    else if (what === 'repeat') holder.splice(at, 0, structuredClone(holder[at] ?? null));
    else holder[at] = replacement;
    return;
  }
  const old = holder[key] ?? null;
  if (what === 'delete' || what === 'rename') delete holder[key];
  if (what === 'rename') holder[`${key}_`] = old;
  if (what === 'replace' || what === 'repeat') holder[key] = what === 'repeat' ? [old, old] : replacement;
  if (what === 'add') holder[extra] = replacement;
}

const decimalText = /^-?\d+(\.\d+)?$/;
/** Names every figure that is not a decimal number. */
function badFigures(report: Json, at = '$'): string[] {
  if (typeof report !== 'object' || report === null) return [];
  return Object.entries(report).flatMap(([key, member]) => {
    const isFigure = /(_vat|_kwh|_s|^volume|^billed|^price|^percent)$/.test(key);
    if (isFigure && typeof member !== 'object') return decimalText.test(String(member)) ? [] : [`${at}.${key}: ${String(member)}`];
    return key === 'name' || key === 'explanation' ? [] : badFigures(member, `${at}.${key}`);
  });
}

it(`${numRuns} mutated CDRs and tariffs: a rating or a refusal with its place every time`, { timeout: 600_000 }, () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(mutation, { minLength: 1, maxLength: 5 }), fc.boolean(), (which, mutations, explain) => {
      const document = JSON.parse(lines[which % lines.length] ?? '{}') as { [key: string]: Json };
      delete document['expected'];
      for (const m of mutations) mutate(document, m);
      const count = { rated: 0, refused: 0 };
      const report = JSON.parse(rateLine(JSON.stringify(document), explain, count)) as { ok: boolean; error?: { code: IssueCode; path: string; message: string } } & { [key: string]: Json };
      expect(count.rated + count.refused).toBe(1);
      if (report.ok) {
        expect(badFigures(report)).toEqual([]);
        expect('total_cost' in report && 'periods' in report).toBe(true);
      } else {
        expect(report.error?.path).toMatch(/^\$/);
        expect(remedyOf(report.error?.code ?? 'badShape')).toBeTruthy();
        expect(report.error?.message).toBeTruthy();
      }
    }),
    { numRuns },
  );
});

it('depth, length and strange text do not stop a batch', () => {
  const deep = '['.repeat(200_000) + ']'.repeat(200_000);
  const answers = [deep, `{"name":${deep}}`, `{"name":"a","ocpi_version":"2.2.1","cdr":{"start_date_time":${deep}}}`, '{', 'null', '"\\ud800"', '1', '[]'].map((line) => {
    const report = JSON.parse(rateLine(line, true, { rated: 0, refused: 0 })) as { ok: boolean; error: { code: string; path: string } };
    return [report.ok, report.error.code, report.error.path];
  });
  expect(answers).toEqual([
    [false, 'badShape', '$'],
    [false, 'missingField', '$.ocpi_version'],
    [false, 'badTimestamp', '$.cdr.start_date_time'],
    [false, 'badShape', '$'],
    [false, 'missingField', '$'],
    [false, 'badShape', '$'],
    [false, 'badShape', '$'],
    [false, 'badShape', '$'],
  ]);
});

it('a CDR and a tariff of enormous size are answered in good time', { timeout: 30_000 }, () => {
  const many = 100_000;
  const periods = Array.from({ length: many }, (_, i) => ({
    start_date_time: new Date(i * 1000).toISOString(),
    dimensions: [
      { type: 'ENERGY', volume: 0.001 },
      { type: 'ODD', volume: 1 },
    ],
  }));
  const components = Array.from({ length: many }, () => ({ type: 'ODD', price: 1, step_size: 1 }));
  const cdr = cdrOf(0, many * 1000, periods);
  const tariff = tariffOf([{ price_components: components }, { price_components: [{ type: 'ENERGY', price: 1, step_size: 1 }] }]);
  const report = JSON.parse(rateLine(JSON.stringify(requestOf(cdr, tariff)), true, { rated: 0, refused: 0 })) as { ok: boolean; total_energy_kwh: string; warnings: unknown[] };
  expect([report.ok, report.total_energy_kwh, report.warnings.length]).toEqual([true, '100', 2 * many]);
});

it('every tariff that is accepted at entry can be compiled and linted', { timeout: 600_000 }, () => {
  let accepted = 0;
  fc.assert(
    fc.property(fc.nat(), fc.array(mutation, { maxLength: 3 }), (which, mutations) => {
      const { tariff } = JSON.parse(lines[which % lines.length] ?? '{}') as { tariff?: Json };
      if (tariff === undefined || tariff === null) return;
      for (const m of mutations) mutate(tariff, m);
      const parsed = tariffSchema.safeParse(tariff);
      if (!parsed.success) return;
      accepted += 1;
      expect(lintTariff(compileTariff(parsed.data)).every((found) => remedyOf(found.code) !== '')).toBe(true);
    }),
    { numRuns },
  );
  expect(accepted).toBeGreaterThan(numRuns / 4);
});
