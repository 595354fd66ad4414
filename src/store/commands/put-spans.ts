import { type Issue, issue } from '../../core/issues.ts';
import { tokenRefOf } from '../../core/normalise/token-ref.ts';
import type { Values } from '../../core/set-up/check-row.ts';
import { placeInTime, type Span } from '../../core/set-up/place-in-time.ts';
import type { Db } from '../db.ts';
import { tokenSecret } from '../token-secret.ts';
import type { Plan } from './put-entries.ts';
import type { References } from './put-references.ts';
import { type By, type InputRow, keepFirstVersions, type NewVersion, newestVersions, type PlannedRow, writeVersions } from './put-rows.ts';
import { type SpanKind, type SpanSpec, spanSpecs } from './put-span-kinds.ts';

type Held = Span<Values>;
type Change = { readonly key: string; readonly row: PlannedRow; readonly keys: Values; readonly cut: { readonly fromMs: number; readonly toMs: number } | undefined; readonly span: Held };

/** Plans values that hold from an instant on: the present one ends there, and the new one holds until the next. Nothing before it changes. */
export async function planSpans(db: Db, kind: SpanKind, input: readonly InputRow[], references: References): Promise<Plan> {
  const spec = spanSpecs[kind];
  const keyOf = (values: Values) =>
    Object.keys(spec.keys)
      .map((name) => String(values[name]))
      .join('/');
  const sound = input.filter((row) => row.errors.length === 0);
  await spec.load(
    sound.map((row) => row.values),
    references,
  );
  const chains = await loadChains(db, spec, sound, keyOf);
  const there: ReadonlyMap<string, readonly Held[]> = new Map(chains);
  const newest = spec.version === undefined ? new Map<string, number>() : await newestVersions(db, spec.version.kind, [...new Set(input.map((row) => keyOf(row.values)))]);
  const changes: Change[] = [];
  const rows = input.map((row): PlannedRow => {
    const id = keyOf(row.values);
    // What stood there before anything was kept counts as the first version.
    const version = newest.get(id) ?? (there.has(id) ? 1 : null);
    const refused = (errors: readonly Issue[]): PlannedRow => ({ kind, line: row.line, id, outcome: 'refused', version, changes: [], errors });
    if (row.errors.length > 0) return refused(row.errors);
    const errors = [...spec.check(id, row.values, references), ...staleSpan(id, row.values['expectedVersion'], version)];
    if (errors.some((e) => e.severity === 'blocks')) return refused(errors);
    const chain = chains.get(id) ?? [];
    const value = Object.fromEntries(Object.keys(spec.fields).map((name) => [name, row.values[name] ?? null]));
    const from = row.values['validFrom'];
    if (from === undefined && chain.length > 0) {
      const last = chain.at(-1);
      if (last !== undefined && sameValue(last.value, value)) return { kind, line: row.line, id, outcome: 'unchanged', version, changes: [], errors };
      return refused([...errors, issue('rowNeedsDate', 'blocks', id)]);
    }
    const placed = placeInTime(chain, from === undefined ? Number.NEGATIVE_INFINITY : Date.parse(String(from)), value, sameValue);
    if (placed.kind === 'unchanged') return { kind, line: row.line, id, outcome: 'unchanged', version, changes: [], errors };
    chains.set(id, placed.spans);
    const fields = Object.keys(spec.fields).flatMap((field) => {
      const [before, after] = [placed.before?.[field] ?? null, value[field] ?? null];
      return before === after ? [] : [{ field, before, after }];
    });
    const planned: PlannedRow = {
      kind,
      line: row.line,
      id,
      outcome: placed.before === undefined ? 'created' : 'changed',
      version,
      changes: [...fields, { field: 'validFrom', before: null, after: from ?? null }],
      errors,
    };
    changes.push({ key: id, row: planned, keys: Object.fromEntries(Object.keys(spec.keys).map((name) => [name, row.values[name]])), cut: placed.cut, span: placed.span });
    return planned;
  });
  if (spec.charged === undefined) return { rows, write: (reason, by) => writeSpans(db, kind, spec, changes, { newest, there }, reason, by) };
  const late = await issuedSince(db, spec.charged, changes, references);
  const checked = rows.map((row): PlannedRow => {
    const from = late.get(row);
    return from === undefined ? row : { ...row, outcome: 'refused', changes: [], errors: [...row.errors, issue('rowPastIssued', 'blocks', row.id, { from })] };
  });
  return {
    rows: checked,
    write: (reason, by) =>
      writeSpans(
        db,
        kind,
        spec,
        changes.filter((c) => !late.has(c.row)),
        { newest, there },
        reason,
        by,
      ),
  };
}

