import type { ErpDocument } from '../../../contracts/erp-document.ts';

/** Documents of a request at most: what is refused of all is halved until it stands with one. */
const mostDocuments = 100;
/** Of the time that a request has, how much one is planned to take: a server may be several times slower in its next hour. */
const share = 0.25;

/** How many documents go into one request to an ERP that is as fast as it is. */
export type Pace = {
  /** How many of the first of these, one at least. */
  fit(documents: readonly ErpDocument[]): number;
  /** What a request with that many lines took; `undefined`: its answer did not come. */
  took(lines: number, ms: number | undefined): void;
};

/**
 * Learns from each request how many lines the next one takes: as many as it works off in a quarter of `timeoutMs` at the pace of the last, at
 * most twice those; and no more than `firstLines` after an answer that did not come.
 */
export function paceOf({ timeoutMs, firstLines }: { readonly timeoutMs: number; readonly firstLines: number }): Pace {
  let most = firstLines;
  return {
    fit(documents) {
      let [n, lines] = [0, 0];
      for (const document of documents.slice(0, mostDocuments)) {
        lines += document.lines.length;
        if (n > 0 && lines > most) break;
        n += 1;
      }
      return n;
    },
    took(lines, ms) {
      most = ms === undefined ? Math.min(firstLines, most) : Math.max(1, Math.min(Math.floor((lines * timeoutMs * share) / Math.max(ms, 1)), Math.max(lines * 2, most)));
    },
  };
}
