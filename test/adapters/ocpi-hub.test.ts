import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parserFor } from '../../src/adapters/sources/registry.ts';

const parser = parserFor('ocpi-2-2-1');
const context = { sourceId: 'hub', ownerCountry: 'SE', ownerParty: 'WLT', timeZone: 'Europe/Stockholm' };
const [line = ''] = readFileSync(new URL('../../data/ocpi/cdrs.ndjson', import.meta.url), 'utf8').split('\n');
const bytes = (more: object) => Buffer.from(JSON.stringify({ ...JSON.parse(line), ...more }));

describe('what a hub says of a price', () => {
  it.each([
    [undefined, 'partner'],
    ['paid at the counter', 'partner'],
    ['[*] computed by the platform', 'hub'],
    ['[?]', 'notSignificant'],
    ['[*][?]', 'notSignificant'],
  ])('remark %s: its origin is %s', (remark, origin) => {
    expect(parser.parse(bytes({ remark }), context)).toMatchObject({ ok: true, facts: { partnerPrice: { origin } } });
  });
  it('leaves its ids of session and authorisation beside the CDR’s', () => {
    expect(parser.parse(bytes({ id: 'HUB-1', session_id: 'HUB-S1', authorization_reference: 'HUB-A1' }), context)).toMatchObject({
      facts: { externalIds: { cdr: 'HUB-1', session: 'HUB-S1', authorization: 'HUB-A1' } },
    });
  });
});

describe('a credit CDR', () => {
  const credit = { id: 'CDR-1-C', credit: true, credit_reference_id: 'CDR-1', last_updated: '2020-01-05T00:00:00Z', total_cost: { excl_vat: -12.5 } };
  it('is a version of the CDR that it takes back, under its key', () => {
    expect(parser.keyOf(bytes(credit), context)).toBe(parser.keyOf(bytes({ id: 'CDR-1' }), context));
    expect(parser.parse(bytes(credit), context)).toMatchObject({ ok: true, credit: true, updatedAt: Date.UTC(2020, 0, 5), facts: { cdrId: 'cdr-1', externalIds: { cdr: 'CDR-1-C' } } });
  });
  it('that writes null for when it was made is held too', () => {
    expect(parser.parse(bytes({ ...credit, last_updated: null }), context)).toMatchObject({ ok: false, issues: [{ params: { detail: expect.stringContaining('last_updated') } }] });
  });
  it('that negates every figure takes back what the CDR delivered, and is no energy below nothing', () => {
    const plain = parser.parse(bytes(credit), context);
    const cdr = JSON.parse(bytes(credit).toString('utf8'));
    const negated = {
      ...credit,
      total_energy: -cdr.total_energy,
      charging_periods: cdr.charging_periods.map((p: { dimensions: { type: string; volume: number }[] }) => ({ ...p, dimensions: p.dimensions.map((d) => ({ ...d, volume: -d.volume })) })),
    };
    expect(plain).toMatchObject({ ok: true });
    expect(parser.parse(bytes(negated), context)).toEqual(plain);
  });
  it.each([['credit_reference_id'], ['last_updated']])('that lacks its %s is held', (field) => {
    expect(parser.parse(bytes({ ...credit, [field]: undefined }), context)).toMatchObject({ ok: false, issues: [{ code: 'badShape', params: { detail: expect.stringContaining(field) } }] });
  });
});
