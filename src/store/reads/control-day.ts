import type { Totals } from '../../core/completeness/compare-totals.ts';

/** Sources and days, `to` not included; dates are local to each source. A month counts where all of it lies within. */
export type DayFilter = { readonly sourceIds: readonly string[]; readonly from: string; readonly to: string };

/** What a source states of a day, or of a month (`on` is `2019-12`), against what arrived. `missing`: something arrived, and nothing is stated, though of others it is. */
export type ControlDay = {
  readonly sourceId: string;
  readonly on: string;
  readonly origin: string;
  /** Owner of the CDRs behind a hub, `CC*PID`; null: all of them. */
  readonly party: string | null;
  /** Sessions by the day they ended on, or CDRs by the day they were last updated on, as a peer lists them: those have no energy. */
  readonly countedBy: 'sessionEnd' | 'lastUpdated';
  readonly version: number;
  readonly currency: string | null;
  readonly stated: Totals | null;
  readonly received: Totals;
  /** received − stated */
  readonly difference: Totals | null;
  /** CDRs whose stated cost nothing tells yet, since they wait: their day's amount is not compared. */
  readonly unpriced: number;
  readonly status: 'equal' | 'tolerated' | 'accepted' | 'differs' | 'missing';
};

/** A day before it is judged; `accepted`: somebody signed for these very figures. */
export type Unjudged = Omit<ControlDay, 'difference' | 'status'> & { readonly accepted: boolean };
