import type { ChargeFacts, SessionRole } from '../../contracts/charge-record.ts';
import type { Issue } from '../issues.ts';
import { add, allocate, type Exact, exactFromDecimal, exactFromInt, mul, roundToMoney, sub, toDecimal4HalfEven, vatOfGross, vatOfNet } from '../money.ts';
import type { RatingResult } from '../rate/rate-session.ts';
import { localDateOf, periodKeyOf } from '../time.ts';
import { type EntitySetup, type PayerSetup, type SiteSetup, saleRoleOf, type TariffSetup } from './setup.ts';

/** One sealed charge of a session. Money in minor units of `currency`, energy in Wh; negative only on reversals. */
export type Charge = {
  readonly role: SessionRole;
  readonly component: string;
  readonly splitNo: number;
  readonly contractId: string;
  readonly contractVersion: number;
  readonly clause: string;
  readonly payerAccountId: string | null;
  readonly payeeAccountId: string | null;
  readonly tariffVersionId: string | null;
  readonly currency: string;
  readonly netMinor: bigint;
  readonly grossMinor: bigint;
  /** The net in the currency of the books, and by which rate it came. */
  readonly bookNetMinor: bigint;
  readonly fxRate: string | null;
  readonly vatCode: string;
  /** The row of the VAT table that decided. */
  readonly vatRule: string;
  readonly roundingMode: 'grossFirst' | 'netFirst';
  readonly exactNet: string;
  readonly unitPrice: string;
  readonly energyWh: bigint;
  readonly quantity: bigint;
  readonly quantityUnit: string;
  readonly glAccount: string;
  /** The seller's own; the customer's stands beside it. */
  readonly costCenter: string;
  readonly customerCostCenter: string | null;
  readonly unitId: string | null;
  readonly siteId: string;
  readonly serviceOn: string;
  readonly serviceMonth: string;
  readonly mappingVersion: number;
};

export type AllocationInput = {
  readonly facts: ChargeFacts;
  readonly endMs: number;
  readonly site: SiteSetup;
  readonly payer: PayerSetup;
  readonly entity: EntitySetup;
  readonly tariff: TariffSetup;
  readonly rating: RatingResult;
  /** Too small to be billed (D25): it is written off as a whole, and nobody earns a share of it. */
  readonly small?: boolean;
};

/** Clause of the charges of a session that is too small to be billed; a run writes them off. */
const smallSessionClause = 'smallSession';

export type AllocationResult =
  | { readonly kind: 'allocated'; readonly charges: readonly Charge[] }
  /** Rated, but may not be booked: the entity has no VAT registration where the supply takes place (D23). */
  | { readonly kind: 'parked'; readonly issues: readonly Issue[] }
  | { readonly kind: 'blocked'; readonly issues: readonly Issue[] };

type PricedComponent = { name: string; exact: Exact; unitPrice: string; quantity: bigint; unit: string; energyWh: bigint };

/**
 * Turns a rated session into its charges: one sale per priced component and the site owner's estimated share.
 * Rounded once from the exact figure, half away from zero (D01): net-first per component, gross-first once for
 * the session's gross, allocated by largest remainder (D03). The month is the entity's local month of the end (D05).
 */
