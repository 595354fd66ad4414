import { monthsOfPeriod } from '../cycle/billing-period.ts';
import { keyOf } from '../group-by.ts';
import { vatOfGross, vatOfNet } from '../money.ts';
import { sha256 } from '../seal/charge-record.ts';
import { documentBytes } from './document-bytes.ts';

/** Which issued document a line takes something back from, and which line of it (D13, D36). `lineNo` is null when no single line is meant. */
export type CreditRef = { readonly documentId: string; readonly legalNumber: string; readonly lineNo: number | null };

/** Claimed charges that are alike in all that a document tells apart, summed: one, or many. Money in minor units, energy in Wh. */
export type DocumentCharge = {
  readonly chargeIds: readonly bigint[];
  /** SHA-256 of each charge in hex; in any order. */
  readonly chargeHashes: readonly string[];
  readonly role: string;
  readonly component: string;
  readonly unitPrice: string;
  readonly quantity: bigint;
  readonly quantityUnit: string;
  readonly currency: string;
  readonly roundingMode: 'grossFirst' | 'netFirst';
  readonly netMinor: bigint;
  readonly grossMinor: bigint;
  readonly vatCode: string;
  readonly glAccount: string;
  readonly costCenter: string;
  readonly customerCostCenter: string | null;
  readonly siteId: string | null;
  /** Where each session has a receipt of its own; null where it does not matter, and for what no session made. */
  readonly sessionKey: string | null;
  /** Made by no session, but by its month. */
  readonly ofMonth: boolean;
  /** First and last day of what was supplied. */
  readonly serviceFrom: string;
  readonly serviceOn: string;
  readonly serviceMonth: string;
  readonly energyWh: bigint;
  readonly mappingVersion: number;
  /** The issued line it takes back, for the mirror of an issued charge. */
  readonly credits: CreditRef | null;
  /** Month of the first run that held it back. */
  readonly heldSince: string | null;
};

/** A manual amount: net for business accounts, gross for consumers (D03). `credits`: an issued line that it takes something back from. */
export type DocumentAdjustment = {
  readonly id: string;
  readonly amountMinor: bigint;
  /** Where it is fixed beside the amount: what is left of a line that is taken back wholly. */
  readonly netMinor?: bigint;
  readonly vatCode: string;
  readonly glAccount: string;
  readonly costCenter: string;
  readonly description: string;
  /** Whose revenue it is; the last of the document's period unless told. */
  readonly serviceMonth?: string | null;
  readonly credits?: CreditRef | null;
};

/** What is left of an issued document after the credits before: the amount (net or gross, by the rounding mode) and VAT per code, and what is payable. */
export type Remainder = {
  /** By which it was made: its credit notes are too, whatever its account has by now; that of the account unless told. */
  readonly strategy?: string;
  readonly payableMinor: bigint;
  readonly vat: readonly { readonly vatCode: string; readonly amountMinor: bigint; readonly vatMinor: bigint }[];
};
/** The document that a credit note is for. */
export type CreditedDocument = { readonly documentId: string; readonly legalNumber: string; readonly rest: Remainder };

/** What a document is made for: what is new, what came late and is billed apart (D42), or the credit of one issued document (D13). */
export type DocumentKind = 'invoice' | 'lateInvoice' | 'creditNote';

export type ComposeInput = {
  readonly kind: DocumentKind;
  /** With a credit note: what it is for. */
  readonly credits: CreditedDocument | null;
  readonly entityId: string;
  readonly accountId: string;
  readonly strategy: string;
  readonly currency: string;
  readonly roundingMode: 'grossFirst' | 'netFirst';
  /** As its calendar writes it: `2019-12`, `2019-W50`, `2019-Q4`. */
  readonly period: string;
  readonly charges: readonly DocumentCharge[];
  readonly adjustments: readonly DocumentAdjustment[];
  /** The customer's order that the document names. */
  readonly purchaseOrder?: string | null;
  /** Percent of each VAT code, as decimal text. */
  readonly vatPercents: ReadonlyMap<string, string>;
};

export type DocumentLine = {
  readonly kind: 'charge' | 'adjustment';
  readonly description: string;
  readonly unitPrice: string | null;
  readonly quantity: bigint;
  readonly quantityUnit: string;
  readonly netMinor: bigint;
  readonly grossMinor: bigint;
  readonly vatCode: string;
  readonly glAccount: string;
  readonly costCenter: string;
  readonly customerCostCenter: string | null;
  readonly siteId: string | null;
  readonly serviceMonth: string;
  readonly energyWh: bigint;
  readonly chargeCount: number;
  readonly adjustmentId: string | null;
  readonly mappingVersion: number;
  readonly credits: CreditRef | null;
  /** What it bills; none on a manual line. */
  readonly charges: readonly DocumentCharge[];
};

