import type { PartnerRules } from '../../contracts/partner-rules.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

/** Sets what a partner is known to refuse; every version is kept. Refused for an account that is there not, or is no partner's. */
export async function setPartnerRules(db: Db, input: { readonly accountId: string; readonly rules: PartnerRules; readonly reason: string }, by: By): Promise<{ readonly version: number }> {
  const account = (await db.query('SELECT category FROM account WHERE id = $1 FOR UPDATE', [input.accountId])).rows[0];
  if (account === undefined) throw new Refused('notFound', `there is no account "${input.accountId}"`);
  if (account.category !== 'eMSP' && account.category !== 'partner') throw new Refused('invalid', `account ${input.accountId} is a ${account.category}'s: CDRs are sent to eMSPs and partners`);
  const { rows } = await db.query<{ version: number }>(
    'INSERT INTO partner_rules_version (account_id, version, body, reason, author) SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4 FROM partner_rules_version WHERE account_id = $1 RETURNING version',
    [input.accountId, JSON.stringify(input.rules), input.reason, by.actor],
  );
  const version = rows[0]?.version ?? 0;
  await audit(db, by, { action: 'partnerRules.set', subject: input.accountId, reason: input.reason, after: { version, ...input.rules } });
  return { version };
}