function staleSpan(id: string, expected: unknown, version: number | null): Issue[] {
  return typeof expected !== 'number' || expected === (version ?? 0) ? [] : [issue('rowStale', 'blocks', id, { expected, present: version ?? 'none' })];
}

function sameValue(a: Values, b: Values): boolean {
  return Object.keys({ ...a, ...b }).every((field) => (a[field] ?? null) === (b[field] ?? null));
}

const columnsOf = (names: Readonly<Record<string, string>>) => Object.entries(names).map(([name, column]) => `t.${column} AS "${name}"`);

async function loadChains(db: Db, spec: SpanSpec, rows: readonly InputRow[], keyOf: (values: Values) => string): Promise<Map<string, readonly Held[]>> {
  const keys = Object.entries(spec.keys);
  const ms = (column: string) =>
    `CASE WHEN ${column} IS NULL OR ${column} = 'infinity' THEN 'Infinity' WHEN ${column} = '-infinity' THEN '-Infinity' ELSE ((extract(epoch FROM ${column}) * 1000)::bigint)::text END`;
  const { rows: held } = await db.query(
    `SELECT ${[...columnsOf(spec.keys), ...columnsOf(spec.fields)].join(', ')}, ${ms('t.valid_from')} AS from_ms, ${ms('t.valid_to')} AS to_ms
     FROM (SELECT DISTINCT * FROM jsonb_to_recordset($1::jsonb) AS w(${keys.map(([name]) => `"${name}" text`).join(', ')})) w
     JOIN ${spec.table} t ON ${keys.map(([name, column]) => `t.${column} = w."${name}"`).join(' AND ')} ORDER BY t.valid_from`,
    [JSON.stringify(rows.map(({ values }) => Object.fromEntries(keys.map(([name]) => [name, values[name]]))))],
  );
  const chains = new Map<string, Held[]>();
  for (const row of held) {
    const value = Object.fromEntries(Object.keys(spec.fields).map((name) => [name, row[name]]));
    const key = keyOf(row);
    chains.set(key, [...(chains.get(key) ?? []), { fromMs: Number(row.from_ms), toMs: Number(row.to_ms), value }]);
  }
  return chains;
}

/** Values that would say otherwise of what is issued: sessions that began from their instant on, in an issued document or a closed run. */
async function issuedSince(db: Db, charged: NonNullable<SpanSpec['charged']>, changes: readonly Change[], references: References): Promise<Map<PlannedRow, string>> {
  // What has no assignment yet was charged without one, and a value for it rewrites nothing.
  const asked = changes.map((c, n) => ({ n, key: c.key, account: references.get('fleetUnit', c.key)?.accountId ?? null, from: atText(c.span.fromMs), to: atText(c.span.toMs) }));
  if (asked.length === 0) return new Map();
  const { rows } = await db.query<{ n: number; since: Date }>(
    `SELECT w.n, min(r.start_at) AS since FROM jsonb_to_recordset($1::jsonb) AS w(n integer, key text, account text, "from" timestamptz, "to" timestamptz)
     ${charged.sessions}
     LEFT JOIN claim k ON k.charge_id = c.charge_id LEFT JOIN document d ON d.id = k.document_id LEFT JOIN billing_run b ON b.id = k.run_id
     WHERE d.state = 'issued' OR b.state = 'closed' OR ${charged.always} GROUP BY w.n`,
    [JSON.stringify(asked)],
  );
  return new Map(rows.flatMap(({ n, since }) => (changes[n] === undefined ? [] : [[changes[n].row, since.toISOString()] as const])));
}

function atText(ms: number): string {
  return ms === Number.POSITIVE_INFINITY ? 'infinity' : ms === Number.NEGATIVE_INFINITY ? '-infinity' : new Date(ms).toISOString();
}

