/** Who looks first at what a rule finds. */
export type FindingOwner = 'ops' | 'finance' | 'partner';
/** What waits for one cause at one source. Money as decimal text in major units, net; energy in Wh as text. */
export type QuarantineCause = {
  readonly cause: string;
  readonly remedy: string;
  readonly owner: FindingOwner;
  readonly sourceId: string;
  readonly waitingFor: string;
  readonly records: number;
  readonly energyWh: string;
  readonly atRisk: readonly { readonly currency: string; readonly net: string }[];
  /** Records whose price cannot be told yet; not in `atRisk`. */
  readonly unpriced: number;
  readonly oldest: string;
  /** Decisions that need a second person and have one. */
  readonly awaitingSecond: number;
};
