import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { type PostingDecision, runsOf } from './decide-postings.ts';
import { Refused } from './refusal.ts';

/** What a signature let go on: the run that may wait for it. */
export type DriftSigned = { readonly run: PostingDecision['runs'][number] | null };

/**
 * Signs that what an ERP holds otherwise may stay so: it no longer keeps a run or a month from being closed, for as long as it is that. Refused for
 * what is as it was sent again, and a second time.
 */
export async function signDrift(db: Db, driftId: string, reason: string, by: By): Promise<DriftSigned> {
  const { rows } = await db.query<{ key: string; kind: string; words: string; cleared_at: Date | null; signed_by: string | null }>('SELECT * FROM erp_drift WHERE id = $1 FOR UPDATE', [driftId]);
  const [drift] = rows;
  if (drift === undefined) throw new Refused('notFound', `there is no drift ${driftId}`);
  if (drift.cleared_at !== null) throw new Refused('wrongState', `${drift.key} is as it was sent again: there is nothing to sign`);
  if (drift.signed_by !== null) throw new Refused('wrongState', `${drift.key} was signed by ${drift.signed_by} already`);
  await db.query('UPDATE erp_drift SET signed_by = $2, signed_reason = $3, signed_at = now() WHERE id = $1', [driftId, by.actor, reason]);
  await audit(db, by, { action: 'erp.driftSigned', subject: drift.key, reason, after: { driftId, kind: drift.kind, words: drift.words } });
  const [run = null] = await runsOf(db, [drift.key]);
  return { run };
}
