import { formatMinor } from '../../core/money.ts';
import type { Db } from '../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

export const postingStates = ['queued', 'sending', 'unknown', 'drafted', 'posted', 'verified', 'refused', 'held', 'skipped'] as const;
export type PostingState = (typeof postingStates)[number];

/** A document or journal on its way to an ERP. */
export type PostingView = {
  readonly key: string;
  readonly connectionId: string;
  readonly runId: string | null;
  readonly documentId: string | null;
  readonly legalNumber: string | null;
  readonly kind: string;
  readonly state: PostingState;
  /** Of a held one: a closed period, or the document it follows. */
  readonly heldFor: 'period' | 'predecessor' | null;
  readonly followsKey: string | null;
  /** Its document is issued under a number of the ERP, and has none yet. */
  readonly awaitsNumber: boolean;
  /** The document that bears the number that the ERP told of it, or that somebody stated: it cannot be issued under that one. */
  readonly numberTakenBy: string | null;
  readonly attempt: number;
  readonly externalId: string | null;
  /** The ERP's last words on it, or why it was skipped, or is stated to be there. */
  readonly answer: string | null;
  readonly amount: string;
  readonly currency: string;
  readonly updatedAt: string;
};

export type PostingFilter = {
  readonly states?: readonly PostingState[] | undefined;
  /** Beside those of `states` also what waits since its number is taken. */
  readonly orTaken?: boolean | undefined;
  readonly connectionId?: string | undefined;
  readonly runId?: string | undefined;
  readonly key?: string | undefined;
};

/** States in which somebody has to decide on a posting. */
export const forDecision = ['refused', 'held'] as const satisfies readonly PostingState[];

/** SQL: postings of documents that wait for a number while they have one that another document of their kind bears. */
const taken = `SELECT p.key, min(o.id) AS by FROM billing_run r JOIN document d ON d.run_id = r.id AND d.state = 'awaitingNumber' JOIN erp_posting p ON p.document_id = d.id AND p.state IN ('verified', 'skipped')
  JOIN issue_stamp s ON s.legal_number = p.erp_number JOIN document o ON o.id = s.document_id AND o.entity_id = d.entity_id AND o.type = d.type WHERE r.state NOT IN ('closed', 'cancelled') GROUP BY 1`;

/** How many postings have a number that is taken. */
export async function countTaken(db: Db): Promise<number> {
  const { rows } = await db.query<{ n: bigint }>(`SELECT count(*) AS n FROM (${taken}) t`);
  return Number(rows[0]?.n ?? 0n);
}

/** Postings in order of their keys. */
export async function listPostings(db: Db, filter: PostingFilter, page: PageOrder): Promise<Page<PostingView>> {
  const list = ['postings', filter.states, filter.orTaken, filter.connectionId, filter.runId, filter.key] as const;
  const { rows } = await db.query(
    `WITH taken AS MATERIALIZED (${taken})
     SELECT p.*, s.legal_number, t.by AS number_taken_by, EXISTS (SELECT FROM document d WHERE d.id = p.document_id AND d.state = 'awaitingNumber') AS awaits_number FROM erp_posting p LEFT JOIN issue_stamp s ON s.document_id = p.document_id LEFT JOIN taken t ON t.key = p.key
     WHERE ($1::text[] IS NULL OR p.state = ANY($1) OR $7 AND t.key IS NOT NULL) AND ($2::text IS NULL OR p.connection_id = $2) AND ($3::text IS NULL OR p.run_id = $3) AND ($4::text IS NULL OR p.key > $4) AND ($5::text IS NULL OR p.key = $5)
     ORDER BY p.key LIMIT $6`,
    [filter.states ?? null, filter.connectionId ?? null, filter.runId ?? null, keyBefore(list, page), filter.key ?? null, page.limit + 1, filter.orTaken ?? false],
  );
  return pageOf(
    list,
    rows,
    page.limit,
    (r) => r.key as string,
    (r): PostingView => ({
      key: r.key,
      connectionId: r.connection_id,
      runId: r.run_id,
      documentId: r.document_id,
      legalNumber: r.legal_number,
      kind: r.kind,
      state: r.state,
      heldFor: r.held_for,
      followsKey: r.after_key,
      awaitsNumber: r.awaits_number,
      numberTakenBy: r.number_taken_by,
      attempt: r.attempt,
      externalId: r.external_id,
      answer: r.answer,
      amount: formatMinor(r.control_minor, r.currency),
      currency: r.currency,
      updatedAt: r.updated_at.toISOString(),
    }),
  );
}
