import type { Issue } from '../../core/issues.ts';
import { issue } from '../../core/issues.ts';
import type { Values } from '../../core/set-up/check-row.ts';
import type { Db } from '../db.ts';
import { type EntryKind, type EntrySpec, entrySpecs } from './put-entry-kinds.ts';
import type { References } from './put-references.ts';
import { type By, type FieldChange, type InputRow, keepFirstVersions, type NewVersion, type PlannedRow, writeVersions } from './put-rows.ts';

/** A plan of what rows would do, and how it is carried out in the same transaction. */
export type Plan = { readonly rows: readonly PlannedRow[]; write(reason: string, by: By): Promise<void> };

type Present = { readonly version: number; readonly values: Values; readonly erased: boolean };
type Step = { readonly row: PlannedRow; readonly next: Values; readonly present: Present | undefined };

/** Plans rows of entries: what each would create or change, field by field, or why it may not. What a row leaves out stays as it is. */
export async function planEntries(db: Db, kind: EntryKind, input: readonly InputRow[], references: References): Promise<Plan> {
  const spec = entrySpecs[kind];
  const present = await loadPresent(db, spec, input);
  const merged = input.map((row) => {
    const id = String(row.values['id']);
    const { id: _, expectedVersion, ...given } = row.values;
    const there = present.get(id);
    // A default follows from what was given, and never from undefined.
    const next = { ...(there === undefined ? (spec.defaults?.(given) ?? {}) : there.values), ...given };
    return { row, id, there, next, expectedVersion };
  });
  const referred = merged.flatMap(({ next }) => spec.refer(next, references).map(({ field, kind: of }) => [of, next[field]] as const));
  for (const of of new Set(referred.map(([refKind]) => refKind)))
    await references.load(
      of,
      referred.flatMap(([refKind, id]) => (refKind === of ? [id] : [])),
    );
  const charged = await chargedAmong(db, spec, merged);
  const first = new Map<string, number>();
  const steps = merged.map(({ row, id, there, next, expectedVersion }): Step => {
    const changes = changesOf(spec, there?.values, next);
    const errors = [
      ...row.errors,
      ...(first.has(id) ? [issue('rowRepeated', 'blocks', id, { line: first.get(id) ?? 0 })] : []),
      ...(there?.erased === true ? [issue('rowErased', 'blocks', id, { id })] : []),
      ...stale(id, expectedVersion, there),
      ...incomplete(id, spec, next),
      ...fixed(id, spec, there, changes, charged),
      ...spec
        .refer(next, references)
        .flatMap(({ field, kind: of }) =>
          next[field] === undefined || references.get(of, next[field]) !== undefined ? [] : [issue('rowReference', 'blocks', id, { field, id: String(next[field]) })],
        ),
      ...(row.errors.length > 0 ? [] : spec.check(id, next, references)),
    ];
    if (!first.has(id)) first.set(id, row.line);
    const refused = errors.some((e) => e.severity === 'blocks');
    const outcome = refused ? 'refused' : changes.length === 0 && there !== undefined ? 'unchanged' : there === undefined ? 'created' : 'changed';
    return { row: { kind, line: row.line, id, outcome, version: there?.version ?? null, changes, errors }, next, present: there };
  });
  for (const { row, next } of steps) if (row.outcome === 'created' || row.outcome === 'changed') remember(kind, row.id, next, references);
  return { rows: steps.map((s) => s.row), write: (reason, by) => writeEntries(db, spec, steps, reason, by) };
}

function remember(kind: EntryKind, id: string, next: Values, references: References): void {
  if (kind === 'parties') references.add('party', { id, erased: false });
  if (kind === 'accounts') references.add('account', { id, entityId: String(next['entityId']), category: String(next['category']), erased: false });
  if (kind === 'sites') references.add('site', { id, entityId: String(next['entityId']), kind: String(next['kind']) });
  if (kind === 'fleetUnits') references.add('fleetUnit', { id, accountId: String(next['accountId']) });
}

async function loadPresent(db: Db, spec: EntrySpec, input: readonly InputRow[]): Promise<Map<string, Present>> {
  const fields = Object.entries(spec.fields);
  const { rows } = await db.query(
    `SELECT id, version, ${spec.table === 'party' ? 'erased_at IS NOT NULL' : 'false'} AS erased, ${fields.map(([name, { column }]) => `${column} AS "${name}"`).join(', ')}
     FROM ${spec.table} WHERE id = ANY($1) ORDER BY id FOR UPDATE`,
    [input.map((row) => String(row.values['id']))],
  );
  return new Map(
    rows.map((r) => [r.id, { version: r.version, erased: r.erased, values: Object.fromEntries(fields.map(([name]) => [name, typeof r[name] === 'bigint' ? Number(r[name]) : r[name]])) }]),
  );
}

