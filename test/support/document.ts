import type { AccountInput } from '../../src/core/document/account-documents.ts';
import type { DocumentCharge, DocumentValue, Remainder } from '../../src/core/document/compose.ts';

type Amounts = { readonly netMinor: bigint; readonly grossMinor: bigint };

/** A charge of energy on 12 March 2026. */
export function charge(chargeId: bigint, amounts: Amounts, roundingMode: 'grossFirst' | 'netFirst' = 'netFirst', rest: Partial<DocumentCharge> = {}): DocumentCharge {
  return {
    chargeIds: [chargeId],
    chargeHashes: [chargeId.toString(16).padStart(64, '0')],
    role: roundingMode === 'netFirst' ? 'fleetSale' : 'driverSale',
    component: 'ENERGY/day',
    unitPrice: '2.50',
    quantity: 1000n,
    quantityUnit: 'Wh',
    currency: 'SEK',
    roundingMode,
    vatCode: 'SE25',
    glAccount: '3001',
    costCenter: '1',
    customerCostCenter: null,
    siteId: 'site_1',
    sessionKey: null,
    ofMonth: false,
    serviceFrom: '2026-03-12',
    serviceOn: '2026-03-12',
    serviceMonth: '2026-03',
    energyWh: 1000n,
    mappingVersion: 1,
    credits: null,
    heldSince: null,
    ...amounts,
    ...rest,
  };
}

/** The mirror of a charge that stands on a line of an issued document, numbered `N-` and its id. */
export function mirror(of: DocumentCharge | undefined, documentId: string, lineNo = 1): DocumentCharge {
  if (of === undefined) throw new Error('there is no charge to mirror');
  return {
    ...of,
    chargeIds: of.chargeIds.map((id) => id + 1000n),
    chargeHashes: of.chargeHashes.map((hash) => `ff${hash.slice(2)}`),
    netMinor: -of.netMinor,
    grossMinor: -of.grossMinor,
    energyWh: -of.energyWh,
    quantity: -of.quantity,
    credits: { documentId, legalNumber: `N-${documentId}`, lineNo },
  };
}

const vatRules: AccountInput['vatRules'] = new Map([
  ['SE25', { percent: '25', category: 'S', country: 'SE' }],
  ['SE-O', { percent: '0', category: 'O', country: 'SE' }],
  ['NO25', { percent: '25', category: 'S', country: 'NO' }],
]);

/** A fleet in the run of March 2026, unless told otherwise. */
export function account(input: Partial<AccountInput>): AccountInput {
  return {
    entityId: 'ent',
    accountId: 'acc',
    strategy: 'fleetInvoice',
    currency: 'SEK',
    books: 'SEK',
    roundingMode: 'netFirst',
    period: '2026-03',
    charges: [],
    adjustments: [],
    side: 'sale',
    vatRules,
    late: { policy: 'nextInvoice' },
    minimumMinor: 0n,
    billedUntil: null,
    isOrdered: () => false,
    lacksPurchaseOrder: false,
    remainders: new Map(),
    ...input,
  };
}

/** A driver who pays by transfer. */
export function consumer(input: Partial<AccountInput>): AccountInput {
  return account({ strategy: 'driverInvoice', roundingMode: 'grossFirst', ...input });
}

/** What is left of a document, wholly, or after one more credit note. */
export function remainderOf(original: DocumentValue, credit?: DocumentValue, before?: Remainder): Remainder {
  const modeOf = (JSON.parse(original.canonical.toString('utf8')) as { header: { roundingMode: string } }).header.roundingMode;
  const amountOf = (value: DocumentValue | undefined, vatCode: string) =>
    (value?.lines ?? []).filter((l) => l.vatCode === vatCode).reduce((sum, l) => sum + (modeOf === 'netFirst' ? l.netMinor : l.grossMinor), 0n);
  const full: Remainder = { payableMinor: original.payableMinor, vat: original.vat.map((v) => ({ vatCode: v.vatCode, amountMinor: amountOf(original, v.vatCode), vatMinor: v.vatMinor })) };
  const rest = before ?? full;
  return {
    payableMinor: rest.payableMinor + (credit?.payableMinor ?? 0n),
    vat: rest.vat.map((v) => ({ ...v, amountMinor: v.amountMinor + amountOf(credit, v.vatCode), vatMinor: v.vatMinor + (credit?.vat.find((c) => c.vatCode === v.vatCode)?.vatMinor ?? 0n) })),
  };
}
