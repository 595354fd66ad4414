import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ErpDocument } from '../../src/contracts/erp-document.ts';
import { inErpTerms, suggestionsFor, unknownThere } from '../../src/core/hand-over/map-document.ts';
import { sumsOf } from '../../src/core/hand-over/sums.ts';

const document: ErpDocument = {
  key: 'd1',
  kind: 'invoice',
  runId: 'run',
  legalNumber: '1',
  accountId: 'acc',
  currency: 'SEK',
  postedOn: '2020-01-07',
  lines: [
    { part: 'party', glAccount: '1510', costCenter: null, vatCode: null, amountMinor: '125' },
    { part: 'net', glAccount: '3001', costCenter: '100', vatCode: 'SE25', amountMinor: '-60' },
    { part: 'net', glAccount: '3002', costCenter: '101', vatCode: 'SE25', amountMinor: '-40' },
    { part: 'tax', glAccount: '2611', costCenter: null, vatCode: 'SE25', amountMinor: '-25', baseMinor: '-100' },
  ],
};
const accounts = { '1510': '120000', '3001': '400100', '3002': '400200', '2611': '220000' };

describe('a document in the words of an ERP', () => {
  it('has its codes by the mapping, and the same where a kind is left out', () => {
    const mapped = inErpTerms(document, { accounts, vatCodes: { SE25: 'U1' } });
    expect('document' in mapped ? mapped.document.lines.map((l) => [l.glAccount, l.costCenter, l.vatCode]) : []).toEqual([
      ['120000', null, null],
      ['400100', '100', 'U1'],
      ['400200', '101', 'U1'],
      ['220000', null, 'U1'],
    ]);
    expect(inErpTerms(document, {})).toEqual({ document });
  });
  it('is not made when one code is not named, and every such code is told once: there is no fallback', () => {
    expect(inErpTerms(document, { accounts: { '1510': '120000', '2611': '220000' }, costCenters: { '100': 'KST1' } })).toEqual({
      unmapped: [
        { kind: 'account', code: '3001' },
        { kind: 'account', code: '3002' },
        { kind: 'costCenter', code: '101' },
      ],
    });
    // A name that every object has is no code that was mapped.
    const odd = { ...document, lines: document.lines.map((l) => ({ ...l, glAccount: 'constructor' })) };
    expect(inErpTerms(odd, { accounts })).toEqual({ unmapped: [{ kind: 'account', code: 'constructor' }] });
  });
  it('keeps the balance and moves each sum whole, whatever the mapping merges', () => {
    fc.assert(
      fc.property(fc.constantFrom('A', 'B'), fc.constantFrom('A', 'C'), fc.constantFrom('X', 'Y'), (a, b, c) => {
        const mapped = inErpTerms(document, { accounts: { '1510': 'R', '3001': a, '3002': b, '2611': 'V' }, costCenters: { '100': c, '101': 'X' } });
        if (!('document' in mapped)) throw new Error('everything is mapped');
        const total = (sums: ReadonlyMap<string, bigint>) => [...sums.values()].reduce((sum, minor) => sum + minor, 0n);
        const revenue = [...sumsOf(mapped.document.lines)].filter(([key]) => /^[ABC]\|/.test(key)).reduce((sum, [, minor]) => sum + minor, 0n);
        return total(sumsOf(mapped.document.lines)) === 0n && revenue === -100n;
      }),
    );
  });
  it('names accounts, cost centers and VAT codes that the ERP has not', () => {
    const master = { accounts: ['1510', '3001', '2611'].map((code) => ({ code, name: '' })), costCenters: [{ code: '100', name: '' }], vatCodes: [] };
    expect(unknownThere(document, master)).toEqual([
      { kind: 'account', code: '3002' },
      { kind: 'costCenter', code: '101' },
    ]);
    // VAT codes only where it keeps some.
    expect(unknownThere(document, { ...master, vatCodes: [{ code: 'SE25', name: '' }] })).toHaveLength(2);
    expect(unknownThere(document, { ...master, vatCodes: [{ code: 'SE12', name: '' }] })).toContainEqual({ kind: 'vatCode', code: 'SE25' });
  });
  it('suggests what begins alike and is near, three at most', () => {
    const there = ['3000', '3001', '3002', '3010', '3051', '4010', '1510'].map((code) => ({ code, name: `Account ${code}` }));
    // 3003 shares three digits with 3000 to 3002 (2 and 1 apart are nearer), two with 3010.
    expect(suggestionsFor('3003', there)).toEqual(['3002 Account 3002', '3001 Account 3001', '3000 Account 3000']);
    expect(suggestionsFor('9999', there)).toEqual([]);
    expect(suggestionsFor('KST-North', [{ code: 'kst-north2', name: '' }])).toEqual(['kst-north2']);
  });
});
