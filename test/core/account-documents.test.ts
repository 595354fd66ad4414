import { describe, expect, it } from 'vitest';
import { type AccountDocuments, type AccountInput, accountDocuments } from '../../src/core/document/account-documents.ts';
import type { DocumentCharge, Remainder } from '../../src/core/document/compose.ts';
import { account as business, charge, consumer, mirror, remainderOf } from '../support/document.ts';

const shape = ({ documents }: AccountDocuments) =>
  documents.map((d) => ({ kind: d.kind, credits: d.credits?.legalNumber ?? null, net: d.value.netMinor, vat: d.value.vatMinor, rounding: d.value.roundingMinor, payable: d.value.payableMinor }));
const made = (input: AccountInput) => shape(accountDocuments(input));
const heldIn = (input: AccountInput) => accountDocuments(input).held.map((h) => [h.reason, h.chargeIds.length]);
const billed = (input: AccountInput) => {
  const [document] = accountDocuments(input).documents;
  if (document === undefined) throw new Error('nothing is billed');
  return document.value;
};
const left = (documentId: string, rest: Remainder): ReadonlyMap<string, Remainder> => new Map([[documentId, rest]]);

describe('the correction of a business', () => {
  // Three sessions of 4.125: each rounds to 4.13 (D01); net 12.39, VAT 3.0975 -> 3.10, payable 15.49.
  const three = [1n, 2n, 3n].map((id) => charge(id, { netMinor: 413n, grossMinor: 516n }));
  const original = billed(business({ charges: three }));

  it('invoices three charges of 4.125 as 12.39 net, 3.10 VAT', () => {
    expect([original.netMinor, original.vatMinor, original.payableMinor]).toEqual([1239n, 310n, 1549n]);
  });

  it('credits a line wholly and bills the new charge on the invoice, never the difference', () => {
    // Credit: -4.13, VAT 1.0325 -> -1.03. New: 5.00, VAT 1.25.
    const input = business({ charges: [mirror(three[0], 'doc_a'), charge(9n, { netMinor: 500n, grossMinor: 625n })], remainders: left('doc_a', remainderOf(original)) });
    expect(made(input)).toEqual([
      { kind: 'invoice', credits: null, net: 500n, vat: 125n, rounding: 0n, payable: 625n },
      { kind: 'creditNote', credits: 'N-doc_a', net: -413n, vat: -103n, rounding: 0n, payable: -516n },
    ]);
  });

  it('takes back exactly the VAT of the original with the last of it: 1.03, 1.03 and 1.04 are 3.10', () => {
    let rest = remainderOf(original);
    const vats: bigint[] = [];
    for (const one of three) {
      const [credit] = accountDocuments(business({ charges: [mirror(one, 'doc_a')], remainders: left('doc_a', rest) })).documents;
      if (credit === undefined) throw new Error('nothing is credited');
      vats.push(credit.value.vatMinor);
      rest = remainderOf(original, credit.value, rest);
    }
    expect(vats).toEqual([-103n, -103n, -104n]);
    expect([rest.payableMinor, rest.vat[0]?.vatMinor]).toEqual([0n, 0n]);
  });

  it('never takes back more VAT than is left, however small the parts', () => {
    // Ten charges of 0.02: net 0.20, VAT 0.05. Each alone would take 0.005 -> 0.01 back: 0.06 after six of them, and 0.05 is all there is.
    const ten = Array.from({ length: 10 }, (_, i) => charge(BigInt(i), { netMinor: 2n, grossMinor: 3n }));
    const tiny = billed(business({ charges: ten }));
    expect(tiny.vatMinor).toBe(5n);
    let rest = remainderOf(tiny);
    const vats = ten.map((one) => {
      const [credit] = accountDocuments(business({ charges: [mirror(one, 'doc_a')], remainders: left('doc_a', rest) })).documents;
      if (credit === undefined) throw new Error('nothing is credited');
      rest = remainderOf(tiny, credit.value, rest);
      return credit.value.vatMinor;
    });
    expect(vats).toEqual([-1n, -1n, -1n, -1n, -1n, 0n, 0n, 0n, 0n, 0n]);
  });

  it('makes a credit note for each document, and shows what it takes back line by line', () => {
    const charges = [mirror(three[0], 'doc_a', 2), mirror(three[1], 'doc_a', 3), mirror(three[2], 'doc_b', 1)];
    const remainders = new Map([
      ['doc_a', remainderOf(original)],
      ['doc_b', remainderOf(original)],
    ]);
    const { documents } = accountDocuments(business({ charges, remainders }));
    expect(documents.map((d) => [d.credits?.documentId, d.value.lines.map((l) => [l.credits?.lineNo, l.netMinor])])).toEqual([
      [
        'doc_a',
        [
          [2, -413n],
          [3, -413n],
        ],
      ],
      ['doc_b', [[1, -413n]]],
    ]);
    expect(new Set(documents.map((d) => d.key)).size).toBe(2);
  });

  it('keeps on the invoice what takes back a credit, since no credit note asks for money', () => {
    // At a negative spot price the customer was paid 2.00; its mirror is owed again.
    const spot = charge(7n, { netMinor: -200n, grossMinor: -250n }, 'netFirst', { unitPrice: '-0.20' });
    const input = business({ charges: [charge(8n, { netMinor: 1000n, grossMinor: 1250n }), mirror(spot, 'doc_a')], remainders: left('doc_a', remainderOf(original)) });
    expect(made(input)).toEqual([{ kind: 'invoice', credits: null, net: 1200n, vat: 300n, rounding: 0n, payable: 1500n }]);
    expect(billed(input).lines.map((l) => l.credits?.legalNumber)).toEqual([undefined, 'N-doc_a']);
  });
});

