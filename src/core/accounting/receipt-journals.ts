import type { ErpDocument, ErpLine } from '../../contracts/erp-document.ts';
import { groupBy } from '../group-by.ts';
import { apportion, type Exact, exactFromDecimal, minorUnitDigits } from '../money.ts';

/** What of a receipt was sold at a place: charges of one site and day, or manual lines on the day of issue. Minor units, with the document's sign. */
export type ReceiptPart = {
  /** '' where there is none. */
  readonly siteId: string;
  readonly on: string;
  readonly glAccount: string;
  readonly costCenter: string | null;
  readonly vatCode: string;
  readonly netMinor: bigint;
  readonly grossMinor: bigint;
};
export type Receipt = {
  readonly documentId: string;
  readonly currency: string;
  readonly roundingMode: 'grossFirst' | 'netFirst';
  readonly payableMinor: bigint;
  readonly vat: readonly { readonly vatCode: string; readonly percent: string; readonly vatMinor: bigint }[];
  readonly parts: readonly ReceiptPart[];
};
/** A line of a receipt in the journal of its site and day; debit positive. */
export type ReceiptLine = Pick<ErpLine, 'part' | 'glAccount' | 'costCenter' | 'vatCode'> & {
  readonly documentId: string;
  readonly siteId: string;
  readonly on: string;
  readonly amountMinor: bigint;
  readonly baseMinor: bigint | null;
};
/** Accounts of the chart by key of the GL mapping; throws where one is missing. */
export type GlOf = (key: string) => string;

/**
 * A receipt cut by site and day. Each place gets what was charged there and its share of the document's VAT, by largest remainder; what VAT
 * per document leaves over (D02) is the place's rounding. The lines of all places together are the posting of the document, to the minor unit.
 */
export function receiptLines(receipt: Receipt, glOf: GlOf): readonly ReceiptLine[] {
  const { documentId, currency, roundingMode, payableMinor, parts } = receipt;
  const places = [...groupBy(parts, (p) => `${p.on} ${p.siteId}`)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, own]) => ({ own, owed: 0n, rest: 0n, vat: new Map<string, { vat: bigint; base: bigint }>() }));
  const sum = (rows: readonly ReceiptPart[], pick: (p: ReceiptPart) => bigint) => rows.reduce((total, p) => total + pick(p), 0n);
  for (const { vatCode, percent, vatMinor } of receipt.vat) {
    const of = places.map(({ own }) => own.filter((p) => p.vatCode === vatCode));
    const sold = places.map((place, i) => ({ place, amount: sum(of[i] ?? [], (p) => (roundingMode === 'grossFirst' ? p.grossMinor : p.netMinor)) })).filter((_, i) => of[i]?.length !== 0);
    const shares = apportion(
      vatMinor,
      sold.map(({ amount }) => vatExactly(amount, percent, roundingMode, currency)),
      currency,
    );
    for (const [i, { place, amount }] of sold.entries()) {
      const vat = shares[i] ?? 0n;
      place.vat.set(vatCode, { vat, base: roundingMode === 'grossFirst' ? amount - vat : amount });
    }
  }
  for (const place of places) {
    const vat = [...place.vat.values()].reduce((total, v) => total + v.vat, 0n);
    const net = sum(place.own, (p) => p.netMinor);
    place.owed = roundingMode === 'grossFirst' ? sum(place.own, (p) => p.grossMinor) : net + vat;
    place.rest = place.owed - net - vat;
  }
  // What the document as a whole rounds, or a credit may not take back, belongs to no place: the last one bears it.
  const last = places.at(-1);
  if (last !== undefined) {
    const left = payableMinor - places.reduce((total, p) => total + p.owed, 0n);
    last.owed += left;
    last.rest += left;
  }
  return places.flatMap(({ own, owed, rest, vat }): ReceiptLine[] => {
    const at = { documentId, siteId: own[0]?.siteId ?? '', on: own[0]?.on ?? '' };
    const line = (part: ErpLine['part'], glAccount: string, amountMinor: bigint, of: Partial<ReceiptLine> = {}): ReceiptLine => ({
      ...at,
      part,
      glAccount,
      costCenter: null,
      vatCode: null,
      baseMinor: null,
      amountMinor,
      ...of,
    });
    const nets = [...groupBy(own, (p) => JSON.stringify([p.glAccount, p.costCenter, p.vatCode])).values()].map((rows) => {
      const [{ glAccount = '', costCenter = null, vatCode = null } = {}] = rows;
      return line('net', glAccount, -sum(rows, (p) => p.netMinor), { costCenter, vatCode });
    });
    const taxes = [...vat].filter(([, v]) => v.vat !== 0n).map(([vatCode, v]) => line('tax', glOf(`outputVat.${vatCode}`), -v.vat, { vatCode, baseMinor: -v.base }));
    return [line('party', glOf('receivable'), owed), ...[...nets, ...taxes, ...(rest === 0n ? [] : [line('rounding', glOf('rounding'), -rest)])].filter((l) => l.amountMinor !== 0n)];
  });
}

/** VAT of an amount before it is rounded, in major units. */
function vatExactly(amountMinor: bigint, percent: string, roundingMode: Receipt['roundingMode'], currency: string): Exact {
  const { n, d } = exactFromDecimal(percent);
  const scale = 10n ** BigInt(minorUnitDigits(currency));
  return { n: amountMinor * n, d: scale * (roundingMode === 'grossFirst' ? 100n * d + n : 100n * d) };
}

/** What the journals of one hand-over have in common. `customer`: the collective customer that pays by card. */
export type JournalHead = { readonly runId: string; readonly customer: string; readonly currency: string; readonly postedOn: string; readonly keyOf: (siteId: string, on: string) => string };

/**
 * Lines of receipts as journals, one a site and day: summed by part, account, cost center and VAT code, with the receipts that are in each.
 * In the order of their keys.
 */
export function receiptJournals(lines: readonly ReceiptLine[], { keyOf, customer, ...head }: JournalHead): readonly ErpDocument[] {
  const journals = groupBy(lines, (l) => keyOf(l.siteId, l.on));
  return [...journals]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, own]): ErpDocument => {
      const summed = [...groupBy(own, (l) => JSON.stringify([parts.indexOf(l.part), l.glAccount, l.costCenter ?? '', l.vatCode ?? '']))].sort(([a], [b]) => (a < b ? -1 : 1));
      return {
        key,
        kind: 'journal',
        legalNumber: null,
        accountId: customer,
        ...head,
        receipts: { siteId: own[0]?.siteId || null, on: own[0]?.on ?? '', documentIds: [...new Set(own.map((l) => l.documentId))].sort() },
        lines: summed
          .map(([, rows]): ErpLine => {
            const [{ part = 'net', glAccount = '', costCenter = null, vatCode = null } = {}] = rows;
            const base = part === 'tax' ? { baseMinor: rows.reduce((total, l) => total + (l.baseMinor ?? 0n), 0n).toString() } : {};
            return { part, glAccount, costCenter, vatCode, amountMinor: rows.reduce((total, l) => total + l.amountMinor, 0n).toString(), ...base };
          })
          .filter((l) => l.part === 'party' || l.amountMinor !== '0'),
      };
    });
}

const parts: readonly ErpLine['part'][] = ['party', 'net', 'tax', 'rounding'];
