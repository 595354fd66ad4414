import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';

/** The shared Temporal server and a task queue of the test file's own, so that no other file's worker takes its tasks. */
export function testTemporal(): { readonly address: string; readonly taskQueue: string } {
  return { address: inject('temporalAddress'), taskQueue: `test-${randomUUID()}` };
}
