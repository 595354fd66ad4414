import { createHmac } from 'node:crypto';
import type { Issue } from '../../core/issues.ts';
import { canonicalBytes } from '../../core/seal/charge-record.ts';
import type { Db } from '../db.ts';
import { tokenSecret } from '../token-secret.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

export type ProposalKind = 'contract' | 'vatStatus' | 'vatTable' | 'payeeBankAccount';
export type NewProposal = {
  readonly kind: ProposalKind;
  readonly subjectId: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** What names people: kept beside the body, and erased with them. */
  readonly words?: Readonly<Record<string, unknown>>;
  readonly findings: readonly Issue[];
  readonly reason: string;
};

/** Keeps a proposal for a second person. The same again, by the same author, is the same proposal. */
export async function keepProposal(db: Db, proposal: NewProposal, by: By): Promise<string> {
  const { kind, subjectId, body, words = {}, findings, reason } = proposal;
  // The id is kept for good, so nobody may find a bank account by trying them all.
  const hash = createHmac('sha256', await tokenSecret(db))
    .update(canonicalBytes({ kind, subjectId, body, words, author: by.actor }))
    .digest('hex');
  const stem = `spr_${hash.slice(0, 20)}`;
  // What was decided may be proposed again, under a number of its own.
  const earlier = (await db.query<{ id: string; state: string }>("SELECT id, state FROM set_up_proposal WHERE id = $1 OR id LIKE $1 || '-%' ORDER BY proposed_at DESC, id DESC", [stem])).rows;
  if (earlier[0]?.state === 'proposed') return earlier[0].id;
  const id = earlier.length === 0 ? stem : `${stem}-${earlier.length + 1}`;
  await db.query('INSERT INTO set_up_proposal (id, kind, subject_id, body, words, findings, author, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)', [
    id,
    kind,
    subjectId,
    JSON.stringify(body),
    JSON.stringify(words),
    JSON.stringify(findings),
    by.actor,
    reason,
  ]);
  await audit(db, by, { action: `${kind}.propose`, subject: id, reason, after: { subjectId } });
  return id;
}

export type Proposal = {
  readonly id: string;
  readonly kind: ProposalKind;
  readonly subjectId: string;
  readonly body: Record<string, unknown>;
  readonly words: Record<string, unknown>;
  readonly author: string;
  readonly reason: string;
};

/** A proposal that waits, locked. */
export async function lockProposal(db: Db, id: string): Promise<Proposal> {
  const { rows } = await db.query('SELECT id, kind, subject_id AS "subjectId", body, words, author, reason, state FROM set_up_proposal WHERE id = $1 FOR UPDATE', [id]);
  const [proposal] = rows;
  if (proposal === undefined) throw new Refused('notFound', `there is no proposal ${id}`);
  if (proposal.state !== 'proposed') throw new Refused('wrongState', `proposal ${id} is ${proposal.state}: propose it anew`);
  return proposal;
}

/** Says what became of a proposal; what names people goes with the decision. */
export async function decideProposal(db: Db, id: string, state: 'published' | 'refused', comment: string, publishedAs: string | null, by: By): Promise<void> {
  await db.query("UPDATE set_up_proposal SET state = $2, decided_by = $3, decided_at = now(), comment = $4, published_as = $5, words = '{}' WHERE id = $1", [
    id,
    state,
    by.actor,
    comment,
    publishedAs,
  ]);
}
