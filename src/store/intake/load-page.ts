import type { QueryResultRow } from 'pg';
import { type RuleProfile, ruleProfileSchema } from '../../contracts/rule-profile.ts';
import { tariffSchema } from '../../contracts/tariff.ts';
import { vatTableSchema } from '../../contracts/vat-table.ts';
import type { EntitySetup, PayerSetup, SiteSetup, TariffSetup } from '../../core/allocate/setup.ts';
import type { Worth } from '../../core/intake/evaluate.ts';
import type { Version } from '../../core/intake/standing.ts';
import type { Issue } from '../../core/issues.ts';
import type { Route } from '../../core/plausibility/neighbours.ts';
import { arrayOf, text } from '../binary.ts';
import type { Db } from '../db.ts';
import { besideErasure } from '../erasure-lock.ts';

export type SourceRow = {
  readonly id: string;
  readonly entityId: string;
  readonly format: string;
  readonly ownerCountry: string;
  readonly ownerParty: string;
  readonly timeZone: string;
  readonly route: Route;
  readonly repeatProfile: 'revise' | 'conflict';
  readonly ruleProfile: RuleProfile;
  readonly ruleProfileVersion: number;
  /** Other sources of the entity may report the same sessions. */
  readonly hasSiblings: boolean;
};
export type PageMessage = {
  readonly rawId: bigint;
  readonly recordKey: string;
  readonly receivedAt: Date;
  readonly bytes: Buffer | null;
  readonly source: SourceRow;
  readonly pending: boolean;
  readonly tokenSecret: Buffer;
};

/**
 * The messages of a page in order of arrival, their work-list rows locked. Of the ids given, those already
 * processed come back only when `retry` names them as the message a waiting record stands on.
 */
export async function loadMessages(db: Db, rawIds: readonly string[], retry: boolean): Promise<PageMessage[]> {
  const { rows } = await db.query(
    `WITH beside AS MATERIALIZED (SELECT ${besideErasure}), mine AS MATERIALIZED (SELECT raw_id FROM raw_pending WHERE raw_id = ANY($1::bigint[]) ORDER BY raw_id FOR UPDATE)
     SELECT m.id, m.record_key, m.received_at, m.source_id, b.bytes, p.raw_id IS NOT NULL AS pending
     FROM raw_message m CROSS JOIN beside
     CROSS JOIN LATERAL (SELECT bytes FROM raw_body WHERE received_month = m.received_month AND hash = m.body_hash LIMIT 1) b
     LEFT JOIN mine p ON p.raw_id = m.id
     WHERE m.id = ANY($1::bigint[]) AND (p.raw_id IS NOT NULL OR $2) ORDER BY m.id`,
    [rawIds, retry],
  );
  const { rows: sourceRows } = await db.query(
    `SELECT s.id, s.entity_id, s.format, s.owner_country, s.owner_party, s.time_zone, s.route, s.repeat_profile, s.rule_profile, s.rule_profile_version,
            EXISTS (SELECT FROM source o WHERE o.entity_id = s.entity_id AND o.id <> s.id) AS has_siblings, k.secret
     FROM source s CROSS JOIN token_secret k WHERE s.id = ANY($1::text[])`,
    [[...new Set(rows.map((r) => r.source_id as string))]],
  );
  const sources = new Map(sourceRows.map((r) => [r.id as string, { source: sourceOfRow(r), tokenSecret: r.secret as Buffer }]));
  return rows.map((r) => {
    const from = sources.get(r.source_id);
    if (from === undefined) throw new Error(`message ${r.id} came from source ${r.source_id}, which is gone`);
    return { rawId: r.id, recordKey: r.record_key, receivedAt: r.received_at, bytes: r.bytes, pending: r.pending, ...from };
  });
}

function sourceOfRow(r: QueryResultRow): SourceRow {
  return {
    id: r['id'],
    entityId: r['entity_id'],
    format: r['format'],
    ownerCountry: r['owner_country'],
    ownerParty: r['owner_party'],
    timeZone: r['time_zone'],
    route: r['route'],
    repeatProfile: r['repeat_profile'],
    ruleProfile: ruleProfileSchema.parse(r['rule_profile']),
    ruleProfileVersion: r['rule_profile_version'],
    hasSiblings: r['has_siblings'],
  };
}

