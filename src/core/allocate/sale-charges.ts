import { type Issue, isIssue, issue } from '../issues.ts';
import { add, allocate, apportion, type Exact, exactFromDecimal, exactFromInt, mul, roundToMoney, sub, toDecimal4HalfEven, vatOfGross, vatOfNet } from '../money.ts';
import { type Charge, chargeOf, type Side, sideOf } from './charges.ts';
import type { PriceLine, SalePrice } from './price-line.ts';
import type { Session } from './session.ts';

/** Clause of the charges of a session that is too small to be billed; a run writes them off. */
const smallSessionClause = 'smallSession';
type Amount = { readonly net: bigint; readonly gross: bigint };
const zero = exactFromInt(0);

/**
 * The sale of a session as charges, one per line, with the VAT that the table decides and the charger's country or the tariff states.
 * `isAgency`: sold in the site owner's name, on accounts of its own (`agency.…`).
 */
export function saleCharges(session: Session, contract: Side['contract'], price: SalePrice, isAgency: boolean): readonly Charge[] | Issue {
  const { facts, payer, small } = session;
  if (price.currency !== payer.currency) return issue('currencyMismatch', 'blocks', facts.cdrId, { tariff: price.currency, account: payer.currency });
  const supply = isAgency ? 'agency' : 'electricity';
  const side = sideOf(session, { account: payer, direction: 'sale', supply, contract, currency: price.currency, tariffVersionId: price.tariffVersionId, ...statedPercentOf(price) });
  if (isIssue(side)) return side;
  const glKeyOf = (role: Charge['role']) => `${isAgency ? 'agency' : 'revenue'}.${role}`;
  if (!small) return chargesOfPrice(session, side, price, glKeyOf);
  // What is written off and what is billed all the same round by themselves.
  const writtenOff = chargesOfPrice(session, side, { ...price, extras: [] }, glKeyOf);
  const kept = chargesOfPrice(session, side, { ...price, lines: [], limited: null }, glKeyOf);
  if (isIssue(writtenOff)) return writtenOff;
  return isIssue(kept) ? kept : [...writtenOff.map((charge) => ({ ...charge, clause: smallSessionClause })), ...kept];
}

/** Whether a charge is billed, and earns: not where its session is too small. */
export const isBilled = ({ clause }: Pick<Charge, 'clause'>): boolean => clause !== smallSessionClause;

function statedPercentOf({ vatPercents }: SalePrice): { readonly statedPercent?: string | null } {
  const [stated, ...others] = vatPercents;
  if (stated === undefined) return {};
  return { statedPercent: others.length > 0 ? vatPercents.join(' and ') : stated };
}

/**
 * The lines of a price as charges of one side. Rounded once from the exact figure, half away from zero (D01): net-first per component,
 * gross-first once for the session's gross, which its components then share (D03). What a limit of the tariff adds or takes away is a
 * line of its own (D12).
 */
export function chargesOfPrice(session: Session, side: Side, price: SalePrice, glKeyOf: (role: Charge['role']) => string): readonly Charge[] | Issue {
  const { lines, amounts } = roundSale(price, side);
  const charges: Charge[] = [];
  for (const [i, line] of lines.entries()) {
    const charge = chargeOf(session, side, line, amounts[i] ?? { net: 0n, gross: 0n }, glKeyOf(line.role));
    if (isIssue(charge)) return charge;
    charges.push(charge);
  }
  return charges;
}

/** Net of a price, exact in major units: what its limit makes of it, and the extras. */
export function totalOf({ lines, limited, extras }: SalePrice): Exact {
  return extras.map((line) => line.exact).reduce(add, limited?.excl ?? lines.map((line) => line.exact).reduce(add, zero));
}

function roundSale(price: SalePrice, side: Side): { readonly lines: readonly PriceLine[]; readonly amounts: readonly Amount[] } {
  const limit = limitLine(price);
  const lines = limit === undefined ? price.lines : [...price.lines, limit];
  const amounts = side.roundingMode === 'netFirst' ? netFirst(price, side, limit) : grossFirst(price, side, limit);
  const all = [...lines, ...price.extras];
  // A limit may bite with VAT and not without, or the other way round.
  const idle = limit === undefined || amounts[price.lines.length]?.gross !== 0n ? -1 : price.lines.length;
  return { lines: all.filter((_line, i) => i !== idle), amounts: amounts.filter((_amount, i) => i !== idle) };
}

function netFirst(price: SalePrice, { currency, vat }: Side, limit: PriceLine | undefined): Amount[] {
  const round = (exact: Exact) => roundToMoney(exact, currency, 'halfAwayFromZero');
  const withVat = (net: bigint): Amount => ({ net, gross: net + vatOfNet(net, vat.percent) });
  const own = price.lines.map((line) => round(line.exact));
  // With its limit line the session costs the limit to the minor unit.
  const limited = limit === undefined || price.limited === null ? [] : [round(price.limited.excl) - sum(own)];
  // Rounded by itself, a discount of all may be more than its parts.
  let left = sum([...own, ...limited]);
  const extras = price.extras.map((line) => {
    const net = round(line.exact);
    const kept = net < 0n && -net > left && left >= 0n ? -left : net;
    if (kept < 0n) left += kept;
    return kept;
  });
  return [...own, ...limited, ...extras].map(withVat);
}

function grossFirst(price: SalePrice, { currency, vat }: Side, limit: PriceLine | undefined): Amount[] {
  const factor = add(exactFromInt(1), mul(exactFromDecimal(vat.percent), exactFromDecimal('0.01')));
  const round = (exact: Exact) => roundToMoney(exact, currency, 'halfAwayFromZero');
  const grosses = price.lines.map((line) => mul(line.exact, factor));
  const tariffGross = grosses.reduce(add, zero);
  const weights = price.lines.map((line) => round(mul(line.exact, exactFromInt(10_000))));
  // Weights have no sign: a part below zero, by a negative price, stays below.
  const own = weights.some((w) => w < 0n) ? apportion(round(tariffGross), grosses, currency) : allocate(round(tariffGross), weights);
  // Consumers take the limit with VAT where the tariff states it.
  const limitedGross = limit === undefined || price.limited === null ? undefined : (price.limited.incl ?? mul(price.limited.excl, factor));
  const ofTariff = limitedGross === undefined ? own : [...own, round(limitedGross) - sum(own)];
  const extras = price.extras.map((line) => mul(line.exact, factor));
  const total = round(extras.reduce(add, limitedGross ?? tariffGross));
  return [...ofTariff, ...apportion(total - sum(ofTariff), extras, currency)].map((gross) => ({ net: gross - vatOfGross(gross, vat.percent), gross }));
}

/** What min_price or max_price add or take away; undefined where neither bites. */
function limitLine({ limited, lines, role }: SalePrice): PriceLine | undefined {
  if (limited === null) return undefined;
  const exact = sub(limited.excl, lines.map((line) => line.exact).reduce(add, zero));
  return { role, component: limited.bound, clause: 'sale', exact, unitPrice: toDecimal4HalfEven(limited.excl), quantity: 1n, unit: 'session', energyWh: 0n };
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((a, b) => a + b, 0n);
}
