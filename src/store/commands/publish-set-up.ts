import { agreementSchema } from '../../contracts/agreement.ts';
import { vatTableSchema } from '../../contracts/vat-table.ts';
import { describeIssue } from '../../core/issues.ts';
import type { Db } from '../db.ts';
import { lockSetUp } from '../set-up-lock.ts';
import type { By } from './audit.ts';
import { audit } from './audit.ts';
import { publishBankAccount } from './propose-bank-account.ts';
import { publishContract } from './propose-contract.ts';
import { decideProposal, lockProposal, type Proposal, type ProposalKind } from './propose-set-up.ts';
import { publishVatTable } from './propose-vat-table.ts';
import { createReferences } from './put-references.ts';
import { planSpans } from './put-spans.ts';
import { Refused } from './refusal.ts';

export type Published = { readonly kind: ProposalKind; readonly subjectId: string; readonly publishedAs: string };

/** Publishes what another person proposed. Refused for its author, and when it was decided before. */
export async function publishProposal(db: Db, proposalId: string, comment: string, by: By): Promise<Published> {
  await lockSetUp(db);
  const proposal = await lockProposal(db, proposalId);
  if (proposal.author === by.actor) throw new Refused('forbidden', `proposal ${proposalId} is your own: a second person publishes it`);
  const publishedAs = await publish(db, proposal, by);
  await decideProposal(db, proposalId, 'published', comment, publishedAs, by);
  await audit(db, by, { action: `${proposal.kind}.decide`, subject: proposalId, reason: comment, after: { publishedAs } });
  return { kind: proposal.kind, subjectId: proposal.subjectId, publishedAs };
}

/** Refuses a proposal for good; its author may take it back this way too. */
export async function refuseProposal(db: Db, proposalId: string, comment: string, by: By): Promise<void> {
  const { kind } = await lockProposal(db, proposalId);
  await decideProposal(db, proposalId, 'refused', comment, null, by);
  await audit(db, by, { action: `${kind}.refuse`, subject: proposalId, reason: comment });
}

async function publish(db: Db, proposal: Proposal, by: By): Promise<string> {
  const { kind, subjectId, body, words, author, reason } = proposal;
  switch (kind) {
    case 'contract': {
      const agreement = agreementSchema.parse(body['agreement']);
      return `${subjectId}/${await publishContract(db, { contractId: subjectId, agreement, validFrom: new Date(String(body['validFrom'])), reason, author }, by)}`;
    }
    case 'vatTable':
      return `${subjectId}/${await publishVatTable(db, { entityId: subjectId, validFrom: String(body['validFrom']), rows: vatTableSchema.parse(body['rows']), author, reason }, by)}`;
    case 'payeeBankAccount':
      return `${subjectId}/${await publishBankAccount(db, proposal, by)}`;
    case 'vatStatus': {
      const plan = await planSpans(db, 'vatStatuses', [{ line: 1, values: { ...body, ...words }, errors: [] }], createReferences(db));
      const wrong = plan.rows[0]?.errors.find((e) => e.severity === 'blocks');
      if (wrong !== undefined) throw new Refused('wrongState', describeIssue(wrong));
      await plan.write(reason, { ...by, actor: author, secondPerson: by.actor });
      return `${subjectId}/${(plan.rows[0]?.version ?? 0) + 1}`;
    }
  }
}
