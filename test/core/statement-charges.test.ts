import { describe, expect, it } from 'vitest';
import type { AccountSetup, EntitySetup, PartyVat } from '../../src/core/allocate/setup.ts';
import { segmentsOf } from '../../src/core/share/month-segments.ts';
import { stateMonth } from '../../src/core/share/statement.ts';
import { selfBillingType, statementCharge } from '../../src/core/share/statement-charges.ts';
import { march, monthSession, nothingCarried, shareAgreement } from '../support/share.ts';

const entity: EntitySetup = {
  entityId: 'ent',
  country: 'SE',
  currency: 'SEK',
  timeZone: 'Europe/Stockholm',
  mappingVersion: 3,
  glAccounts: new Map([
    ['shareCost', '4600'],
    ['energyCost', '4010'],
  ]),
  vatRegistrations: [{ country: 'SE', validFrom: '2018-01-01', validTo: null }],
  vatTables: [
    {
      version: 7,
      validFrom: '2018-01-01',
      rows: [
        { id: 'owner-registered', when: { direction: 'purchase', supply: ['siteAccess'], registered: true }, decides: { vat: 'ofSeller' }, basis: 'test' },
        { id: 'owner-unregistered', when: { direction: 'purchase', supply: ['siteAccess', 'ownersElectricity'], registered: false }, decides: { vat: 'code', code: 'SE-O' }, basis: 'test' },
      ],
    },
  ],
  vatRules: [
    { code: 'SE25', country: 'SE', percent: '25', category: 'S', validFrom: '2018-01-01', validTo: null },
    { code: 'SE-O', country: 'SE', percent: '0', category: 'O', validFrom: '2018-01-01', validTo: null },
  ],
  fx: { source: 'ECB', rates: new Map([['EUR', [{ on: '2026-03-31', version: 1, rate: '11.2345' }]]]) },
};
const registered: PartyVat = { status: 'business', establishedIn: 'SE', vatNumber: 'SE556000000001', evidence: 'register', validFrom: '2020-01-01', validTo: null };
const owner = (vat: readonly PartyVat[] = []): AccountSetup => ({ accountId: 'acc_owner', category: 'siteOwner', roundingMode: 'netFirst', currency: 'SEK', vat });
const guarantee = (netPerMonth: string, currency = 'SEK') => {
  const agreement = shareAgreement([{ kind: 'guarantee', id: 'floor', netPerMonth }]);
  return stateMonth(march(agreement, [], { currency }), nothingCarried).rows[0] ?? expect.fail();
};
const place = { country: 'SE', costCenter: '109' };

describe('a statement’s row as a charge', () => {
  it('has the owner’s VAT where he is registered, on the row’s net, and none where he is not', () => {
    // 25 % of 100.10 is 25.025 → 25.03.
    expect(statementCharge(entity, owner([registered]), guarantee('100.10'), place)).toMatchObject({
      netMinor: 10_010n,
      grossMinor: 12_513n,
      bookNetMinor: 10_010n,
      vatCode: 'SE25',
      vatRule: '7/owner-registered (register)',
      glAccount: '4600',
      costCenter: '109',
      payerAccountId: null,
      payeeAccountId: 'acc_owner',
      energyWh: 0n,
      mappingVersion: 3,
    });
    expect(statementCharge(entity, owner(), guarantee('100.10'), place)).toMatchObject({ grossMinor: 10_010n, vatCode: 'SE-O' });
  });

  it('stands on the account of the electricity where it pays that back, as what sessions booked of it', () => {
    // 10 kWh at 0.85, of which nothing was booked.
    const agreement = shareAgreement([{ kind: 'passThrough', id: 'power', price: { by: 'fixed', perKwh: '0.85' } }]);
    const [row] = stateMonth(march(agreement, [monthSession(agreement, { key: 'a', saleMinor: 3000n, wh: 10_000 })], { booked: [] }), nothingCarried).rows;
    expect(statementCharge(entity, owner(), row ?? expect.fail(), place)).toMatchObject({ role: 'energyReimbursement', netMinor: 850n, glAccount: '4010' });
  });

  it('is converted into the books once, at the rate of its service date, or blocks', () => {
    // 100.10 × 11.2345 = 1124.57345 → 1124.57.
    expect(statementCharge(entity, owner(), guarantee('100.10', 'EUR'), place)).toMatchObject({ netMinor: 10_010n, bookNetMinor: 112_457n, fxRate: 'ECB 2026-03-31 EUR/SEK 11.2345 v1' });
    expect(statementCharge(entity, owner(), guarantee('100.10', 'NOK'), place)).toMatchObject({ code: 'missingFxRate' });
    expect(statementCharge({ ...entity, glAccounts: new Map() }, owner(), guarantee('1'), place)).toMatchObject({ code: 'unmappedAccount' });
    expect(statementCharge({ ...entity, vatTables: [] }, owner(), guarantee('1'), place)).toMatchObject({ code: 'noVatTable' });
  });
});