describe('the correction of a consumer', () => {
  it('stands on the next invoice and names its document, as long as that is not negative', () => {
    // 100.00 of a new month, 40.00 taken back and 30.00 billed anew: gross 90.00, VAT 90 × 25/125 = 18.00.
    const wrong = charge(1n, { netMinor: 3200n, grossMinor: 4000n }, 'grossFirst');
    const charges = [charge(2n, { netMinor: 8000n, grossMinor: 10_000n }, 'grossFirst'), mirror(wrong, 'doc_a'), charge(3n, { netMinor: 2400n, grossMinor: 3000n }, 'grossFirst')];
    const input = consumer({ charges, remainders: left('doc_a', { payableMinor: 4000n, vat: [{ vatCode: 'SE25', amountMinor: 4000n, vatMinor: 800n }] }) });
    expect(made(input)).toEqual([{ kind: 'invoice', credits: null, net: 7200n, vat: 1800n, rounding: 0n, payable: 9000n }]);
    expect(billed(input).lines.map((l) => [l.netMinor, l.credits?.legalNumber ?? null])).toEqual([
      [10_400n, null],
      [-3200n, 'N-doc_a'],
    ]);
  });

  it('is a credit note of its own when the invoice would go below nothing', () => {
    // 20.00 new against 40.00 taken back.
    const wrong = charge(1n, { netMinor: 3200n, grossMinor: 4000n }, 'grossFirst');
    const charges = [charge(2n, { netMinor: 1600n, grossMinor: 2000n }, 'grossFirst'), mirror(wrong, 'doc_a')];
    expect(made(consumer({ charges, remainders: left('doc_a', { payableMinor: 4000n, vat: [{ vatCode: 'SE25', amountMinor: 4000n, vatMinor: 800n }] }) }))).toEqual([
      { kind: 'invoice', credits: null, net: 1600n, vat: 400n, rounding: 0n, payable: 2000n },
      { kind: 'creditNote', credits: 'N-doc_a', net: -3200n, vat: -800n, rounding: 0n, payable: -4000n },
    ]);
  });

  it('mirrors the rounding to whole kronor in a full credit (D41)', () => {
    // Sessions of 33.33 and 66.67 less a discount that leaves 66.16: gross 99.49 -> 99.00, VAT 99.49 × 0.2 = 19.898 -> 19.90, nets 26.66 + 52.93 = 79.59.
    const sold = [charge(1n, { netMinor: 2666n, grossMinor: 3333n }, 'grossFirst'), charge(2n, { netMinor: 5293n, grossMinor: 6616n }, 'grossFirst', { component: 'ENERGY/night' })];
    const original = billed(consumer({ charges: sold }));
    expect([original.netMinor, original.vatMinor, original.roundingMinor, original.payableMinor]).toEqual([7959n, 1990n, -49n, 9900n]);
    const credit = consumer({ charges: sold.map((c) => mirror(c, 'doc_a')), remainders: left('doc_a', remainderOf(original)) });
    expect(made(credit)).toEqual([{ kind: 'creditNote', credits: 'N-doc_a', net: -7959n, vat: -1990n, rounding: 49n, payable: -9900n }]);
  });

  it('rounds a part by itself, and the rest to what is left: 100.40 was paid as 100, and comes back as 100', () => {
    // 99.60 -> 100.00 is all that was payable; the other 0.80 comes back as nothing, with the last of the VAT: 20.08 = 19.92 + 0.16.
    const sold = [charge(1n, { netMinor: 7968n, grossMinor: 9960n }, 'grossFirst'), charge(2n, { netMinor: 64n, grossMinor: 80n }, 'grossFirst')];
    const original = billed(consumer({ charges: sold }));
    expect([original.vatMinor, original.payableMinor]).toEqual([2008n, 10_000n]);
    const first = consumer({ charges: [mirror(sold[0], 'doc_a')], remainders: left('doc_a', remainderOf(original)) });
    expect(made(first)).toEqual([{ kind: 'creditNote', credits: 'N-doc_a', net: -7968n, vat: -1992n, rounding: -40n, payable: -10_000n }]);
    const rest = remainderOf(original, billed(first));
    expect(made(consumer({ charges: [mirror(sold[1], 'doc_a')], remainders: left('doc_a', rest) }))).toEqual([
      { kind: 'creditNote', credits: 'N-doc_a', net: -64n, vat: -16n, rounding: 80n, payable: 0n },
    ]);
  });

  it('that somebody ordered is a credit note, also beside an invoice that could take it', () => {
    const wrong = mirror(charge(1n, { netMinor: 3200n, grossMinor: 4000n }, 'grossFirst'), 'doc_a');
    const charges = [charge(2n, { netMinor: 8000n, grossMinor: 10_000n }, 'grossFirst'), wrong];
    const input = consumer({ charges, isOrdered: (c) => c === wrong, remainders: left('doc_a', { payableMinor: 4000n, vat: [{ vatCode: 'SE25', amountMinor: 4000n, vatMinor: 800n }] }) });
    expect(made(input).map((d) => [d.kind, d.payable])).toEqual([
      ['invoice', 10_000n],
      ['creditNote', -4000n],
    ]);
  });

  it('by an amount off a line is a credit note too', () => {
    const goodwill = {
      id: 'crd_1',
      amountMinor: -500n,
      vatCode: 'SE25',
      glAccount: '3001',
      costCenter: '1',
      description: 'Goodwill',
      credits: { documentId: 'doc_a', legalNumber: 'N-doc_a', lineNo: 1 },
    };
    const charges = [charge(2n, { netMinor: 8000n, grossMinor: 10_000n }, 'grossFirst')];
    expect(made(consumer({ charges, adjustments: [goodwill], remainders: left('doc_a', { payableMinor: 4000n, vat: [{ vatCode: 'SE25', amountMinor: 4000n, vatMinor: 800n }] }) }))).toEqual([
      { kind: 'invoice', credits: null, net: 8000n, vat: 2000n, rounding: 0n, payable: 10_000n },
      { kind: 'creditNote', credits: 'N-doc_a', net: -400n, vat: -100n, rounding: 0n, payable: -500n },
    ]);
  });
});

