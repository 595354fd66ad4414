import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sessionRoles } from '../../src/contracts/charge-record.ts';
import { type Charge, mirrorOf } from '../../src/core/allocate/charges.ts';
import { eventOfCharge, isFree, ratedKindOfRole } from '../../src/core/ledger/event-of-charge.ts';
import { eventsOfDocument, type IssuedFigures } from '../../src/core/ledger/events-of-document.ts';
import { type EventKind, type Figure, isEnergy, type LedgerEvent, ledgerTable } from '../../src/core/ledger/ledger-table.ts';
import { inBooks, linesOf, mirrorOfEvent, type Posting, postingsFor } from '../../src/core/ledger/postings.ts';

const table = (event: LedgerEvent) => postingsFor(event).map((p) => [p.ledgerAccount, p.unit, p.amount]);
const sek = { currency: 'SEK' } as const;
const none = inBooks(0n);
const fleetSale: Charge = {
  role: 'fleetSale',
  component: 'ENERGY/0',
  splitNo: 0,
  contractId: 'c1',
  contractVersion: 1,
  clause: 'sale',
  payerAccountId: 'acc_fleet',
  payeeAccountId: null,
  tariffVersionId: 'tv1',
  currency: 'EUR',
  netMinor: 400n,
  grossMinor: 500n,
  bookNetMinor: 4_400n,
  fxRate: 'ECB 2026-03-31 EUR/SEK 11 v1',
  vatCode: 'SE25',
  vatRule: 'domestic',
  roundingMode: 'netFirst',
  exactNet: '4.0000',
  unitPrice: '0.40',
  energyWh: 10_000n,
  quantity: 10_000n,
  quantityUnit: 'Wh',
  glAccount: '3001',
  costCenter: '100',
  customerCostCenter: null,
  unitId: null,
  siteId: 's1',
  serviceOn: '2026-03-31',
  serviceMonth: '2026-03',
  mappingVersion: 1,
};

