import { sha256 } from '../seal/charge-record.ts';

type Credited = {
  readonly documentId: string;
  readonly legalNumber: string;
  readonly rest: { readonly payableMinor: bigint; readonly vat: readonly { readonly vatCode: string; readonly amountMinor: bigint; readonly vatMinor: bigint }[] };
};
type Line = Readonly<Record<'energyWh' | 'grossMinor' | 'netMinor' | 'quantity', bigint>> &
  Readonly<Record<'chargeCount' | 'mappingVersion', number>> &
  Readonly<Record<'costCenter' | 'description' | 'glAccount' | 'kind' | 'quantityUnit' | 'serviceMonth' | 'vatCode', string>> &
  Readonly<Record<'adjustmentId' | 'customerCostCenter' | 'siteId' | 'unitPrice', string | null>> & {
    readonly credits: { readonly documentId: string; readonly legalNumber: string; readonly lineNo: number | null } | null;
  };
/** What a document says, in minor units and Wh. */
export type DocumentContent = {
  readonly header: Readonly<Record<'kind' | 'entityId' | 'accountId' | 'strategy' | 'currency' | 'roundingMode' | 'period', string>> &
    Readonly<Record<'serviceFrom' | 'serviceTo', string | null>> & { readonly credits: Credited | null };
  readonly lines: readonly Line[];
  readonly vat: readonly { readonly vatCode: string; readonly percent: string; readonly baseMinor: bigint; readonly vatMinor: bigint }[];
  readonly totals: Readonly<Record<'netMinor' | 'vatMinor' | 'roundingMinor' | 'payableMinor' | 'energyWh', bigint>> & { readonly chargeCount: number };
  /** SHA-256 in hex of every charge of it. */
  readonly chargeHashes: readonly string[];
};

/**
 * A document as RFC 8785 bytes: keys in order, bigints as text, written once. `charges` is the SHA-256 over the hashes of its charges (hex,
 * in order, end to end), so that it pins every one of them in whatever order they came.
 */
export function documentBytes({ header: h, lines, vat, totals: t, chargeHashes }: DocumentContent): Buffer {
  return Buffer.from(
    JSON.stringify({
      charges: sha256([...chargeHashes].sort().join('')).toString('hex'),
      header: {
        accountId: h.accountId,
        credits: h.credits === null ? null : creditedInOrder(h.credits),
        currency: h.currency,
        entityId: h.entityId,
        kind: h.kind,
        period: h.period,
        roundingMode: h.roundingMode,
        serviceFrom: h.serviceFrom,
        serviceTo: h.serviceTo,
        strategy: h.strategy,
      },
      lines: lines.map(lineInOrder),
      totals: {
        chargeCount: t.chargeCount,
        energyWh: `${t.energyWh}`,
        netMinor: `${t.netMinor}`,
        payableMinor: `${t.payableMinor}`,
        roundingMinor: `${t.roundingMinor}`,
        vatMinor: `${t.vatMinor}`,
      },
      vat: vat.map((v) => ({ baseMinor: `${v.baseMinor}`, percent: v.percent, vatCode: v.vatCode, vatMinor: `${v.vatMinor}` })),
    }),
  );
}

function lineInOrder(l: Line) {
  return {
    adjustmentId: l.adjustmentId,
    chargeCount: l.chargeCount,
    costCenter: l.costCenter,
    credits: l.credits === null ? null : { documentId: l.credits.documentId, legalNumber: l.credits.legalNumber, lineNo: l.credits.lineNo },
    customerCostCenter: l.customerCostCenter,
    description: l.description,
    energyWh: `${l.energyWh}`,
    glAccount: l.glAccount,
    grossMinor: `${l.grossMinor}`,
    kind: l.kind,
    mappingVersion: l.mappingVersion,
    netMinor: `${l.netMinor}`,
    quantity: `${l.quantity}`,
    quantityUnit: l.quantityUnit,
    serviceMonth: l.serviceMonth,
    siteId: l.siteId,
    unitPrice: l.unitPrice,
    vatCode: l.vatCode,
  };
}

function creditedInOrder({ documentId, legalNumber, rest }: Credited) {
  return {
    documentId,
    legalNumber,
    rest: { payableMinor: `${rest.payableMinor}`, vat: rest.vat.map((v) => ({ amountMinor: `${v.amountMinor}`, vatCode: v.vatCode, vatMinor: `${v.vatMinor}` })) },
  };
}