describe('what may not stand on one document', () => {
  it('is apart: outside the scope of VAT, another registration of the seller, another currency', () => {
    const charges = [
      charge(1n, { netMinor: 1000n, grossMinor: 1250n }),
      charge(2n, { netMinor: 700n, grossMinor: 700n }, 'netFirst', { vatCode: 'SE-O', role: 'homeRecharge' }),
      charge(3n, { netMinor: 400n, grossMinor: 500n }, 'netFirst', { vatCode: 'NO25' }),
      charge(4n, { netMinor: 90n, grossMinor: 113n }, 'netFirst', { currency: 'EUR' }),
    ];
    const { documents } = accountDocuments(business({ charges }));
    expect(documents.map((d) => [d.currency, d.value.vat.map((v) => v.vatCode), d.outsideVat, d.value.payableMinor])).toEqual([
      ['EUR', ['SE25'], false, 113n],
      ['SEK', ['NO25'], false, 500n],
      ['SEK', ['SE-O'], true, 700n],
      ['SEK', ['SE25'], false, 1250n],
    ]);
  });

  it('of a consumer may mix the registrations of the seller', () => {
    const charges = [charge(1n, { netMinor: 800n, grossMinor: 1000n }, 'grossFirst'), charge(2n, { netMinor: 800n, grossMinor: 1000n }, 'grossFirst', { vatCode: 'NO25' })];
    expect(accountDocuments(consumer({ charges })).documents.map((d) => d.value.vat.map((v) => v.vatCode))).toEqual([['NO25', 'SE25']]);
  });

  it('of an unregistered site owner is one statement without VAT, which may come to less than nothing and names what it corrects', () => {
    const share = charge(1n, { netMinor: 1000n, grossMinor: 1250n }, 'netFirst', { role: 'siteShareEstimate' });
    const statement = accountDocuments(business({ side: 'settlement', strategy: 'selfBilling', charges: [mirror(share, 'doc_a'), charge(2n, { netMinor: 300n, grossMinor: 375n })] }));
    expect(shape(statement)).toEqual([{ kind: 'invoice', credits: null, net: -700n, vat: 0n, rounding: 0n, payable: -700n }]);
    expect(statement.documents[0]?.value.lines.map((l) => l.credits?.legalNumber ?? null).sort()).toEqual(['N-doc_a', null]);
  });
});

