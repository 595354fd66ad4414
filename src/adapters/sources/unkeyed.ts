import { createHash } from 'node:crypto';

/** A stable key for bytes without a readable id: the same bytes meet the same record. */
export function unkeyedKey(bytes: Buffer): string {
  return `unkeyed/${createHash('sha256').update(bytes).digest('hex').slice(0, 24)}`;
}