describe('the document of what we owe', () => {
  it('is self-billing only with a registration and an agreement, a credit note where it is negative, else a settlement statement (D46)', () => {
    const agreed = { selfBilling: { agreedOn: '2026-01-15', evidence: 'contract of 15 January' } };
    expect(selfBillingType(registered, agreed, '2026-04-06', 100n)).toBe('selfBilling');
    expect(selfBillingType(registered, agreed, '2026-04-06', -100n)).toBe('selfBillingCredit');
    expect(selfBillingType(registered, agreed, '2026-01-14', 100n)).toBeUndefined();
    expect(selfBillingType(registered, {}, '2026-04-06', 100n)).toBeUndefined();
    expect(selfBillingType({ ...registered, vatNumber: null }, agreed, '2026-04-06', -100n)).toBeUndefined();
    expect(selfBillingType(undefined, agreed, '2026-04-06', 100n)).toBeUndefined();
  });
});

describe('the days of a month by version', () => {
  const agreement = shareAgreement([]);
  const at = (day: string) => Date.parse(`${day}T00:00:00+01:00`);
  const version = (no: number, from: number, to = Number.POSITIVE_INFINITY) => ({ version: no, agreement, fromMs: from, toMs: to });
  const shown = (...args: Parameters<typeof segmentsOf>) => segmentsOf(...args).map((s) => [s.version, s.fromOn, s.toOn]);

  it('are split where a newer version begins, by the local end of the day, and end with the contract (D10)', () => {
    const two = [version(1, Number.NEGATIVE_INFINITY), version(2, at('2026-03-17'))];
    expect(shown(two, '2026-03', 'Europe/Stockholm', [])).toEqual([
      [1, '2026-03-01', '2026-03-17'],
      [2, '2026-03-17', '2026-04-01'],
    ]);
    // What begins at noon has its first day, and what ends at noon has had its last; midnight in UTC is no other day than ours.
    const noon = 12 * 3_600_000;
    expect(shown([version(1, at('2026-03-17') + noon)], '2026-03', 'Europe/Stockholm', [])).toEqual([[1, '2026-03-17', '2026-04-01']]);
    expect(shown([version(1, Number.NEGATIVE_INFINITY, at('2026-03-10') + noon)], '2026-03', 'Europe/Stockholm', [])).toEqual([[1, '2026-03-01', '2026-03-10']]);
    expect(shown([version(1, Number.NEGATIVE_INFINITY), version(2, Date.parse('2026-03-01T00:00:00Z'))], '2026-03', 'Europe/Stockholm', [])).toEqual([[2, '2026-03-01', '2026-04-01']]);
    expect(shown([version(1, Number.NEGATIVE_INFINITY, at('2026-03-10'))], '2026-03', 'Europe/Stockholm', [])).toEqual([[1, '2026-03-01', '2026-03-10']]);
    // A gap between two versions is nobody's.
    expect(shown([version(1, Number.NEGATIVE_INFINITY, at('2026-03-05')), version(1, at('2026-03-08'))], '2026-03', 'Europe/Stockholm', [])).toEqual([
      [1, '2026-03-01', '2026-03-05'],
      [1, '2026-03-08', '2026-04-01'],
    ]);
  });

  it('are none for a version that only a session begun in the month before falls under', () => {
    const two = [version(1, Number.NEGATIVE_INFINITY), version(2, at('2026-03-01'))];
    expect(shown(two, '2026-03', 'Europe/Stockholm', [at('2026-02-28'), at('2026-03-02')])).toEqual([
      [1, '2026-03-01', '2026-03-01'],
      [2, '2026-03-01', '2026-04-01'],
    ]);
  });

  it('are 31 in the month of the change of clocks', () => {
    const [only] = segmentsOf([version(1, 0)], '2026-03', 'Europe/Stockholm', []);
    expect([only?.fromOn, only?.toOn]).toEqual(['2026-03-01', '2026-04-01']);
  });
});