describe('what came late', () => {
  const now = charge(1n, { netMinor: 1000n, grossMinor: 1250n });
  const late = (id: bigint, netMinor: bigint, rest: Partial<DocumentCharge> = {}) =>
    charge(id, { netMinor, grossMinor: (netMinor * 125n) / 100n }, 'netFirst', { serviceMonth: '2026-02', serviceOn: '2026-02-27', serviceFrom: '2026-02-27', ...rest });

  it('is on the next invoice, whose period of service says so', () => {
    const value = billed(business({ charges: [now, late(2n, 400n)], billedUntil: '2026-02' }));
    expect([value.serviceFrom, value.serviceTo, value.lines.map((l) => l.serviceMonth)]).toEqual(['2026-02-27', '2026-03-12', ['2026-02', '2026-03']]);
  });

  it('is on an invoice of its own where that is the policy; what was never billed before is not late', () => {
    const separate = { charges: [now, late(2n, 400n)], late: { policy: 'separateInvoice' } } as const;
    expect(made(business({ ...separate, billedUntil: '2026-02' })).map((d) => [d.kind, d.net])).toEqual([
      ['invoice', 1000n],
      ['lateInvoice', 400n],
    ]);
    expect(made(business({ ...separate, billedUntil: null })).map((d) => [d.kind, d.net])).toEqual([['invoice', 1400n]]);
  });

  it('waits while the signed sum of the account is below the threshold, its credit with it', () => {
    // -4.13 + 10.00 = 5.87, below 10.00.
    const correction = [mirror(late(2n, 413n), 'doc_a'), late(3n, 1000n)];
    const hold = {
      late: { policy: 'holdBelow', thresholdMinor: 1000 },
      billedUntil: '2026-02',
      remainders: left('doc_a', { payableMinor: 516n, vat: [{ vatCode: 'SE25', amountMinor: 413n, vatMinor: 103n }] }),
    } as const;
    const held = business({ ...hold, charges: [now, ...correction] });
    expect(made(held).map((d) => [d.kind, d.net])).toEqual([['invoice', 1000n]]);
    expect(heldIn(held)).toEqual([['late', 2]]);
    // With another 4.13 it is 10.00: released, whatever its sign.
    const enough = business({ ...hold, charges: [now, ...correction, late(4n, 413n)] });
    expect(made(enough).map((d) => [d.kind, d.net])).toEqual([
      ['invoice', 2413n],
      ['creditNote', -413n],
    ]);
    expect(heldIn(business({ ...hold, charges: [now, mirror(late(5n, 2000n), 'doc_a')] }))).toEqual([]);
    // Somebody asked for it.
    expect(heldIn(business({ ...hold, charges: [now, ...correction], isOrdered: () => true }))).toEqual([]);
  });

  it('is held by currency: what is owed in one is not set off against another', () => {
    const hold = { late: { policy: 'holdBelow', thresholdMinor: 1000 }, billedUntil: '2026-02' } as const;
    // 500.00 kronor more, and 500.00 euro less: nothing if it were one sum. The 4.00 kronor beside 500.00 euro wait.
    const inEuro = (id: bigint, netMinor: bigint) => late(id, netMinor, { currency: 'EUR' });
    expect(heldIn(business({ ...hold, charges: [late(2n, 50_000n), inEuro(3n, -50_000n)] }))).toEqual([]);
    const some = business({ ...hold, charges: [inEuro(2n, 50_000n), late(3n, 400n)] });
    expect(accountDocuments(some)).toMatchObject({ documents: [{ currency: 'EUR' }], held: [{ reason: 'late', chargeIds: [3n] }] });
  });

  it('waits in the currency of the books alone: the threshold says nothing of another', () => {
    const hold = { late: { policy: 'holdBelow', thresholdMinor: 1000 }, billedUntil: '2026-02' } as const;
    const inEuro = late(2n, 400n, { currency: 'EUR' });
    expect(heldIn(business({ ...hold, charges: [inEuro] }))).toEqual([]);
    expect(heldIn(business({ ...hold, books: 'EUR', charges: [inEuro, late(3n, 400n)] }))).toEqual([['late', 1]]);
  });

  it('is billed after three months, however little it is', () => {
    const hold = { late: { policy: 'holdBelow', thresholdMinor: 1000 }, billedUntil: '2026-02' } as const;
    expect(heldIn(business({ ...hold, charges: [late(2n, 400n, { heldSince: '2026-01' })] }))).toEqual([['late', 1]]);
    expect(made(business({ ...hold, charges: [late(2n, 400n, { heldSince: '2025-12' })] })).map((d) => d.net)).toEqual([400n]);
  });
});