/** How a record stands. A new object for each change; written as it is. */
export type Head = {
  readonly key: HeadKey;
  /** There is no row yet: `writeHeads` inserts it. */
  readonly isNew: boolean;
  readonly recordId: bigint;
  readonly revision: number;
  readonly state: 'received' | 'quarantined' | 'rejected' | 'parked' | 'booked';
  readonly sessionKey: string;
  /** The version that is booked or rejected. */
  readonly standing: Version | null;
  /** The version that waits, beside the one that stands or alone; without a hash when it cannot be read. */
  readonly waiting: { readonly rawId: bigint; readonly hash: Buffer | null; readonly updatedAt: number | null } | null;
  readonly waitingFor: string | null;
  /** What is at risk while it waits. */
  readonly worth: Worth | null;
  readonly issues: readonly Issue[];
  readonly siteId: string | null;
  readonly accountId: string | null;
  readonly serviceMonth: string | null;
  readonly energyWh: number;
  readonly tokenRef: string | null;
  /** The record of another route that is billed in its place. */
  readonly linkedTo: bigint | null;
};
export type HeadKey = { readonly sourceId: string; readonly ownerCountry: string; readonly ownerParty: string; readonly cdrId: string };

/**
 * The heads of the page, keyed by `headKeyText`: those that exist locked, in key order so that two pages never deadlock; those that do not
 * under the record id they will have.
 */
export async function lockHeads(db: Db, keys: readonly HeadKey[]): Promise<Map<string, Head>> {
  const inOrder = [...new Map(keys.map((k) => [headKeyText(k), k]))].sort(([a], [b]) => (a < b ? -1 : 1));
  const of = (part: keyof HeadKey) => arrayOf(text, inOrder, ([, key]) => key[part]);
  // One lookup a key, however many heads there are: a join might read them all.
  const { rows } = await db.query(
    `SELECT h.* FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS t(s, c, p, i)
     CROSS JOIN LATERAL (SELECT * FROM record_head WHERE source_id = t.s AND owner_country = t.c::char(2) AND owner_party = t.p AND cdr_id = t.i FOR UPDATE) h`,
    [of('sourceId'), of('ownerCountry'), of('ownerParty'), of('cdrId')],
  );
  const heads = new Map(
    rows.map((row) => {
      const head = headOfRow(row);
      return [headKeyText(head.key), head];
    }),
  );
  const missing = inOrder.filter(([keyText]) => !heads.has(keyText));
  if (missing.length === 0) return heads;
  const ids = await db.query<{ id: bigint }>("SELECT nextval('record_id_seq') AS id FROM generate_series(1, $1::integer)", [missing.length]);
  for (const [i, [keyText, key]] of missing.entries()) heads.set(keyText, newHead(key, ids.rows[i]?.id ?? 0n));
  return heads;
}

function newHead(key: HeadKey, recordId: bigint): Head {
  return {
    key,
    isNew: true,
    recordId,
    revision: 0,
    state: 'received',
    sessionKey: headKeyText(key),
    standing: null,
    waiting: null,
    waitingFor: null,
    worth: null,
    issues: [],
    siteId: null,
    accountId: null,
    serviceMonth: null,
    energyWh: 0,
    tokenRef: null,
    linkedTo: null,
  };
}

function headOfRow(r: QueryResultRow): Head {
  const waits = r['waiting_raw_id'] !== null;
  return {
    key: { sourceId: r['source_id'], ownerCountry: r['owner_country'], ownerParty: r['owner_party'], cdrId: r['cdr_id'] },
    isNew: false,
    recordId: r['record_id'],
    revision: r['revision'],
    state: r['state'],
    sessionKey: r['session_key'],
    standing: r['facts_hash'] === null ? null : { hash: r['facts_hash'], updatedAt: r['source_updated_at']?.getTime() ?? null },
    waiting: waits ? { rawId: r['waiting_raw_id'], hash: r['waiting_hash'], updatedAt: r['waiting_updated_at']?.getTime() ?? null } : null,
    waitingFor: r['waiting_for'],
    worth: r['at_risk_minor'] === null ? null : { minor: r['at_risk_minor'], currency: r['at_risk_currency'] },
    issues: r['issues'],
    siteId: r['site_id'],
    accountId: r['account_id'],
    serviceMonth: r['service_month'],
    energyWh: Number(r['energy_wh']),
    tokenRef: r['token_ref'],
    linkedTo: r['linked_to'],
  };
}

export function headKeyText(key: HeadKey): string {
  return `${key.sourceId}/${key.ownerCountry}*${key.ownerParty}*${key.cdrId}`.toLowerCase();
}

/** A token as a source names it, and the reference that stands for it in records. */
export type TokenUse = { readonly sourceId: string; readonly ref: string; readonly uid: string };

type Dated<T> = { readonly fromMs: number; readonly toMs: number; readonly value: T };
/** What holds at an instant; several rows are an answer of their own. */
export type SetupBook = {
  site(sourceId: string, siteKey: string, atMs: number): SiteSetup | undefined;
  payer(sourceId: string, tokenRef: string, atMs: number): PayerSetup | 'noContract' | undefined;
  tariffs(segment: string, siteId: string, evseId: string | undefined, atMs: number): TariffSetup[];
  entity(entityId: string): EntitySetup;
};

