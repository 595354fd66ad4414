import { describe, expect, it } from 'vitest';
import type { ErpDocument } from '../../src/contracts/erp-document.ts';
import { type Receipt, type ReceiptPart, receiptJournals, receiptLines } from '../../src/core/accounting/receipt-journals.ts';

const glOf = (key: string) => ({ receivable: '1510', 'outputVat.SE25': '2611', rounding: '3740' })[key] ?? key;
const sold = (siteId: string, on: string, netMinor: bigint, grossMinor: bigint): ReceiptPart => ({ siteId, on, glAccount: '3001', costCenter: `cc_${siteId}`, vatCode: 'SE25', netMinor, grossMinor });
const receipt = (documentId: string, payableMinor: bigint, vatMinor: bigint, parts: readonly ReceiptPart[]): Receipt => ({
  documentId,
  currency: 'SEK',
  roundingMode: 'grossFirst',
  payableMinor,
  vat: [{ vatCode: 'SE25', percent: '25', vatMinor }],
  parts,
});
const head = { runId: 'run', customer: 'receipts-ent', currency: 'SEK', postedOn: '2020-01-06', keyOf: (siteId: string, on: string) => `${on}/${siteId}` };
const journals = (...receipts: readonly Receipt[]) =>
  receiptJournals(
    receipts.flatMap((r) => receiptLines(r, glOf)),
    head,
  );
const amounts = (journal: ErpDocument | undefined) => journal?.lines.map((l) => [l.part, l.glAccount, l.costCenter, l.vatCode, l.amountMinor]);

describe('journals of card receipts', () => {
  it('need no account for VAT that a receipt does not bear', () => {
    const mapped = (key: string) => {
      if (key !== 'receivable') throw new RangeError(`no GL account is mapped to ${key}`);
      return '1510';
    };
    const own = { ...receipt('doc_1', 24n, 0n, [{ ...sold('a', '2019-12-01', 24n, 24n), vatCode: 'SE-O' }]), vat: [{ vatCode: 'SE-O', percent: '0', vatMinor: 0n }] };
    expect(receiptLines(own, mapped).map((l) => [l.part, l.amountMinor])).toEqual([
      ['party', 24n],
      ['net', -24n],
    ]);
  });

  /*
   * A monthly receipt of three sessions, 24 öre gross each: net 19, VAT 4.8 each. VAT of the document: 72 × 25/125 = 14.4 → 14 (D02), net 57, so 72 − 57 − 14 = 1 is rounding.
   * Two of them at a on the 1st: exact VAT 9.6, one at b on the 2nd: 4.8. Rounded down 9 + 4 = 13, one left: b's remainder 0.8 is larger than 0.6, so b gets 5.
   * a: 48 = 38 + 9 + 1 rounding. b: 24 = 19 + 5. A second receipt of 125 = 100 + 25 at a on the 1st joins a's journal: 173 = 138 + 34 + 1.
   */
  it('hold what was charged at each site and day, and its share of the VAT of each receipt', () => {
    const [a, b, ...more] = journals(
      receipt('doc_1', 72n, 14n, [sold('a', '2019-12-01', 19n, 24n), sold('a', '2019-12-01', 19n, 24n), sold('b', '2019-12-02', 19n, 24n)]),
      receipt('doc_2', 125n, 25n, [sold('a', '2019-12-01', 100n, 125n)]),
    );
    expect(more).toEqual([]);
    expect(a).toMatchObject({ key: '2019-12-01/a', kind: 'journal', accountId: 'receipts-ent', postedOn: '2020-01-06', receipts: { siteId: 'a', on: '2019-12-01', documentIds: ['doc_1', 'doc_2'] } });
    expect(amounts(a)).toEqual([
      ['party', '1510', null, null, '173'],
      ['net', '3001', 'cc_a', 'SE25', '-138'],
      ['tax', '2611', null, 'SE25', '-34'],
      ['rounding', '3740', null, null, '-1'],
    ]);
    // What the VAT is reckoned of: 48 − 9 and 125 − 25.
    expect(a?.lines.find((l) => l.part === 'tax')?.baseMinor).toBe('-139');
    expect(b?.receipts?.documentIds).toEqual(['doc_1']);
    expect(amounts(b)).toEqual([
      ['party', '1510', null, null, '24'],
      ['net', '3001', 'cc_b', 'SE25', '-19'],
      ['tax', '2611', null, 'SE25', '-5'],
    ]);
  });
  it('take back what a credit note takes back, with the signs turned', () => {
    const [a] = journals(receipt('credit', -125n, -25n, [sold('a', '2019-12-01', -100n, -125n)]));
    expect(amounts(a)).toEqual([
      ['party', '1510', null, null, '-125'],
      ['net', '3001', 'cc_a', 'SE25', '100'],
      ['tax', '2611', null, 'SE25', '25'],
    ]);
  });
  it('have what is rounded of the whole receipt on its last place', () => {
    const [a, b] = journals(receipt('doc', 200n, 40n, [sold('a', '2019-12-01', 80n, 100n), sold('b', '2019-12-02', 79n, 99n)]));
    expect([a, b].map((j) => j?.lines.filter((l) => l.part === 'party' || l.part === 'rounding').map((l) => l.amountMinor))).toEqual([['100'], ['100', '-1']]);
  });
});
