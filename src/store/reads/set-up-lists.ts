import type { QueryResultRow } from 'pg';
import type { Db } from '../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

/** Null for without beginning or end. */
const at = (column: string) => `CASE WHEN isfinite(${column}) THEN to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END`;
const page = (key: string, first = 1) => `($${first}::text IS NULL OR ${key} > $${first}) ORDER BY ${key} LIMIT $${first + 1}`;

const entity = `SELECT e.id AS cursor, e.id, e.name, e.country, e.currency, e.time_zone AS "timeZone", e.org_number AS "orgNumber", e.fx_source AS "fxSource", e.cost_center AS "costCenter", e.letterhead, e.version,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('country', r.country, 'number', r.number, 'validFrom', r.valid_from, 'validTo', r.valid_to) ORDER BY r.country, r.valid_from), '[]') FROM vat_registration r WHERE r.entity_id = e.id) AS "vatRegistrations",
    (SELECT coalesce(jsonb_agg(jsonb_build_object('id', c.id, 'cadence', c.cadence, 'strategies', to_jsonb(c.strategies), 'cutOff', c.cut_off) ORDER BY c.id), '[]') FROM billing_calendar c WHERE c.entity_id = e.id) AS calendars FROM legal_entity e WHERE`;
const party = `SELECT p.id AS cursor, p.id, p.name, p.country, p.vat_number AS "vatNumber", p.org_number AS "orgNumber", p.email, p.address, p.version, p.erased_at IS NOT NULL AS erased,
    ARRAY(SELECT a.id FROM account a WHERE a.party_id = p.id ORDER BY a.id) AS "accountIds" FROM party p WHERE`;
const fleetUnit = `SELECT u.id AS cursor, u.id, u.account_id AS "accountId", u.kind, u.label, u.party_id AS "partyId", u.version,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('costCenter', f.cost_center, 'validFrom', ${at('f.valid_from')}, 'validTo', ${at('f.valid_to')}, 'author', f.author) ORDER BY f.valid_from), '[]') FROM fleet_assignment f WHERE f.unit_id = u.id) AS assignments
    FROM fleet_unit u WHERE`;

/** Lists of set-up: `$1` where the page before ended, `$2` how many rows; what follows narrows the list. */
const lists = {
  entities: `${entity} ${page('e.id')}`,
  parties: `${party} ${page('p.id')}`,
  fleetUnits: `${fleetUnit} ($3::text IS NULL OR u.account_id = $3) AND ${page('u.id')}`,
  siteHolders: `SELECT ${at('h.valid_from')} AS cursor, ${at('h.valid_from')} AS "validFrom", ${at('h.valid_to')} AS "validTo", h.owner_account_id AS "ownerAccountId", h.operator_account_id AS "operatorAccountId", h.author
    FROM site_holder h WHERE h.site_id = $3 AND ${page(at('h.valid_from'))}`,
  vatStatuses: `SELECT s.valid_from::text AS cursor, s.valid_from AS "validFrom", s.valid_to AS "validTo", s.status, s.established_in AS "establishedIn", s.vat_number AS "vatNumber", s.evidence, s.author, s.second_person AS "secondPerson"
    FROM vat_status s WHERE s.account_id = $3 AND ${page('s.valid_from::text')}`,
  vatTables: `SELECT lpad(v.version::text, 9, '0') AS cursor, v.version, v.valid_from AS "validFrom", v.rows, v.reason, v.author, v.second_person AS "secondPerson", v.made_at AS "madeAt"
    FROM vat_table v WHERE v.entity_id = $3 AND ${page("lpad(v.version::text, 9, '0')")}`,
  glMappings: `SELECT lpad(g.version::text, 9, '0') AS cursor, g.version, g.keys, v.author, v.reason, v.made_at AS "madeAt" FROM (SELECT version, jsonb_object_agg(key, gl_account) AS keys FROM gl_mapping WHERE entity_id = $3 GROUP BY version) g
    LEFT JOIN set_up_version v ON v.kind = 'glMapping' AND v.id = $3 AND v.version = g.version WHERE ${page("lpad(g.version::text, 9, '0')")}`,
  bankAccounts: `SELECT lpad(b.version::text, 9, '0') AS cursor, b.version, b.scheme, b.last_four AS "lastFour", b.number IS NULL AS erased, b.author, b.second_person AS "secondPerson", b.published_at AS "publishedAt"
    FROM payee_bank_account b WHERE b.account_id = $3 AND ${page("lpad(b.version::text, 9, '0')")}`,
  fxRates: `SELECT * FROM (SELECT f.source || '/' || f.currency || '/' || f.into_currency || '/' || f.rate_on || '/' || lpad(f.version::text, 9, '0') AS cursor, f.source, f.rate_on AS "on", f.currency, f.into_currency AS "into", f.version, trim_scale(f.rate)::text AS rate, f.author
    FROM fx_rate f WHERE ($3::text IS NULL OR f.source = $3) AND ($4::text IS NULL OR f.currency = $4) AND ($5::date IS NULL OR f.rate_on = $5)) f WHERE ${page('cursor')}`,
} as const;
export type SetUpList = keyof typeof lists;

const filters: Readonly<Record<SetUpList, number>> = { entities: 0, parties: 0, fleetUnits: 1, siteHolders: 1, vatStatuses: 1, vatTables: 1, glMappings: 1, bankAccounts: 1, fxRates: 3 };

/** A page of a list, narrowed by its filters in their order; a filter that is left out narrows nothing. */
export async function listSetUp(db: Db, list: SetUpList, order: PageOrder, ...narrow: readonly (string | undefined)[]): Promise<Page<Record<string, unknown>>> {
  const given = Array.from({ length: filters[list] }, (_, i) => narrow[i] ?? null);
  const named = [list, ...given] as const;
  const { rows } = await db.query(lists[list], [keyBefore(named, order), order.limit + 1, ...given]);
  return pageOf(named, rows, order.limit, (r) => String(r['cursor']), withoutCursor);
}

const one = { entities: `${entity} e.id = $1`, parties: `${party} p.id = $1`, fleetUnits: `${fleetUnit} u.id = $1` } as const;

/** One entry as its list shows it; undefined when there is none. */
export async function findSetUp(db: Db, list: keyof typeof one, id: string): Promise<Record<string, unknown> | undefined> {
  const [row] = (await db.query(one[list], [id])).rows;
  return row === undefined ? undefined : withoutCursor(row);
}

function withoutCursor({ cursor: _, ...row }: QueryResultRow): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).map(([key, value]) => [key, value instanceof Date ? value.toISOString() : value]));
}
