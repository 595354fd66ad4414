import type { ErpLine } from '../../contracts/erp-document.ts';
import type { Conversion } from '../allocate/convert.ts';
import { amountInBooks } from '../ledger/in-books.ts';
import type { LedgerEvent } from '../ledger/ledger-table.ts';
import type { Bearer, MatchedInvoice, PurchaseVat } from './match-invoice.ts';

export type BookedPurchase = { readonly event: LedgerEvent; readonly bearer: Bearer; readonly vatCode: string };
const none = { minor: 0n, book: 0n };

/**
 * What a matched invoice books: what was accrued for its sessions, at the rate it was accrued by, is owed now; differences by what became of them, VAT and
 * what the rate moved, at the rate of the posting date. `elsewhere` bears what no session of ours does.
 */
export function eventsOfInvoice(
  { lines, netMinor }: MatchedInvoice,
  { vatCode, inputMinor, selfAssessedMinor }: PurchaseVat,
  currency: string,
  conversion: Conversion,
  books: string,
  elsewhere: Bearer,
): BookedPurchase[] {
  const inBooks = (minor: bigint) => amountInBooks(minor, currency, conversion, books);
  const matched = { kind: 'purchaseMatched', currency, net: none, inputVat: none, selfAssessedVat: none, fx: none } as const;
  let booked = 0n;
  const events = lines.flatMap((line): BookedPurchase[] => {
    const difference = inBooks(line.acceptedMinor + line.disputedMinor);
    const parts = line.session?.parts ?? [];
    booked += parts.reduce((sum, p) => sum + p.bookMinor, difference.book);
    const accrued = parts.map((p): BookedPurchase => ({ bearer: p, vatCode: p.vatCode, event: { ...matched, net: { minor: p.minor, book: p.bookMinor } } }));
    if (difference.minor === 0n) return accrued;
    const own = { bearer: line.session ?? elsewhere, vatCode };
    const differs: LedgerEvent = { kind: 'purchaseDiffers', currency, accepted: line.acceptedMinor === 0n ? none : difference, disputed: line.disputedMinor === 0n ? none : difference };
    return [...accrued, { ...own, event: { ...matched, net: difference } }, { ...own, event: differs }];
  });
  const whole: LedgerEvent = { ...matched, inputVat: inBooks(inputMinor), selfAssessedVat: inBooks(selfAssessedMinor), fx: { minor: 0n, book: inBooks(netMinor).book - booked } };
  return [...events, { event: whole, bearer: { ...elsewhere, glAccount: '', costCenter: '' }, vatCode }];
}

/** The invoice as the ERP's vendor bill: cost per account and cost center, what is disputed, VAT, and what is owed. Sums to zero. `glOf` finds the account of a key or throws. */
export function billLinesOf({ lines, netMinor }: MatchedInvoice, { vatCode, inputMinor, selfAssessedMinor }: PurchaseVat, elsewhere: Bearer, glOf: (key: string) => string): ErpLine[] {
  const sums = new Map<string, bigint>();
  const add = (glAccount: string, costCenter: string, minor: bigint) => {
    if (minor === 0n) return;
    const key = JSON.stringify([glAccount, costCenter]);
    sums.set(key, (sums.get(key) ?? 0n) + minor);
  };
  for (const line of lines) {
    const bearer = line.session ?? elsewhere;
    for (const part of line.session?.parts ?? []) add(part.glAccount, part.costCenter, part.minor);
    add(bearer.glAccount, bearer.costCenter, line.acceptedMinor);
    if (line.disputedMinor !== 0n) add(glOf('dispute'), bearer.costCenter, line.disputedMinor);
  }
  const tax = (key: string, minor: bigint, baseMinor: bigint): ErpLine => ({
    part: 'tax',
    glAccount: glOf(`${key}.${vatCode}`),
    costCenter: null,
    vatCode,
    amountMinor: minor.toString(),
    baseMinor: baseMinor.toString(),
  });
  return [
    ...[...sums].flatMap(([key, minor]): ErpLine[] => {
      const [glAccount, costCenter] = JSON.parse(key) as [string, string];
      return minor === 0n ? [] : [{ part: 'net', glAccount, costCenter, vatCode, amountMinor: minor.toString() }];
    }),
    ...(inputMinor === 0n ? [] : [tax('inputVat', inputMinor, netMinor)]),
    ...(selfAssessedMinor === 0n ? [] : [tax('inputVat', selfAssessedMinor, netMinor), tax('selfAssessedVat', -selfAssessedMinor, -netMinor)]),
    { part: 'party', glAccount: glOf('partnerPayable'), costCenter: null, vatCode: null, amountMinor: (-netMinor - inputMinor).toString() },
  ];
}