/** Loads the set-up that the page's keys can touch, in a handful of queries whatever the page's size. */
export async function loadSetup(db: Db, wanted: { entityIds: string[]; sourceIds: string[]; siteKeys: string[]; tokens: readonly TokenUse[] }): Promise<SetupBook> {
  const siteRows = await db.query(
    `SELECT m.source_id, m.external_key, ms(m.valid_from) AS from_ms, ms(m.valid_to) AS to_ms, s.id, s.country, s.time_zone, s.cost_center, s.connector_power_w, s.owner_account_id,
            c.contract_id, c.clauses->>'sharePercent' AS share_percent, ms(c.valid_from) AS c_from, ms(c.valid_to) AS c_to
     FROM mapping m JOIN site s ON s.id = m.internal_id
     LEFT JOIN LATERAL (SELECT v.* FROM contract k JOIN contract_version v ON v.contract_id = k.id WHERE k.account_id = s.owner_account_id AND k.kind = 'revenueShare') c ON true
     WHERE m.kind = 'site' AND m.source_id = ANY($1) AND m.external_key = ANY($2)`.replaceAll(/ms\(([a-z_.]+)\)/g, EPOCH_MS),
    [wanted.sourceIds, wanted.siteKeys],
  );
  const payerRows = await db.query(
    `SELECT m.source_id, m.external_key, ms(m.valid_from) AS from_ms, ms(m.valid_to) AS to_ms, m.cost_center, a.id, a.category, a.rounding_mode, a.currency,
            m.unit_id, c.id AS contract_id, v.version AS contract_version, ms(v.valid_from) AS c_from, ms(v.valid_to) AS c_to
     FROM mapping m JOIN account a ON a.id = m.internal_id
     LEFT JOIN contract c ON c.account_id = a.id AND c.kind IN ('supply', 'roamingSale') LEFT JOIN contract_version v ON v.contract_id = c.id
     WHERE m.kind = 'token' AND m.source_id = ANY($1) AND m.external_key = ANY($2)`.replaceAll(/ms\(([a-z_.]+)\)/g, EPOCH_MS),
    [wanted.sourceIds, wanted.tokens.map((t) => t.uid)],
  );
  const tariffRows = await db.query(
    `SELECT p.segment, p.site_id, p.evse_id, ms(p.valid_from) AS from_ms, ms(p.valid_to) AS to_ms, t.id, t.tariff_id, t.version, t.body, ms(t.valid_from) AS t_from, ms(t.valid_to) AS t_to
     FROM price_assignment p JOIN tariff_version t ON t.tariff_id = p.tariff_id WHERE p.entity_id = ANY($1)`.replaceAll(/ms\(([a-z_.]+)\)/g, EPOCH_MS),
    [wanted.entityIds],
  );
  const entities = new Map<string, EntitySetup>();
  for (const id of wanted.entityIds) entities.set(id, await loadEntity(db, id));

  const sites = index(
    siteRows.rows,
    (r): SiteSetup => ({
      siteId: r['id'],
      country: r['country'],
      timeZone: r['time_zone'],
      costCenter: r['cost_center'],
      connectorPowerW: Number(r['connector_power_w']),
      ownerAccountId: r['owner_account_id'],
      ownerContractId: r['contract_id'],
      ownerSharePercent: r['share_percent'],
    }),
  );
  const payers = index(payerRows.rows, (r): PayerSetup | 'noContract' =>
    r['contract_id'] === null
      ? 'noContract'
      : {
          accountId: r['id'],
          category: r['category'],
          roundingMode: r['rounding_mode'],
          currency: r['currency'],
          costCenter: r['cost_center'],
          unitId: r['unit_id'],
          contractId: r['contract_id'],
          contractVersion: r['contract_version'],
        },
  );
  const tariffs = tariffRows.rows.map((r) => ({
    segment: r.segment as string,
    siteId: r.site_id as string | null,
    evseId: r.evse_id as string | null,
    fromMs: Math.max(Number(r.from_ms), Number(r.t_from)),
    toMs: Math.min(Number(r.to_ms), Number(r.t_to)),
    version: r.version as number,
    value: { tariffVersionId: r.id, tariffId: r.tariff_id, tariff: tariffSchema.parse(r.body) } satisfies TariffSetup,
  }));
  const uids = new Map(wanted.tokens.map((t) => [`${t.sourceId}\n${t.ref}`, t.uid]));
  const at = <T>(rows: readonly Dated<T>[] | undefined, ms: number) => rows?.find((d) => d.fromMs <= ms && ms < d.toMs)?.value;
  return {
    site: (sourceId, key, ms) => at(sites.get(`${sourceId}\n${key}`), ms),
    payer: (sourceId, ref, ms) => at(payers.get(`${sourceId}\n${uids.get(`${sourceId}\n${ref}`)}`), ms),
    tariffs(segment, siteId, evseId, ms) {
      const valid = tariffs.filter((t) => t.segment === segment && t.fromMs <= ms && ms < t.toMs);
      const nearest = [valid.filter((t) => t.evseId !== null && t.evseId === evseId), valid.filter((t) => t.evseId === null && t.siteId === siteId)].find((own) => own.length > 0);
      const assigned = nearest ?? valid.filter((t) => t.evseId === null && t.siteId === null);
      // Of one tariff the newest version in force counts: published versions are never ended.
      return assigned.filter((t) => !assigned.some((o) => o.value.tariffId === t.value.tariffId && o.version > t.version)).map((t) => t.value);
    },
    entity(id) {
      const entity = entities.get(id);
      if (entity === undefined) throw new Error(`entity ${id} was not loaded`);
      return entity;
    },
  };
}

