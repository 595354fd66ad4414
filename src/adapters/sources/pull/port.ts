/** What changed at the other side in `[from, to)`. */
export type PullWindow = { readonly from: Date; readonly to: Date };
/** CDRs as they came, in the format of the source; `next` is where to go on, null at the end. `stated` is how many the other side says the window holds. */
export type PulledPage = { readonly items: readonly Buffer[]; readonly next: string | null; readonly stated?: number };

/** Asks another network for its CDRs, page by page. It repeats nothing and keeps nothing: the sweep does. Throws SourceUnavailable or SourceRefused. */
export type Puller = { page(window: PullWindow, cursor: string | null): Promise<PulledPage> };

/** The other side does not answer, or not now: to be asked again, after `retryAfterMs` if it named a time. */
export class SourceUnavailable extends Error {
  override name = 'SourceUnavailable';
  readonly retryAfterMs: number | undefined;
  constructor(words: string, retryAfterMs?: number) {
    super(words);
    this.retryAfterMs = retryAfterMs;
  }
}

/** It understood and declines, or what it answers cannot be read: asking again changes nothing until somebody mends the connection. */
export class SourceRefused extends Error {
  override name = 'SourceRefused';
}