describe('an invoice of next to nothing', () => {
  it('is not made for zero: what is in it stays open, for three months at most', () => {
    // 0.40 is rounded to nothing for who pays by transfer.
    const little = charge(1n, { netMinor: 32n, grossMinor: 40n }, 'grossFirst');
    expect(accountDocuments(consumer({ charges: [little] }))).toMatchObject({ documents: [], held: [{ reason: 'zero', chargeIds: [1n], document: { currency: 'SEK', netMinor: 32n } }] });
    expect(made(consumer({ charges: [{ ...little, heldSince: '2025-12' }] }))).toEqual([{ kind: 'invoice', credits: null, net: 32n, vat: 8n, rounding: -40n, payable: 0n }]);
  });

  it('is made for what was free: nothing of it waits, and the document is its end', () => {
    const free = charge(1n, { netMinor: 0n, grossMinor: 0n });
    expect(made(business({ charges: [free] }))).toEqual([{ kind: 'invoice', credits: null, net: 0n, vat: 0n, rounding: 0n, payable: 0n }]);
  });

  it('is not made below the minimum of its strategy, unless it corrects an issued one', () => {
    const few = charge(1n, { netMinor: 3200n, grossMinor: 4000n }, 'grossFirst');
    expect(heldIn(consumer({ charges: [few], minimumMinor: 5000n }))).toEqual([['minimum', 1]]);
    expect(heldIn(consumer({ charges: [few], minimumMinor: 4000n }))).toEqual([]);
    const taken = mirror(charge(2n, { netMinor: 80n, grossMinor: 100n }, 'grossFirst'), 'doc_a');
    const remainders = left('doc_a', { payableMinor: 10_000n, vat: [{ vatCode: 'SE25', amountMinor: 10_000n, vatMinor: 2000n }] });
    expect(made(consumer({ charges: [few, taken], minimumMinor: 5000n, remainders })).map((d) => d.payable)).toEqual([3900n]);
    // 40.00 euro are more than 50.00 kronor, and 40 yen are less: the minimum is one in kronor, of what is billed in them.
    for (const currency of ['EUR', 'JPY']) {
      const foreign = charge(1n, { netMinor: 3200n, grossMinor: 4000n }, 'grossFirst', { currency });
      expect(heldIn(consumer({ charges: [foreign], minimumMinor: 5000n }))).toEqual([]);
      expect(heldIn(consumer({ charges: [foreign], minimumMinor: 5000n, currency, books: currency }))).toEqual([['minimum', 1]]);
    }
  });
});

