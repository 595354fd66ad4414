import type { QueryResultRow } from 'pg';
import type { StandingApprovalView } from '../../contracts/standing-approval.ts';
import { formatMinor } from '../../core/money.ts';
import type { Db } from '../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

const columns = 'SELECT s.*, s.valid_from::text AS from_on, s.valid_to::text AS to_on, (SELECT count(*) FROM approval a WHERE a.standing_approval_id = s.id) AS approved FROM standing_approval s';

/** The standing approvals of an entity, or of all, newest first. */
export async function standingApprovals(db: Db, entityId: string | undefined, page: PageOrder): Promise<Page<StandingApprovalView>> {
  const list = ['standing approvals', entityId] as const;
  const { rows } = await db.query(
    `${columns} WHERE ($1::text IS NULL OR s.entity_id = $1) AND ($2::text IS NULL OR (s.proposed_at, s.id) < (SELECT proposed_at, id FROM standing_approval WHERE id = $2)) ORDER BY s.proposed_at DESC, s.id DESC LIMIT $3`,
    [entityId ?? null, keyBefore(list, page), page.limit + 1],
  );
  return pageOf(list, rows, page.limit, (r) => r['id'], viewOf);
}

/** One standing approval; undefined when there is none of this id. */
export async function findStandingApproval(db: Db, id: string): Promise<StandingApprovalView | undefined> {
  const row = (await db.query(`${columns} WHERE s.id = $1`, [id])).rows[0];
  return row === undefined ? undefined : viewOf(row);
}

function viewOf(r: QueryResultRow): StandingApprovalView {
  return {
    id: r['id'],
    entityId: r['entity_id'],
    strategy: r['strategy'],
    currency: r['currency'],
    documentCap: formatMinor(r['document_cap_minor'], r['currency']),
    dayCap: formatMinor(r['day_cap_minor'], r['currency']),
    validFrom: r['from_on'],
    validTo: r['to_on'],
    reason: r['reason'],
    proposedBy: r['proposed_by'],
    signedBy: r['signed_by'],
    revokedBy: r['revoked_by'],
    approved: Number(r['approved']),
  };
}
