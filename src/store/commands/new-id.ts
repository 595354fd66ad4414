import { createHash, randomUUID } from 'node:crypto';

/** An id that a repeat of the same request meets again: made of who asks, for what, and the caller's key where there is one. Its tail has 20 characters. */
export function newId(prefix: string, asked: readonly (string | number)[], idempotencyKey: string | undefined): string {
  const tail =
    idempotencyKey === undefined
      ? randomUUID().replaceAll('-', '')
      : createHash('sha256')
          .update(JSON.stringify([...asked, idempotencyKey]))
          .digest('hex');
  return `${prefix}_${tail.slice(0, 20)}`;
}
