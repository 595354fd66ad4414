import { type PartnerRules, partnerRulesSchema } from '../../contracts/partner-rules.ts';
import type { Db } from '../db.ts';

/** What a partner is known to refuse, and the version of it; version 0: nothing. */
export async function partnerRulesOf(db: Db, accountId: string): Promise<{ readonly version: number; readonly rules: PartnerRules }> {
  const { rows } = await db.query<{ version: number; body: unknown }>('SELECT version, body FROM partner_rules_version WHERE account_id = $1 ORDER BY version DESC LIMIT 1', [accountId]);
  return { version: rows[0]?.version ?? 0, rules: partnerRulesSchema.parse(rows[0]?.body ?? {}) };
}
