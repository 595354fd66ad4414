import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parserFor } from '../../src/adapters/sources/registry.ts';

const parser = parserFor('csv-residential-csms');
const context = { sourceId: 'csms', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' };
const file = readFileSync(new URL('../../data/trondheim/sessions.csv', import.meta.url));
const line = (text: string) => parser.parse(Buffer.from(text), context);

describe('residential CSMS export', () => {
  it('reads every line of the real file, and blocks only the sessions without an end', () => {
    const split = parser.splitFile(file);
    if (!split.ok) throw new Error('the real file has the right header');
    const results = split.lines.map((l) => parser.parse(l.bytes, context));
    const blocked = results.flatMap((r) => (r.ok ? [] : r.issues.map((i) => i.code)));
    expect(results).toHaveLength(5624);
    expect(blocked).toEqual(Array(33).fill('missingEnd'));
  });
  it('keeps the Wh exact', () => {
    const result = line('3;AdO3;AdO3-4;Private;NA;21.12.2018 11:33;11;21.12.2018 19:46;19;29,87;8,216388889;Dec;Friday');
    expect(result).toMatchObject({ ok: true, facts: { cdrId: '3', energyWh: 29_870, startAt: '2018-12-21T10:33:00Z', endAt: '2018-12-21T18:46:00Z' } });
  });
  it('lets the stated duration tell which pass of the folded hour is meant', () => {
    const result = line('9;A;B;Private;NA;27.10.2019 01:30;1;27.10.2019 02:30;2;1;2;Oct;Sunday');
    expect(result).toMatchObject({ ok: true, facts: { startAt: '2019-10-26T23:30:00Z', endAt: '2019-10-27T01:30:00Z' }, issues: [{ code: 'ambiguousLocalTime' }] });
  });
  it('names what is wrong with a corrupt line', () => {
    const codes = (text: string) => {
      const r = line(text);
      return r.ok ? [] : r.issues.map((i) => i.code);
    };
    expect(codes('12;A;B;Private')).toEqual(['wrongColumnCount']);
    expect(codes('12;A;B;Private;NA;31.02.2019 10:00;1;x;2;1.5;2;Oct;Sunday')).toEqual(['badNumber', 'badTimestamp', 'badTimestamp']);
    const bytes = parser.parse(Buffer.from([0x31, 0x3b, 0xff, 0xfe]), context);
    expect(bytes).toMatchObject({ ok: false, issues: [{ code: 'badEncoding' }] });
  });
  it('refuses a file whose header names another column, and says which', () => {
    const result = parser.splitFile(Buffer.from('session_ID;Garage;User_ID\n1;2;3\n'));
    expect(result).toMatchObject({ ok: false, issues: [{ code: 'wrongHeader', params: { position: 2, found: 'Garage', expected: 'Garage_ID' } }] });
  });
  it('gives bytes without an id a key of their own', () => {
    expect(parser.keyOf(Buffer.from('1;x'), context)).toBe('se*wlt*1');
    // Read with blanks around it, it is the same record: one under another key is found by nobody, and `verify` names it.
    for (const text of [' 1 ;x', '\t1;x', '\u00a01;x']) expect(parser.keyOf(Buffer.from(text), context)).toBe('se*wlt*1');
    expect(parser.keyOf(Buffer.from('??'), context)).toMatch(/^unkeyed\/[0-9a-f]{24}$/);
  });
});
