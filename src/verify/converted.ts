import { eventsOfDocument } from '../core/ledger/events-of-document.ts';
import { amountInBooks } from '../core/ledger/in-books.ts';
import type { LedgerEvent } from '../core/ledger/ledger-table.ts';
import { postingsFor } from '../core/ledger/postings.ts';
import { exactFromDecimal } from '../core/money.ts';
import type { ConvertedRow } from '../store/reads/verification/ledger-rows.ts';

const none = { minor: 0n, book: 0n };

/** Converts a document in another currency again by the rate it names, and compares what each ledger account holds of it in the books. */
export function judgeConverted(row: ConvertedRow): string | null {
  const { booked, books, currency, key, net, payable_minor: payableMinor } = row;
  if (row.rate === null) return `ledger transaction ${key} was converted by ${row.fx_rate ?? 'no rate'}, which is no rate of its date`;
  const conversion = { factor: exactFromDecimal(row.rate), name: row.fx_rate };
  const adjusted = row.adjustments.map((minor) => amountInBooks(BigInt(minor), currency, conversion, books));
  const invoiced = [{ minor: net, book: booked }, ...adjusted];
  const events: LedgerEvent[] = [
    ...adjusted.map((amount) => ({ kind: 'adjusted' as const, currency, net: amount })),
    ...invoiced.map((amount) => ({ kind: 'saleInvoiced' as const, currency, net: amount, vat: none, rounding: none, fx: none, energyWh: 0n })),
  ];
  const sum = invoiced.reduce((total, amount) => ({ minor: total.minor + amount.minor, book: total.book + amount.book }), none);
  const vat = row.vat.map((v) => ({ vatCode: v.vatCode, baseMinor: BigInt(v.baseMinor), vatMinor: BigInt(v.vatMinor) }));
  events.push(...eventsOfDocument({ currency, netMinor: sum.minor, bookedNet: sum.book, vat, payableMinor }, conversion, books).map((e) => e.event));
  const expected = new Map<string, bigint>(Object.entries(row.entries).map(([account, book]) => [account, -BigInt(book)]));
  for (const { ledgerAccount, book } of events.flatMap(postingsFor)) expected.set(ledgerAccount, (expected.get(ledgerAccount) ?? 0n) + book);
  const off = [...expected].find(([, rest]) => rest !== 0n);
  return off === undefined ? null : `ledger transaction ${key}: ${off[0]} is off by ${-off[1]} in the books, by the rate ${row.fx_rate}`;
}
