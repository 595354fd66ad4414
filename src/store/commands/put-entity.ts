import { letterheadSchema } from '../../contracts/letterhead.ts';
import type { EntityInput } from '../../contracts/set-up.ts';
import { type Issue, issue } from '../../core/issues.ts';
import { checkCurrency, checkZone } from '../../core/set-up/check-row.ts';
import { checkVatNumber } from '../../core/set-up/check-vat-number.ts';
import type { Db } from '../db.ts';
import { lockSetUp } from '../set-up-lock.ts';
import { type By, keepFirstVersions, writeVersions } from './put-rows.ts';

type Registration = { readonly country: string; readonly number: string; readonly validFrom: string; readonly validTo: string | null };
type Calendar = { readonly id: string; readonly cadence: string; readonly strategies: readonly string[]; readonly cutOff: string };
type Entity = { readonly [field: string]: unknown; readonly vatRegistrations: readonly Registration[]; readonly calendars: readonly Calendar[] };
export type EntityOutcome = {
  readonly outcome: 'created' | 'changed' | 'unchanged' | 'refused';
  readonly version: number | null;
  readonly changed: readonly string[];
  readonly errors: readonly Issue[];
};

const columns = {
  name: 'name',
  country: 'country',
  currency: 'currency',
  timeZone: 'time_zone',
  orgNumber: 'org_number',
  fxSource: 'fx_source',
  costCenter: 'cost_center',
  letterhead: 'letterhead',
} as const;
const fields = Object.keys(columns) as (keyof typeof columns)[];
/** What everything that was booked rests on. */
const fixedWithCharges: readonly string[] = ['country', 'currency', 'timeZone'];

/** Creates or changes a legal entity, with its VAT registrations and calendars: those named are added or changed, others stay. What is wrong comes back, and nothing has changed. */
export async function putEntity(db: Db, id: string, input: EntityInput, expectedVersion: number | undefined, reason: string, by: By): Promise<EntityOutcome> {
  await lockSetUp(db);
  const present = await loadEntity(db, id);
  const next = merged(present?.entity, input);
  const changed = [...fields, 'vatRegistrations', 'calendars'].filter((field) => JSON.stringify(present?.entity[field] ?? null) !== JSON.stringify(next[field] ?? null));
  const errors = [
    ...(await wrong(db, id, present, next, changed)),
    ...(expectedVersion === undefined || expectedVersion === (present?.version ?? 0) ? [] : [issue('rowStale', 'blocks', id, { expected: expectedVersion, present: present?.version ?? 'none' })]),
  ];
  if (errors.some((e) => e.severity === 'blocks')) return { outcome: 'refused', version: present?.version ?? null, changed: [], errors };
  if (present !== undefined && changed.length === 0) return { outcome: 'unchanged', version: present.version, changed, errors };
  const version = (present?.version ?? 0) + 1;
  const names = ['id', ...Object.values(columns), 'version'];
  await db.query(
    `INSERT INTO legal_entity (${names.join(', ')}) VALUES (${names.map((_, i) => `$${i + 1}`).join(', ')}) ON CONFLICT (id) DO UPDATE SET ${names.map((n) => `${n} = EXCLUDED.${n}`).join(', ')}`,
    [id, ...fields.map((field) => next[field]), version],
  );
  await db.query(
    `INSERT INTO vat_registration (entity_id, country, number, valid_from, valid_to) SELECT $1, r.country, r.number, r."validFrom", r."validTo" FROM jsonb_to_recordset($2::jsonb) AS r(country text, number text, "validFrom" date, "validTo" date)
     ON CONFLICT (entity_id, country, valid_from) DO UPDATE SET number = EXCLUDED.number, valid_to = EXCLUDED.valid_to`,
    [id, JSON.stringify(next.vatRegistrations)],
  );
  await db.query(
    `INSERT INTO billing_calendar (id, entity_id, cadence, strategies, cut_off) SELECT c.id, $1, c.cadence, c.strategies, c."cutOff" FROM jsonb_to_recordset($2::jsonb) AS c(id text, cadence text, strategies text[], "cutOff" text)
     ON CONFLICT (id) DO UPDATE SET cadence = EXCLUDED.cadence, strategies = EXCLUDED.strategies, cut_off = EXCLUDED.cut_off`,
    [id, JSON.stringify(next.calendars)],
  );
  if (present !== undefined) await keepFirstVersions(db, 'entity', [{ id, version: present.version, body: present.entity, words: undefined, changed: [] }]);
  await writeVersions(db, 'entity', [{ id, version, body: next, words: undefined, changed }], reason, by);
  return { outcome: present === undefined ? 'created' : 'changed', version, changed, errors };
}

