import type { StandingApprovalView } from '../../contracts/standing-approval.ts';
import { formatMinor } from '../../core/money.ts';
import type { Db } from '../db.ts';

/** The standing approvals of an entity, newest first. */
export async function standingApprovals(db: Db, entityId: string): Promise<readonly StandingApprovalView[]> {
  const { rows } = await db.query(
    `SELECT s.*, s.valid_from::text AS from_on, s.valid_to::text AS to_on, (SELECT count(*) FROM approval a WHERE a.standing_approval_id = s.id) AS approved
     FROM standing_approval s WHERE s.entity_id = $1 ORDER BY s.proposed_at DESC, s.id LIMIT 200`,
    [entityId],
  );
  return rows.map((r) => ({
    id: r.id,
    entityId: r.entity_id,
    strategy: r.strategy,
    currency: r.currency,
    documentCap: formatMinor(r.document_cap_minor, r.currency),
    dayCap: formatMinor(r.day_cap_minor, r.currency),
    validFrom: r.from_on,
    validTo: r.to_on,
    reason: r.reason,
    proposedBy: r.proposed_by,
    signedBy: r.signed_by,
    revokedBy: r.revoked_by,
    approved: Number(r.approved),
  }));
}