describe('who pays by card', () => {
  // Two sessions: 10.00 and 0.05 with VAT in one, 4.13 in the other. VAT of 10.05 is 2.01, of 4.13 it is 0.826 -> 0.83.
  const first = [
    charge(1n, { netMinor: 800n, grossMinor: 1000n }, 'grossFirst', { sessionKey: 'csms/se*wlt*1' }),
    charge(2n, { netMinor: 4n, grossMinor: 5n }, 'grossFirst', { sessionKey: 'csms/se*wlt*1', component: 'FLAT/day' }),
  ];
  const second = charge(3n, { netMinor: 330n, grossMinor: 413n }, 'grossFirst', { sessionKey: 'csms/se*wlt*2' });

  it('has a document for each session, with what the card was charged', () => {
    const input = consumer({ strategy: 'cardReceipt', charges: [...first, second] });
    expect(made(input)).toEqual([
      { kind: 'invoice', credits: null, net: 804n, vat: 201n, rounding: 0n, payable: 1005n },
      { kind: 'invoice', credits: null, net: 330n, vat: 83n, rounding: 0n, payable: 413n },
    ]);
    expect(new Set(accountDocuments(input).documents.map((d) => d.key)).size).toBe(2);
    expect(made(consumer({ strategy: 'cardInvoice', charges: [...first, second] }))).toHaveLength(1);
  });

  it('is credited by session, and pays the öre: whole kronor are for transfers', () => {
    const [original] = accountDocuments(consumer({ strategy: 'cardReceipt', charges: [second] })).documents;
    if (original === undefined) throw new Error('nothing is billed');
    // The charge of the other session is new; the mirror takes back its own receipt alone.
    const again = consumer({ strategy: 'cardReceipt', charges: [mirror(second, 'doc_a'), ...first], remainders: left('doc_a', remainderOf(original.value)) });
    expect(made(again)).toEqual([
      { kind: 'invoice', credits: null, net: 804n, vat: 201n, rounding: 0n, payable: 1005n },
      { kind: 'creditNote', credits: 'N-doc_a', net: -330n, vat: -83n, rounding: 0n, payable: -413n },
    ]);
  });

  it('has a receipt of its own for what takes the place of a session that is corrected, also where that is more', () => {
    const [original] = accountDocuments(consumer({ strategy: 'cardReceipt', charges: [second] })).documents;
    if (original === undefined) throw new Error('nothing is billed');
    // Twice the energy: 6.60 and VAT are 8.25, of which 1.65 are VAT.
    const more = charge(9n, { netMinor: 660n, grossMinor: 825n }, 'grossFirst', { sessionKey: 'csms/se*wlt*2' });
    expect(made(consumer({ strategy: 'cardReceipt', charges: [mirror(second, 'doc_a'), more], remainders: left('doc_a', remainderOf(original.value)) }))).toEqual([
      { kind: 'invoice', credits: null, net: 660n, vat: 165n, rounding: 0n, payable: 825n },
      { kind: 'creditNote', credits: 'N-doc_a', net: -330n, vat: -83n, rounding: 0n, payable: -413n },
    ]);
  });

  it('is given back a part of what a card paid to the öre, though invoices are paid by transfer by now; and of what was transferred in whole kronor (D04, D41)', () => {
    // Of 14.18 that a card paid 10.05 comes back; the last of it, 4.13, too. Of 14.00 that were transferred 10.00, and then the other 4.00.
    const parts = (was: string, is: string) => {
      const original = billed(consumer({ strategy: was, charges: [...first, second] }));
      const part = (charges: readonly DocumentCharge[], rest: Remainder) =>
        consumer({ strategy: is, charges: charges.map((c) => mirror(c, 'doc_a')), isOrdered: () => true, remainders: new Map([['doc_a', { ...rest, strategy: was }]]) });
      const one = billed(part(first, remainderOf(original)));
      const other = billed(part([second], remainderOf(original, one)));
      return [original, one, other].map((d) => d.payableMinor);
    };
    expect(parts('cardInvoice', 'driverInvoice')).toEqual([1418n, -1005n, -413n]);
    expect(parts('driverInvoice', 'cardInvoice')).toEqual([1400n, -1000n, -400n]);
  });

  it('has one credit note for an invoice by transfer from before, which takes back what that asked for', () => {
    // 10.05 and 4.13 are 14.18, rounded to 14.00; VAT of 14.18 is 2.836, so 2.84, where 2.01 and 0.83 are 2.84 too.
    const original = billed(consumer({ charges: [...first, second] }));
    expect([original.payableMinor, original.vatMinor]).toEqual([1400n, 284n]);
    const credited = [...first, second].map((c) => mirror(c, 'doc_a'));
    expect(made(consumer({ strategy: 'cardReceipt', charges: credited, remainders: left('doc_a', remainderOf(original)) }))).toEqual([
      { kind: 'creditNote', credits: 'N-doc_a', net: -1134n, vat: -284n, rounding: 18n, payable: -1400n },
    ]);
  });
});

