import type { FactCorrection } from '../../core/intake/correct-facts.ts';
import type { Db } from '../db.ts';

/** A decision that is in force on a message: signed, and by a second person where one is needed. */
export type SignedDecision = { readonly decisionId: string; readonly author: string; readonly evidence: string } & (
  | { readonly action: 'accept' | 'hold' | 'reject' }
  | { readonly action: 'correct'; readonly correction: FactCorrection }
);

/** SQL: a word on a message, `o`, is its author's last one, or was until the id that `until` names: they said nothing else since. */
export const standsSql = (until?: string) =>
  `NOT EXISTS (SELECT FROM decision p WHERE p.raw_id = o.raw_id AND p.actor = o.actor AND p.id > o.id${until === undefined ? '' : ` AND p.id < ${until}`} AND (p.action, p.correction, p.billed_by) IS DISTINCT FROM (o.action, o.correction, o.billed_by))`;

/** The decisions in force on messages, by message: the latest one, unless it still waits for a second person. */
export async function loadDecisions(db: Db, rawIds: readonly string[]): Promise<Map<bigint, SignedDecision>> {
  const { rows } = await db.query(
    `SELECT DISTINCT ON (d.raw_id) d.raw_id, d.id, d.action, d.actor, d.reason, d.correction FROM decision d
     WHERE d.subject_kind = 'record' AND d.raw_id = ANY($1::bigint[]) AND d.action IN ('accept', 'correct', 'hold', 'reject')
       AND (NOT d.needs_second OR EXISTS (SELECT FROM decision o WHERE o.raw_id = d.raw_id AND o.action = d.action AND o.correction IS NOT DISTINCT FROM d.correction AND o.billed_by IS NOT DISTINCT FROM d.billed_by AND o.actor <> d.actor AND o.id < d.id
         AND ${standsSql('d.id')}))
     ORDER BY d.raw_id, d.id DESC`,
    [rawIds],
  );
  return new Map(rows.map((r) => [r.raw_id, { decisionId: String(r.id), author: r.actor, evidence: r.reason, action: r.action, ...(r.action === 'correct' ? { correction: r.correction } : {}) }]));
}
