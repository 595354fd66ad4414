import { expect, it } from 'vitest';
import { composeDocument, type DocumentCharge } from '../../src/core/document/compose.ts';
import { vendorBillLines } from '../../src/core/share/vendor-bill.ts';

const charge = (id: bigint, netMinor: bigint, costCenter: string, rest: Partial<DocumentCharge> = {}): DocumentCharge => ({
  chargeIds: [id],
  chargeHashes: [id.toString(16).padStart(64, '0')],
  role: 'siteShareEstimate',
  component: 'netShare/base',
  unitPrice: '12.5',
  quantity: 1n,
  quantityUnit: 'minorUnits',
  netMinor,
  grossMinor: netMinor,
  vatCode: 'SE25',
  glAccount: '4600',
  costCenter,
  customerCostCenter: null,
  siteId: 'site_1',
  sessionKey: null,
  currency: 'SEK',
  roundingMode: 'netFirst',
  ofMonth: true,
  serviceFrom: '2026-03-01',
  serviceOn: '2026-03-31',
  credits: null,
  heldSince: null,
  serviceMonth: '2026-03',
  energyWh: 0n,
  mappingVersion: 1,
  ...rest,
});
const compose = (charges: readonly DocumentCharge[]) =>
  composeDocument({
    kind: 'invoice',
    credits: null,
    entityId: 'ent',
    accountId: 'acc_owner',
    strategy: 'selfBilling',
    currency: 'SEK',
    roundingMode: 'netFirst',
    period: '2026-03',
    charges,
    adjustments: [],
    vatPercents: new Map([
      ['SE25', '25'],
      ['SE-O', '0'],
    ]),
  }) ?? expect.fail();
const bill = (charges: readonly DocumentCharge[]) => vendorBillLines(compose(charges), (key) => key).map((l) => [l.glAccount, l.costCenter, l.vatCode, l.amountMinor]);

it('a driver’s reimbursement posts what it clears against what the driver is owed', () => {
  // 20 and 10.5 kWh at 1.10: 22.00 and 11.55.
  const document = compose([charge(1n, 2200n, '113', { glAccount: '2891', vatCode: 'SE-O' }), charge(2n, 1155n, '113', { glAccount: '2891', vatCode: 'SE-O' })]);
  expect(vendorBillLines(document, (key) => key, 'driverPayable').map((l) => [l.part, l.glAccount, l.costCenter, l.amountMinor])).toEqual([
    ['net', '2891', '113', 3355n],
    ['party', 'driverPayable', null, -3355n],
  ]);
});

it('under reverse charge we owe the VAT and deduct it: the payee is owed the net', () => {
  // 25 % of 2.79 is 0.6975, so 0.70.
  const document = { lines: [{ glAccount: '4600', costCenter: '109', vatCode: 'SE-AE', netMinor: 279n }], payableMinor: 279n, roundingMinor: 0n };
  const vat = [{ vatCode: 'SE-AE', percent: '0', baseMinor: 279n, vatMinor: 0n, selfAssessedMinor: 70n }];
  expect(vendorBillLines({ ...document, vat }, (key) => key).map((l) => [l.part, l.glAccount, l.amountMinor, l.baseMinor])).toEqual([
    ['net', '4600', 279n, undefined],
    ['tax', 'inputVat.SE-AE', 70n, 279n],
    ['tax', 'selfAssessedVat.SE-AE', -70n, -279n],
    ['party', 'ownerPayable', -279n, undefined],
  ]);
});

it('a self-billing invoice posts its cost per cost center and its input VAT against what the owner is owed', () => {
  // 2.79 + 2.79 at 109, 94.42 at 110: net 100.00, VAT 25.00, payable 125.00.
  expect(bill([charge(1n, 279n, '109'), charge(2n, 279n, '109'), charge(3n, 9442n, '110', { role: 'statement', component: 'guarantee/floor' })])).toEqual([
    ['4600', '109', 'SE25', 558n],
    ['4600', '110', 'SE25', 9442n],
    ['inputVat.SE25', null, 'SE25', 2500n],
    ['ownerPayable', null, null, -12_500n],
  ]);
});

it('a settlement statement has no VAT, a negative one posts the mirror, and what cancels out is left out', () => {
  const without = { vatCode: 'SE-O' };
  expect(bill([charge(1n, -500n, '109', without), charge(2n, 279n, '110', without), charge(3n, -279n, '110', without)])).toEqual([
    ['4600', '109', 'SE-O', -500n],
    ['ownerPayable', null, null, 500n],
  ]);
});
