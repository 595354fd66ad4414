import { invariant } from '../invariant.ts';

export type LedgerAccount =
  | 'unbilledReceivable'
  | 'receivable'
  | 'revenue'
  | 'outputVat'
  | 'rounding'
  | 'shareCost'
  | 'accruedShare'
  | 'revenueReduction'
  | 'adjustment'
  | 'energyReceived'
  | 'energyUnbilled'
  | 'energyBilled'
  | 'energyExcluded';

/** Signed: debit positive, credit negative; in minor units of a currency, or in Wh. */
export type Posting = { readonly ledgerAccount: LedgerAccount; readonly unit: string; readonly amount: bigint };

export type LedgerEvent =
  | { readonly kind: 'saleRated'; readonly currency: string; readonly netMinor: bigint; readonly energyWh: bigint }
  | { readonly kind: 'shareEstimated'; readonly currency: string; readonly netMinor: bigint }
  | { readonly kind: 'adjusted'; readonly currency: string; readonly netMinor: bigint }
  | { readonly kind: 'saleInvoiced'; readonly currency: string; readonly netMinor: bigint; readonly vatMinor: bigint; readonly payableMinor: bigint; readonly energyWh: bigint }
  | { readonly kind: 'excludedWrittenOff'; readonly currency: string; readonly netMinor: bigint; readonly energyWh: bigint };

/**
 * The ledger table: what each event debits and credits, in minor units of its currency and in Wh. Sums to zero per unit, or
 * throws. An event kind without its postings does not compile. A reversal is the event with negated figures.
 */
export function postingsFor(event: LedgerEvent): Posting[] {
  const postings = tableOf(event);
  for (const unit of new Set(postings.map((p) => p.unit))) {
    invariant(postings.filter((p) => p.unit === unit).reduce((sum, p) => sum + p.amount, 0n) === 0n, `${event.kind} sums to zero in ${unit}`);
  }
  return postings;
}

function tableOf(event: LedgerEvent): Posting[] {
  const money = (ledgerAccount: LedgerAccount, amount: bigint): Posting => ({ ledgerAccount, unit: event.currency, amount });
  const energy = (ledgerAccount: LedgerAccount, amount: bigint): Posting => ({ ledgerAccount, unit: 'Wh', amount });
  switch (event.kind) {
    case 'saleRated':
      return [money('unbilledReceivable', event.netMinor), money('revenue', -event.netMinor), energy('energyUnbilled', event.energyWh), energy('energyReceived', -event.energyWh)];
    case 'shareEstimated':
      return [money('shareCost', event.netMinor), money('accruedShare', -event.netMinor)];
    case 'adjusted':
      return [money('unbilledReceivable', event.netMinor), money('adjustment', -event.netMinor)];
    case 'saleInvoiced':
      // What net and VAT leave of the payable is rounding (D02, D04).
      return [
        money('receivable', event.payableMinor),
        money('unbilledReceivable', -event.netMinor),
        money('outputVat', -event.vatMinor),
        money('rounding', event.netMinor + event.vatMinor - event.payableMinor),
        energy('energyBilled', event.energyWh),
        energy('energyUnbilled', -event.energyWh),
      ];
    case 'excludedWrittenOff':
      return [money('revenueReduction', event.netMinor), money('unbilledReceivable', -event.netMinor), energy('energyExcluded', event.energyWh), energy('energyUnbilled', -event.energyWh)];
  }
}