export function allocateSession(input: AllocationInput): AllocationResult {
  const { facts, endMs, site, payer, entity, tariff, rating } = input;
  const subject = facts.cdrId;
  const serviceOn = localDateOf(endMs, site.timeZone);
  const registered = entity.vatRegistrations.some((r) => r.country === site.country && r.validFrom <= serviceOn && (r.validTo === null || serviceOn < r.validTo));
  if (!registered) return { kind: 'parked', issues: [{ code: 'notVatRegistered', severity: 'blocks', subject, params: { country: site.country } }] };
  if (tariff.tariff.currency !== payer.currency) {
    return { kind: 'blocked', issues: [{ code: 'currencyMismatch', severity: 'blocks', subject, params: { tariff: tariff.tariff.currency, account: payer.currency } }] };
  }

  const role = saleRoleOf(payer.category);
  const glAccount = entity.glAccounts.get(`revenue.${role}`);
  const shareAccount = entity.glAccounts.get('shareCost');
  if (glAccount === undefined || shareAccount === undefined) {
    return { kind: 'blocked', issues: [{ code: 'unmappedAccount', severity: 'blocks', subject, params: { key: glAccount === undefined ? `revenue.${role}` : 'shareCost' } }] };
  }
  const components = pricedComponents(rating, BigInt(facts.energyWh));
  const vatPercents = new Set(rating.components.map((c) => c.vatPercent ?? 'none'));
  const percent = [...vatPercents][0] ?? 'none';
  const rule = entity.vatRules.find((r) => r.country === site.country && samePercent(r.percent, percent) && r.validFrom <= serviceOn && (r.validTo === null || serviceOn < r.validTo));
  if (rule === undefined || vatPercents.size > 1) {
    return { kind: 'blocked', issues: [{ code: 'unknownVatRule', severity: 'blocks', subject, params: { country: site.country, percent: [...vatPercents].join(' and ') } }] };
  }

  const rounded = roundComponents(components, payer, rule.percent);
  const limit = limitLine(rating, rounded, payer, rule.percent);
  const amounts = limit === undefined ? rounded : [...rounded, limit.amount];
  if (limit !== undefined) components.push(limit.component);
  const common: SessionPart = {
    contractId: payer.contractId,
    contractVersion: payer.contractVersion,
    payerAccountId: payer.accountId,
    payeeAccountId: null,
    tariffVersionId: tariff.tariffVersionId,
    currency: payer.currency,
    fxRate: null,
    vatCode: rule.code,
    vatRule: 'ofCharger',
    roundingMode: payer.roundingMode,
    glAccount,
    costCenter: site.costCenter,
    customerCostCenter: payer.costCenter,
    unitId: payer.unitId,
    siteId: site.siteId,
    serviceOn,
    serviceMonth: periodKeyOf(endMs, entity.timeZone),
    mappingVersion: entity.mappingVersion,
  };
  const sales = components.map((c, i) =>
    chargeOf(common, {
      role,
      component: c.name,
      splitNo: 0,
      clause: input.small === true ? smallSessionClause : 'sale',
      netMinor: amounts[i]?.net ?? 0n,
      grossMinor: amounts[i]?.gross ?? 0n,
      exactNet: toDecimal4HalfEven(c.exact),
      unitPrice: c.unitPrice,
      energyWh: c.energyWh,
      quantity: c.quantity,
      quantityUnit: c.unit,
    }),
  );

  const share = input.small === true ? undefined : ownerShare(sales, site);
  if (share === undefined) return { kind: 'allocated', charges: sales };
  const ofOwner: SessionPart = {
    ...common,
    contractId: share.contractId,
    contractVersion: 1,
    payerAccountId: null,
    payeeAccountId: share.payeeAccountId,
    glAccount: shareAccount,
    customerCostCenter: null,
    unitId: null,
    roundingMode: 'netFirst',
  };
  return { kind: 'allocated', charges: [...sales, chargeOf(ofOwner, share)] };
}

type ComponentPart = Pick<Charge, 'role' | 'component' | 'splitNo' | 'clause' | 'netMinor' | 'grossMinor' | 'exactNet' | 'unitPrice' | 'energyWh' | 'quantity' | 'quantityUnit'>;
/** What the charges of a session share. */
type SessionPart = Omit<Charge, keyof ComponentPart | 'bookNetMinor'>;

/** Field by field: spreading so many costs more than the rest of the allocation. */
function chargeOf(session: SessionPart, own: ComponentPart): Charge {
  return {
    role: own.role,
    component: own.component,
    splitNo: own.splitNo,
    contractId: session.contractId,
    contractVersion: session.contractVersion,
    clause: own.clause,
    payerAccountId: session.payerAccountId,
    payeeAccountId: session.payeeAccountId,
    tariffVersionId: session.tariffVersionId,
    currency: session.currency,
    netMinor: own.netMinor,
    grossMinor: own.grossMinor,
    bookNetMinor: own.netMinor,
    fxRate: session.fxRate,
    vatCode: session.vatCode,
    vatRule: session.vatRule,
    roundingMode: session.roundingMode,
    exactNet: own.exactNet,
    unitPrice: own.unitPrice,
    energyWh: own.energyWh,
    quantity: own.quantity,
    quantityUnit: own.quantityUnit,
    glAccount: session.glAccount,
    costCenter: session.costCenter,
    customerCostCenter: session.customerCostCenter,
    unitId: session.unitId,
    siteId: session.siteId,
    serviceOn: session.serviceOn,
    serviceMonth: session.serviceMonth,
    mappingVersion: session.mappingVersion,
  };
}

/** Rated components plus, where some energy was not priced, a zero charge that carries its Wh: every kWh has a bearer. */
function pricedComponents(rating: RatingResult, energyWh: bigint): PricedComponent[] {
  const components: PricedComponent[] = rating.components.map((c) => ({
    name: `${c.kind}/${c.elementIndex}`,
    exact: c.exact,
    unitPrice: c.price,
    quantity: BigInt(c.quantity.billed),
    unit: c.quantity.unit,
    energyWh: c.kind === 'ENERGY' ? BigInt(c.quantity.stated) : 0n,
  }));
  const unpriced = energyWh - components.reduce((sum, c) => sum + c.energyWh, 0n);
  if (unpriced !== 0n || components.length === 0) {
    components.push({ name: 'ENERGY/free', exact: exactFromInt(0), unitPrice: '0', quantity: unpriced, unit: 'Wh', energyWh: unpriced });
  }
  return components;
}