/** The charges that a line bills. */
export const chargeIdsOf = (line: Pick<DocumentLine, 'charges'>): bigint[] => line.charges.flatMap((c) => c.chargeIds);

export type VatSummary = { readonly vatCode: string; readonly percent: string; readonly baseMinor: bigint; readonly vatMinor: bigint };

export type DocumentValue = {
  /** By which it is paid: of a credit note, as what it takes back was. */
  readonly strategy: string;
  readonly lines: readonly DocumentLine[];
  readonly vat: readonly VatSummary[];
  /** First and last day of what it bills; null when it is all manual. */
  readonly serviceFrom: string | null;
  readonly serviceTo: string | null;
  /** Sum of the lines' nets: what the sub-ledger holds as unbilled. */
  readonly netMinor: bigint;
  readonly vatMinor: bigint;
  /** What VAT per document (D02) and whole kronor (D04) leave over: net + VAT + rounding = payable. */
  readonly roundingMinor: bigint;
  readonly payableMinor: bigint;
  readonly energyWh: bigint;
  readonly chargeCount: number;
  readonly canonical: Buffer;
  readonly contentHash: Buffer;
};

/**
 * Composes one document; undefined when there is nothing in it. In whatever order its charges come and however they are summed, its bytes are the same. A credit note never takes back
 * more VAT, nor asks for less, than is left of its document, and the one that takes back the last of it takes back exactly what is left: so
 * a full credit mirrors the original's roundings (D41), in however many parts it came.
 */
export function composeDocument(input: ComposeInput): DocumentValue | undefined {
  const percentOf = (code: string) => {
    const percent = input.vatPercents.get(code);
    if (percent === undefined) throw new RangeError(`VAT code ${code} has no rule`);
    return percent;
  };
  const { charges, credits } = input;
  const lines = [...chargeLines(charges), ...adjustmentLines(input, percentOf)];
  if (lines.length === 0) return undefined;
  const amounts = new Map<string, bigint>();
  for (const line of lines) amounts.set(line.vatCode, (amounts.get(line.vatCode) ?? 0n) + (input.roundingMode === 'netFirst' ? line.netMinor : line.grossMinor));
  const isLast = credits?.rest.vat.every((left) => left.amountMinor + (amounts.get(left.vatCode) ?? 0n) === 0n) ?? false;
  const vatLeft = new Map(credits?.rest.vat.map((left) => [left.vatCode, left.vatMinor]));
  const vat = [...amounts.keys()].sort().map((vatCode): VatSummary => {
    const percent = percentOf(vatCode);
    const amount = amounts.get(vatCode) ?? 0n;
    const own = input.roundingMode === 'netFirst' ? vatOfNet(amount, percent) : vatOfGross(amount, percent);
    const vatMinor = credits === null ? own : within(own, vatLeft.get(vatCode) ?? 0n, isLast);
    return { vatCode, percent, baseMinor: input.roundingMode === 'netFirst' ? amount : amount - vatMinor, vatMinor };
  });
  const sum = (values: readonly bigint[]) => values.reduce((a, b) => a + b, 0n);
  const netMinor = sum(lines.map((l) => l.netMinor));
  const vatMinor = sum(vat.map((v) => v.vatMinor));
  const beforeRounding = sum(vat.map((v) => v.baseMinor + v.vatMinor));
  const rounded = input.strategy === 'driverInvoice' && input.currency === 'SEK' ? wholeUnits(beforeRounding) : beforeRounding;
  const payableMinor = credits === null ? rounded : within(rounded, credits.rest.payableMinor, isLast);
  const serviceFrom = charges.reduce<string | null>((first, c) => (first === null || c.serviceFrom < first ? c.serviceFrom : first), null);
  const serviceTo = charges.reduce<string | null>((last, c) => (last === null || c.serviceOn > last ? c.serviceOn : last), null);
  const energyWh = sum(lines.map((l) => l.energyWh));
  const chargeCount = lines.reduce((n, l) => n + l.chargeCount, 0);
  const totals = { netMinor, vatMinor, roundingMinor: payableMinor - netMinor - vatMinor, payableMinor, energyWh, chargeCount };
  const { kind, entityId, accountId, strategy, currency, roundingMode, period, purchaseOrder } = input;
  const header = { kind, credits, entityId, accountId, strategy, currency, roundingMode, period, serviceFrom, serviceTo, purchaseOrder };
  const canonical = documentBytes({ header, lines, vat, totals, chargeHashes: charges.flatMap((c) => c.chargeHashes) });
  return { strategy, lines, vat, serviceFrom, serviceTo, ...totals, canonical, contentHash: sha256(canonical) };
}