/** Each event by hand: what happened, the event, and what it debits (+) and credits (-). */
const cases: { readonly [Kind in EventKind]: readonly [string, Extract<LedgerEvent, { readonly kind: Kind }>, readonly (readonly [string, string, bigint])[]] } = {
  saleRated: [
    '10 kWh at 2.50 SEK are 25.00 of revenue and unbilled; 2 kWh more were free',
    { kind: 'saleRated', ...sek, net: inBooks(2_500n), energyWh: 10_000n, freeWh: 2_000n },
    [
      ['unbilledReceivable', 'SEK', 2_500n],
      ['revenue', 'SEK', -2_500n],
      ['energyUnbilled', 'Wh', 10_000n],
      ['energyReceived', 'Wh', -12_000n],
      ['energyFree', 'Wh', 2_000n],
    ],
  ],
  homeSold: [
    '20 kWh of home charging sold on at 3.00 SEK are 60.00',
    { kind: 'homeSold', ...sek, net: inBooks(6_000n), energyWh: 20_000n, freeWh: 0n },
    [
      ['unbilledReceivable', 'SEK', 6_000n],
      ['revenue', 'SEK', -6_000n],
      ['energyUnbilled', 'Wh', 20_000n],
      ['energyReceived', 'Wh', -20_000n],
    ],
  ],
  homeRecharged: [
    '20 kWh at home at 2.00 SEK are 40.00 for the fleet, no revenue',
    { kind: 'homeRecharged', ...sek, net: inBooks(4_000n), energyWh: 20_000n, freeWh: 0n },
    [
      ['unbilledReceivable', 'SEK', 4_000n],
      ['reimbursementClearing', 'SEK', -4_000n],
      ['energyUnbilled', 'Wh', 20_000n],
      ['energyReceived', 'Wh', -20_000n],
    ],
  ],
  homeReimbursed: [
    'and the same 40.00 are owed to the driver',
    { kind: 'homeReimbursed', ...sek, net: inBooks(4_000n) },
    [
      ['reimbursementClearing', 'SEK', 4_000n],
      ['accruedReimbursement', 'SEK', -4_000n],
    ],
  ],
  homePurchased: [
    '20 kWh bought at home at 2.00 SEK cost 40.00',
    { kind: 'homePurchased', ...sek, net: inBooks(4_000n) },
    [
      ['energyCost', 'SEK', 4_000n],
      ['accruedReimbursement', 'SEK', -4_000n],
    ],
  ],
  advanceFeeRated: [
    'a year of 365 days at 365.00 SEK is due',
    { kind: 'advanceFeeRated', ...sek, net: inBooks(36_500n) },
    [
      ['unbilledReceivable', 'SEK', 36_500n],
      ['deferredRevenue', 'SEK', -36_500n],
    ],
  ],
  advanceFeeReleased: [
    'its January, 31 of 365 days, is revenue: 31.00',
    { kind: 'advanceFeeReleased', ...sek, net: inBooks(3_100n) },
    [
      ['deferredRevenue', 'SEK', 3_100n],
      ['revenue', 'SEK', -3_100n],
    ],
  ],
  purchaseRated: [
    '10 kWh abroad at 0.40 EUR are 4.00 EUR, 44.00 SEK at 11.00',
    { kind: 'purchaseRated', currency: 'EUR', net: { minor: 400n, book: 4_400n } },
    [
      ['roamingCost', 'EUR', 400n],
      ['accruedPartnerCost', 'EUR', -400n],
    ],
  ],
  purchaseMatched: [
    'the partner invoices 100.00 without VAT: we owe 25.00 of it ourselves and deduct them',
    { kind: 'purchaseMatched', ...sek, net: inBooks(10_000n), inputVat: none, selfAssessedVat: inBooks(2_500n), fx: none },
    [
      ['accruedPartnerCost', 'SEK', 10_000n],
      ['partnerPayable', 'SEK', -10_000n],
      ['inputVat', 'SEK', 2_500n],
      ['selfAssessedVat', 'SEK', -2_500n],
    ],
  ],
  purchaseDiffers: [
    'it invoices 10.00 more than rated: 4.00 are right, 6.00 are disputed',
    { kind: 'purchaseDiffers', ...sek, accepted: inBooks(400n), disputed: inBooks(600n) },
    [
      ['roamingCost', 'SEK', 400n],
      ['accruedPartnerCost', 'SEK', -1_000n],
      ['dispute', 'SEK', 600n],
    ],
  ],
  shareEstimated: [
    '20 % of 25.00 are the site owner’s 5.00',
    { kind: 'shareEstimated', ...sek, net: inBooks(500n) },
    [
      ['shareCost', 'SEK', 500n],
      ['accruedShare', 'SEK', -500n],
    ],
  ],
  energyReimbursed: [
    '10 kWh of the owner’s electricity at 0.80 are 8.00',
    { kind: 'energyReimbursed', ...sek, net: inBooks(800n) },
    [
      ['energyCost', 'SEK', 800n],
      ['accruedShare', 'SEK', -800n],
    ],
  ],
  shareDiffers: [
    'the guarantee of 1,000.00 is 120.00 above the 880.00 estimated',
    { kind: 'shareDiffers', ...sek, net: inBooks(12_000n) },
    [
      ['shareCost', 'SEK', 12_000n],
      ['accruedShare', 'SEK', -12_000n],
    ],
  ],
  statementIssued: [
    'a statement over 1,000.00 with 25 % VAT: 1,250.00 are owed',
    { kind: 'statementIssued', ...sek, net: inBooks(100_000n), inputVat: inBooks(25_000n), selfAssessedVat: none, rounding: none, fx: none },
    [
      ['accruedShare', 'SEK', 100_000n],
      ['ownerPayable', 'SEK', -125_000n],
      ['inputVat', 'SEK', 25_000n],
    ],
  ],
  reimbursementIssued: [
    'the 40.00 of a driver who is registered for VAT stand on a document with 10.00 of VAT: 50.00 are owed',
    { kind: 'reimbursementIssued', ...sek, net: inBooks(4_000n), inputVat: inBooks(1_000n), selfAssessedVat: none, rounding: none, fx: none },
    [
      ['accruedReimbursement', 'SEK', 4_000n],
      ['driverPayable', 'SEK', -5_000n],
      ['inputVat', 'SEK', 1_000n],
    ],
  ],
  saleInvoiced: [
    '25.01 with VAT of 6.25, one öre less on the document (D02): 31.25',
    { kind: 'saleInvoiced', ...sek, net: inBooks(2_501n), vat: inBooks(625n), rounding: inBooks(-1n), fx: none, energyWh: 10_000n },
    [
      ['receivable', 'SEK', 3_125n],
      ['unbilledReceivable', 'SEK', -2_501n],
      ['outputVat', 'SEK', -625n],
      ['rounding', 'SEK', 1n],
      ['energyBilled', 'Wh', 10_000n],
      ['energyUnbilled', 'Wh', -10_000n],
    ],
  ],
  saleCredited: [
    'and credited in full, the öre with it (D41)',
    { kind: 'saleCredited', ...sek, net: inBooks(2_501n), vat: inBooks(625n), rounding: inBooks(-1n), fx: none, energyWh: 10_000n },
    [
      ['unbilledReceivable', 'SEK', 2_501n],
      ['receivable', 'SEK', -3_125n],
      ['outputVat', 'SEK', 625n],
      ['rounding', 'SEK', -1n],
      ['energyUnbilled', 'Wh', 10_000n],
      ['energyBilled', 'Wh', -10_000n],
    ],
  ],
  roundedToKrona: [
    '31.25 are rounded down to 31 kronor',
    { kind: 'roundedToKrona', ...sek, amount: inBooks(25n) },
    [
      ['rounding', 'SEK', 25n],
      ['receivable', 'SEK', -25n],
    ],
  ],
  adjusted: [
    '4.50 are taken off by hand',
    { kind: 'adjusted', ...sek, net: inBooks(-450n) },
    [
      ['unbilledReceivable', 'SEK', -450n],
      ['adjustment', 'SEK', 450n],
    ],
  ],
  owedAdjusted: [
    'a site owner gets 20.00 more by hand, a driver 4.50 less',
    { kind: 'owedAdjusted', ...sek, owner: inBooks(2_000n), driver: inBooks(-450n) },
    [
      ['adjustment', 'SEK', 1_550n],
      ['accruedShare', 'SEK', -2_000n],
      ['accruedReimbursement', 'SEK', 450n],
    ],
  ],
  excludedWrittenOff: [
    'a session of 9.00 and 4 kWh is left out for good',
    { kind: 'excludedWrittenOff', ...sek, net: inBooks(900n), energyWh: 4_000n },
    [
      ['revenueReduction', 'SEK', 900n],
      ['unbilledReceivable', 'SEK', -900n],
      ['energyExcluded', 'Wh', 4_000n],
      ['energyUnbilled', 'Wh', -4_000n],
    ],
  ],
  badDebt: [
    'of a lost 125.00 the 25.00 of VAT come back',
    { kind: 'badDebt', ...sek, net: inBooks(10_000n), vat: inBooks(2_500n) },
    [
      ['writeOff', 'SEK', 10_000n],
      ['receivable', 'SEK', -12_500n],
      ['outputVat', 'SEK', 2_500n],
    ],
  ],
  cardCaptured: [
    'a card is charged 31.00',
    { kind: 'cardCaptured', ...sek, amount: inBooks(3_100n) },
    [
      ['cardClearing', 'SEK', 3_100n],
      ['receivable', 'SEK', -3_100n],
    ],
  ],
  cardFeeTaken: [
    'the acquirer keeps 0.62',
    { kind: 'cardFeeTaken', ...sek, amount: inBooks(62n) },
    [
      ['cardFee', 'SEK', 62n],
      ['cardClearing', 'SEK', -62n],
    ],
  ],
  cardSettled: [
    'and pays 30.38 out',
    { kind: 'cardSettled', ...sek, amount: inBooks(3_038n) },
    [
      ['bank', 'SEK', 3_038n],
      ['cardClearing', 'SEK', -3_038n],
    ],
  ],
  cardRefunded: [
    '31.00 go back to the card',
    { kind: 'cardRefunded', ...sek, amount: inBooks(3_100n) },
    [
      ['receivable', 'SEK', 3_100n],
      ['cardClearing', 'SEK', -3_100n],
    ],
  ],
  cardChargedBack: [
    '31.00 are charged back',
    { kind: 'cardChargedBack', ...sek, amount: inBooks(3_100n) },
    [
      ['chargeback', 'SEK', 3_100n],
      ['cardClearing', 'SEK', -3_100n],
    ],
  ],
  paid: [
    '31.00 are paid',
    { kind: 'paid', ...sek, amount: inBooks(3_100n) },
    [
      ['bank', 'SEK', 3_100n],
      ['receivable', 'SEK', -3_100n],
    ],
  ],
  overpaid: [
    'and 5.00 too much',
    { kind: 'overpaid', ...sek, amount: inBooks(500n) },
    [
      ['bank', 'SEK', 500n],
      ['customerCredit', 'SEK', -500n],
    ],
  ],
  setOff: [
    '31.00 of an owner’s invoice are set off against its statement',
    { kind: 'setOff', ...sek, owner: inBooks(3_100n), partner: none, driver: none },
    [
      ['ownerPayable', 'SEK', 3_100n],
      ['receivable', 'SEK', -3_100n],
    ],
  ],
  payoutSent: [
    '40.00 go to a driver',
    { kind: 'payoutSent', ...sek, owner: none, partner: none, driver: inBooks(4_000n) },
    [
      ['bankClearing', 'SEK', -4_000n],
      ['driverPayable', 'SEK', 4_000n],
    ],
  ],
  payoutReturned: [
    'and come back',
    { kind: 'payoutReturned', ...sek, owner: none, partner: none, driver: inBooks(4_000n) },
    [
      ['bankClearing', 'SEK', 4_000n],
      ['driverPayable', 'SEK', -4_000n],
    ],
  ],
};
const byAccount = (rows: readonly (readonly [string, string, bigint])[]) => [...rows].sort(([a], [b]) => (a < b ? -1 : 1));

