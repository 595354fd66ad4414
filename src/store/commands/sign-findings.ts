import { lockRun } from '../cycle/run-state.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

/** Findings that ask for a signature of their own: signing them away would be a way around it. */
const clearedOtherwise = ['adjustmentUnsigned'];

/**
 * Signs that findings of a preview are right as they are, so that they no longer block its approval, which somebody else has to give.
 * Refused when the run is not in review, or one of them does not stand in it.
 */
export async function signFindings(db: Db, input: { readonly runId: string; readonly findingIds: readonly string[]; readonly reason: string }, by: By): Promise<{ readonly signed: number }> {
  const state = await lockRun(db, input.runId);
  if (state !== 'previewing' && state !== 'inReview') throw new Refused('wrongState', `run ${input.runId} is ${state}: findings are signed while it is in review`);
  const standing = await db.query<{ id: string }>('SELECT finding_id::text AS id FROM run_finding WHERE run_id = $1 AND finding_id::text = ANY($2)', [input.runId, input.findingIds]);
  const known = new Set(standing.rows.map((r) => r.id));
  const unknown = input.findingIds.filter((id) => !known.has(id));
  if (unknown.length > 0) throw new Refused('notFound', `the preview of run ${input.runId} has no finding ${unknown.slice(0, 20).join(', ')}: it may have changed`);
  const kept = await db.query("SELECT subject FROM finding WHERE id::text = ANY($1) AND (code = ANY($2) OR code = 'findingsCut' AND subject = ANY($2))", [[...known], clearedOtherwise]);
  if (kept.rows[0] !== undefined) throw new Refused('invalid', `${kept.rows[0].subject}: have a second person sign the adjustment itself`);
  const { rowCount } = await db.query(
    `INSERT INTO decision (subject_kind, subject_id, run_id, action, reason, actor)
     SELECT 'finding', t.id, $1, 'accept', $3, $4 FROM unnest($2::text[]) AS t(id)
     WHERE NOT EXISTS (SELECT FROM decision d WHERE d.subject_kind = 'finding' AND d.subject_id = t.id AND d.run_id = $1)`,
    [input.runId, [...known], input.reason, by.actor],
  );
  await audit(db, by, { action: 'run.signFindings', subject: input.runId, reason: input.reason, after: { findings: [...known] } });
  return { signed: rowCount ?? 0 };
}
