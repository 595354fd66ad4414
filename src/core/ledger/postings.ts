import { invariant } from '../invariant.ts';
import { type Amount, type EventKind, type Figure, isEnergy, type LedgerAccount, type LedgerEvent, ledgerTable } from './ledger-table.ts';

/** Signed: debit positive, credit negative; in minor units of a currency, or in Wh. `book` is in minor units of the books, 0 for Wh. */
export type Posting = { readonly ledgerAccount: LedgerAccount; readonly unit: string; readonly amount: bigint; readonly book: bigint };

type Line = { readonly figure: Figure; readonly debit: LedgerAccount; readonly credit: LedgerAccount };

/** The lines of an event kind in the ledger table: which account each figure debits and credits. */
export function linesOf(kind: EventKind): readonly Line[] {
  return Object.entries(ledgerTable[kind].lines as Record<string, readonly [LedgerAccount, LedgerAccount]>).map(([figure, [debit, credit]]) => ({ figure: figure as Figure, debit, credit }));
}

/**
 * What an event debits and credits by the ledger table, one posting per account and unit; those that come to nothing are left out.
 * Sums to zero in each unit and in the books, or throws.
 */
export function postingsFor(event: LedgerEvent): Posting[] {
  const figures = event as unknown as Readonly<Record<Figure, Amount | bigint>>;
  const postings = new Map<LedgerAccount, { ledgerAccount: LedgerAccount; unit: string; amount: bigint; book: bigint }>();
  const post = (ledgerAccount: LedgerAccount, unit: string, amount: bigint, book: bigint) => {
    const own = postings.get(ledgerAccount);
    if (own === undefined) postings.set(ledgerAccount, { ledgerAccount, unit, amount, book });
    else {
      own.amount += amount;
      own.book += book;
    }
  };
  for (const { figure, debit, credit } of linesOf(event.kind)) {
    const value = figures[figure];
    invariant(value !== undefined, `${event.kind} says its ${figure}`);
    const unit = isEnergy(figure) ? 'Wh' : event.currency;
    const { minor, book } = typeof value === 'bigint' ? { minor: value, book: 0n } : value;
    post(debit, unit, minor, book);
    post(credit, unit, -minor, -book);
  }
  return [...postings.values()].filter((p) => p.amount !== 0n || p.book !== 0n);
}

/** The exact mirror of an event: its postings and the event's own leave every account at zero. */
export function mirrorOfEvent(event: LedgerEvent): LedgerEvent {
  const negate = (value: unknown) => {
    if (typeof value === 'bigint') return -value;
    const { minor, book } = value as Amount;
    return { minor: -minor, book: -book };
  };
  return Object.fromEntries(Object.entries(event).map(([key, value]) => [key, key === 'kind' || key === 'currency' ? value : negate(value)])) as unknown as LedgerEvent;
}

/** Money that is in the books' own currency. */
export function inBooks(minor: bigint): Amount {
  return { minor, book: minor };
}
