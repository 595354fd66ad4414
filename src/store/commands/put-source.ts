import type { SourceInput } from '../../contracts/set-up.ts';
import { type Issue, issue } from '../../core/issues.ts';
import { checkZone } from '../../core/set-up/check-row.ts';
import type { Db } from '../db.ts';
import { lockSetUp } from '../set-up-lock.ts';
import type { EntityOutcome } from './put-entity.ts';
import { type By, keepFirstVersions, writeVersions } from './put-rows.ts';

const columns = {
  entityId: 'entity_id',
  name: 'name',
  route: 'route',
  format: 'format',
  ownerCountry: 'owner_country',
  ownerParty: 'owner_party',
  timeZone: 'time_zone',
  repeatProfile: 'repeat_profile',
  correctionChannel: 'correction_channel',
} as const;
const fields = Object.keys(columns) as (keyof typeof columns)[];
type Source = { readonly [field in keyof typeof columns]: string };
/** What the keys and the days of everything that it sent rest on. */
const fixedWithMessages: readonly string[] = ['entityId', 'ownerCountry', 'ownerParty', 'timeZone'];
const defaults = { repeatProfile: 'conflict', correctionChannel: 'none' } as const;

/** Creates or changes a source of CDRs. `formats` are those that can be read. What is wrong comes back, and nothing has changed. */
export async function putSource(
  db: Db,
  id: string,
  input: SourceInput,
  { formats, expectedVersion, reason }: { readonly formats: readonly string[]; readonly expectedVersion: number | undefined; readonly reason: string },
  by: By,
): Promise<EntityOutcome> {
  await lockSetUp(db);
  const present = await loadSource(db, id);
  const next: Partial<Source> = { ...(present === undefined ? defaults : {}), ...present?.source, ...input };
  const changed = fields.filter((field) => present?.source[field] !== next[field]);
  const errors = [
    ...(await wrong(db, id, present !== undefined, next, changed, formats)),
    ...(expectedVersion === undefined || expectedVersion === (present?.version ?? 0) ? [] : [issue('rowStale', 'blocks', id, { expected: expectedVersion, present: present?.version ?? 'none' })]),
  ];
  if (errors.some((e) => e.severity === 'blocks')) return { outcome: 'refused', version: present?.version ?? null, changed: [], errors };
  if (present !== undefined && changed.length === 0) return { outcome: 'unchanged', version: present.version, changed, errors };
  const version = (present?.version ?? 0) + 1;
  const names = ['id', ...Object.values(columns), 'version'];
  const updated = names.slice(2);
  await db.query(
    `INSERT INTO source (${names.join(', ')}) VALUES (${names.map((_, i) => `$${i + 1}`).join(', ')}) ON CONFLICT (id) DO UPDATE SET ${updated.map((n) => `${n} = EXCLUDED.${n}`).join(', ')}`,
    [id, ...fields.map((field) => next[field]), version],
  );
  if (present !== undefined) await keepFirstVersions(db, 'source', [{ id, version: present.version, body: present.source, words: undefined, changed: [] }]);
  await writeVersions(db, 'source', [{ id, version, body: next, words: undefined, changed }], reason, by);
  return { outcome: present === undefined ? 'created' : 'changed', version, changed, errors };
}

async function loadSource(db: Db, id: string): Promise<{ readonly version: number; readonly source: Source } | undefined> {
  const row = (await db.query(`SELECT version, ${fields.map((f) => `${columns[f]} AS "${f}"`).join(', ')} FROM source WHERE id = $1 FOR UPDATE`, [id])).rows[0];
  if (row === undefined) return undefined;
  const { version, ...source } = row;
  return { version, source };
}

async function wrong(db: Db, id: string, exists: boolean, next: Partial<Source>, changed: readonly string[], formats: readonly string[]): Promise<Issue[]> {
  const missing = fields.filter((field) => next[field] === undefined);
  if (missing.length > 0) return missing.map((field) => issue('rowIncomplete', 'blocks', id, { field }));
  const { rows } = await db.query<{ entity: boolean; used: boolean; peer: string | null }>(
    `SELECT EXISTS (SELECT FROM legal_entity WHERE id = $2) AS entity, EXISTS (SELECT FROM raw_message WHERE source_id = $1) AS used, (SELECT p.id FROM ocpi_peer p WHERE p.source_id = $1) AS peer`,
    [id, next.entityId],
  );
  const [found] = rows;
  const fixed = exists && found?.used === true ? changed.filter((field) => fixedWithMessages.includes(field)) : [];
  const value = (field: string, detail: string) => issue('rowValue', 'blocks', id, { field, detail });
  return [
    ...(found?.entity === true ? [] : [value('entityId', `names ${next.entityId}, which is no entity`)]),
    ...(formats.includes(next.format ?? '') ? [] : [value('format', `is none of ${formats.join(', ')}`)]),
    ...(found?.peer != null && !/^ocpi-/.test(next.format ?? '') ? [value('format', `reads no OCPI, and connection ${found.peer} sends it`)] : []),
    ...(found?.peer != null && exists && changed.includes('entityId') ? [issue('rowFixed', 'blocks', id, { field: 'entityId', because: `connection ${found.peer} belongs to it` })] : []),
    ...checkZone(id, next.timeZone ?? ''),
    ...fixed.map((field) => issue('rowFixed', 'blocks', id, { field, because: 'messages were received from it' })),
  ];
}
