/** What changed at the other side in `[from, to)`. */
export type PullWindow = { readonly from: Date; readonly to: Date };
/** CDRs as they came, in the format of the source; `next` is where to go on, null at the end. `stated` is how many the other side says the window holds. */
export type PulledPage = { readonly items: readonly Buffer[]; readonly next: string | null; readonly stated?: number };

/** Asks another network for its CDRs, page by page. It repeats nothing and keeps nothing: the sweep does. Throws SourceUnavailable or SourceRefused. */
export type Puller = { page(window: PullWindow, cursor: string | null): Promise<PulledPage> };

/** The other side does not answer, or not now: to be asked again, after `retryAfterMs` if it named a time. `said`: its own words, which may name a driver and are no part of the message. */
export class SourceUnavailable extends Error {
  override name = 'SourceUnavailable';
  readonly retryAfterMs: number | undefined;
  readonly said: string | undefined;
  constructor(words: string, retryAfterMs?: number, said?: string) {
    super(words);
    this.retryAfterMs = retryAfterMs;
    this.said = said;
  }
}

/** It understood and declines, or what it answers cannot be read: asking again changes nothing until somebody mends the connection. `said` as of SourceUnavailable. */
export class SourceRefused extends Error {
  override name = 'SourceRefused';
  readonly said: string | undefined;
  constructor(words: string, said?: string) {
    super(words);
    this.said = said;
  }
}

/** Why another network could not be asked, with what it said of it: for what is kept with the source; never for Temporal, whose histories keep it. */
export function inFull(error: unknown): string {
  const said = error instanceof SourceUnavailable || error instanceof SourceRefused ? error.said : undefined;
  const words = error instanceof Error ? error.message : String(error);
  return said === undefined ? words : `${words}: ${said}`;
}
