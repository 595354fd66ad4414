import { sha256 } from '../seal/charge-record.ts';
import type { ComposeInput, CreditedDocument, DocumentLine, DocumentValue, VatSummary } from './compose.ts';

export type DocumentContent = {
  readonly header: Pick<ComposeInput, 'kind' | 'credits' | 'entityId' | 'accountId' | 'strategy' | 'currency' | 'roundingMode' | 'period'> & Pick<DocumentValue, 'serviceFrom' | 'serviceTo'>;
  readonly lines: readonly DocumentLine[];
  readonly vat: readonly VatSummary[];
  readonly totals: Pick<DocumentValue, 'netMinor' | 'vatMinor' | 'roundingMinor' | 'payableMinor' | 'energyWh' | 'chargeCount'>;
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

function lineInOrder(l: DocumentLine) {
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

function creditedInOrder({ documentId, legalNumber, rest }: CreditedDocument) {
  return {
    documentId,
    legalNumber,
    rest: { payableMinor: `${rest.payableMinor}`, vat: rest.vat.map((v) => ({ amountMinor: `${v.amountMinor}`, vatCode: v.vatCode, vatMinor: `${v.vatMinor}` })) },
  };
}