// Infinity is a JSON-safe bound only as a number: ±8.64e15 ms, the range of a Date.
const EPOCH_MS = "CASE WHEN $1 = 'infinity' THEN 8640000000000000 WHEN $1 = '-infinity' THEN -8640000000000000 ELSE (extract(epoch FROM $1) * 1000)::bigint END";

function index<T>(rows: readonly QueryResultRow[], read: (row: QueryResultRow) => T): Map<string, Dated<T>[]> {
  const map = new Map<string, Dated<T>[]>();
  for (const row of rows) {
    const key = `${row['source_id']}\n${row['external_key']}`;
    const bound = (name: string, fallback: number) => (row[name] === null || row[name] === undefined ? fallback : Number(row[name]));
    const dated = { fromMs: Math.max(Number(row['from_ms']), bound('c_from', -8.64e15)), toMs: Math.min(Number(row['to_ms']), bound('c_to', 8.64e15)), value: read(row) };
    map.set(key, [...(map.get(key) ?? []), dated]);
  }
  return map;
}

function ratesByCurrency(rows: readonly QueryResultRow[]): Map<string, { on: string; version: number; rate: string }[]> {
  const rates = new Map<string, { on: string; version: number; rate: string }[]>();
  for (const r of rows) {
    const list = rates.get(r['currency']) ?? [];
    list.push({ on: r['rate_on'], version: r['version'], rate: r['rate'] });
    rates.set(r['currency'], list);
  }
  return rates;
}

async function loadEntity(db: Db, id: string): Promise<EntitySetup> {
  const entity = await db.query('SELECT time_zone, country, currency, fx_source FROM legal_entity WHERE id = $1', [id]);
  const gl = await db.query('SELECT key, gl_account, version FROM gl_mapping WHERE entity_id = $1 AND version = (SELECT max(version) FROM gl_mapping WHERE entity_id = $1)', [id]);
  const registrations = await db.query('SELECT country, valid_from, valid_to FROM vat_registration WHERE entity_id = $1', [id]);
  const rules = await db.query('SELECT code, country, percent::text, category, valid_from, valid_to FROM vat_rule', []);
  const tables = await db.query('SELECT version, valid_from, rows FROM vat_table WHERE entity_id = $1 ORDER BY version DESC', [id]);
  const fx = await db.query('SELECT currency, rate_on, version, rate::text FROM fx_rate WHERE source = $1 AND into_currency = $2 ORDER BY currency, rate_on, version', [
    entity.rows[0].fx_source,
    entity.rows[0].currency,
  ]);
  const period = (r: { valid_from: string; valid_to: string | null }) => ({ validFrom: r.valid_from, validTo: r.valid_to });
  return {
    entityId: id,
    country: entity.rows[0].country,
    currency: entity.rows[0].currency,
    vatTables: tables.rows.map((r) => ({ version: r.version, validFrom: r.valid_from, rows: vatTableSchema.parse(r.rows) })),
    fx: { source: entity.rows[0].fx_source, rates: ratesByCurrency(fx.rows) },
    timeZone: entity.rows[0].time_zone,
    mappingVersion: gl.rows[0]?.version ?? 0,
    glAccounts: new Map(gl.rows.map((r) => [r.key, r.gl_account])),
    vatRegistrations: registrations.rows.map((r) => ({ country: r.country, ...period(r) })),
    vatRules: rules.rows.map((r) => ({ code: r.code, country: r.country, percent: r.percent, category: r.category.trim(), ...period(r) })),
  };
}
