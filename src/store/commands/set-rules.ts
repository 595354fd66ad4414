import type { RuleProfile } from '../../contracts/rule-profile.ts';
import { unknownSettings } from '../../core/plausibility/rules.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

/** Sets how a source's records are judged from now on; every version is kept. Refused for a rule or limit that does not exist. */
export async function setRules(db: Db, input: { readonly sourceId: string; readonly profile: RuleProfile; readonly reason: string }, by: By): Promise<{ readonly version: number }> {
  const unknown = unknownSettings(input.profile);
  if (unknown.length > 0) throw new Refused('invalid', `${unknown.join(', ')}: no such rule or limit; GET the rules of the source lists them`);
  const { rows } = await db.query<{ version: number; before: unknown }>(
    `UPDATE source s SET rule_profile = $2, rule_profile_version = s.rule_profile_version + 1 FROM source o WHERE s.id = $1 AND o.id = s.id
     RETURNING s.rule_profile_version AS version, o.rule_profile AS before`,
    [input.sourceId, JSON.stringify(input.profile)],
  );
  const [row] = rows;
  if (row === undefined) throw new Refused('notFound', `there is no source "${input.sourceId}"`);
  await db.query('INSERT INTO rule_profile_version (source_id, version, body, reason, author) VALUES ($1, $2, $3, $4, $5)', [
    input.sourceId,
    row.version,
    JSON.stringify(input.profile),
    input.reason,
    by.actor,
  ]);
  await audit(db, by, { action: 'rules.set', subject: input.sourceId, reason: input.reason, after: { version: row.version, ...input.profile } });
  return { version: row.version };
}
