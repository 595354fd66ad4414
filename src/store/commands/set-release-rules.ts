import type { ReleaseRules } from '../../contracts/release-rules.ts';
import type { Db } from '../db.ts';
import type { By } from './audit.ts';
import { type NewRules, setEntityRules } from './set-entity-rules.ts';

/** Sets how an entity's release groups are approved and tried from now on; every version is kept. Refused for an unknown entity. */
export function setReleaseRules(db: Db, input: NewRules<ReleaseRules>, by: By): Promise<{ readonly version: number }> {
  return setEntityRules(db, { table: 'release_rules_version', action: 'releaseRules.set' }, input, by);
}
