import { keyOf } from '../group-by.ts';

/** What of a run a comparison or a rule tells apart. `nature`: of the run's month, of an earlier one, a correction, by the month itself, or by hand. */
export type CellKey = {
  readonly nature: 'sale' | 'late' | 'correction' | 'period' | 'manual';
  readonly excluded: boolean;
  readonly role: string;
  readonly component: string;
  readonly unitPrice: string;
  readonly tariffVersionId: string | null;
  readonly siteId: string | null;
  readonly vatCode: string;
  readonly currency: string;
};
/** Money in minor units, energy in Wh. */
export type CellSums = {
  readonly quantity: bigint;
  readonly netMinor: bigint;
  readonly energyWh: bigint;
  readonly charges: number;
  /** Sales of the month whose session nobody earns a share of. */
  readonly unsharedMinor: bigint;
};
export type PreviewCell = CellKey & CellSums;

/** Parts of one account summed to cells, each key once, in the order they first come. */
export function cellsOf(parts: readonly PreviewCell[]): PreviewCell[] {
  const cells = new Map<string, PreviewCell>();
  for (const part of parts) {
    const { nature, excluded, role, component, unitPrice, tariffVersionId, siteId, vatCode, currency } = part;
    const key = keyOf([nature, excluded, role, component, unitPrice, tariffVersionId, siteId, vatCode, currency]);
    const before = cells.get(key);
    const sum = before === undefined ? part : plus(before, part);
    cells.set(key, sum);
  }
  return [...cells.values()];
}

function plus(a: PreviewCell, b: PreviewCell): PreviewCell {
  return {
    ...a,
    quantity: a.quantity + b.quantity,
    netMinor: a.netMinor + b.netMinor,
    energyWh: a.energyWh + b.energyWh,
    charges: a.charges + b.charges,
    unsharedMinor: a.unsharedMinor + b.unsharedMinor,
  };
}
