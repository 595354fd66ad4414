import { audit } from '../commands/audit.ts';
import type { Db } from '../db.ts';
import { collectingOf } from '../reads/collecting.ts';
import { matchExpectations } from './match-expectations.ts';
import { runWindow } from './run-window.ts';

export type CutOff = 'fixed' | 'automatic';

/** Fixes whether a run closes its set at its cut-off, or as soon as every source is complete; by its calendar unless told. */
export async function setCutOff(db: Db, runId: string, cutOff: CutOff | undefined): Promise<void> {
  await db.query('UPDATE billing_run r SET cut_off = coalesce($2, c.cut_off) FROM billing_calendar c WHERE r.id = $1 AND c.id = r.calendar_id', [runId, cutOff ?? null]);
}

/** What a collecting run looks at: `closed` when its automatic cut-off is now; `lines` says for people what is still missing. Instants in epoch ms. */
export type CollectingState = {
  readonly automatic: boolean;
  readonly closed: boolean;
  readonly periodEndMs: number;
  readonly cutOffAtMs: number;
  readonly lines: readonly string[];
};

/** Looks what has come, and moves the cut-off of an automatic run to now once every source is complete. Repeatable. */
export async function lookForCutOff(db: Db, runId: string, now: Date): Promise<CollectingState> {
  const { sourceIds, offCycle } = await runWindow(db, runId);
  await matchExpectations(db, sourceIds);
  const found = await collectingOf(db, runId);
  const closed = found.cutOff === 'automatic' && found.complete && !offCycle;
  if (closed && Date.parse(found.cutOffAt) > now.getTime()) {
    await db.query("UPDATE billing_run SET cut_off_at = $2 WHERE id = $1 AND state IN ('planned', 'collecting')", [runId, now]);
    await audit(db, { actor: 'billing-cycle' }, { action: 'run.cutOff', subject: runId, reason: 'every source is complete', after: { cutOffAt: now } });
  }
  return {
    automatic: found.cutOff === 'automatic',
    closed,
    periodEndMs: Date.parse(found.periodEnd),
    cutOffAtMs: Date.parse(found.cutOffAt),
    lines: found.sources.map((s) => `${s.name}: ${s.complete ? 'complete' : s.waitsFor.join(', ')}`),
  };
}
