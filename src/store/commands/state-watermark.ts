import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

export type Watermark = { readonly sourceId: string; readonly completeUntil: Date; readonly origin: 'partner' | 'ops' | 'poll' | 'seed'; readonly reason?: string | undefined };

// A clock a little ahead of ours is no reason to refuse.
const clockSlackMs = 300_000;

/**
 * States until when a source has delivered all: whatever ended before. Every statement is kept; the same again changes nothing. Going
 * back needs a reason; a time to come is refused. `crossed`: what it passed, either way.
 */
export async function stateWatermark(
  db: Db,
  input: Watermark,
  now: Date,
  by: By,
): Promise<{ readonly completeUntil: Date; readonly changed: boolean; readonly crossed: { readonly from: Date; readonly to: Date } | null }> {
  const { rows } = await db.query<{ complete_until: Date | null }>('SELECT complete_until FROM source WHERE id = $1 FOR UPDATE', [input.sourceId]);
  if (rows[0] === undefined) throw new Refused('notFound', `there is no source "${input.sourceId}"`);
  const before = rows[0].complete_until;
  if (input.completeUntil.getTime() > now.getTime() + clockSlackMs) throw new Refused('invalid', 'completeUntil is still to come: state until when everything has been sent');
  if (before?.getTime() === input.completeUntil.getTime()) return { completeUntil: before, changed: false, crossed: null };
  if (before !== null && input.completeUntil < before && input.reason === undefined) {
    throw new Refused('invalid', `source ${input.sourceId} was complete until ${before.toISOString()}: a watermark goes back only with a reason`);
  }
  await db.query('INSERT INTO source_watermark (source_id, complete_until, origin, reason, author) VALUES ($1, $2, $3, $4, $5)', [
    input.sourceId,
    input.completeUntil,
    input.origin,
    input.reason ?? null,
    by.actor,
  ]);
  await db.query('UPDATE source SET complete_until = $2 WHERE id = $1', [input.sourceId, input.completeUntil]);
  await audit(db, by, { action: 'source.watermark', subject: input.sourceId, reason: input.reason, after: { completeUntil: input.completeUntil, before } });
  const ends = [before ?? new Date(0), input.completeUntil].sort((a, b) => a.getTime() - b.getTime()) as [Date, Date];
  return { completeUntil: input.completeUntil, changed: true, crossed: { from: ends[0], to: ends[1] } };
}
