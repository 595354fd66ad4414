import { localDateOf } from '../../core/time.ts';
import type { Db } from '../db.ts';

/** What a run bills: its entity with the sources, and its time. Dates are local to the entity, `to` not included. */
export type RunWindow = {
  readonly entityId: string;
  readonly sources: readonly { readonly id: string; readonly name: string; readonly completeUntil: Date | null; readonly ruleProfile: unknown; readonly ruleProfileVersion: number }[];
  readonly sourceIds: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly periodStart: Date;
  readonly periodEnd: Date;
  readonly cutOffAt: Date;
  readonly cutOff: 'fixed' | 'automatic';
  readonly state: string;
  /** Of a selection of accounts: what a source lacks says little of it. */
  readonly offCycle: boolean;
};

/** Throws RangeError when there is no such run. */
export async function runWindow(db: Db, runId: string): Promise<RunWindow> {
  const run = (await db.query('SELECT r.*, e.time_zone FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id WHERE r.id = $1', [runId])).rows[0];
  if (run === undefined) throw new RangeError(`no run "${runId}"`);
  const sources = await db.query('SELECT id, name, complete_until, rule_profile, rule_profile_version FROM source WHERE entity_id = $1 ORDER BY id', [run.entity_id]);
  return {
    entityId: run.entity_id,
    sources: sources.rows.map((s) => ({ id: s.id, name: s.name, completeUntil: s.complete_until, ruleProfile: s.rule_profile, ruleProfileVersion: s.rule_profile_version })),
    sourceIds: sources.rows.map((s) => s.id),
    from: localDateOf(run.period_start.getTime(), run.time_zone),
    to: localDateOf(run.period_end.getTime(), run.time_zone),
    periodStart: run.period_start,
    periodEnd: run.period_end,
    cutOffAt: run.cut_off_at,
    cutOff: run.cut_off,
    state: run.state,
    offCycle: run.selection !== null,
  };
}
