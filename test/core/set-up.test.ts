import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { vatTableSchema } from '../../src/contracts/vat-table.ts';
import { decideVat } from '../../src/core/allocate/decide-vat.ts';
import { messageOf } from '../../src/core/issues.ts';
import { readBankAccount } from '../../src/core/set-up/check-bank-account.ts';
import { checkAccount } from '../../src/core/set-up/check-row.ts';
import { checkVatNumber } from '../../src/core/set-up/check-vat-number.ts';
import { lintVatTable } from '../../src/core/set-up/lint-vat-table.ts';
import { placeInTime, type Span } from '../../src/core/set-up/place-in-time.ts';

const same = (a: string, b: string) => a === b;
const valueAt = (spans: readonly Span<string>[], ms: number) => spans.find((s) => s.fromMs <= ms && ms < s.toMs)?.value;

describe('placing a value in time', () => {
  it('ends the present one there, and holds until the next', () => {
    const spans = [
      { fromMs: Number.NEGATIVE_INFINITY, toMs: 100, value: 'a' },
      { fromMs: 100, toMs: Number.POSITIVE_INFINITY, value: 'b' },
    ];
    expect(placeInTime(spans, 40, 'c', same)).toMatchObject({
      before: 'a',
      cut: { fromMs: Number.NEGATIVE_INFINITY, toMs: 40 },
      span: { fromMs: 40, toMs: 100, value: 'c' },
    });
    expect(placeInTime(spans, 100, 'b', same)).toEqual({ kind: 'unchanged' });
    expect(placeInTime(spans, 100, 'c', same)).toMatchObject({ before: 'b', cut: undefined, span: { fromMs: 100, toMs: Number.POSITIVE_INFINITY } });
    expect(placeInTime<string>([], 5, 'c', same)).toMatchObject({ before: undefined, span: { fromMs: 5, toMs: Number.POSITIVE_INFINITY } });
  });

  it('changes nothing before its instant nor from the next beginning on, and leaves neither gap nor overlap', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.constantFrom('a', 'b', 'c')), { maxLength: 12 }), (orders) => {
        let spans: readonly Span<string>[] = [];
        for (const [at, value] of orders) {
          const before = spans;
          const placed = placeInTime(before, at, value, same);
          if (placed.kind === 'placed') spans = placed.spans;
          const next = before.find((s) => s.fromMs > at)?.fromMs ?? Number.POSITIVE_INFINITY;
          for (let ms = -1; ms <= 51; ms += 1) expect(valueAt(spans, ms)).toBe(ms >= at && ms < next ? value : valueAt(before, ms));
          for (const [i, span] of spans.entries()) {
            expect(span.fromMs).toBeLessThan(span.toMs);
            expect(spans[i + 1]?.fromMs ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(span.toMs);
          }
        }
      }),
    );
  });
});

describe('a bank account', () => {
  it.each([
    // SE45 5000 0000 0583 9825 7466: the registry's example; 98 minus the remainder of …7466281400 is 45.
    ['iban', 'SE45 5000 0000 0583 9825 7466', 'SE4550000000058398257466'],
    ['iban', 'de89 3704 0044 0532 0130 00', 'DE89370400440532013000'],
    // From the right, every second digit doubled (10 counts 1): 5 + 1 + 0 + 2 + 0 + 1 + 0 + 1 = 10.
    ['bankgiro', '5050-1055', '50501055'],
  ] as const)('%s %s is read without its spaces', (scheme, number, plain) => {
    expect(readBankAccount({ scheme, number })).toEqual({ scheme, number: plain });
  });
  it.each([
    ['iban', 'SE4550000000058398257467', 'check digits of the IBAN are wrong'],
    ['iban', 'SE455000000005839825746', 'an IBAN of SE has 24 characters'],
    ['iban', 'US4550000000058398257466', 'IBANs of US are not paid to'],
    ['iban', '4550000000058398257466', 'begins with a country'],
    ['bankgiro', '5050-1056', 'check digit of the Bankgiro number is wrong'],
    ['bankgiro', '505-1055123', '7 or 8 digits'],
  ] as const)('%s %s is refused, without repeating it', (scheme, number, words) => {
    const read = readBankAccount({ scheme, number });
    expect(read).toEqual({ wrong: expect.stringContaining(words) });
    expect(JSON.stringify(read)).not.toContain(number);
  });
  it('has no other digit in any place that would pass', () => {
    const number = 'SE4550000000058398257466';
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 23 }), fc.integer({ min: 1, max: 9 }), (place, by) => {
        const digit = String((Number(number[place]) + by) % 10);
        expect(readBankAccount({ scheme: 'iban', number: number.slice(0, place) + digit + number.slice(place + 1) })).toHaveProperty('wrong');
      }),
    );
  });
});

