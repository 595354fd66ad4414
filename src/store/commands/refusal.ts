/** Why a command was not carried out: data for the caller, who did nothing that a retry would mend. */
export type Refusal =
  | { readonly reason: 'notFound'; readonly what: string }
  /** The thing is in a state that does not allow it. */
  | { readonly reason: 'wrongState'; readonly what: string }
  | { readonly reason: 'invalid'; readonly what: string }
  /** The actor may not do it, though the role may. */
  | { readonly reason: 'forbidden'; readonly what: string };

/** Thrown inside a command's transaction, which it rolls back. */
export class Refused extends Error {
  override name = 'Refused';
  readonly refusal: Refusal;
  constructor(reason: Refusal['reason'], what: string) {
    super(what);
    this.refusal = { reason, what };
  }
}
