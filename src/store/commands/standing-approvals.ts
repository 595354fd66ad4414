import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { newId } from './new-id.ts';
import { Refused } from './refusal.ts';

/** Caps in minor units; dates are days of the entity, `validTo` excluded. */
export type NewStandingApproval = {
  readonly entityId: string;
  readonly strategy: string;
  readonly currency: string;
  readonly documentCapMinor: bigint;
  readonly dayCapMinor: bigint;
  readonly validFrom: string;
  readonly validTo: string;
  readonly reason: string;
};

const longestDays = 366;

/** Proposes to approve small documents of a strategy in advance, by the first of two signers. Refused for an unknown entity, and beyond a year. */
export async function proposeStandingApproval(db: Db, proposed: NewStandingApproval, by: By, idempotencyKey?: string): Promise<{ readonly id: string }> {
  const days = (Date.parse(proposed.validTo) - Date.parse(proposed.validFrom)) / 86_400_000;
  if (!(days > 0 && days <= longestDays)) throw new Refused('invalid', `it has to end after it begins, and within ${longestDays} days`);
  if (proposed.documentCapMinor <= 0n || proposed.dayCapMinor < proposed.documentCapMinor) throw new Refused('invalid', 'the cap of a document is above zero, and that of a day no less');
  if ((await db.query('SELECT FROM legal_entity WHERE id = $1', [proposed.entityId])).rowCount === 0) throw new Refused('notFound', `there is no entity "${proposed.entityId}"`);
  const id = newId('sta', [by.actor], idempotencyKey);
  const made = await db.query(
    `INSERT INTO standing_approval (id, entity_id, strategy, currency, document_cap_minor, day_cap_minor, valid_from, valid_to, reason, proposed_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
    [id, proposed.entityId, proposed.strategy, proposed.currency, proposed.documentCapMinor, proposed.dayCapMinor, proposed.validFrom, proposed.validTo, proposed.reason, by.actor],
  );
  if (made.rowCount !== 0) await audit(db, by, { action: 'standingApproval.propose', subject: id, reason: proposed.reason, after: proposed });
  return { id };
}

/** Puts a standing approval in force, by the second signer. Refused to the first one, and for what is signed or revoked. */
export async function signStandingApproval(db: Db, id: string, by: By): Promise<void> {
  const found = await locked(db, id);
  if (found.revoked_by !== null || found.signed_by !== null) throw new Refused('wrongState', `standing approval ${id} is ${found.revoked_by === null ? 'signed already' : 'revoked'}`);
  if (found.proposed_by === by.actor) throw new Refused('forbidden', `${by.actor} proposed it: somebody else has to sign`);
  await db.query('UPDATE standing_approval SET signed_by = $2, signed_at = now() WHERE id = $1', [id, by.actor]);
  await audit(db, by, { action: 'standingApproval.sign', subject: id });
}

/** Ends a standing approval at once; what it approved stays approved. Refused for what is revoked. */
export async function revokeStandingApproval(db: Db, id: string, by: By): Promise<void> {
  const found = await locked(db, id);
  if (found.revoked_by !== null) throw new Refused('wrongState', `standing approval ${id} is revoked already`);
  await db.query('UPDATE standing_approval SET revoked_by = $2, revoked_at = now() WHERE id = $1', [id, by.actor]);
  await audit(db, by, { action: 'standingApproval.revoke', subject: id });
}

async function locked(db: Db, id: string): Promise<{ proposed_by: string; signed_by: string | null; revoked_by: string | null }> {
  const { rows } = await db.query('SELECT proposed_by, signed_by, revoked_by FROM standing_approval WHERE id = $1 FOR UPDATE', [id]);
  if (rows[0] === undefined) throw new Refused('notFound', `there is no standing approval "${id}"`);
  return rows[0];
}