describe('the ledger table, by hand', () => {
  it.each(Object.values(cases).map(([what, event, postings]) => ({ kind: event.kind, what, event: event as LedgerEvent, postings })))('$kind: $what', ({ event, postings }) => {
    expect(byAccount(table(event) as [string, string, bigint][])).toEqual(byAccount(postings));
  });
  it('says of each event what happened, and who brings it into the ERP', () => {
    for (const row of Object.values(ledgerTable)) expect(row.says).toMatch(/^[A-Z0-9].*[^.]\.$/u);
    const by = (who: string) => Object.entries(ledgerTable).flatMap(([kind, row]) => (row.erpPostedBy === who ? [kind] : []));
    expect(by('us')).toEqual(['purchaseMatched', 'purchaseDiffers', 'statementIssued', 'reimbursementIssued', 'saleInvoiced', 'saleCredited', 'roundedToKrona']);
    expect(by('erp')).toContain('paid');
    expect(by('nobody')).toContain('saleRated');
  });
  it('holds a purchase of 4.00 EUR at 11.00 in the books as 44.00 SEK', () => {
    expect(postingsFor(cases.purchaseRated[1]).map((p) => p.book)).toEqual([4_400n, -4_400n]);
  });
  it('leaves every balance as it was, of the bank too, once all that was paid came back, payee by payee in any order', () => {
    const amounts = fc.array(fc.tuple(fc.constantFrom('owner', 'driver', 'partner'), fc.bigInt(1n, 10n ** 12n), fc.bigInt(-(10n ** 12n), 10n ** 12n), fc.integer()), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(amounts, (items) => {
        const event = (kind: 'payoutSent' | 'payoutReturned', [to, minor, book]: (typeof items)[number]) =>
          ({ kind, currency: 'EUR', owner: none, driver: none, partner: none, [to]: { minor, book } }) as LedgerEvent;
        const sent = items.flatMap((i) => postingsFor(event('payoutSent', i)));
        const returned = [...items].sort((a, b) => a[3] - b[3]).flatMap((i) => postingsFor(event('payoutReturned', i)));
        const sums = new Map<string, readonly [bigint, bigint]>();
        for (const { ledgerAccount, amount, book } of [...sent, ...returned]) {
          const [minor, inBook] = sums.get(ledgerAccount) ?? [0n, 0n];
          sums.set(ledgerAccount, [minor + amount, inBook + book]);
        }
        expect([...sums.values()].every(([minor, inBook]) => minor === 0n && inBook === 0n)).toBe(true);
      }),
    );
  });
  it('books what the rate moved since the service date in the books alone', () => {
    // 100.00 EUR rated at 11.00: 1,100.00 SEK. Invoiced at 11.20: 1,120.00 SEK, with 25 % VAT 25.00 EUR = 280.00 SEK; receivable 1,400.00 SEK = 125.00 x 11.20.
    const event: LedgerEvent = {
      kind: 'saleInvoiced',
      currency: 'EUR',
      net: { minor: 10_000n, book: 110_000n },
      vat: { minor: 2_500n, book: 28_000n },
      rounding: none,
      fx: { minor: 0n, book: 2_000n },
      energyWh: 0n,
    };
    expect(postingsFor(event).map((p) => [p.ledgerAccount, p.amount, p.book])).toEqual([
      ['receivable', 12_500n, 140_000n],
      ['unbilledReceivable', -10_000n, -110_000n],
      ['outputVat', -2_500n, -28_000n],
      ['fxDifference', 0n, -2_000n],
    ]);
  });
  it('leaves nothing unbilled once a rated sale is invoiced or written off', () => {
    const rated = postingsFor({ kind: 'saleRated', ...sek, net: inBooks(777n), energyWh: 5n, freeWh: 3n });
    const ends = [
      postingsFor({ kind: 'saleInvoiced', ...sek, net: inBooks(777n), vat: inBooks(194n), rounding: none, fx: none, energyWh: 5n }),
      postingsFor({ kind: 'excludedWrittenOff', ...sek, net: inBooks(777n), energyWh: 5n }),
    ];
    for (const end of ends) {
      const left = balances([...rated, ...end]);
      expect([left.get('unbilledReceivable|SEK'), left.get('energyUnbilled|Wh'), left.get('energyFree|Wh')]).toEqual([0n, 0n, 3n]);
    }
  });
  it('clears an outlay at home to zero per record (D20)', () => {
    expect(balances([...postingsFor(cases.homeReimbursed[1]), ...postingsFor(cases.homeRecharged[1])]).get('reimbursementClearing|SEK')).toBe(0n);
  });
});

