import { describe, expect, it } from 'vitest';
import { descriptionOf, readDescription, readTag, tagOf } from '../../src/adapters/erp/tryton/words.ts';

describe('what Tryton keeps of a line in its description', () => {
  it('is its VAT code, also of several words, beside its cost center', () => {
    for (const vatCode of [null, 'SE25', 'Moms 25 %', '25%', '%20', '%2520 5'])
      for (const costCenter of [null, 'cc2', 'cc 1']) {
        const tag = tagOf({ vatCode, costCenter });
        expect(readTag(tag), tag).toEqual({ vatCode, costCenter });
      }
    // As it stands there since before.
    expect(tagOf({ vatCode: '25%', costCenter: 'cc 1' })).toBe('25% cc 1');
    expect(readTag('SE25 -')).toEqual({ vatCode: 'SE25', costCenter: null });
  });
  it('is its number, also a partner’s own of several words, beside its kind and run', () => {
    for (const legalNumber of [null, '2020-000123', 'INV 2020 / 17', '- 100% %20'])
      for (const runId of [null, 'run_1']) {
        const text = descriptionOf({ kind: 'vendorBill', legalNumber, runId });
        expect(readDescription(text), text).toEqual({ kind: 'vendorBill', legalNumber, runId });
      }
    expect(readDescription('invoice 2020-1 run_1')).toEqual({ kind: 'invoice', legalNumber: '2020-1', runId: 'run_1' });
    expect(readDescription('invoice of somebody else entirely')).toBeUndefined();
  });
});
