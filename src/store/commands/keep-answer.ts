import type { Db } from '../db.ts';

export type KeptAnswer = { readonly requestHash: Buffer; readonly status: number; readonly answer: unknown };

/** The answer given before under an actor's Idempotency-Key; undefined when there was none. */
export async function keptAnswer(db: Db, actor: string, key: string): Promise<KeptAnswer | undefined> {
  const { rows } = await db.query('SELECT request_hash, status, answer FROM idempotency_key WHERE actor = $1 AND key = $2', [actor, key]);
  return rows[0] === undefined ? undefined : { requestHash: rows[0].request_hash, status: rows[0].status, answer: rows[0].answer };
}

/** Keeps an answer for a repeat of the same request. The first one stays. */
export async function keepAnswer(db: Db, input: KeptAnswer & { readonly actor: string; readonly key: string; readonly route: string }): Promise<void> {
  await db.query('INSERT INTO idempotency_key (actor, key, route, request_hash, status, answer) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING', [
    input.actor,
    input.key,
    input.route,
    input.requestHash,
    input.status,
    JSON.stringify(input.answer),
  ]);
}
