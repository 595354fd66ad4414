import { describe, expect, it } from 'vitest';
import type { ErpDocument, ErpHolding } from '../../src/contracts/erp-document.ts';
import { driftOf } from '../../src/core/hand-over/drift.ts';

const documentOf = (key: string, minor = 100): ErpDocument => ({
  key,
  kind: 'invoice',
  runId: 'run',
  legalNumber: `n-${key}`,
  accountId: 'acc',
  currency: 'SEK',
  postedOn: '2020-01-07',
  lines: [
    { part: 'party', glAccount: '1510', costCenter: null, vatCode: null, amountMinor: String(minor) },
    { part: 'net', glAccount: '3001', costCenter: '100', vatCode: 'SE25', amountMinor: String(-minor) },
  ],
});
const heldOf = (document: ErpDocument, more: Partial<ErpHolding> = {}): ErpHolding => ({ ...document, externalId: `F-${document.key}`, isReversed: false, ...more });
const known = (...keys: string[]) => new Set(keys);

describe('what drifted in an ERP', () => {
  it('is nothing while it holds exactly what was handed over', () => {
    const documents = ['a', 'b'].map((key) => documentOf(key));
    expect(
      driftOf(
        documents,
        known('a', 'b'),
        documents.map((d) => heldOf(d)),
      ),
    ).toEqual([]);
  });
  it('is what is gone, what is changed, what somebody took back, what is there twice, and what was never sent', () => {
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((key) => documentOf(key)) as [ErpDocument, ErpDocument, ErpDocument, ErpDocument];
    const held = [heldOf(documentOf('b', 250)), heldOf(c, { isReversed: true }), heldOf(d), heldOf(d, { externalId: 'F-d2' }), heldOf(documentOf('z'))];
    expect(driftOf([a, b, c, d], known('a', 'b', 'c', 'd'), held)).toEqual([
      { key: 'a', kind: 'missing', words: 'it was posted and read back, and is no longer there' },
      { key: 'b', kind: 'differs', words: '1510|| is 250, not 100, 3001|100|SE25 is -250, not -100' },
      { key: 'c', kind: 'reversed', words: 'F-c was taken back in the ERP: credit it here too, or have it restored there' },
      { key: 'd', kind: 'differs', words: 'it is there 2 times: F-d, F-d2' },
      { key: 'z', kind: 'unknownThere', words: 'F-z bears our marks, and was never handed over' },
    ]);
  });
  it('asks of what was taken back there and posted again only whether what stands is as it was sent', () => {
    const [a, b] = ['a', 'b'].map((key) => documentOf(key)) as [ErpDocument, ErpDocument];
    // Refused as it read back otherwise, cancelled there and sent again; and there twice, of which one was cancelled.
    const held = [
      heldOf(documentOf('a', 250), { externalId: 'F-1', isReversed: true }),
      heldOf(a, { externalId: 'F-2' }),
      heldOf(b, { externalId: 'F-3' }),
      heldOf(b, { externalId: 'F-4', isReversed: true }),
    ];
    expect(driftOf([a, b], known('a', 'b'), held)).toEqual([]);
    const changed = [heldOf(a, { externalId: 'F-1', isReversed: true }), heldOf(documentOf('a', 250), { externalId: 'F-2' })];
    expect(driftOf([a], known('a'), changed)).toEqual([{ key: 'a', kind: 'differs', words: '1510|| is 250, not 100, 3001|100|SE25 is -250, not -100' }]);
    const both = [heldOf(a, { externalId: 'F-1', isReversed: true }), heldOf(a, { externalId: 'F-2', isReversed: true })];
    expect(driftOf([a], known('a'), both)).toEqual([{ key: 'a', kind: 'reversed', words: 'F-2 was taken back in the ERP: credit it here too, or have it restored there' }]);
  });
  it('leaves alone what is on its way: posted there and not read back yet, or queued and not there', () => {
    expect(driftOf([], known('a', 'b'), [heldOf(documentOf('a'))])).toEqual([]);
  });
});
