/** What a charge of a preview is to a comparison: a sale of the run's month, one of a former month, part of a correction, a period charge, or a manual line. */
export type CellNature = 'sale' | 'late' | 'correction' | 'period' | 'manual';

/** Charges of one account that a comparison need not tell apart, summed. Net in minor units; `quantity` in the unit of the component. */
export type Cell = {
  readonly nature: CellNature;
  /** In the set, and kept off the document by an exclusion. */
  readonly excluded: boolean;
  readonly role: string;
  readonly component: string;
  readonly unitPrice: string;
  readonly quantity: bigint;
  readonly netMinor: bigint;
  readonly energyWh: bigint;
};

/** What one account is billed in one preview, in one currency; without `cells` it had nothing in the set. Minor units and Wh. */
export type AccountPreview = {
  readonly netMinor: bigint;
  readonly vatMinor: bigint;
  readonly roundingMinor: bigint;
  readonly energyWh: bigint;
  readonly cells: readonly Cell[];
};

/** Every cause, in the order they are shown. `other` is what no cause explains: zero unless a document is not the sum of its charges. */
export const causes = ['volume', 'price', 'late', 'correction', 'newCustomer', 'customerGone', 'period', 'manual', 'exclusion', 'vatAndRounding', 'other'] as const;
export type Cause = (typeof causes)[number];
/** Part of a difference: payable in minor units, energy in Wh. */
export type Part = { readonly minor: bigint; readonly energyWh: bigint };
export type Causes = Readonly<Record<Cause, Part>>;

const nothing: Part = { minor: 0n, energyWh: 0n };
/** An account that had nothing in a set. */
export const emptyPreview: AccountPreview = { netMinor: 0n, vatMinor: 0n, roundingMinor: 0n, energyWh: 0n, cells: [] };
/** No difference by any cause. */
export const noCauses: Causes = Object.fromEntries(causes.map((cause) => [cause, nothing])) as Causes;

/**
 * Splits the difference of an account's payable and Wh between two previews into disjoint causes that sum to it exactly. Charges of one
 * nature other than `sale` are a cause of their own; excluded ones count as if they were billed and are taken off under `exclusion`, so
 * that an exclusion never hides as volume. Sales of an account that has sales or period charges in one set only are a customer that came
 * or went; what is left is volume at the former price, and price at the present quantity.
 */
export function explainDifference(before: AccountPreview, after: AccountPreview): Causes {
  const found: Record<Cause, Part> = { ...noCauses };
  const [wasThere, isThere] = [isCustomer(before), isCustomer(after)];
  const put = (cause: Cause, part: Part) => {
    found[cause] = plus(found[cause], part);
  };
  for (const [sign, preview] of [
    [-1n, before],
    [1n, after],
  ] as const) {
    for (const cell of preview.cells) {
      const part = times(sign, partOf(cell));
      if (cell.excluded) put('exclusion', times(-1n, part));
      if (cell.nature !== 'sale') put(cell.nature, part);
      else if (!wasThere) put('newCustomer', part);
      else if (!isThere) put('customerGone', part);
    }
  }
  if (wasThere && isThere) {
    for (const [from, to] of sameKind(before.cells, after.cells)) {
      const { volume, price } = splitSale(from, to);
      put('volume', volume);
      put('price', price);
    }
  }
  put('vatAndRounding', { minor: after.vatMinor + after.roundingMinor - before.vatMinor - before.roundingMinor, energyWh: 0n });
  const explained = causes.map((cause) => found[cause]).reduce(plus);
  put('other', { minor: payableOf(after) - payableOf(before) - explained.minor, energyWh: after.energyWh - before.energyWh - explained.energyWh });
  return found;
}

/** Causes of several accounts together. */
export function addCauses(a: Causes, b: Causes): Causes {
  return Object.fromEntries(causes.map((cause) => [cause, plus(a[cause], b[cause])])) as Causes;
}

/** Net + VAT + rounding. */
export function payableOf(preview: AccountPreview): bigint {
  return preview.netMinor + preview.vatMinor + preview.roundingMinor;
}

/** Late sessions, corrections and manual lines alone do not make one. */
function isCustomer({ cells }: AccountPreview): boolean {
  return cells.some((c) => c.nature === 'sale' || c.nature === 'period');
}

/** Sales of both sides by role and component; a side may have none. */
function sameKind(before: readonly Cell[], after: readonly Cell[]): (readonly [Cell[], Cell[]])[] {
  const kinds = new Map<string, readonly [Cell[], Cell[]]>();
  for (const [side, cells] of [before, after].entries())
    for (const cell of cells.filter((c) => c.nature === 'sale')) {
      const key = `${cell.role}|${cell.component}`;
      const pair = kinds.get(key) ?? [[], []];
      kinds.set(key, pair);
      pair[side as 0 | 1].push(cell);
    }
  return [...kinds.values()];
}

/** At the same prices all is volume, and so is what had no quantity before or has none now. Else the former average price weighs the change of quantity, and the rest is price. */
function splitSale(before: readonly Cell[], after: readonly Cell[]): { readonly volume: Part; readonly price: Part } {
  const from = before.map(partOf).reduce(plus, nothing);
  const to = after.map(partOf).reduce(plus, nothing);
  const difference = plus(to, times(-1n, from));
  const [quantityBefore, quantityAfter] = [before, after].map((cells) => cells.reduce((sum, c) => sum + c.quantity, 0n)) as [bigint, bigint];
  if (quantityBefore === 0n || quantityAfter === 0n || pricesOf(before) === pricesOf(after)) return { volume: difference, price: nothing };
  // The two exact parts sum to a whole number, so the larger remainder is rounding to the nearest; a tie goes to volume.
  const minor = nearest(from.minor * (quantityAfter - quantityBefore), quantityBefore);
  return { volume: { minor, energyWh: difference.energyWh }, price: { minor: difference.minor - minor, energyWh: 0n } };
}

function pricesOf(cells: readonly Cell[]): string {
  return [...new Set(cells.map((c) => c.unitPrice))].sort().join(' ');
}

/** n / d to the nearest whole number, halves up. */
function nearest(n: bigint, d: bigint): bigint {
  const [top, bottom] = d < 0n ? [-n, -d] : [n, d];
  const doubled = 2n * top + bottom;
  const quotient = doubled / (2n * bottom);
  return doubled < 0n && doubled % (2n * bottom) !== 0n ? quotient - 1n : quotient;
}

function partOf(cell: Cell): Part {
  return { minor: cell.netMinor, energyWh: cell.energyWh };
}
function plus(a: Part, b: Part): Part {
  return { minor: a.minor + b.minor, energyWh: a.energyWh + b.energyWh };
}
function times(factor: bigint, part: Part): Part {
  return { minor: factor * part.minor, energyWh: factor * part.energyWh };
}
