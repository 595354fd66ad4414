import { describe, expect, it } from 'vitest';
import { paceOf } from '../../src/adapters/erp/tryton/pace.ts';
import { documentOf } from '../support/erp-contract.ts';

// Five lines each.
const documents = Array.from({ length: 300 }, (_, n) => documentOf('invoice', `d${n}`));
const pace = () => paceOf({ timeoutMs: 60_000, firstLines: 60 });

describe('how many documents a request to Tryton takes', () => {
  it('begins with few, grows at most twofold, and stays within a quarter of the time that a request has', () => {
    const own = pace();
    expect(own.fit(documents)).toBe(12);
    own.took(60, 100);
    expect(own.fit(documents)).toBe(24);
    // 120 lines in 30 s: 60 in the 15 s that are a quarter of a minute, twelve documents.
    own.took(120, 30_000);
    expect(own.fit(documents)).toBe(12);
  });
  it('takes one at least, however slow it is or long the document, and a hundred at most', () => {
    const own = pace();
    own.took(60, 3_600_000);
    expect(own.fit(documents)).toBe(1);
    expect(own.fit([])).toBe(0);
    for (let i = 0; i < 12; i++) own.took(600, 10);
    expect(own.fit(documents)).toBe(100);
  });
  it('begins anew after an answer that did not come', () => {
    const own = pace();
    for (let i = 0; i < 4; i++) own.took(600, 10);
    own.took(1000, undefined);
    expect(own.fit(documents)).toBe(12);
  });
});
