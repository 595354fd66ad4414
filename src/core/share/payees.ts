import { allocate, divInt, type Exact, exactFromDecimal, exactFromInt, mul, sub } from '../money.ts';
import type { ShareAgreement } from './pipeline.ts';

/** Who earns a part of every clause. `splitNo` 0 is the contract's own account, which keeps what the beneficiaries' percentages leave; the others follow in the order written. */
export type Payee = { readonly splitNo: number; readonly accountId: string; readonly percent: Exact };

const whole = exactFromInt(100);

/** The payees of a contract; without the own account where nothing is left for it. Percentages above 100 in all are refused before a contract is published. */
export function payeesOf(agreement: Pick<ShareAgreement, 'beneficiaries'>, ownerAccountId: string): Payee[] {
  const others = agreement.beneficiaries.map((b, i): Payee => ({ splitNo: i + 1, accountId: b.accountId, percent: exactFromDecimal(b.percent) }));
  const rest = others.reduce((left, p) => sub(left, p.percent), whole);
  return [{ splitNo: 0, accountId: ownerAccountId, percent: rest }, ...others].filter((p) => p.percent.n > 0n);
}

/** Splits a rounded amount by the payees' percentages, by largest remainder, ties in their order (D15). */
export function splitAmong(payees: readonly Payee[], minor: bigint): bigint[] {
  const unit = payees.reduce((d, p) => (p.percent.d > d ? p.percent.d : d), 1n);
  // Denominators are powers of ten: the largest one makes every percentage whole.
  return allocate(
    minor,
    payees.map((p) => p.percent.n * (unit / p.percent.d)),
  );
}

/** A payee's part of an exact amount. */
export function partOf(payee: Payee, exact: Exact): Exact {
  return divInt(mul(exact, payee.percent), 100n);
}

/** The plain decimal of an exact figure whose denominator divides a power of ten, without trailing zeros: a payee's part of a price. */
export function partOfPrice(payee: Payee, price: string): string {
  const { n, d } = partOf(payee, exactFromDecimal(price));
  const digits = d.toString().length - 1;
  const size = (n < 0n ? -n : n).toString().padStart(digits + 1, '0');
  const text = digits === 0 ? size : `${size.slice(0, -digits)}.${size.slice(-digits)}`.replace(/\.?0+$/, '');
  return n < 0n && text !== '0' ? `-${text}` : text;
}
