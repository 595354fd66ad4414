/** Money as decimal text in major units, energy in Wh as text. */
export type Figures = { readonly documents: number; readonly lines: number; readonly net: string; readonly vat: string; readonly payable: string; readonly energyWh: string };
export type Compared = {
  readonly before: Figures;
  readonly after: Figures;
  readonly difference: Figures;
  /** Causes that are not nothing; they sum to the difference of `payable` and `energyWh`, to the minor unit and the Wh. */
  readonly causes: readonly { readonly cause: string; readonly payable: string; readonly energyWh: string }[];
};
/** How a preview differs from another. */
export type RunDiff = {
  readonly runId: string;
  readonly build: number;
  readonly against: { readonly runId: string; readonly period: string; readonly build: number };
  /** Per currency, and apart what is billed and what is owed to others. */
  readonly totals: readonly (Compared & { readonly currency: string; readonly side: 'billed' | 'owed' })[];
  readonly items: readonly (Compared & { readonly accountId: string; readonly accountName: string; readonly strategy: string; readonly currency: string })[];
  readonly nextCursor: string | null;
};