async function writeSpans(db: Db, kind: SpanKind, spec: SpanSpec, changes: readonly Change[], before: Before, reason: string, by: By): Promise<void> {
  if (changes.length === 0) return;
  const boundOf = (ms: number): string | null => (spec.type === 'date' ? (Number.isFinite(ms) ? new Date(ms).toISOString().slice(0, 10) : null) : atText(ms));
  const columns = [...Object.values(spec.keys), ...Object.values(spec.fields)];
  // In the order of the rows: of two that meet the later one has the last word on where a span ends.
  const rows = new Map<string, Record<string, unknown>>();
  for (const { key, keys, cut, span } of changes) {
    const named = Object.fromEntries(Object.entries(spec.keys).map(([name, column]) => [column, keys[name]]));
    if (cut !== undefined) {
      const at = `${key}\n${cut.fromMs}`;
      const before = rows.get(at);
      if (before === undefined) rows.set(at, { ...named, valid_from: boundOf(cut.fromMs), valid_to: boundOf(cut.toMs), cut: true });
      else before['valid_to'] = boundOf(cut.toMs);
    }
    rows.set(`${key}\n${span.fromMs}`, {
      ...named,
      ...Object.fromEntries(Object.entries(spec.fields).map(([name, column]) => [column, span.value[name] ?? null])),
      valid_from: boundOf(span.fromMs),
      valid_to: boundOf(span.toMs),
      author: by.actor,
      ...(kind === 'vatStatuses' ? { second_person: by.secondPerson ?? null } : {}),
    });
  }
  const all = [...rows.values()];
  const same = Object.values(spec.keys).map((c) => `t.${c} = w.${c}`);
  await db.query(`UPDATE ${spec.table} t SET valid_to = w.valid_to FROM jsonb_populate_recordset(NULL::${spec.table}, $1::jsonb) w WHERE ${same.join(' AND ')} AND t.valid_from = w.valid_from`, [
    JSON.stringify(all.filter((r) => r['cut'] === true)),
  ]);
  const written = [...columns, 'valid_from', 'valid_to', 'author', ...(kind === 'vatStatuses' ? ['second_person'] : [])];
  await db.query(
    `INSERT INTO ${spec.table} (${written.join(', ')}) SELECT ${written.join(', ')} FROM jsonb_populate_recordset(NULL::${spec.table}, $1::jsonb)
     ON CONFLICT (${[...Object.values(spec.keys), 'valid_from'].join(', ')}) DO UPDATE SET ${written
       .filter((c) => !Object.values(spec.keys).includes(c) && c !== 'valid_from')
       .map((c) => `${c} = EXCLUDED.${c}`)
       .join(', ')}`,
    [JSON.stringify(all.filter((r) => r['cut'] !== true))],
  );
  if (spec.version === undefined) await auditMappings(db, changes, reason, by);
  else {
    const first = firstVersions(spec, changes, before);
    await keepFirstVersions(db, spec.version.kind, first);
    await writeVersions(db, spec.version.kind, versionsOf(spec, changes, new Map([...before.newest, ...first.map((v) => [v.id, v.version] as const)])), reason, by);
  }
}

type Before = { readonly newest: ReadonlyMap<string, number>; readonly there: ReadonlyMap<string, readonly Held[]> };

/** How the spans of what has no version yet stood, all in one. */
function firstVersions(spec: SpanSpec, changes: readonly Change[], { newest, there }: Before): NewVersion[] {
  const words = spec.version?.words ?? [];
  return [...new Set(changes.map((c) => c.key))].flatMap((id) => {
    const spans = there.get(id);
    if (spans === undefined || newest.has(id)) return [];
    const said = (named: boolean) => ({
      spans: spans.map(({ fromMs, toMs, value }) => ({
        ...Object.fromEntries(Object.entries(value).filter(([field]) => words.includes(field) === named)),
        validFrom: atText(fromMs),
        validTo: atText(toMs),
      })),
    });
    return [{ id, version: 1, body: said(false), words: words.length === 0 ? undefined : said(true), changed: [] }];
  });
}

function versionsOf(spec: SpanSpec, changes: readonly Change[], newest: ReadonlyMap<string, number>): NewVersion[] {
  const words = spec.version?.words ?? [];
  const at = new Map(newest);
  return changes.map(({ key, row, span }) => {
    const version = (at.get(key) ?? 0) + 1;
    at.set(key, version);
    const pick = (named: boolean) => Object.fromEntries(Object.entries(span.value).filter(([field]) => words.includes(field) === named));
    return {
      id: key,
      version,
      body: { ...pick(false), validFrom: atText(span.fromMs), validTo: atText(span.toMs) },
      words: words.length === 0 ? undefined : pick(true),
      changed: row.changes.map((c) => c.field),
    };
  });
}

/** The audit trail is kept for good: it names a token by its reference. */
async function auditMappings(db: Db, changes: readonly Change[], reason: string, by: By): Promise<void> {
  const secret = await tokenSecret(db);
  const events = changes.map(({ keys, span }) => {
    const named = keys['kind'] === 'token' ? tokenRefOf(secret, String(keys['externalKey'])) : String(keys['externalKey']);
    return { subject: `${keys['sourceId']}/${keys['kind']}/${named}`, after: { ...keys, ...span.value, externalKey: named, validFrom: atText(span.fromMs) } };
  });
  await db.query(
    "INSERT INTO audit_event (actor, action, subject, reason, after, request_id) SELECT $2, 'mapping.add', e.subject, $3, e.after, $4 FROM jsonb_to_recordset($1::jsonb) AS e(subject text, after jsonb)",
    [JSON.stringify(events), by.actor, reason, by.requestId ?? null],
  );
}
