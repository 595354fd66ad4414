import { describeIssue, issue } from '../../core/issues.ts';
import type { Db } from '../db.ts';
import type { IssuedDocument } from '../ledger/book-documents.ts';
import { bookIssued, markIssued } from './book-issued.ts';
import { besideClosing } from './issuing-lock.ts';
import { lockRun } from './run-state.ts';

const batch = 100;

type Awaiting = IssuedDocument & { readonly posting: string; readonly erp_number: string | null; readonly issue_on: string; readonly terms: number; readonly other: string | null };

/**
 * Issues up to 100 documents of a group that wait for the ERP's number and that it holds as they were sent, or as somebody stated: under what it called
 * them, dated as they were handed over. Answers how many, and what keeps the others waiting. Repeatable.
 */
export async function numberByErp(db: Db, runId: string, group: string): Promise<{ readonly issued: number; readonly problems: readonly string[] }> {
  await besideClosing(db, runId);
  await lockRun(db, runId);
  const { rows } = await db.query<Awaiting>(
    `SELECT d.*, p.state AS posting, p.erp_number, convert_from(p.payload, 'UTF8')::jsonb ->> 'postedOn' AS issue_on, CASE d.type WHEN 'invoice' THEN a.payment_terms_days ELSE 0 END AS terms,
       (SELECT min(o.id) FROM issue_stamp s JOIN document o ON o.id = s.document_id WHERE s.legal_number = p.erp_number AND o.entity_id = d.entity_id AND o.type = d.type) AS other
     FROM document d JOIN erp_posting p ON p.document_id = d.id JOIN account a ON a.id = d.account_id WHERE d.run_id = $1 AND d.group_name = $2 AND d.state = 'awaitingNumber' ORDER BY d.id FOR UPDATE OF d`,
    [runId, group],
  );
  const seen = new Set<string>();
  const [ready, problems]: [Awaiting[], string[]] = [[], []];
  for (const d of rows) {
    const number = d.erp_number;
    if (d.posting !== 'verified' && (d.posting !== 'skipped' || number === null)) problems.push(describeIssue(issue('erpNumberAwaited', 'blocks', d.id, { state: d.posting })));
    else if (number === null) problems.push(describeIssue(issue('erpNumberMissing', 'blocks', d.id)));
    else if (d.other !== null || seen.has(`${d.type} ${number}`)) problems.push(describeIssue(issue('erpNumberTwice', 'blocks', d.id, { number, other: d.other ?? 'of the same run' })));
    else ready.push(d);
    seen.add(`${d.type} ${number}`);
  }
  const own = ready.slice(0, batch);
  await db.query(
    'INSERT INTO issue_stamp (document_id, legal_number, issued_on, due_on, issued_at) SELECT d, n, i, i + t, clock_timestamp() FROM unnest($1::text[], $2::text[], $3::date[], $4::integer[]) AS x(d, n, i, t)',
    [own.map((d) => d.id), own.map((d) => d.erp_number), own.map((d) => d.issue_on), own.map((d) => d.terms)],
  );
  for (const on of [...new Set(own.map((d) => d.issue_on))].sort())
    await bookIssued(
      db,
      own.filter((d) => d.issue_on === on),
      on,
    );
  await markIssued(
    db,
    own.map((d) => d.id),
  );
  return { issued: own.length, problems };
}