async function loadEntity(db: Db, id: string): Promise<{ readonly version: number; readonly entity: Entity } | undefined> {
  const row = (await db.query(`SELECT version, ${fields.map((f) => `${columns[f]} AS "${f}"`).join(', ')} FROM legal_entity WHERE id = $1 FOR UPDATE`, [id])).rows[0];
  if (row === undefined) return undefined;
  // The database has the keys in an order of its own, the schema in ours.
  const { version, ...own } = { ...row, letterhead: letterheadSchema.parse(row['letterhead']) };
  const { rows: vatRegistrations } = await db.query<Registration>('SELECT country, number, valid_from AS "validFrom", valid_to AS "validTo" FROM vat_registration WHERE entity_id = $1 ORDER BY 1, 3', [
    id,
  ]);
  const { rows: calendars } = await db.query<Calendar>('SELECT id, cadence, strategies, cut_off AS "cutOff" FROM billing_calendar WHERE entity_id = $1 ORDER BY 1', [id]);
  return { version, entity: { ...own, vatRegistrations, calendars } };
}

function merged(present: Entity | undefined, { vatRegistrations = [], calendars = [], ...own }: EntityInput): Entity {
  const byKey = <T>(there: readonly T[], given: readonly T[], keyOf: (item: T) => string) =>
    [...new Map([...there, ...given].map((item) => [keyOf(item), item]))].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
  return {
    fxSource: 'ECB',
    costCenter: null,
    letterhead: {},
    ...present,
    ...own,
    vatRegistrations: byKey<Registration>(
      present?.vatRegistrations ?? [],
      vatRegistrations.map(({ country, number, validFrom, validTo }) => ({ country, number, validFrom, validTo })),
      (r) => `${r.country} ${r.validFrom}`,
    ),
    calendars: byKey<Calendar>(
      present?.calendars ?? [],
      calendars.map(({ id, cadence, strategies, cutOff }) => {
        const there = present?.calendars.find((c) => c.id === id);
        return { id, cadence, strategies: strategies ?? there?.strategies ?? [], cutOff: cutOff ?? there?.cutOff ?? 'fixed' };
      }),
      (c) => c.id,
    ),
  };
}

async function wrong(db: Db, id: string, present: { readonly entity: Entity } | undefined, next: Entity, changed: readonly string[]): Promise<Issue[]> {
  const charged = present !== undefined && changed.some((f) => fixedWithCharges.includes(f)) && (await db.query('SELECT FROM rated_charge WHERE entity_id = $1 LIMIT 1', [id])).rowCount !== 0;
  const taken = await db.query<{ id: string; entity_id: string; cadence: string; used: boolean }>(
    'SELECT id, entity_id, cadence, EXISTS (SELECT FROM billing_run r WHERE r.calendar_id = c.id) AS used FROM billing_calendar c WHERE id = ANY($1)',
    [next.calendars.map((c) => c.id)],
  );
  return [
    ...fields.flatMap((field) => (next[field] == null && field !== 'costCenter' ? [issue('rowIncomplete', 'blocks', id, { field })] : [])),
    ...checkZone(id, next['timeZone']),
    ...checkCurrency(id, next['currency']),
    ...changed.flatMap((field) => (charged && fixedWithCharges.includes(field) ? [issue('rowFixed', 'blocks', id, { field, because: 'charges were booked with it' })] : [])),
    ...taken.rows.flatMap((c) => {
      if (c.entity_id !== id) return [issue('rowValue', 'blocks', id, { field: 'calendars', detail: `name ${c.id}, which is a calendar of ${c.entity_id}` })];
      const cadence = next.calendars.find((n) => n.id === c.id)?.cadence;
      return c.used && cadence !== c.cadence ? [issue('rowFixed', 'blocks', id, { field: `the cadence of ${c.id}`, because: 'runs were planned by it' })] : [];
    }),
    ...wrongStrategies(id, next.calendars),
    ...next.vatRegistrations.flatMap((r, i) => {
      const later = next.vatRegistrations[i + 1];
      const overlaps = later !== undefined && later.country === r.country && (r.validTo === null || later.validFrom < r.validTo);
      const backwards = r.validTo !== null && r.validTo <= r.validFrom;
      return [
        ...checkVatNumber(id, r.number),
        ...(r.number.startsWith(r.country) || (r.country === 'GR' && r.number.startsWith('EL'))
          ? []
          : [issue('rowValue', 'blocks', id, { field: 'vatRegistrations', detail: `have a number of another country for ${r.country}` })]),
        ...(overlaps ? [issue('rowValue', 'blocks', id, { field: 'vatRegistrations', detail: `overlap in ${r.country}: end the one from ${r.validFrom} by ${later.validFrom}` })] : []),
        ...(backwards ? [issue('rowValue', 'blocks', id, { field: 'vatRegistrations', detail: `end before they begin in ${r.country}` })] : []),
      ];
    }),
  ];
}

/** A strategy is on one calendar, and what site owners earn on none by weeks. */
function wrongStrategies(id: string, calendars: readonly Calendar[]): Issue[] {
  const wrong = (detail: string) => issue('rowValue', 'blocks', id, { field: 'calendars', detail });
  return calendars.flatMap((c, i) => [
    ...c.strategies.flatMap((s) => calendars.slice(i + 1).flatMap((o) => (o.strategies.includes(s) ? [wrong(`have ${s} on both ${c.id} and ${o.id}: leave it on one`)] : []))),
    ...(c.cadence === 'weekly' && c.strategies.includes('selfBilling') ? [wrong(`have selfBilling on ${c.id}, which is weekly: owners are stated by months or quarters`)] : []),
  ]);
}
