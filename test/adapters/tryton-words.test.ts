import { describe, expect, it } from 'vitest';
import { readTag, tagOf } from '../../src/adapters/erp/tryton/words.ts';

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
});
