import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkPricePoints, readPriceCsv, versionPoints } from '../../src/core/share/read-price-points.ts';

const market = 'Europe/Brussels';
const at = (start: string, price = '100', seconds?: string, row = 1) => ({ row, start, seconds, price });
const codes = (issues: readonly { code: string; subject: string }[]) => issues.map((i) => `${i.subject} ${i.code}`);
const pointsOf = (...sent: ReturnType<typeof at>[]) => checkPricePoints(sent, market).points;

describe('reading prices from CSV', () => {
  it('takes a header with or without seconds, a byte-order mark, spaces, CRLF and empty lines', () => {
    expect(readPriceCsv('\uFEFFstart,price\r\n2026-03-01T00:00:00Z,612.35\r\n\r\n2026-03-01T00:15:00Z , -1.5\n')).toEqual({
      issues: [],
      points: [at('2026-03-01T00:00:00Z', '612.35'), at('2026-03-01T00:15:00Z', '-1.5', undefined, 3)],
    });
    expect(readPriceCsv('start,seconds,price\n2026-03-01T00:00:00Z,3600,1\n2026-03-01T01:00:00Z,,2').points.map((p) => p.seconds)).toEqual(['3600', undefined]);
  });

  it('names the header or the row that is wrong', () => {
    expect(codes(readPriceCsv('time,price\n').issues)).toEqual(['header wrongHeader']);
    expect(codes(readPriceCsv('start,price,zone,more\n').issues)).toEqual(['header wrongHeader']);
    expect(codes(readPriceCsv('start,price\n2026-03-01T00:00:00Z,1,2\n').issues)).toEqual(['row 1 wrongColumnCount']);
  });
});

describe('a price point', () => {
  it('is an hour long before 1 October 2025 of the market, and a quarter from then on, unless it says (D18)', () => {
    // Midnight of 1 October in Brussels is 22:00 UTC of the day before.
    const points = pointsOf(at('2025-09-30T21:00:00Z'), at('2025-09-30T22:00:00Z'), at('2025-10-01T00:15:00+02:00'), at('2025-10-01T00:00:00Z', '1', '3600'));
    expect(points.map((p) => p.seconds)).toEqual([3600, 900, 900, 3600]);
  });

  it('has an offset, a plain price, and an interval of the market on the clock', () => {
    const issues = (...sent: ReturnType<typeof at>[]) => codes(checkPricePoints(sent, market).issues);
    expect(issues(at('2026-03-01T00:00:00'))).toEqual(['row 1 badTimestamp']);
    expect(issues(at('1 March', '1,5'))).toEqual(['row 1 badTimestamp', 'row 1 badNumber']);
    expect(issues(at('2026-03-01T00:00:00Z', '1e3'))).toEqual(['row 1 badNumber']);
    expect(issues(at('2026-03-01T00:00:00Z', '1', '600'))).toEqual(['row 1 pricePointLength']);
    expect(issues(at('2026-03-01T00:05:00Z'))).toEqual(['row 1 pricePointLength']);
  });

  it('may not overlap another one of the same load', () => {
    expect(codes(checkPricePoints([at('2026-03-01T00:15:00Z', '1', undefined, 2), at('2026-03-01T00:00:00Z', '1', '3600')], market).issues)).toEqual(['row 2 pricePointOverlaps']);
    expect(codes(checkPricePoints([at('2026-03-01T00:00:00Z'), at('2026-03-01T00:00:00Z', '2', undefined, 2)], market).issues)).toEqual(['row 2 pricePointOverlaps']);
  });

  it('covers the days of 23 and 25 hours without gap or overlap', () => {
    for (const [from, hours] of [
      ['2024-03-30T23:00:00Z', 23],
      ['2024-10-26T22:00:00Z', 25],
    ] as const) {
      const points = pointsOf(...Array.from({ length: hours }, (_, i) => at(new Date(Date.parse(from) + i * 3_600_000).toISOString(), '1', undefined, i + 1)));
      expect(points).toHaveLength(hours);
      expect(versionPoints(points, []).issues).toEqual([]);
      // The next local midnight is where the day ends.
      expect(new Date((points.at(-1)?.startMs ?? 0) + 3_600_000).toISOString().slice(11)).toBe(hours === 23 ? '22:00:00.000Z' : '23:00:00.000Z');
    }
  });
});

describe('points beside those a series holds', () => {
  const known = pointsOf(at('2026-03-01T00:00:00Z'), at('2026-03-01T00:15:00Z'), at('2026-03-01T00:30:00Z')).map((p) => ({ ...p, version: 2 }));

  it('are new, a newer version of another price, or a repeat of the same', () => {
    const { added, issues } = versionPoints(pointsOf(at('2026-03-01T00:00:00Z', '100.00'), at('2026-03-01T00:15:00Z', '101'), at('2026-03-01T00:45:00Z')), known);
    expect(added.map((p) => [p.startMs - Date.parse('2026-03-01T00:00:00Z'), p.price, p.version])).toEqual([
      [900_000, '101', 3],
      [2_700_000, '100', 1],
    ]);
    expect(issues).toEqual([]);
  });

  it('are refused where they have another length, and told where they leave a gap', () => {
    expect(codes(versionPoints(pointsOf(at('2026-03-01T00:00:00Z', '1', '3600')), known).issues)).toEqual(['row 1 pricePointOverlaps']);
    expect(versionPoints(pointsOf(at('2026-03-01T00:30:00Z'), at('2026-03-01T01:30:00Z')), known).issues).toMatchObject([
      { code: 'pricePointGap', severity: 'warns', params: { from: '2026-03-01T00:45:00Z', to: '2026-03-01T01:30:00Z' } },
    ]);
  });

  it('tell no gap to what lies beyond the last of them', () => {
    const far = pointsOf(at('2026-03-01T05:00:00Z')).map((p) => ({ ...p, version: 1 }));
    expect(versionPoints(pointsOf(at('2026-03-01T00:00:00Z')), far).issues).toEqual([]);
  });

  it('loaded twice add nothing the second time, in whatever parts they first came', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { minLength: 1 }), fc.integer({ min: 0, max: 40 }), (quarters, cut) => {
        const all = pointsOf(...quarters.map((q, i) => at(new Date(Date.parse('2026-03-01T00:00:00Z') + q * 900_000).toISOString(), `${q}.50`, undefined, i + 1)));
        const first = versionPoints(all.slice(0, cut), []).added;
        const second = versionPoints(all.slice(cut), first).added;
        const held = [...first, ...second].sort((a, b) => a.startMs - b.startMs);
        expect(held.map((p) => p.startMs)).toEqual(all.map((p) => p.startMs));
        expect(versionPoints(all, held).added).toEqual([]);
      }),
    );
  });
});
