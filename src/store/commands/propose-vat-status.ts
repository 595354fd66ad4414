import type { SetUpRow } from '../../contracts/set-up.ts';
import type { Issue } from '../../core/issues.ts';
import type { Db } from '../db.ts';
import { lockSetUp } from '../set-up-lock.ts';
import type { By } from './audit.ts';
import { keepProposal } from './propose-set-up.ts';
import { createReferences } from './put-references.ts';
import { planSpans } from './put-spans.ts';

export type ProposalOutcome = { readonly outcome: 'proposed' | 'unchanged' | 'refused'; readonly proposalId: string | null; readonly findings: readonly Issue[] };

/** Proposes what an account is to VAT from a date on; nothing is taxed by it before a second person publishes it (invariant 7). */
export async function proposeVatStatus(db: Db, status: SetUpRow<'vatStatuses'>, reason: string, by: By): Promise<ProposalOutcome> {
  await lockSetUp(db);
  const [row] = (await planSpans(db, 'vatStatuses', [{ line: 1, values: status, errors: [] }], createReferences(db))).rows;
  const findings = row?.errors ?? [];
  if (row === undefined || row.outcome === 'refused') return { outcome: 'refused', proposalId: null, findings };
  if (row.outcome === 'unchanged') return { outcome: 'unchanged', proposalId: null, findings };
  const { vatNumber = null, evidence = null, ...body } = status;
  const proposalId = await keepProposal(db, { kind: 'vatStatus', subjectId: status.accountId, body, words: { vatNumber, evidence }, findings, reason }, by);
  return { outcome: 'proposed', proposalId, findings };
}
