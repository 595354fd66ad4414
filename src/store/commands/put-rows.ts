import type { SetUpKind } from '../../contracts/set-up.ts';
import type { Issue } from '../../core/issues.ts';
import type { Db } from '../db.ts';

/** A row as it was sent: its place (a line of the file, or its number from 1), its values, and what is wrong with their form. */
export type InputRow = { readonly line: number; readonly values: Readonly<Record<string, unknown>>; readonly errors: readonly Issue[] };
export type FieldChange = { readonly field: string; readonly before: unknown; readonly after: unknown };
/** What a row would do: every field it changes, or why it may not. `version` is the one that is there. */
export type PlannedRow = {
  readonly kind: SetUpKind;
  readonly line: number;
  readonly id: string;
  readonly outcome: 'created' | 'changed' | 'unchanged' | 'refused';
  readonly version: number | null;
  readonly changes: readonly FieldChange[];
  readonly errors: readonly Issue[];
};
export type By = { readonly actor: string; readonly requestId?: string | undefined; readonly secondPerson?: string | undefined };

/** A version of an entry: what it says, beside it what names people, and which fields it changed. */
export type NewVersion = {
  readonly id: string;
  readonly version: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly words: Readonly<Record<string, unknown>> | undefined;
  readonly changed: readonly string[];
};
export type VersionKind = 'party' | 'account' | 'site' | 'siteHolder' | 'entity' | 'fleetUnit' | 'fleetAssignment' | 'vatStatus' | 'payeeBankAccount' | 'glMapping' | 'source';

/** Writes versions with who and why, set-wise, each with its audit event; neither holds what names people. */
export async function writeVersions(db: Db, kind: VersionKind, versions: readonly NewVersion[], reason: string, by: By): Promise<void> {
  if (versions.length === 0) return;
  const rows = JSON.stringify(versions.map(({ words: _, ...v }) => v));
  await db.query(
    `INSERT INTO set_up_version (kind, id, version, body, changed, author, second_person, reason)
     SELECT $1, v.id, v.version, v.body, ARRAY(SELECT jsonb_array_elements_text(v.changed)), $3, $4, $5 FROM jsonb_to_recordset($2::jsonb) AS v(id text, version integer, body jsonb, changed jsonb)`,
    [kind, rows, by.actor, by.secondPerson ?? null, reason],
  );
  await writeWords(db, kind, versions);
  await db.query(
    `INSERT INTO audit_event (actor, action, subject, reason, after, request_id)
     SELECT $3, $1 || '.put', v.id, $4, jsonb_build_object('version', v.version, 'changed', v.changed, 'secondPerson', $6::text), $5 FROM jsonb_to_recordset($2::jsonb) AS v(id text, version integer, changed jsonb)`,
    [kind, rows, by.actor, reason, by.requestId ?? null, by.secondPerson ?? null],
  );
}

/** Keeps how entries stood that have no version yet, such as those of the first set-up, before they change. */
export async function keepFirstVersions(db: Db, kind: VersionKind, versions: readonly NewVersion[]): Promise<void> {
  const { rows } = await db.query<{ id: string }>('SELECT DISTINCT id FROM set_up_version WHERE kind = $1 AND id = ANY($2)', [kind, versions.map((v) => v.id)]);
  const kept = new Set(rows.map((r) => r.id));
  const missing = versions.filter((v) => !kept.has(v.id));
  if (missing.length === 0) return;
  await db.query(
    `INSERT INTO set_up_version (kind, id, version, body, changed, author, reason)
     SELECT $1, v.id, v.version, v.body, '{}', 'set-up', 'as it stood before its first change' FROM jsonb_to_recordset($2::jsonb) AS v(id text, version integer, body jsonb)`,
    [kind, JSON.stringify(missing.map(({ id, version, body }) => ({ id, version, body })))],
  );
  await writeWords(db, kind, missing);
}

async function writeWords(db: Db, kind: VersionKind, versions: readonly NewVersion[]): Promise<void> {
  const named = versions.filter((v) => v.words !== undefined).map(({ id, version, words }) => ({ id, version, words }));
  if (named.length === 0) return;
  await db.query('INSERT INTO set_up_words (kind, id, version, words) SELECT $1, v.id, v.version, v.words FROM jsonb_to_recordset($2::jsonb) AS v(id text, version integer, words jsonb)', [
    kind,
    JSON.stringify(named),
  ]);
}

/** The newest version of each entry; those without one are left out. */
export async function newestVersions(db: Db, kind: VersionKind, ids: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await db.query<{ id: string; version: number }>('SELECT id, max(version) AS version FROM set_up_version WHERE kind = $1 AND id = ANY($2) GROUP BY id', [kind, ids]);
  return new Map(rows.map((r) => [r.id, r.version]));
}
