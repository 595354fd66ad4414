import { type RuleProfile, ruleProfileSchema } from '../../contracts/rule-profile.ts';
import type { Db } from '../db.ts';

/** How a source's records are judged now, and the version of it (0: the defaults); undefined when there is no such source. */
export async function rulesOf(db: Db, sourceId: string): Promise<{ readonly version: number; readonly profile: RuleProfile } | undefined> {
  const { rows } = await db.query('SELECT rule_profile, rule_profile_version FROM source WHERE id = $1', [sourceId]);
  return rows[0] === undefined ? undefined : { version: rows[0].rule_profile_version, profile: ruleProfileSchema.parse(rows[0].rule_profile) };
}