function roundComponents(components: readonly PricedComponent[], payer: PayerSetup, percent: string): { net: bigint; gross: bigint }[] {
  if (payer.roundingMode === 'netFirst') {
    return components.map((c) => {
      const net = roundToMoney(c.exact, payer.currency, 'halfAwayFromZero');
      return { net, gross: net + vatOfNet(net, percent) };
    });
  }
  const factor = grossFactor(percent);
  const exactGross = components.map((c) => mul(c.exact, factor));
  const total = roundToMoney(exactGross.reduce(add, exactFromInt(0)), payer.currency, 'halfAwayFromZero');
  const weights = components.map((c) => roundToMoney(mul(c.exact, exactFromInt(10_000)), payer.currency, 'halfAwayFromZero'));
  return allocate(total, weights).map((gross) => ({ net: gross - vatOfGross(gross, percent), gross }));
}

/**
 * What min_price or max_price add or take away, as a line of its own (D12): the session then costs the limit to the minor unit. Business
 * takes the limit without VAT, consumers the one with VAT where the tariff states it.
 */
function limitLine(
  rating: RatingResult,
  rounded: readonly { net: bigint; gross: bigint }[],
  payer: PayerSetup,
  percent: string,
): { component: PricedComponent; amount: { net: bigint; gross: bigint } } | undefined {
  const { limited } = rating;
  if (limited === null) return undefined;
  const sum = (pick: (a: { net: bigint; gross: bigint }) => bigint) => rounded.reduce((total, a) => total + pick(a), 0n);
  const component = (exact: Exact): PricedComponent => ({ name: limited.bound, exact, unitPrice: toDecimal4HalfEven(limited.excl), quantity: 1n, unit: 'session', energyWh: 0n });
  const exact = sub(limited.excl, rating.components.map((c) => c.exact).reduce(add, exactFromInt(0)));
  if (payer.roundingMode === 'netFirst') {
    const net = roundToMoney(limited.excl, payer.currency, 'halfAwayFromZero') - sum((a) => a.net);
    return net === 0n ? undefined : { component: component(exact), amount: { net, gross: net + vatOfNet(net, percent) } };
  }
  const withVat = limited.incl ?? mul(limited.excl, grossFactor(percent));
  const gross = roundToMoney(withVat, payer.currency, 'halfAwayFromZero') - sum((a) => a.gross);
  return gross === 0n ? undefined : { component: component(exact), amount: { net: gross - vatOfGross(gross, percent), gross } };
}

/** gross = net × (100 + percent) / 100, exact until the one rounding. */
function grossFactor(percent: string): Exact {
  return add(exactFromInt(1), mul(exactFromDecimal(percent), exactFromDecimal('0.01')));
}

/** The owner's share of the session's net, rounded per record and clause (D15) so that a clawback is exact. */
function ownerShare(sales: readonly Charge[], site: SiteSetup) {
  if (site.ownerAccountId === null || site.ownerContractId === null || site.ownerSharePercent === null) return undefined;
  const first = sales[0];
  if (first === undefined) return undefined;
  const net = sales.reduce((sum, c) => sum + c.netMinor, 0n);
  const exactMinor = mul(exactFromDecimal(net.toString()), mul(exactFromDecimal(site.ownerSharePercent), exactFromDecimal('0.01')));
  const exactMajor = mul(exactMinor, exactFromDecimal('0.01'));
  const amount = roundToMoney(exactMajor, first.currency, 'halfAwayFromZero');
  return {
    role: 'siteShareEstimate' as const,
    component: 'netRevenueShare',
    splitNo: 0,
    contractId: site.ownerContractId,
    clause: 'netRevenueShare',
    payerAccountId: null,
    payeeAccountId: site.ownerAccountId,
    netMinor: amount,
    grossMinor: amount,
    exactNet: toDecimal4HalfEven(exactMajor),
    unitPrice: site.ownerSharePercent,
    energyWh: 0n,
    quantity: net,
    quantityUnit: 'minorUnits',
  };
}

function samePercent(a: string, b: string): boolean {
  return b !== 'none' && Number(a) === Number(b);
}

/** The exact mirror of a charge, for a corrected record: every amount and the Wh change sign. */
export function mirrorOf(charge: Charge): Charge {
  return {
    ...charge,
    netMinor: -charge.netMinor,
    grossMinor: -charge.grossMinor,
    bookNetMinor: -charge.bookNetMinor,
    energyWh: -charge.energyWh,
    quantity: -charge.quantity,
    exactNet: negate(charge.exactNet),
  };
}

function negate(decimal: string): string {
  if (decimal.startsWith('-')) return decimal.slice(1);
  return /[1-9]/.test(decimal) ? `-${decimal}` : decimal;
}
