import type { Scope, SupplyClause } from '../../contracts/agreement.ts';
import type { ChargeFacts } from '../../contracts/charge-record.ts';
import { add, compare, divInt, type Exact, exactFromDecimal, exactFromInt, mul, sub } from '../money.ts';
import { localDateOf, parseInstant } from '../time.ts';
import type { PriceLine, SalePrice } from './price-line.ts';
import type { Session } from './session.ts';
import type { SiteSetup } from './setup.ts';

const zero = exactFromInt(0);
const minuteMs = 60_000;

/** Of the clauses that one record decides, those that add to or take from the price of the tariff. */
type Clause = Extract<SupplyClause, { kind: 'discount' | 'startFee' | 'idleFee' }>;

/** True where a clause is about sessions at this site. */
export function inScope(scope: Scope | undefined, site: Pick<SiteSetup, 'siteId' | 'kind'>): boolean {
  return (scope?.siteIds?.includes(site.siteId) ?? true) && (scope?.siteKinds?.includes(site.kind) ?? true);
}

/** Of a contract's clauses those that hold for a session: of one too small to be billed only a fee for standing there without any energy, where it says so (D25). */
export function clausesFor<C extends { readonly kind: string }>({ small, facts }: Pick<Session, 'small' | 'facts'>, clauses: readonly C[]): readonly C[] {
  return small ? clauses.filter((c) => c.kind === 'idleFee' && facts.energyWh === 0 && 'withoutEnergy' in c && c.withoutEnergy === true) : clauses;
}

/**
 * What discounts, start fees and idle fees make of a session, in the order of the clauses; net in major units, exact. A discount is on the
 * energy's net that earlier ones left and never takes more than that, which at the tariff's maximum is the energy's part of it; a campaign
 * counts by the site's local date of the start.
 */
export function sessionClauseLines(
  clauses: readonly SupplyClause[],
  sale: Pick<SalePrice, 'lines' | 'limited'>,
  facts: ChargeFacts,
  times: { readonly startMs: number; readonly endMs: number },
  site: SiteSetup,
): PriceLine[] {
  const role = sale.lines[0]?.role ?? 'driverSale';
  const lines: PriceLine[] = [];
  let energyNet = energyNetOf(sale);
  const own = clauses.filter((c): c is Clause => (c.kind === 'discount' || c.kind === 'startFee' || c.kind === 'idleFee') && inScope(c.scope, site));
  for (const clause of own) {
    const line =
      clause.kind === 'discount' ? discount(clause, energyNet, facts, localDateOf(times.startMs, site.timeZone)) : clause.kind === 'startFee' ? startFee(clause) : idleFee(clause, facts, times.endMs);
    if (line === undefined) continue;
    if (clause.kind === 'discount') energyNet = add(energyNet, line.exact);
    lines.push({ ...line, role: clause.kind === 'idleFee' ? 'idleFee' : role, clause: clause.id, energyWh: 0n });
  }
  return lines;
}

/** What the energy costs; what a maximum cuts off is shared by all that the tariff priced. */
function energyNetOf({ lines, limited }: Pick<SalePrice, 'lines' | 'limited'>): Exact {
  const netOf = (of: readonly PriceLine[]) => of.reduce((sum, l) => add(sum, l.exact), zero);
  const energyNet = netOf(lines.filter((l) => l.energyWh !== 0n));
  const whole = netOf(lines);
  if (limited === null || compare(limited.excl, whole) >= 0 || compare(whole, zero) <= 0) return energyNet;
  return { n: energyNet.n * limited.excl.n * whole.d, d: energyNet.d * limited.excl.d * whole.n };
}

type Priced = Pick<PriceLine, 'component' | 'exact' | 'unitPrice' | 'quantity' | 'unit'>;

function discount(clause: Extract<Clause, { kind: 'discount' }>, energyNet: Exact, facts: ChargeFacts, startOn: string): Priced | undefined {
  if ((clause.from !== undefined && startOn < clause.from) || (clause.to !== undefined && startOn >= clause.to)) return undefined;
  const wanted =
    clause.percent === undefined ? mul(exactFromDecimal(clause.perKwh ?? '0'), divInt(exactFromInt(facts.energyWh), 1000n)) : mul(energyNet, divInt(exactFromDecimal(clause.percent), 100n));
  const taken = compare(wanted, energyNet) > 0 ? energyNet : wanted;
  if (compare(taken, zero) <= 0) return undefined;
  const unitPrice = clause.percent ?? clause.perKwh ?? '0';
  return { component: `discount/${clause.id}`, exact: sub(zero, taken), unitPrice: `-${unitPrice}`, quantity: BigInt(facts.energyWh), unit: clause.percent === undefined ? 'Wh' : '%' };
}

function startFee(clause: Extract<Clause, { kind: 'startFee' }>): Priced {
  return { component: `startFee/${clause.id}`, exact: exactFromDecimal(clause.amount), unitPrice: clause.amount, quantity: 1n, unit: 'session' };
}

/** From the last stretch with energy on; grace deducted, started minutes, a cap per session (D30). Without data on the end of charging there is no fee. */
function idleFee(clause: Extract<Clause, { kind: 'idleFee' }>, facts: ChargeFacts, endMs: number): Priced | undefined {
  const idleFromMs = chargingEnd(facts, endMs);
  if (idleFromMs === undefined || (facts.energyWh === 0 && !clause.withoutEnergy)) return undefined;
  const idleMs = endMs - idleFromMs - clause.graceMinutes * minuteMs;
  if (idleMs <= 0) return undefined;
  const minutes = BigInt(Math.ceil(idleMs / minuteMs));
  const uncapped = mul(exactFromDecimal(clause.perMinute), exactFromInt(minutes));
  const cap = clause.capPerSession === undefined ? undefined : exactFromDecimal(clause.capPerSession);
  return { component: `idle/${clause.id}`, exact: cap !== undefined && compare(uncapped, cap) > 0 ? cap : uncapped, unitPrice: clause.perMinute, quantity: minutes, unit: 'min' };
}

function chargingEnd(facts: ChargeFacts, endMs: number): number | undefined {
  if (facts.chargingEndAt !== undefined) return parseInstant(facts.chargingEndAt);
  if (facts.periods === 'unsplit') return undefined;
  // Energy that is given back is no idling either.
  const last = facts.periods.findLastIndex((p) => p.energyWh !== 0);
  // Nothing charged at all: it stood idle since it came, which it never did where a reservation lapsed.
  const next = last < 0 ? facts.periods.find((p) => p.chargingSeconds > 0 || p.parkingSeconds > 0) : facts.periods[last + 1];
  return next === undefined ? (last < 0 ? undefined : endMs) : parseInstant(next.startAt);
}
