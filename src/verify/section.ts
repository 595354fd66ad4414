import type { Db } from '../store/db.ts';

/** A page of what a section looked at. The first `problem` ends its section; `counts` are told beside it. */
export type Step = { readonly checked: number; readonly problem: string | null; readonly counts?: Readonly<Record<string, number>> };
export type Check = { readonly name: string; readonly steps: (db: Db) => AsyncIterable<Step> };

/** A section from rows that are judged one by one: null when a row holds. `count` names what a row is counted as besides. */
export async function* judging<Row>(pages: AsyncIterable<readonly Row[]>, judge: (row: Row) => string | null, count?: (row: Row) => string | undefined): AsyncGenerator<Step> {
  for await (const page of pages) {
    const counts: Record<string, number> = {};
    let problem: string | null = null;
    for (const row of page) {
      problem ??= judge(row);
      const kind = count?.(row);
      if (kind !== undefined) counts[kind] = (counts[kind] ?? 0) + 1;
    }
    yield { checked: page.length, problem, counts };
  }
}
