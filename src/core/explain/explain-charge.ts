import type { Agreement } from '../../contracts/agreement.ts';
import type { Charge } from '../allocate/charges.ts';
import { wholeKwh } from '../allocate/price-line.ts';
import { formatMinor } from '../money.ts';

/** A charge of a session, of a month, or a mirror of one, as it is sealed. */
export type ExplainedCharge = Omit<Charge, 'role' | 'siteId'> & { readonly role: string; readonly siteId: string | null; readonly reversalOf: bigint | null };

/** How a charge came about, as data. Money as decimal text in major units, energy in Wh as text. */
export type Explanation = {
  readonly sentence: string;
  readonly clause: { readonly contractId: string; readonly version: number; readonly id: string; readonly terms: unknown };
  readonly price: { readonly unitPrice: string; readonly per: string; readonly currency: string; readonly tariffVersionId: string | null };
  readonly quantity: { readonly amount: string; readonly unit: string; readonly text: string };
  readonly rounding: { readonly exactNet: string; readonly net: string; readonly mode: 'grossFirst' | 'netFirst'; readonly rule: 'halfAwayFromZero'; readonly text: string };
  readonly vat: { readonly code: string; readonly rule: string; readonly amount: string; readonly gross: string };
  readonly books: { readonly net: string; readonly currency: string; readonly rate: string | null };
  readonly accounting: { readonly glAccount: string; readonly costCenter: string; readonly mappingVersion: number };
};

const roles: Readonly<Record<string, string>> = {
  driverSale: 'Sold to a driver',
  fleetSale: 'Sold to a fleet',
  emspSale: 'Sold to a roaming partner',
  idleFee: 'Fee for standing idle',
  roamingPurchase: 'Bought of another operator',
  siteShareEstimate: 'Share of the site’s owner',
  energyReimbursement: 'The owner’s electricity paid back',
  homeReimbursement: 'Driver’s outlay at home paid back',
  homeRecharge: 'Outlay at home charged to the fleet',
  homePurchase: 'Bought of the driver at home',
  homeSale: 'Sold to the fleet, charged at home',
  platformFee: 'Platform fee',
  subscriptionFee: 'Subscription fee',
  advanceFee: 'Subscription fee in advance',
  allowance: 'Included energy',
  tierDiscount: 'Discount by tier',
  cap: 'Cap of the month',
  minimumTrueUp: 'Up to the minimum of the month',
  statement: 'Statement of the month',
  goodwill: 'Goodwill',
};

/**
 * Explains a charge in one sentence and as data: the clause, its price, the quantity, and how it was rounded. `agreement` is what the
 * version of its contract says; `booksCurrency` the entity's.
 */
export function explainCharge(charge: ExplainedCharge, agreement: Agreement | undefined, booksCurrency: string): Explanation {
  const { currency, unitPrice, quantity, quantityUnit, exactNet, roundingMode, vatCode, vatRule } = charge;
  const net = formatMinor(charge.netMinor, currency);
  const gross = formatMinor(charge.grossMinor, currency);
  const vat = formatMinor(charge.grossMinor - charge.netMinor, currency);
  const quantityText = textOfQuantity(quantity, quantityUnit, currency);
  const per = perOf(charge.component, quantityUnit);
  const rounding =
    roundingMode === 'netFirst'
      ? `its net of ${exactNet} rounded once to ${net} ${currency}`
      : `the session’s total with VAT rounded once, and shared among its parts: ${gross} ${currency} of it, ${net} without VAT (exactly ${exactNet})`;
  const taken = charge.reversalOf === null ? '' : 'Taken back: ';
  const rate = charge.fxRate === null ? '' : `; in the books ${formatMinor(charge.bookNetMinor, booksCurrency)} ${booksCurrency} (${charge.fxRate})`;
  const sentence = `${taken}${roles[charge.role] ?? charge.role}, ${charge.component}: ${quantityText} at ${unitPrice}${per === '%' ? ' %' : ` ${currency} ${per}`}, by clause ${charge.clause} of contract ${charge.contractId} version ${charge.contractVersion}; ${rounding}; VAT ${vatCode} is ${vat} (row ${vatRule})${rate}.`;
  return {
    sentence,
    clause: { contractId: charge.contractId, version: charge.contractVersion, id: charge.clause, terms: termsOf(agreement, charge.clause) },
    price: { unitPrice, per, currency, tariffVersionId: charge.tariffVersionId },
    quantity: { amount: quantity.toString(), unit: quantityUnit, text: quantityText },
    rounding: { exactNet, net, mode: roundingMode, rule: 'halfAwayFromZero', text: rounding },
    vat: { code: vatCode, rule: vatRule, amount: vat, gross },
    books: { net: formatMinor(charge.bookNetMinor, booksCurrency), currency: booksCurrency, rate: charge.fxRate },
    accounting: { glAccount: charge.glAccount, costCenter: charge.costCenter, mappingVersion: charge.mappingVersion },
  };
}

function textOfQuantity(quantity: bigint, unit: string, currency: string): string {
  if (unit === 'Wh' || unit === '%') return `${wholeKwh(quantity)} kWh`;
  if (unit === 's') return `${quantity} s`;
  if (unit === 'minorUnits') return `${formatMinor(quantity, currency)} ${currency}`;
  return `${quantity} ${unit}`;
}

/** OCPI prices time by the hour; a share is a percentage of what was sold. */
function perOf(component: string, unit: string): string {
  if (unit === '%' || unit === 'minorUnits') return '%';
  if (unit === 's') return 'per hour';
  if (unit === 'Wh') return component.startsWith('ENERGY/hub') ? 'in all' : 'per kWh';
  return `per ${unit}`;
}

/** What the agreement says under that id; the agreement itself where the clause is all of it. */
function termsOf(agreement: Agreement | undefined, clauseId: string): unknown {
  if (agreement === undefined) return null;
  if (!('clauses' in agreement)) return agreement;
  return (agreement.clauses as readonly { readonly id: string }[]).find((c) => c.id === clauseId) ?? null;
}
