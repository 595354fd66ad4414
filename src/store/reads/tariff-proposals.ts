import { describeIssue, type Issue } from '../../core/issues.ts';
import type { Db } from '../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

export type TariffProposalView = {
  readonly proposalId: string;
  readonly tariffId: string;
  readonly validFrom: string;
  readonly state: string;
  readonly author: string;
  readonly reason: string;
  readonly decidedBy: string | null;
  readonly comment: string | null;
  readonly tariffVersionId: string | null;
  readonly findings: readonly string[];
  readonly body: Record<string, unknown>;
};

/** Proposals of tariff versions in order of their id, of a state when named. */
export async function listTariffProposals(db: Db, filter: PageOrder & { readonly state?: string | undefined }): Promise<Page<TariffProposalView>> {
  const list = ['tariff proposals', filter.state] as const;
  const { rows } = await db.query('SELECT * FROM tariff_proposal WHERE ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR id > $2) ORDER BY id LIMIT $3', [
    filter.state ?? null,
    keyBefore(list, filter),
    filter.limit + 1,
  ]);
  return pageOf(
    list,
    rows,
    filter.limit,
    (r) => r.id,
    (r): TariffProposalView => ({
      proposalId: r.id,
      tariffId: r.tariff_id,
      validFrom: r.valid_from.toISOString(),
      state: r.state,
      author: r.author,
      reason: r.reason,
      decidedBy: r.decided_by,
      comment: r.comment,
      tariffVersionId: r.tariff_version_id,
      findings: (r.findings as Issue[]).map(describeIssue),
      body: r.body,
    }),
  );
}
