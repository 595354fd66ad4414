import type { Db } from '../db.ts';
import { openChargeSql } from '../open-charges.ts';
import { lockSetUp } from '../set-up-lock.ts';
import { type By, writeVersions } from './put-rows.ts';
import { Refused } from './refusal.ts';

export type GlChanges = {
  readonly entityId: string /** Key to GL account; null takes the key away. */;
  readonly keys: Readonly<Record<string, string | null>>;
  readonly expectedVersion?: number | undefined;
};
export type GlOutcome = { readonly outcome: 'changed' | 'unchanged'; readonly version: number; readonly changed: readonly string[] };

/** Writes the next version of an entity's GL mapping: all of the one before, with the changes. Refused for taking a key away that open charges need. */
export async function putGlMapping(db: Db, { entityId, keys, expectedVersion }: GlChanges, reason: string, by: By): Promise<GlOutcome> {
  await lockSetUp(db);
  if ((await db.query('SELECT FROM legal_entity WHERE id = $1 FOR UPDATE', [entityId])).rowCount === 0) throw new Refused('notFound', `there is no entity "${entityId}"`);
  const { rows } = await db.query<{ key: string; gl_account: string; version: number }>(
    'SELECT key, gl_account, version FROM gl_mapping WHERE entity_id = $1 AND version = (SELECT max(version) FROM gl_mapping WHERE entity_id = $1)',
    [entityId],
  );
  const version = rows[0]?.version ?? 0;
  if (expectedVersion !== undefined && expectedVersion !== version)
    throw new Refused('wrongState', `version ${expectedVersion} is expected, and the mapping is at ${version}: look at it and send the change again`);
  const before = new Map(rows.map((r) => [r.key, r.gl_account]));
  const changed = Object.keys(keys).filter((key) => (before.get(key) ?? null) !== (keys[key] ?? null));
  if (changed.length === 0) return { outcome: 'unchanged', version, changed };
  await refuseNeeded(
    db,
    entityId,
    changed.flatMap((key) => (keys[key] === null ? [{ key, account: before.get(key) ?? '' }] : [])),
  );
  const next = new Map([...before, ...Object.entries(keys)]);
  await db.query('INSERT INTO gl_mapping (entity_id, version, key, gl_account) SELECT $1, $2, k.key, k.account FROM jsonb_to_recordset($3::jsonb) AS k(key text, account text)', [
    entityId,
    version + 1,
    JSON.stringify([...next].flatMap(([key, account]) => (account === null ? [] : [{ key, account }]))),
  ]);
  const body = { before: Object.fromEntries(changed.map((key) => [key, before.get(key) ?? null])), after: Object.fromEntries(changed.map((key) => [key, keys[key] ?? null])) };
  await writeVersions(db, 'glMapping', [{ id: entityId, version: version + 1, body, words: undefined, changed }], reason, by);
  return { outcome: 'changed', version: version + 1, changed };
}

/** A charge that is open still goes to the account it was booked on, its VAT code's, and those that any posting needs. */
async function refuseNeeded(db: Db, entityId: string, removed: readonly { readonly key: string; readonly account: string }[]): Promise<void> {
  if (removed.length === 0) return;
  const { rows } = await db.query<{ key: string; charges: bigint }>(
    `WITH open AS (SELECT c.gl_account, c.vat_code, count(*) AS n FROM rated_charge c WHERE c.entity_id = $1 AND ${openChargeSql} GROUP BY 1, 2)
     SELECT r.key, sum(o.n)::bigint AS charges FROM jsonb_to_recordset($2::jsonb) AS r(key text, account text)
     JOIN open o ON o.gl_account = r.account OR r.key LIKE '%.' || o.vat_code OR r.key !~ '\\.' GROUP BY 1 ORDER BY 1`,
    [entityId, JSON.stringify(removed)],
  );
  if (rows.length > 0) throw new Refused('wrongState', `open charges need ${rows.map((r) => `${r.key} (${r.charges})`).join(', ')}: bill or write them off first, or give the key another account`);
}
