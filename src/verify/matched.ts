import { type Conversion, sameCurrency } from '../core/allocate/convert.ts';
import { amountInBooks } from '../core/ledger/in-books.ts';
import type { Amount } from '../core/ledger/ledger-table.ts';
import { exactFromDecimal } from '../core/money.ts';
import type { MatchedRow } from '../store/reads/verification/paid-rows.ts';

const nothing: Amount = { minor: 0n, book: 0n };
const plus = (a: Amount, b: Amount): Amount => ({ minor: a.minor + b.minor, book: a.book + b.book });
const minus = (a: Amount): Amount => ({ minor: -a.minor, book: -a.book });

/** Holds a partner's invoice to its lines and the charges it settles, and books it again, by the rate it names: what each ledger account holds of it, in its currency and in the books. */
export function judgeMatched(row: MatchedRow): string | null {
  const { id, currency, books } = row;
  const lines = row.lines.map((l) => ({ net: BigInt(l.netMinor), accrued: BigInt(l.accruedMinor), outcome: l.outcome }));
  const sum = (of: (line: (typeof lines)[number]) => bigint) => lines.reduce((total, line) => total + of(line), 0n);
  const isAccepted = (l: (typeof lines)[number]) => l.outcome === 'accepted';
  const stated = [sum((l) => l.net), sum((l) => l.accrued), sum((l) => (isAccepted(l) ? l.net - l.accrued : 0n)), sum((l) => (isAccepted(l) ? 0n : l.net - l.accrued)), row.charged];
  const kept = [row.net_minor, row.accrued_minor, row.accepted_minor, row.disputed_minor, row.accrued_minor];
  if (kept.some((figure, i) => figure !== stated[i])) return `partner invoice ${id} comes to other than its lines and the charges it settles`;
  if (!row.is_booked) return `partner invoice ${id} is booked by nothing`;
  if (currency !== books && row.rate === null) return `ledger transaction partnerInvoice/${id} was converted by ${row.fx_rate ?? 'no rate'}, which is no rate of its date`;
  const conversion: Conversion = row.rate === null ? sameCurrency : { factor: exactFromDecimal(row.rate), name: row.fx_rate };
  const inBooks = (minor: bigint) => amountInBooks(minor, currency, conversion, books);
  const differs = (accepted: boolean) => lines.filter((l) => isAccepted(l) === accepted).reduce((total, l) => plus(total, inBooks(l.net - l.accrued)), nothing);
  const [cost, dispute, accrued] = [differs(true), differs(false), { minor: row.charged, book: row.booked }];
  const [net, input, assessed] = [row.net_minor, row.vat_minor, row.self_assessed_minor].map(inBooks) as [Amount, Amount, Amount];
  const expected: Readonly<Record<string, Amount>> = {
    accruedPartnerCost: accrued,
    roamingCost: cost,
    dispute,
    inputVat: plus(input, assessed),
    selfAssessedVat: minus(assessed),
    partnerPayable: minus(plus(net, input)),
    // What was accrued came into the books by the rate of each session.
    fxDifference: { minor: 0n, book: net.book - plus(accrued, plus(cost, dispute)).book },
  };
  const off = [...new Set([...Object.keys(expected), ...Object.keys(row.entries)])].find((account) => {
    const [amount = '0', book = '0'] = row.entries[account] ?? [];
    const { minor, book: inTheBooks } = expected[account] ?? nothing;
    return BigInt(amount) !== minor || BigInt(book) !== inTheBooks;
  });
  return off === undefined ? null : `ledger transaction partnerInvoice/${id}: ${off} is other than the invoice and what it settles make it`;
}
