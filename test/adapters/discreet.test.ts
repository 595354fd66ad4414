import { describe, expect, it } from 'vitest';
import { readJson, shown } from '../../src/adapters/sources/discreet.ts';
import { parserFor } from '../../src/adapters/sources/registry.ts';

const context = { sourceId: 's', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' };

describe('issues quote no field that may hold a token', () => {
  it.each(['29,87', '-5', '05.12.2019 18:00', '2019-12-05', 'x', 'n/a', ''])('shows what reads like a figure or a time, or is too short: "%s"', (text) => {
    expect(shown(text)).toBe(text);
  });
  it.each(['04A277C1', '04:A2:77:C1', '12345678', 'Bl2-1', '10;20;30', '5'.repeat(21)])('tells the length of anything else: "%s"', (text) => {
    expect(shown(text)).toBe(`(${text.length} characters)`);
  });
  it('tells where JSON breaks off, not what stands there', () => {
    for (const text of ['{"uid":"SECRET", x', 'SECRET', '{"cdr_token":{"uid":"SECRET"}', '["SECRET" "SECRET"]']) {
      const read = readJson(Buffer.from(text));
      expect(read.ok ? 'JSON' : read.issues[0]?.params['detail']).toMatch(/^not JSON( at position \d+)?$/);
    }
    expect.assertions(4);
  });
  it.each(['csv-residential-csms', 'ocpi-2-2-1', 'json-csms'])('holds for whatever %s cannot read', (format) => {
    const uid = 'SECRET';
    const lines = [
      uid,
      `${uid};${uid}`,
      Array(13).fill(uid).join(';'),
      `{"uid":"${uid}"`,
      `{"id":${uid}}`,
      JSON.stringify({ id: 1, transactionId: {}, cdr_token: { uid }, idTag: uid, currency: uid, total_energy: uid, startTime: uid, country_code: uid }),
    ];
    for (const line of lines) {
      const parsed = parserFor(format).parse(Buffer.from(line), context);
      expect(parsed.ok, line).toBe(false);
      expect(JSON.stringify(parsed.issues), line).not.toContain(uid);
    }
  });
});
