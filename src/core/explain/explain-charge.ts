import type { Agreement } from '../../contracts/agreement.ts';
import type { Charge } from '../allocate/charges.ts';
import { wholeKwh } from '../allocate/price-line.ts';
import { add, compare, type Exact, exactFromDecimal, formatMinor, minorUnitDigits, mul, sub } from '../money.ts';
import { isFeeRole } from '../period/period-charge.ts';

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
  const terms = termsOf(agreement, charge.clause);
  const priced = pricedAs(charge);
  const rounding = textOfRounding(charge, agreement, net, gross);
  const taken = charge.reversalOf === null ? '' : 'Taken back: ';
  const rate = charge.fxRate === null ? '' : `; in the books ${formatMinor(charge.bookNetMinor, booksCurrency)} ${booksCurrency} (${charge.fxRate})`;
  const sentence = `${taken}${roles[charge.role] ?? charge.role}, ${charge.component}: ${priced.text}${limitOf(charge, terms)}, by clause ${charge.clause} of contract ${charge.contractId} version ${charge.contractVersion}; ${rounding}; VAT ${vatCode} is ${vat} (row ${vatRule})${rate}.`;
  return {
    sentence,
    clause: { contractId: charge.contractId, version: charge.contractVersion, id: charge.clause, terms },
    price: { unitPrice, per: priced.per, currency, tariffVersionId: charge.tariffVersionId },
    quantity: { amount: quantity.toString(), unit: quantityUnit, text: priced.quantity },
    rounding: { exactNet, net, mode: roundingMode, rule: 'halfAwayFromZero', text: rounding },
    vat: { code: vatCode, rule: vatRule, amount: vat, gross },
    books: { net: formatMinor(charge.bookNetMinor, booksCurrency), currency: booksCurrency, rate: charge.fxRate },
    accounting: { glAccount: charge.glAccount, costCenter: charge.costCenter, mappingVersion: charge.mappingVersion },
  };
}

type Priced = { readonly quantity: string; readonly per: string; readonly text: string };

/** What a charge is a price of: its quantity, what the price is for, and both in words. Of what the month decides the price is what the clause names. */
function pricedAs(charge: ExplainedCharge): Priced {
  const { component, currency, quantity, quantityUnit, role, unitPrice } = charge;
  const isDifference = component.includes('#') && role !== 'statement' && role !== 'energyReimbursement';
  const rest = isDifference ? ', less what was billed of the month before' : '';
  const ofMonth = (text: string, own = `${unitPrice} ${currency} per month`): Priced => ({ quantity: text, per: 'per month', text: `${text} ${own}${rest}` });
  const kWh = `${wholeKwh(quantity)} kWh`;
  switch (role) {
    case 'subscriptionFee':
    case 'advanceFee':
      return ofMonth(isDifference ? 'its days of the month at' : `${quantity} ${quantityUnit.replace(/^days of (\d+)$/, 'of $1 days')} at`);
    case 'allowance':
      return { ...ofMonth(`${kWh} covered of the included`, `${unitPrice} kWh per month`), per: 'kWh per month' };
    case 'tierDiscount':
      return { ...ofMonth(`${kWh} by steps, the last of them`, `${unitPrice} ${currency} per kWh`), per: 'per kWh' };
    case 'cap':
      return ofMonth('what sessions come to above the cap of');
    case 'minimumTrueUp':
      return ofMonth('what sessions lack to the minimum of');
    default:
  }
  if (isLimit(component)) return { quantity: `${quantity} session`, per: 'per session', text: `to the tariff’s limit of ${unitPrice} ${currency} per session` };
  const text = textOfQuantity(quantity, quantityUnit, currency);
  const per = perOf(component, quantityUnit);
  return { quantity: text, per, text: `${text} at ${unitPrice}${per === '%' ? ' %' : ` ${currency} ${per}`}` };
}

const isLimit = (component: string): boolean => component === 'min_price' || component === 'max_price';
/** What the month takes off its sessions. */
const sessionsRoles: ReadonlySet<string> = new Set(['allowance', 'tierDiscount', 'cap']);
const shareRoles: ReadonlySet<string> = new Set(['siteShareEstimate', 'energyReimbursement']);

/** Where a clause holds its amount down: the cap of an idle fee, and the energy's price for a discount by the kWh. */
function limitOf({ component, currency, exactNet, quantity, quantityUnit, unitPrice }: ExplainedCharge, terms: unknown): string {
  const cap = (terms as { readonly capPerSession?: string } | null)?.capPerSession;
  if (component.startsWith('idle/') && cap !== undefined) return `, at most ${cap} ${currency}`;
  if (!component.startsWith('discount/') || quantityUnit !== 'Wh') return '';
  const wanted = mul(exactFromDecimal(unitPrice), { n: quantity, d: 1000n });
  return isAbout(wanted, exactFromDecimal(exactNet), zero) ? '' : ', no more than the energy costs';
}

/** How the net came about. Some are no rounded figure of their own: what fills up to a limit, what is left to take off, a payee's part of a clause. */
function textOfRounding(charge: ExplainedCharge, agreement: Agreement | undefined, net: string, gross: string): string {
  const { component, currency, exactNet, netMinor, role, roundingMode } = charge;
  const whole = roundingMode === 'netFirst' ? `${net} ${currency}` : `${gross} ${currency} with VAT, ${net} without`;
  const once = `rounded once${roundingMode === 'netFirst' ? '' : ' with VAT'}`;
  if (isFeeRole(role) && role !== 'minimumTrueUp') return `${once}: ${whole}`;
  if (isFeeRole(role) || sessionsRoles.has(role)) return `${once} for the month, and shared among what it burdens: ${whole}`;
  if (roundingMode !== 'netFirst') return `the session’s total with VAT rounded once, and shared among its parts: ${gross} ${currency} of it, ${net} without VAT (exactly ${exactNet})`;
  if (agreement?.kind === 'revenueShare' && agreement.beneficiaries.length > 0 && shareRoles.has(role))
    return `the clause’s net rounded once, and shared among who earns it: ${net} ${currency} of it (exactly ${exactNet})`;
  const minorDigits = minorUnitDigits(currency);
  const half: Exact = { n: 1n, d: 2n * 10n ** BigInt(minorDigits) };
  if (isAbout({ n: netMinor, d: 10n ** BigInt(minorDigits) }, exactFromDecimal(exactNet), half)) return `its net of ${exactNet} rounded once to ${net} ${currency}`;
  const why = isLimit(component) ? 'so that the rounded parts of the session come to the limit' : 'no more than the rounded parts that it is taken from';
  return `its net of ${exactNet} is ${net} ${currency}, ${why}`;
}

const zero: Exact = { n: 0n, d: 1n };
/** What four decimals leave open of an exact figure. */
const halfOfLastDigit: Exact = { n: 1n, d: 20_000n };

/** Whether two figures are at most so far apart, but for the digits that a charge does not keep. */
function isAbout(a: Exact, b: Exact, apart: Exact): boolean {
  const { n, d } = sub(a, b);
  return compare({ n: n < 0n ? -n : n, d }, add(apart, halfOfLastDigit)) <= 0;
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