describe('the events of a document', () => {
  const totals = (figures: IssuedFigures) => Object.fromEntries([...balances(eventsOfDocument(figures, { factor: { n: 1n, d: 1n }, name: null }, 'SEK').flatMap((e) => postingsFor(e.event)))]);
  it('of a monthly driver invoice part the rounding of VAT from that to whole kronor', () => {
    // Gross 31.26: VAT 6.25, base 25.01; the charges' nets are 25.02, so 0.01 is lost to VAT per document, and 0.26 to whole kronor: 31.00.
    expect(totals({ currency: 'SEK', netMinor: 2_502n, bookedNet: 2_502n, vat: [{ vatCode: 'SE25', baseMinor: 2_501n, vatMinor: 625n }], payableMinor: 3_100n })).toEqual({
      'receivable|SEK': 598n,
      'outputVat|SEK': -625n,
      'rounding|SEK': 27n,
    });
  });
  it('of an owner’s statement are input VAT against what is owed', () => {
    expect(totals({ currency: 'SEK', netMinor: 100_000n, bookedNet: 100_000n, vat: [{ vatCode: 'SE25', baseMinor: 100_000n, vatMinor: 25_000n }], payableMinor: 125_000n, owedTo: 'owner' })).toEqual({
      'inputVat|SEK': 25_000n,
      'ownerPayable|SEK': -25_000n,
    });
  });
  it('of a driver’s reimbursement are what the rate moved since, where the books are in another currency', () => {
    // 40.00 EUR, 440.00 in the books at 11.00 when rated; 448.00 at 11.20 at issue.
    const issued = { currency: 'EUR', netMinor: 4_000n, bookedNet: 44_000n, vat: [{ vatCode: 'SE-O', baseMinor: 4_000n, vatMinor: 0n }], payableMinor: 4_000n, owedTo: 'driver' } as const;
    const events = eventsOfDocument(issued, { factor: { n: 112n, d: 10n }, name: 'ECB' }, 'SEK');
    const booked = events.flatMap(({ event }) => postingsFor(event)).filter((p) => p.book !== 0n || p.amount !== 0n);
    expect(booked.map((p) => [p.ledgerAccount, p.amount, p.book])).toEqual([
      ['driverPayable', 0n, -800n],
      ['fxDifference', 0n, 800n],
    ]);
  });
});

