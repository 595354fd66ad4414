import { add, compare, type Exact, minorUnitDigits, sub } from '../money.ts';
import { type Decimal, decimalOf } from './decimal.ts';
import type { StepRule } from './price-periods.ts';
import { type CdrRating, type OfferedTariff, type RatingInput, rateCdr } from './rate-cdr.ts';
import type { OcpiVersion } from './read-tariff.ts';
import { isAbsent, isObject } from './reading.ts';

/** What a partner says a CDR costs, in major units of its currency; null where it does not say. */
export type Claim = { readonly excl: Exact | null; readonly incl: Exact | null };

/** Why a claim differs from our price: the cause under which our own rules give the claimed figure. */
export type ClaimCause = 'agrees' | 'rounding' | 'VAT' | 'step_size' | 'time zone' | 'tariff version' | 'unknown' | 'no claim';

export type ClaimVerdict = {
  readonly cause: ClaimCause;
  /** Claimed minus ours, exact. */
  readonly difference: Claim;
  /** What gives the claimed figure: a zone, the id of a tariff, a way of rounding. */
  readonly under: string | null;
};

/**
 * The total a CDR claims: `total_cost` is a net figure in OCPI 2.1.1, `excl_vat` and `incl_vat` in 2.2.1, `before_taxes` and the tax lines in
 * 2.3.0 (mod_cdrs, total_cost). What is not a number counts as not said.
 */
export function claimOf(cdr: unknown, version: OcpiVersion): Claim {
  const total = isObject(cdr) ? cdr['total_cost'] : undefined;
  if (!isObject(total)) return { excl: exactOf(total), incl: null };
  if (version !== '2.3.0') return { excl: exactOf(total['excl_vat']), incl: exactOf(total['incl_vat']) };
  const excl = exactOf(total['before_taxes']);
  const { taxes } = total;
  if (excl === null || !Array.isArray(taxes)) return { excl, incl: null };
  const lines = taxes.map((tax: unknown) => (isObject(tax) ? exactOf(tax['amount']) : null));
  return { excl, incl: lines.reduce<Exact | null>((sum, tax) => (sum === null || tax === null ? null : add(sum, tax)), excl) };
}

function exactOf(value: unknown): Exact | null {
  const decimal: Decimal | undefined = isAbsent(value) ? undefined : decimalOf(value);
  return decimal === undefined ? null : { n: decimal.n, d: 10n ** BigInt(decimal.decimals) };
}

/**
 * Classifies the difference between a partner's claim and our rating of the same CDR, by rating it again under what partners are known to do
 * otherwise: rounding parts to cents, other use of step_size, UTC for local time, another version of the tariff. `input` is what `ours` was
 * rated from; `otherTariffs` are the versions that might have been used. The first cause that explains the claim to half a minor unit counts.
 */
export function compareClaim(claim: Claim, ours: CdrRating, input: RatingInput, otherTariffs: readonly OfferedTariff[] = []): ClaimVerdict {
  const total = ours.costs.total ?? { excl: zero, incl: zero };
  const difference = { excl: gapOf(claim.excl, total.excl), incl: gapOf(claim.incl, total.incl) };
  const verdict = (cause: ClaimCause, under: string | null = null): ClaimVerdict => ({ cause, difference, under });
  if (claim.excl === null && claim.incl === null) return verdict('no claim');
  const half = halfMinorUnit(ours.tariff.currency);
  if (fits(claim, total, halfOfLastOcpiDigit)) return verdict('agrees');
  if (fits(claim, total, half)) return verdict('rounding', 'the total');
  const vat = vatCause(claim, total, half);
  if (vat !== undefined) return verdict('VAT', vat);
  for (const { cause, under, input: other } of otherWays(ours, input, otherTariffs)) {
    const rated = rateCdr(other);
    if (rated.ok && rated.tariff.currency === ours.tariff.currency && fits(claim, rated.costs.total ?? total, half)) return verdict(cause, under);
  }
  // Each line rounded by itself may add up to half a unit a line.
  const lines = BigInt(ours.pricing.lines.length + 1);
  return fits(claim, total, { n: half.n * lines, d: half.d }) ? verdict('rounding', 'each line') : verdict('unknown');
}

const zero: Exact = { n: 0n, d: 1n };
const halfOfLastOcpiDigit: Exact = { n: 1n, d: 20_000n };

function halfMinorUnit(currency: string): Exact {
  return { n: 1n, d: 2n * 10n ** BigInt(minorUnitDigits(currency)) };
}

function gapOf(a: Exact | null, b: Exact | null): Exact | null {
  return a === null || b === null ? null : sub(a, b);
}

function near(a: Exact | null, b: Exact | null, slack: Exact): boolean {
  const gap = gapOf(a, b);
  return gap !== null && compare(gap, slack) <= 0 && compare({ n: -gap.n, d: gap.d }, slack) <= 0;
}

/** Every figure that both sides know is near; at least one is. */
function fits(claim: Claim, ours: Claim, slack: Exact): boolean {
  const known = (['excl', 'incl'] as const).filter((side) => claim[side] !== null && ours[side] !== null);
  return known.length > 0 && known.every((side) => near(claim[side], ours[side], slack));
}

function vatCause(claim: Claim, ours: Claim, half: Exact): string | undefined {
  if (near(claim.excl, ours.excl, half)) return 'net agrees, tax does not';
  if (near(claim.excl, ours.incl, half)) return 'the net claimed is our gross';
  if (near(claim.incl, ours.incl, half)) return 'gross agrees, net does not';
  return near(claim.incl, ours.excl, half) ? 'the gross claimed is our net' : undefined;
}

type OtherWay = { readonly cause: ClaimCause; readonly under: string; readonly input: RatingInput };

function otherWays(ours: CdrRating, input: RatingInput, otherTariffs: readonly OfferedTariff[]): OtherWay[] {
  const stepRules: readonly [StepRule, string][] = [
    ['none', 'nothing rounded'],
    ['everyPeriod', 'every period rounded'],
  ];
  const versions = [...input.offers.filter((_offer, i) => i !== ours.tariff.index), ...otherTariffs];
  return [
    ...stepRules.map(([steps, under]): OtherWay => ({ cause: 'step_size', under, input: { ...input, steps } })),
    ...(ours.zone === 'UTC' ? [] : [{ cause: 'time zone' as const, under: 'UTC', input: { ...input, timezone: 'UTC' } }]),
    ...versions.map((offer): OtherWay => ({ cause: 'tariff version', under: idOf(offer), input: { ...input, offers: [asHandedOver(offer)] } })),
  ];
}

/** Priced with whether it was valid or not, which is the question. */
function asHandedOver({ raw, version }: OfferedTariff): OfferedTariff {
  const always = isObject(raw) ? { ...raw, start_date_time: null, end_date_time: null } : raw;
  return { raw: always, path: '$.tariff', version, compiled: undefined };
}

function idOf({ raw }: OfferedTariff): string {
  return isObject(raw) && typeof raw['id'] === 'string' ? raw['id'] : '';
}