describe('an invoice that lacks a purchase order', () => {
  const own = [charge(1n, { netMinor: 413n, grossMinor: 516n }), charge(2n, { netMinor: 500n, grossMinor: 625n })];
  it('waits by itself, however long; credit notes do not', () => {
    const original = billed(business({ charges: own }));
    const input = business({
      lacksPurchaseOrder: true,
      charges: [mirror(own[0], 'doc_a'), charge(3n, { netMinor: 500n, grossMinor: 625n }, 'netFirst', { heldSince: '2025-01' })],
      remainders: left('doc_a', remainderOf(original)),
    });
    expect(made(input).map((d) => d.kind)).toEqual(['creditNote']);
    expect(heldIn(input)).toEqual([['purchaseOrder', 1]]);
    expect(heldIn({ ...input, lacksPurchaseOrder: false })).toEqual([]);
  });
  it('per currency: what each comes to is told', () => {
    // 4.13 + 5.00 in kronor.
    const { held, documents } = accountDocuments(business({ lacksPurchaseOrder: true, charges: [...own, charge(4n, { netMinor: 500n, grossMinor: 625n }, 'netFirst', { currency: 'EUR' })] }));
    expect(documents).toEqual([]);
    expect(held.map((h) => [h.document?.currency, h.document?.netMinor]).filter(([currency]) => currency === 'SEK')).toEqual([['SEK', 913n]]);
    expect(held).toHaveLength(2);
  });
});