describe('the event of a charge', () => {
  it('is there for every role, of sessions and of months', () => {
    for (const role of sessionRoles) expect(eventOfCharge({ ...fleetSale, role, energyWh: 0n }).kind).toBe(ratedKindOfRole[role]);
  });
  it('is free where its energy has no price (D14)', () => {
    expect(
      [
        { component: 'ENERGY/free', unitPrice: '0' },
        { component: 'ENERGY/0', unitPrice: '0.0000' },
        { component: 'ENERGY/0', unitPrice: '0.0100' },
        { component: 'discount', unitPrice: '-0.5' },
      ].map(isFree),
    ).toEqual([true, true, false, false]);
  });
  it('refuses energy on a role that bears none', () => {
    expect(() => eventOfCharge({ ...fleetSale, role: 'roamingPurchase' })).toThrow('purchaseRated carries no energy');
  });
  it('of a mirrored charge is the mirrored event', () => {
    expect(eventOfCharge(mirrorOf(fleetSale))).toEqual(mirrorOfEvent(eventOfCharge(fleetSale)));
  });
});

describe('the ledger table, by law', () => {
  const money = fc.record({ minor: fc.bigInt(-(10n ** 12n), 10n ** 12n), book: fc.bigInt(-(10n ** 12n), 10n ** 12n) });
  const events = fc.constantFrom(...(Object.keys(ledgerTable) as EventKind[])).chain((kind) => {
    const figures = Object.fromEntries(linesOf(kind).map(({ figure }) => [figure, figureOf(figure)]));
    return fc.record({ kind: fc.constant(kind), currency: fc.constantFrom('SEK', 'EUR'), ...figures }) as unknown as fc.Arbitrary<LedgerEvent>;
  });
  const figureOf = (figure: Figure) => (isEnergy(figure) ? fc.bigInt(-(10n ** 12n), 10n ** 12n) : money);

  it('an event and its mirror leave every account at zero, in its unit and in the books', () => {
    fc.assert(
      fc.property(events, (event) => {
        const both = [...postingsFor(event), ...postingsFor(mirrorOfEvent(event))];
        return [...balances(both).values(), ...balances(both.map((p) => ({ ...p, amount: p.book }))).values()].every((b) => b === 0n);
      }),
    );
  });
  it('an event sums to zero in its currency, in Wh and in the books', () => {
    fc.assert(
      fc.property(events, (event) => {
        const postings = postingsFor(event);
        const sum = (pick: (p: Posting) => bigint) => postings.reduce((total, p) => total + pick(p), 0n);
        return [event.currency, 'Wh'].every((unit) => sum((p) => (p.unit === unit ? p.amount : 0n)) === 0n) && sum((p) => p.book) === 0n;
      }),
    );
  });
});

function balances(postings: readonly Posting[]): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const p of postings) sums.set(`${p.ledgerAccount}|${p.unit}`, (sums.get(`${p.ledgerAccount}|${p.unit}`) ?? 0n) + p.amount);
  return sums;
}