/** What a credit takes back, at most what is left; the last one all of it. */
function within(own: bigint, left: bigint, isLast: boolean): bigint {
  if (isLast) return -left;
  return own < 0n && left >= 0n && -own > left ? -left : own;
}

/** Of a group: over its documents, and behind them the hash over what it leaves out, where that is anything. */
export function groupHash(documents: readonly Buffer[], leftOut: Buffer | null | undefined): Buffer {
  return combineHashes(leftOut == null ? documents : [...documents, leftOut]);
}

/** Hash over parts in their order: of a group's documents, and of a run's groups. */
export function combineHashes(hashes: readonly Buffer[]): Buffer {
  return sha256(Buffer.concat(hashes));
}

/** In the order of `lineKey`: what sessions made, then what the month decided, then corrections; each by the customer's cost center, ours, site, month, and what was sold. */
function chargeLines(charges: readonly DocumentCharge[]): DocumentLine[] {
  const groups = new Map<string, { readonly order: readonly KeyPart[]; readonly first: DocumentCharge; readonly charges: DocumentCharge[] }>();
  for (const charge of charges) {
    const order = lineKey(charge);
    const key = keyOf(order);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { order, first: charge, charges: [charge] });
    else group.charges.push(charge);
  }
  return [...groups.values()]
    .sort((a, b) => inOrder(a.order, b.order))
    .map(({ first, charges: own }) => {
      let [quantity, netMinor, grossMinor, energyWh, chargeCount] = [0n, 0n, 0n, 0n, 0];
      for (const c of own) {
        quantity += c.quantity;
        netMinor += c.netMinor;
        grossMinor += c.grossMinor;
        energyWh += c.energyWh;
        chargeCount += c.chargeHashes.length;
      }
      return {
        kind: 'charge' as const,
        description: `${first.component.split('/')[0] ?? first.component} ${first.serviceMonth}`,
        unitPrice: first.unitPrice,
        quantity,
        quantityUnit: first.quantityUnit,
        netMinor,
        grossMinor,
        vatCode: first.vatCode,
        glAccount: first.glAccount,
        costCenter: first.costCenter,
        customerCostCenter: first.customerCostCenter,
        siteId: first.siteId,
        serviceMonth: first.serviceMonth,
        energyWh,
        chargeCount,
        adjustmentId: null,
        mappingVersion: first.mappingVersion,
        credits: first.credits,
        charges: own,
      };
    });
}

type KeyPart = string | number | null;

/** What charges of one line have in common, in the order of the lines. */
function lineKey(c: DocumentCharge): KeyPart[] {
  const rank = c.credits !== null ? 2 : c.ofMonth ? 1 : 0;
  const own = [rank, c.customerCostCenter, c.costCenter, c.siteId, c.serviceMonth, c.component, c.unitPrice, c.vatCode, c.glAccount, c.role, c.mappingVersion, c.quantityUnit];
  // A line that takes something back mirrors one line.
  return c.credits === null ? own : [...own, c.credits.documentId, c.credits.lineNo];
}

/** Part by part, by code units; what is not told comes last. */
function inOrder(a: readonly KeyPart[], b: readonly KeyPart[]): number {
  for (let i = 0; i < a.length; i += 1) {
    const part = a[i] ?? null;
    const against = b[i] ?? null;
    if (part === against) continue;
    if (part === null) return 1;
    if (against === null) return -1;
    return part < against ? -1 : 1;
  }
  return 0;
}

function adjustmentLines(input: ComposeInput, percentOf: (code: string) => string): DocumentLine[] {
  return [...input.adjustments]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((a) => {
      const percent = percentOf(a.vatCode);
      const netMinor = a.netMinor ?? (input.roundingMode === 'netFirst' ? a.amountMinor : a.amountMinor - vatOfGross(a.amountMinor, percent));
      const grossMinor = input.roundingMode === 'netFirst' ? a.amountMinor + vatOfNet(a.amountMinor, percent) : a.amountMinor;
      return {
        kind: 'adjustment',
        description: a.description,
        unitPrice: null,
        quantity: 1n,
        quantityUnit: 'item',
        netMinor,
        grossMinor,
        vatCode: a.vatCode,
        glAccount: a.glAccount,
        costCenter: a.costCenter,
        customerCostCenter: null,
        siteId: null,
        serviceMonth: a.serviceMonth ?? monthsOfPeriod(input.period).lastMonth,
        energyWh: 0n,
        chargeCount: 0,
        adjustmentId: a.id,
        mappingVersion: 0,
        credits: a.credits ?? null,
        charges: [],
      };
    });
}

/** Whole kronor, half away from zero (D04). */
function wholeUnits(minor: bigint): bigint {
  const size = minor < 0n ? -minor : minor;
  const whole = ((size + 50n) / 100n) * 100n;
  return minor < 0n ? -whole : whole;
}
