import { type PartnerRules, partnerRulesSchema } from '../../contracts/partner-rules.ts';
import type { Db } from '../db.ts';

export type RulesInForce = { readonly version: number; readonly rules: PartnerRules };

/** What each partner is known to refuse, and the version of it; version 0: nothing. */
export async function partnerRulesOfAll(db: Db, accountIds: readonly string[]): Promise<Map<string, RulesInForce>> {
  const { rows } = await db.query<{ account_id: string; version: number; body: unknown }>(
    `SELECT a.account_id, coalesce(r.version, 0) AS version, r.body FROM unnest($1::text[]) AS a(account_id)
     LEFT JOIN LATERAL (SELECT version, body FROM partner_rules_version WHERE account_id = a.account_id ORDER BY version DESC LIMIT 1) r ON true`,
    [[...new Set(accountIds)]],
  );
  return new Map(rows.map((r) => [r.account_id, { version: r.version, rules: partnerRulesSchema.parse(r.body ?? {}) }]));
}

/** What one partner is known to refuse. */
export async function partnerRulesOf(db: Db, accountId: string): Promise<RulesInForce> {
  return (await partnerRulesOfAll(db, [accountId])).get(accountId) ?? { version: 0, rules: partnerRulesSchema.parse({}) };
}
