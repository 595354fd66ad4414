import type { Db } from './db.ts';

/** Stands for what an ERP said of a posting wherever Temporal is told of it: that may name a driver, and histories are erased by nobody. */
export function wordsAt(key: string): string {
  return `see posting ${key}`;
}

/** A posting that an ERP which is away or slow has not settled: it is asked again, and nobody has to do anything. */
export function triedAgain(key: string): string {
  return `${key} is tried again by itself: ${wordsAt(key)}`;
}

const pointer = /see posting ([^;\s]+)/g;

/** Sentences with what the ERP says by now of each posting that they point at; of one that went on since, that it did. */
export async function withErpWords(db: Db, sentences: readonly (string | null)[]): Promise<readonly (string | null)[]> {
  const keys = [...new Set(sentences.flatMap((s) => [...(s ?? '').matchAll(pointer)].map((m) => m[1] ?? '')))];
  if (keys.length === 0) return sentences;
  const { rows } = await db.query<{ key: string; answer: string | null }>('SELECT key, answer FROM erp_posting WHERE key = ANY($1)', [keys]);
  const said = new Map(rows.map((r) => [r.key, r.answer ?? 'it went on since']));
  return sentences.map((s) => s?.replace(pointer, (all, key: string) => said.get(key) ?? all) ?? null);
}
