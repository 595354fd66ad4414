import { exactFromDecimal, mul } from '../money.ts';
import { type EInvoiceLine, eInvoiceLines } from './e-invoice-lines.ts';
import { type AnnexRow, cdrOfSession, deliveryOf, type IssuedDocument, isCredit } from './issued-document.ts';

/** A line on paper. `amountMinor` is net, or with VAT on a consumer's document; so is the price. */
export type PaperLine = Pick<EInvoiceLine, 'item' | 'serviceMonth' | 'quantity' | 'unitCode' | 'hasPrice' | 'corrects'> & {
  readonly price: string;
  readonly amountMinor: bigint;
  readonly percent: string | null;
};
export type PaperGroup = { readonly costCenter: string | null; readonly lines: readonly PaperLine[]; readonly subtotalMinor: bigint };
/** A session with the sum of all up to it, for what is carried over to the next page. */
export type PaperSession = Omit<AnnexRow, 'netMinor' | 'grossMinor' | 'sessionKey'> & {
  readonly sessionId: string;
  readonly amountMinor: bigint;
  readonly running: { readonly energyWh: bigint; readonly amountMinor: bigint };
};
export type PaperSummary = { readonly costCenter: string | null; readonly unit: string | null; readonly sessions: number; readonly energyWh: bigint; readonly amountMinor: bigint };

/** What a page shows beside the document's own words: every figure is worked out here. Credits are positive. Money in minor units. */
export type Paper = {
  readonly isCredit: boolean;
  /** Amounts include VAT: consumers. */
  readonly showsGross: boolean;
  /** One group per cost center of the customer; one without a name where he has none. */
  readonly groups: readonly PaperGroup[];
  readonly vat: readonly { readonly category: string; readonly percent: string | null; readonly baseMinor: bigint; readonly vatMinor: bigint }[];
  /** Sum of the VAT bases. */
  readonly netMinor: bigint;
  readonly vatMinor: bigint;
  readonly roundingMinor: bigint;
  readonly payableMinor: bigint;
  readonly bookVatMinor: bigint;
  readonly from: string;
  readonly to: string;
  readonly sessions: readonly PaperSession[];
  readonly summary: readonly PaperSummary[];
  readonly sessionsTotal: { readonly energyWh: bigint; readonly amountMinor: bigint };
  /** What of the document is no session: fees, adjustments. */
  readonly othersMinor: bigint;
  readonly linesMinor: bigint;
};

/** Figures of a document as paper shows them. */
export function paperOf(document: IssuedDocument): Paper {
  const credit = isCredit(document.type);
  const sign = credit ? -1n : 1n;
  const showsGross = document.roundingMode === 'grossFirst';
  const vatOf = new Map(document.vat.map((v) => [v.vatCode, v]));
  const percentOf = (vatCode: string) => (vatOf.get(vatCode)?.category === 'S' ? (vatOf.get(vatCode)?.percent ?? null) : null);
  const groups = new Map<string | null, PaperLine[]>();
  for (const line of eInvoiceLines(document.lines, document.currency, sign)) {
    const percent = percentOf(line.vatCode);
    const price = showsGross && percent !== null ? withVat(line.price, percent) : line.price;
    const { item, serviceMonth, quantity, unitCode, hasPrice, corrects } = line;
    const own = { item, serviceMonth, quantity, unitCode, hasPrice, corrects, price, percent, amountMinor: showsGross ? line.grossMinor : line.netMinor };
    groups.set(line.costCenter, [...(groups.get(line.costCenter) ?? []), own]);
  }
  const sum = (values: readonly bigint[]) => values.reduce((a, b) => a + b, 0n);
  const inOrder = [...groups]
    .sort(([a], [b]) => (a === null ? 1 : b === null ? -1 : a < b ? -1 : 1))
    .map(([costCenter, lines]) => ({ costCenter, lines, subtotalMinor: sum(lines.map((l) => l.amountMinor)) }));
  const vat = document.vat.map((v) => ({ category: v.category, percent: percentOf(v.vatCode), baseMinor: v.baseMinor * sign, vatMinor: v.vatMinor * sign }));
  const netMinor = sum(vat.map((v) => v.baseMinor));
  const vatMinor = sum(vat.map((v) => v.vatMinor));
  const payableMinor = document.payableMinor * sign;
  const sessions = sessionsOf(document, sign, showsGross);
  const sessionsTotal = sessions.at(-1)?.running ?? { energyWh: 0n, amountMinor: 0n };
  const linesMinor = sum(inOrder.map((g) => g.subtotalMinor));
  return {
    isCredit: credit,
    showsGross,
    groups: inOrder,
    vat,
    netMinor,
    vatMinor,
    roundingMinor: payableMinor - netMinor - vatMinor,
    payableMinor,
    bookVatMinor: document.bookVatMinor * sign,
    ...deliveryOf(document),
    sessions,
    summary: summaryOf(sessions),
    sessionsTotal,
    othersMinor: linesMinor - sessionsTotal.amountMinor,
    linesMinor,
  };
}

function sessionsOf({ annex }: IssuedDocument, sign: bigint, showsGross: boolean): PaperSession[] {
  let running = { energyWh: 0n, amountMinor: 0n };
  return annex.map(({ netMinor, grossMinor, energyWh, sessionKey, ...row }) => {
    const amountMinor = (showsGross ? grossMinor : netMinor) * sign;
    running = { energyWh: running.energyWh + energyWh * sign, amountMinor: running.amountMinor + amountMinor };
    return { ...row, sessionId: sessionKey === null ? '' : cdrOfSession(sessionKey).cdrId, energyWh: energyWh * sign, amountMinor, running };
  });
}

/** By cost center and vehicle or driver, in the order of their names; those without a name last. */
function summaryOf(sessions: readonly PaperSession[]): PaperSummary[] {
  const rows = new Map<string, PaperSummary>();
  for (const { costCenter, unit, energyWh, amountMinor } of sessions) {
    const key = JSON.stringify([costCenter ?? '\uffff', unit ?? '\uffff']);
    const row = rows.get(key);
    rows.set(key, { costCenter, unit, sessions: (row?.sessions ?? 0) + 1, energyWh: (row?.energyWh ?? 0n) + energyWh, amountMinor: (row?.amountMinor ?? 0n) + amountMinor });
  }
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
}

/** A price with VAT, exact: 2.65 at 25 % is 3.3125. */
function withVat(price: string, percent: string): string {
  const { n, d } = mul(exactFromDecimal(price), { n: exactFromDecimal(percent).n + 100n * exactFromDecimal(percent).d, d: 100n * exactFromDecimal(percent).d });
  const digits = d.toString().length - 1;
  const text = n.toString().padStart(digits + 1, '0');
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`.replace(/0+$/, '').replace(/\.$/, '');
}
