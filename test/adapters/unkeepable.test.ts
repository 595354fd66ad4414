import { describe, expect, it } from 'vitest';
import { parserFor } from '../../src/adapters/sources/registry.ts';

const context = { sourceId: 'meters', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' };
const parser = parserFor('json-csms');
const transaction = { transactionId: '1', siteId: 'Bl2', idTag: 'CARD', startTime: '2019-12-05T18:00:00Z', stopTime: '2019-12-05T21:00:00Z', energyWh: 1000 };
const bytesOf = (change: object) => Buffer.from(JSON.stringify({ ...transaction, ...change }));

describe('a text that PostgreSQL cannot keep', () => {
  it.each([
    ['a NUL', 'Bl\u00002'],
    ['the first half of a surrogate pair', 'Bl\ud83d2'],
    ['the second half', '\ude00Bl2'],
  ])('holds its CDR back, with its energy: %s', (_name, text) => {
    expect(parser.parse(bytesOf({ siteId: text }), context)).toMatchObject({ ok: false, statedWh: 1000, issues: [{ code: 'badShape', severity: 'blocks' }] });
    expect(parser.keyOf(bytesOf({ transactionId: text }), context)).toMatch(/^unkeyed\/[0-9a-f]{24}$/);
  });
  it('holds back an id without end, which no index takes', () => {
    const endless = 'x'.repeat(256);
    for (const field of ['siteId', 'evseId']) expect(parser.parse(bytesOf({ [field]: endless }), context)).toMatchObject({ ok: false, statedWh: 1000 });
    expect(parser.parse(bytesOf({ siteId: endless.slice(1) }), context)).toMatchObject({ ok: true });
    const peer = parserFor('ocpi-2-2-1');
    expect(peer.keyOf(Buffer.from(JSON.stringify({ country_code: 'SE', party_id: 'WLT', id: 'x'.repeat(9000) })), context)).toMatch(/^unkeyed\//);
  });
  it('holds back an owner whose record no key would find again', () => {
    const peer = parserFor('ocpi-2-2-1');
    const cdr = (party_id: string) => Buffer.from(JSON.stringify({ country_code: 'SE', party_id, id: 'C1' }));
    // se*a*b*c1 is CDR b*c1 of party A.
    for (const party of ['A*B', 'ÅÄÖ', 'A B']) {
      expect(peer.keyOf(cdr(party), context)).toMatch(/^unkeyed\//);
      expect(peer.parse(cdr(party), context)).toMatchObject({ ok: false, issues: expect.arrayContaining([expect.objectContaining({ params: { detail: 'party_id: must be letters and digits' } })]) });
    }
    expect(peer.keyOf(cdr('a-1'), context)).toBe('se*a-1*c1');
  });
  it('leaves whole pairs and everything else alone', () => {
    expect(parser.parse(bytesOf({ siteId: 'Bl2 \ud83d\ude00' }), context)).toMatchObject({ ok: true, facts: { siteKey: 'Bl2 😀' } });
    expect(parser.keyOf(bytesOf({ siteId: 'Bl\u00002' }), context)).toBe('se*wlt*1');
    expect(parser.keyOf(bytesOf({}), context)).toBe('se*wlt*1');
  });
});

describe('energy that no sum can hold', () => {
  it('holds its CDR back and is counted nowhere, whatever the format', () => {
    const huge = { ok: false, issues: [{ code: 'badShape', severity: 'blocks' }] };
    expect(parser.parse(bytesOf({ energyWh: 1e12 }), context)).toMatchObject({ ok: true });
    for (const change of [{ energyWh: 1e12 + 1 }, { energyWh: -1e13 }, { meterStart: 1e15, meterStop: 1e15 + 1000 }]) {
      const held = parser.parse(bytesOf(change), context);
      expect(held).toMatchObject(huge);
      expect(held).not.toHaveProperty('statedWh');
    }
    const csv = (kWh: string, user = 'U') => parserFor('csv-residential-csms').parse(Buffer.from(`1;Bl2;${user};Private;NA;05.12.2019 12:00;12;05.12.2019 18:00;18;${kWh};NA;Dec;Thursday`), context);
    expect(csv('1')).toMatchObject({ ok: true });
    for (const held of [csv('9'.repeat(25)), csv('9'.repeat(25), 'NA')]) {
      expect(held).toMatchObject({ ok: false });
      expect(held).not.toHaveProperty('statedWh');
    }
  });
});
