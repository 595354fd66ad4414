import { createHash } from 'node:crypto';
import type { Tariff } from '../../contracts/tariff.ts';
import type { Issue } from '../../core/issues.ts';
import { compileTariff } from '../../core/rate/compile-tariff.ts';
import { lintTariff } from '../../core/rate/lint-tariff.ts';
import { canonicalBytes, sha256 } from '../../core/seal/charge-record.ts';
import type { Db } from '../db.ts';
import { lockOffers } from '../ocpi/offer-lock.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

export type NewTariff = { readonly body: Tariff; readonly validFrom: Date; readonly reason: string };

/** Proposes a version of a tariff and says what looks wrong in it. Nothing is priced by it before a second person publishes it. The same proposal again is the same row. */
export async function proposeTariff(db: Db, tariff: NewTariff, by: By): Promise<{ readonly proposalId: string; readonly findings: readonly Issue[] }> {
  const { body, validFrom, reason } = tariff;
  const findings = lintTariff(compileTariff(body));
  const hash = createHash('sha256')
    .update(canonicalBytes({ body, validFrom: validFrom.toISOString(), author: by.actor }))
    .digest('hex');
  const proposalId = `tpr_${hash.slice(0, 20)}`;
  const made = await db.query('INSERT INTO tariff_proposal (id, tariff_id, currency, valid_from, body, findings, author, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING', [
    proposalId,
    body.id,
    body.currency,
    validFrom,
    JSON.stringify(body),
    JSON.stringify(findings),
    by.actor,
    reason,
  ]);
  if (made.rowCount !== 0) await audit(db, by, { action: 'tariff.propose', subject: proposalId, reason, after: { tariffId: body.id, validFrom } });
  return { proposalId, findings };
}

/**
 * Publishes a proposal as the next version of its tariff, write-once from then on. Refused when the author publishes it, when it was
 * decided before, and when it changes what is in the past: a version may not begin before the newest one of its tariff.
 */
export async function publishTariff(
  db: Db,
  proposalId: string,
  comment: string,
  by: By,
): Promise<{ readonly tariffVersionId: string; readonly entityIds: readonly string[]; readonly segments: readonly string[] }> {
  const proposal = await lockProposal(db, proposalId);
  if (proposal.author === by.actor) throw new Refused('forbidden', `proposal ${proposalId} is your own: a second person publishes it`);
  // Locked by tariff, so that two proposals of one tariff get different versions.
  await db.query("SELECT pg_advisory_xact_lock(hashtextextended('tariff/' || $1, 0))", [proposal.tariff_id]);
  const newest = (await db.query<{ version: number; valid_from: Date }>('SELECT version, valid_from FROM tariff_version WHERE tariff_id = $1 ORDER BY version DESC LIMIT 1', [proposal.tariff_id]))
    .rows[0];
  if (newest !== undefined && proposal.valid_from <= newest.valid_from) {
    throw new Refused('wrongState', `version ${newest.version} of ${proposal.tariff_id} begins ${newest.valid_from.toISOString()}: a newer one has to begin later`);
  }
  const version = (newest?.version ?? 0) + 1;
  const tariffVersionId = `${proposal.tariff_id}/${version}`;
  await db.query('INSERT INTO tariff_version (id, tariff_id, version, currency, valid_from, body, body_hash, author, second_person) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)', [
    tariffVersionId,
    proposal.tariff_id,
    version,
    proposal.currency,
    proposal.valid_from,
    JSON.stringify(proposal.body),
    sha256(canonicalBytes(proposal.body)),
    proposal.author,
    by.actor,
  ]);
  await lockOffers(db);
  await db.query("UPDATE tariff_proposal SET state = 'published', decided_by = $2, decided_at = clock_timestamp(), comment = $3, tariff_version_id = $4 WHERE id = $1", [
    proposalId,
    by.actor,
    comment,
    tariffVersionId,
  ]);
  await audit(db, by, { action: 'tariff.publish', subject: tariffVersionId, reason: comment, after: { proposalId } });
  const { rows } = await db.query<{ entity_id: string; segment: string }>('SELECT DISTINCT entity_id, segment FROM price_assignment WHERE tariff_id = $1 ORDER BY 1, 2', [proposal.tariff_id]);
  return { tariffVersionId, entityIds: [...new Set(rows.map((r) => r.entity_id))], segments: [...new Set(rows.map((r) => r.segment))] };
}

/** Refuses a proposal for good; its author may take it back this way too. */
export async function refuseTariff(db: Db, proposalId: string, comment: string, by: By): Promise<void> {
  await lockProposal(db, proposalId);
  await db.query("UPDATE tariff_proposal SET state = 'refused', decided_by = $2, decided_at = now(), comment = $3 WHERE id = $1", [proposalId, by.actor, comment]);
  await audit(db, by, { action: 'tariff.refuse', subject: proposalId, reason: comment });
}

type Proposal = { tariff_id: string; currency: string; valid_from: Date; body: Tariff; author: string; state: string };

async function lockProposal(db: Db, proposalId: string): Promise<Proposal> {
  const { rows } = await db.query<Proposal>('SELECT tariff_id, currency, valid_from, body, author, state FROM tariff_proposal WHERE id = $1 FOR UPDATE', [proposalId]);
  const [proposal] = rows;
  if (proposal === undefined) throw new Refused('notFound', `there is no proposal ${proposalId}`);
  if (proposal.state !== 'proposed') throw new Refused('wrongState', `proposal ${proposalId} is ${proposal.state}: propose it anew`);
  return proposal;
}