describe('a VAT number', () => {
  it('passes by its country’s pattern, blocks without it, and warns where only check digits are wrong', () => {
    const codes = (number: string) => checkVatNumber('acc', number).map((i) => [i.code, i.severity]);
    expect(codes('SE556000000101')).toEqual([]);
    expect(codes('DE136695976')).toEqual([]);
    expect(codes('SE5560000001')).toEqual([['rowValue', 'blocks']]);
    expect(codes('DE136695977')).toEqual([['vatNumberDoubtful', 'warns']]);
    expect(codes('US123456789')).toEqual([]);
  });
});

describe('an account', () => {
  it('is billed and rounded as its category is', () => {
    const fits = (values: object) => checkAccount('acc', { currency: 'SEK', ...values }).map((i) => i.params['field']);
    expect(fits({ category: 'fleet', strategy: 'fleetInvoice', roundingMode: 'netFirst' })).toEqual([]);
    expect(fits({ category: 'driver', strategy: 'cardReceipt', roundingMode: 'grossFirst' })).toEqual([]);
    expect(fits({ category: 'driver', strategy: 'reimbursement', roundingMode: 'netFirst' })).toEqual([]);
    expect(fits({ category: 'fleet', strategy: 'driverInvoice', roundingMode: 'netFirst' })).toEqual(['strategy', 'roundingMode']);
    expect(fits({ category: 'siteOwner', strategy: 'fleetInvoice', roundingMode: 'netFirst', currency: 'QQQ' })).toEqual(['strategy', 'currency']);
  });
});

describe('a VAT table', () => {
  const table = (...rows: [id: string, when: object, decides?: object][]) =>
    vatTableSchema.parse(rows.map(([id, when, decides = { vat: 'ofCharger' }]) => ({ id, when: { direction: 'sale', ...when }, decides, basis: 'test' })));
  const found = (rows: ReturnType<typeof table>) => lintVatTable('ent', rows, new Set(['SE25', 'AE'])).map(messageOf);

  it('has nothing wrong when each row is reached', () => {
    expect(
      found(
        table(
          ['abroad', { charger: ['otherEu'], registered: false }, { vat: 'blocked', why: 'no registration' }],
          ['reverse-charge', { party: ['reseller'], proven: true }, { vat: 'code', code: 'AE' }],
          ['all-else', {}],
        ),
      ),
    ).toEqual([]);
  });
  it('names a row that one before it always takes, and one that several take together', () => {
    expect(found(table(['all-else', {}], ['reseller', { party: ['reseller'] }]))).toEqual(['row reseller is never reached: row all-else always holds before it']);
    const both = table(['proven', { proven: true }], ['unproven', { proven: false }], ['all-else', {}]);
    expect(found(both)).toEqual(['row all-else is never reached: row proven always holds before it']);
  });
  it('names repeated rows and codes that no rule has', () => {
    expect(found(table(['same', { party: ['consumer'] }], ['same', { party: ['business'] }, { vat: 'code', code: 'XX' }]))).toEqual([
      'two rows are called same',
      'row same decides on code XX, which no VAT rule has',
    ]);
  });
  it('reads rows as the decision does: what it says is reached decides some question', () => {
    const rows = table(['home', { charger: ['sellersCountry'] }], ['no-charger-or-abroad', {}, { vat: 'code', code: 'AE' }]);
    const entity = {
      country: 'SE',
      vatTables: [{ version: 1, validFrom: '2018-01-01', rows }],
      vatRegistrations: [],
      vatRules: [{ code: 'AE', country: 'SE', percent: '0', category: 'AE', validFrom: '2018-01-01', validTo: null }],
    };
    const decided = decideVat(entity as never, { subject: 's', direction: 'sale', supply: 'subscription', chargerCountry: null, party: undefined, on: '2026-01-01' });
    expect(found(rows)).toEqual([]);
    expect(decided).toMatchObject({ kind: 'decided', rule: '1/no-charger-or-abroad' });
  });
});
