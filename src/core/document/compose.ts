import { vatOfGross, vatOfNet } from '../money.ts';
import { canonicalBytes, sha256 } from '../seal/charge-record.ts';

/** A claimed charge as the document needs it. Money in minor units, energy in Wh. */
export type DocumentCharge = {
  readonly chargeId: bigint;
  readonly chargeHash: Buffer;
  readonly role: string;
  readonly component: string;
  readonly unitPrice: string;
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
  readonly mappingVersion: number;
};

/** A manual amount: net for business accounts, gross for consumers (D03). */
export type DocumentAdjustment = {
  readonly id: string;
  readonly amountMinor: bigint;
  readonly vatCode: string;
  readonly glAccount: string;
  readonly costCenter: string;
  readonly description: string /** Whose revenue it is; the document's period unless told. */;
  readonly serviceMonth?: string | null;
};

export type ComposeInput = {
  readonly entityId: string;
  readonly accountId: string;
  readonly strategy: string;
  readonly currency: string;
  readonly roundingMode: 'grossFirst' | 'netFirst';
  readonly period: string;
  readonly charges: readonly DocumentCharge[];
  readonly adjustments: readonly DocumentAdjustment[];
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
  readonly chargeIds: readonly bigint[];
};

export type VatSummary = { readonly vatCode: string; readonly percent: string; readonly baseMinor: bigint; readonly vatMinor: bigint };

export type DocumentValue = {
  readonly lines: readonly DocumentLine[];
  readonly vat: readonly VatSummary[];
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

/** Composes one document from charges in the order of their annex; undefined when there is nothing to bill (D26: no document for zero). */
export function composeDocument(input: ComposeInput): DocumentValue | undefined {
  const percentOf = (code: string) => {
    const percent = input.vatPercents.get(code);
    if (percent === undefined) throw new RangeError(`VAT code ${code} has no rule`);
    return percent;
  };
  const { charges } = input;
  const lines = [...chargeLines(charges), ...adjustmentLines(input, percentOf)];
  const codes = [...new Set(lines.map((l) => l.vatCode))].sort();
  const sum = (values: readonly bigint[]) => values.reduce((a, b) => a + b, 0n);
  const vat = codes.map((vatCode): VatSummary => {
    const own = lines.filter((l) => l.vatCode === vatCode);
    const percent = percentOf(vatCode);
    if (input.roundingMode === 'netFirst') {
      const baseMinor = sum(own.map((l) => l.netMinor));
      return { vatCode, percent, baseMinor, vatMinor: vatOfNet(baseMinor, percent) };
    }
    const gross = sum(own.map((l) => l.grossMinor));
    const vatMinor = vatOfGross(gross, percent);
    return { vatCode, percent, baseMinor: gross - vatMinor, vatMinor };
  });
  const netMinor = sum(lines.map((l) => l.netMinor));
  const vatMinor = sum(vat.map((v) => v.vatMinor));
  const beforeRounding = sum(vat.map((v) => v.baseMinor + v.vatMinor));
  const payableMinor = input.strategy === 'driverInvoice' && input.currency === 'SEK' ? wholeUnits(beforeRounding) : beforeRounding;
  const energyWh = sum(lines.map((l) => l.energyWh));
  if (charges.length === 0 && lines.length === 0) return undefined;
  if (netMinor === 0n && payableMinor === 0n && energyWh === 0n) return undefined;
  const totals = { netMinor, vatMinor, roundingMinor: payableMinor - netMinor - vatMinor, payableMinor, energyWh, chargeCount: charges.length };
  const canonical = canonicalBytes(
    jsonSafe({
      header: { entityId: input.entityId, accountId: input.accountId, strategy: input.strategy, currency: input.currency, roundingMode: input.roundingMode, period: input.period },
      lines: lines.map(({ chargeIds: _ids, ...line }) => line),
      vat,
      totals,
      charges: charges.map((c) => c.chargeHash.toString('hex')),
    }),
  );
  return { lines, vat, ...totals, canonical, contentHash: sha256(canonical) };
}

/** Hash over parts in their order: of a group's documents, and of a run's groups. */
export function combineHashes(hashes: readonly Buffer[]): Buffer {
  return sha256(Buffer.concat(hashes));
}

function chargeLines(charges: readonly DocumentCharge[]): DocumentLine[] {
  const groups = new Map<string, DocumentCharge[]>();
  for (const charge of charges) {
    // JSON array order is the order of the lines on paper: the customer's cost center, ours, site, month, then what was sold.
    const key = JSON.stringify([
      charge.customerCostCenter,
      charge.costCenter,
      charge.siteId,
      charge.serviceMonth,
      charge.component,
      charge.unitPrice,
      charge.vatCode,
      charge.glAccount,
      charge.role,
      charge.mappingVersion,
    ]);
    groups.set(key, [...(groups.get(key) ?? []), charge]);
  }
  return [...groups.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, group]) => {
      const first = group[0];
      if (first === undefined) return [];
      const total = (pick: (c: DocumentCharge) => bigint) => group.reduce((sum, c) => sum + pick(c), 0n);
      return [
        {
          kind: 'charge' as const,
          description: `${first.component.split('/')[0] ?? first.component} ${first.serviceMonth}`,
          unitPrice: first.unitPrice,
          quantity: total((c) => c.quantity),
          quantityUnit: first.quantityUnit,
          netMinor: total((c) => c.netMinor),
          grossMinor: total((c) => c.grossMinor),
          vatCode: first.vatCode,
          glAccount: first.glAccount,
          costCenter: first.costCenter,
          customerCostCenter: first.customerCostCenter,
          siteId: first.siteId,
          serviceMonth: first.serviceMonth,
          energyWh: total((c) => c.energyWh),
          chargeCount: group.length,
          adjustmentId: null,
          mappingVersion: first.mappingVersion,
          chargeIds: group.map((c) => c.chargeId),
        },
      ];
    });
}

function adjustmentLines(input: ComposeInput, percentOf: (code: string) => string): DocumentLine[] {
  return [...input.adjustments]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((a) => {
      const percent = percentOf(a.vatCode);
      const netMinor = input.roundingMode === 'netFirst' ? a.amountMinor : a.amountMinor - vatOfGross(a.amountMinor, percent);
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
        serviceMonth: a.serviceMonth ?? input.period,
        energyWh: 0n,
        chargeCount: 0,
        adjustmentId: a.id,
        mappingVersion: 0,
        chargeIds: [],
      };
    });
}

/** Whole kronor, half away from zero (D04). */
function wholeUnits(minor: bigint): bigint {
  const size = minor < 0n ? -minor : minor;
  const whole = ((size + 50n) / 100n) * 100n;
  return minor < 0n ? -whole : whole;
}

function jsonSafe(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_key, v) => (typeof v === 'bigint' ? v.toString() : v)));
}
