/** A standing exclusion rule as people see it. Dates are days of the entity, instants UTC, ISO 8601. */
export type ExclusionRuleView = {
  readonly id: string;
  readonly entityId: string;
  readonly version: number;
  readonly replaces: string | null;
  /** `proposed` waits for a second person; `inForce` and `expired` by today; `withdrawn` was never signed. */
  readonly state: string;
  readonly scope: string;
  readonly subjectId: string;
  readonly predicate: Readonly<Record<string, unknown>>;
  readonly outcome: string;
  readonly maxAgeMonths: number | null;
  readonly atOurCost: boolean;
  readonly validFrom: string;
  readonly validTo: string | null;
  readonly reviewOn: string;
  readonly reason: string;
  readonly author: string;
  readonly proposedAt: string;
  readonly signedBy: string | null;
  readonly signedAt: string | null;
  readonly endedBy: string | null;
  readonly endedAt: string | null;
  readonly endReason: string | null;
};

type Met = { readonly currency: string; readonly sessions: number; readonly charges: number; readonly energyWh: string; readonly net: string };
/** What a rule would meet of a service month, of all that is not settled yet. */
export type ExclusionReach = Met & { readonly serviceMonth: string; readonly accounts: number };
/** Whom it would meet. */
export type ReachedAccounts = { readonly accounts: readonly ExclusionReachOf[]; readonly moreAccounts: number };
export type ExclusionReachOf = Met & { readonly accountId: string; readonly accountName: string };

export type ShadowFigures = { readonly charges: number; readonly energyWh: string; readonly net: string };
/** opening + added + moved = billed + writtenOff + closing, in charges, Wh and money. */
export type ShadowFlow = {
  readonly currency: string;
  /** Carried by an earlier run. */
  readonly opening: ShadowFigures;
  /** Left out by this run for the first time. */
  readonly added: ShadowFigures;
  /** What another rule decides on now: away from the one that had carried it, to the one that took it over. Zero over all rows. */
  readonly moved: ShadowFigures;
  readonly billed: ShadowFigures;
  readonly writtenOff: ShadowFigures;
  /** Carried on to a later run. */
  readonly closing: ShadowFigures;
};
/** What a rule did in a run. `ageMonths`: since the run that first carried the oldest of it. */
export type RuleHits = ShadowFlow & { readonly runId: string; readonly period: string; readonly runState: string; readonly ageMonths: number };