function changesOf(spec: EntrySpec, before: Values | undefined, next: Values): FieldChange[] {
  return Object.keys(spec.fields).flatMap((field) => {
    const [was, is] = [before?.[field] ?? null, next[field] ?? null];
    return same(was, is) ? [] : [{ field, before: was, after: is }];
  });
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

/** An address is the same whatever the order of its fields. */
function sorted(value: unknown): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)) : value;
}

function stale(id: string, expected: unknown, there: Present | undefined): Issue[] {
  if (typeof expected !== 'number' || expected === (there?.version ?? 0)) return [];
  return [issue('rowStale', 'blocks', id, { expected, present: there === undefined ? 'none' : there.version })];
}

function incomplete(id: string, spec: EntrySpec, next: Values): Issue[] {
  return Object.entries(spec.fields).flatMap(([field, { required }]) => (required && next[field] == null ? [issue('rowIncomplete', 'blocks', id, { field })] : []));
}

async function chargedAmong(db: Db, spec: EntrySpec, merged: readonly { readonly id: string; readonly there: Present | undefined; readonly next: Values }[]): Promise<ReadonlySet<string>> {
  const asked = merged.filter(({ there, next }) => there !== undefined && changesOf(spec, there.values, next).some((c) => spec.fields[c.field]?.fixed === 'withCharges'));
  if (spec.charged === undefined || asked.length === 0) return new Set();
  const { rows } = await db.query<{ id: string }>(spec.charged, [asked.map((m) => m.id)]);
  return new Set(rows.map((r) => r.id));
}

function fixed(id: string, spec: EntrySpec, there: Present | undefined, changes: readonly FieldChange[], charged: ReadonlySet<string>): Issue[] {
  if (there === undefined) return [];
  return changes.flatMap(({ field }) => {
    const rule = spec.fields[field]?.fixed;
    if (rule === 'always') return [issue('rowFixed', 'blocks', id, { field, because: 'it never does' })];
    return rule === 'withCharges' && charged.has(id) ? [issue('rowFixed', 'blocks', id, { field, because: 'charges were booked with it' })] : [];
  });
}

async function writeEntries(db: Db, spec: EntrySpec, steps: readonly Step[], reason: string, by: By): Promise<void> {
  const written = steps.filter(({ row }) => row.outcome === 'created' || row.outcome === 'changed');
  if (written.length === 0) return;
  const columns = ['version', ...Object.values(spec.fields).map((f) => f.column)];
  const rows = written.map(({ row, next }) => ({
    id: row.id,
    version: (row.version ?? 0) + 1,
    ...Object.fromEntries(Object.entries(spec.fields).map(([name, { column }]) => [column, next[name] ?? null])),
  }));
  await db.query(
    `INSERT INTO ${spec.table} (id, ${columns.join(', ')}) SELECT id, ${columns.join(', ')} FROM jsonb_populate_recordset(NULL::${spec.table}, $1::jsonb)
     ON CONFLICT (id) DO UPDATE SET ${columns.map((c) => `${c} = EXCLUDED.${c}`).join(', ')}`,
    [JSON.stringify(rows)],
  );
  await keepFirstVersions(
    db,
    spec.version,
    written.flatMap(({ row, present }) => (present === undefined ? [] : [versionOf(spec, row.id, present.version, present.values, [])])),
  );
  await writeVersions(
    db,
    spec.version,
    written.map(({ row, next }) =>
      versionOf(
        spec,
        row.id,
        (row.version ?? 0) + 1,
        next,
        row.changes.map((c) => c.field),
      ),
    ),
    reason,
    by,
  );
}

function versionOf(spec: EntrySpec, id: string, version: number, values: Values, changed: readonly string[]): NewVersion {
  const pick = (words: boolean) => Object.fromEntries(Object.entries(spec.fields).flatMap(([name, field]) => ((field.words === true) === words ? [[name, values[name] ?? null]] : [])));
  const words = pick(true);
  return { id, version, body: pick(false), words: Object.keys(words).length === 0 ? undefined : words, changed };
}
