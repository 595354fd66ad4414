import type { ErpDocument, ErpLine } from '../../contracts/erp-document.ts';
import { groupBy } from '../group-by.ts';
import { apportion, type Exact, minorUnitDigits, mul, roundToMoney } from '../money.ts';

/** One account of a voucher; debit positive, in minor units of the books. `project` is the site whose sale or cost it is. */
export type VoucherLine = {
  readonly part: ErpLine['part'];
  readonly glAccount: string;
  readonly costCenter: string | null;
  readonly project: string | null;
  readonly vatCode: string | null;
  readonly amountMinor: bigint;
  /** In the document's currency. */
  readonly documentMinor: bigint;
};
export type Voucher = {
  readonly key: string;
  readonly kind: string;
  readonly on: string;
  readonly text: string;
  readonly accountId: string | null;
  readonly currency: string;
  readonly lines: readonly VoucherLine[];
};

/** What of a net line lies on which site, with the sign of the line; minor units of the document's currency. */
export type SitePart = { readonly glAccount: string; readonly costCenter: string | null; readonly vatCode: string | null; readonly siteId: string | null; readonly amountMinor: bigint };
/** The currency of the books, and the rate of the issue date where the document is in another one. */
export type Books = { readonly currency: string; readonly factor: Exact | null };

/**
 * A posting as a voucher in the books: its net lines split by site, and all of it converted as it was booked (D21): net, each VAT code and
 * each rounding once, the net shared among its lines, the party's line their sum. Sums to zero. Throws RangeError where the sites do not add up to a line.
 */
export function voucherOf(document: ErpDocument, sites: readonly SitePart[], books: Books): Voucher {
  const { key, kind, postedOn, legalNumber, accountId, currency } = document;
  // What says itself what it comes to in the books is no document of sites.
  if (document.books !== undefined) {
    if (document.books.currency !== books.currency) throw new RangeError(`${key} is converted into ${document.books.currency}, and the books are in ${books.currency}`);
    return {
      key,
      kind,
      on: postedOn,
      text: legalNumber ?? key,
      accountId,
      currency,
      lines: document.lines.map((l) => ({ ...lineOf(l, null, BigInt(l.amountMinor)), amountMinor: BigInt(l.bookMinor ?? '0') })),
    };
  }
  const lines = document.lines.flatMap((line) => (line.part === 'net' ? bySite(document.key, line, sites) : [lineOf(line, null, BigInt(line.amountMinor))]));
  return { key, kind, on: postedOn, text: legalNumber ?? key, accountId, currency, lines: books.factor === null ? lines : converted(lines, document, books.currency, books.factor) };
}

function bySite(key: string, line: ErpLine, sites: readonly SitePart[]): VoucherLine[] {
  const own = sites.filter((s) => s.glAccount === line.glAccount && s.costCenter === line.costCenter && s.vatCode === line.vatCode);
  const amount = BigInt(line.amountMinor);
  if (own.length === 0) return [lineOf(line, null, amount)];
  const sum = own.reduce((total, s) => total + s.amountMinor, 0n);
  if (sum !== amount) throw new RangeError(`${key}: the sites of account ${line.glAccount} come to ${sum}, the posting to ${amount}`);
  const parts = [...groupBy(own, (s) => s.siteId ?? '')].sort(([a], [b]) => (a < b ? -1 : 1));
  return parts.flatMap(([siteId, rows]) => {
    const total = rows.reduce((all, s) => all + s.amountMinor, 0n);
    return total === 0n ? [] : [lineOf(line, siteId === '' ? null : siteId, total)];
  });
}

function lineOf({ part, glAccount, costCenter, vatCode }: ErpLine, project: string | null, amountMinor: bigint): VoucherLine {
  return { part, glAccount, costCenter, project, vatCode, amountMinor, documentMinor: amountMinor };
}

function converted(lines: readonly VoucherLine[], document: ErpDocument, books: string, factor: Exact): VoucherLine[] {
  const { currency } = document;
  const exact = (minor: bigint): Exact => mul({ n: minor, d: 10n ** BigInt(minorUnitDigits(currency)) }, factor);
  const rounded = (minor: bigint) => roundToMoney(exact(minor), books, 'halfAwayFromZero');
  const nets = lines.filter((l) => l.part === 'net');
  const netMinor = rounded(nets.reduce((sum, l) => sum + l.documentMinor, 0n));
  const shares = new Map(apportion(netMinor, nets.length === 0 ? [] : nets.map((l) => exact(l.documentMinor)), books).map((share, i) => [nets[i], share]));
  const ofVat = vatRounding(document);
  const amountOf = (l: VoucherLine) => (l.part === 'net' ? (shares.get(l) ?? 0n) : l.part === 'rounding' ? rounded(ofVat) + rounded(l.documentMinor - ofVat) : rounded(l.documentMinor));
  const booked = lines.map((l) => (l.part === 'party' ? l : { ...l, amountMinor: amountOf(l) }));
  // A posting has one line of its party.
  const others = booked.filter((l) => l.part !== 'party').reduce((sum, l) => sum + l.amountMinor, 0n);
  return booked.map((l) => (l.part === 'party' ? { ...l, amountMinor: -others } : l));
}

/** What of the rounding of a sale VAT per document leaves over (D02): whole kronor are booked apart from it (D04). Of what we owe it is booked as one. */
function vatRounding({ kind, lines }: ErpDocument): bigint {
  if (kind === 'vendorBill') return 0n;
  const taxes = lines.filter((l) => l.part === 'tax' && l.baseMinor !== undefined);
  const codes = new Set(taxes.map((l) => l.vatCode));
  const base = taxes.reduce((sum, l) => sum + BigInt(l.baseMinor ?? '0'), 0n);
  return lines.reduce((sum, l) => (l.part === 'net' && codes.has(l.vatCode) ? sum - BigInt(l.amountMinor) : sum), base);
}

/** A whole number as text in a file has no sign of its own: how much of a line is debit, and how much credit. */
export function sidesOf(amountMinor: bigint): { readonly debitMinor: bigint; readonly creditMinor: bigint } {
  return amountMinor > 0n ? { debitMinor: amountMinor, creditMinor: 0n } : { debitMinor: 0n, creditMinor: -amountMinor };
}
