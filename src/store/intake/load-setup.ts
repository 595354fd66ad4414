import type { QueryResultRow } from 'pg';
import { type Agreement, type AgreementKind, agreementSchema } from '../../contracts/agreement.ts';
import { tariffSchema } from '../../contracts/tariff.ts';
import { type VatTable, vatTableSchema } from '../../contracts/vat-table.ts';
import { heldSite } from '../../core/allocate/held-site.ts';
import type { AccountSetup, Contracted, EntitySetup, PartyVat, PayerSetup, SetupLookup, SiteSetup, TariffSetup } from '../../core/allocate/setup.ts';
import { groupBy } from '../../core/group-by.ts';
import { priceSeriesOf } from '../../core/share/pipeline.ts';
import type { Db } from '../db.ts';
import { loadPricePoints } from '../price-points.ts';
import { loadSiteHolders } from '../site-holdings.ts';

/** A token as a source names it, and the reference that stands for it in records. */
export type TokenUse = { readonly sourceId: string; readonly ref: string; readonly uid: string };

/** What holds at an instant, for all that a page touches. */
export type SetupBook = SetupLookup & { entity(entityId: string): EntitySetup };

type Dated<T> = { readonly fromMs: number; readonly toMs: number; readonly value: T };

/** A source's mapping that catches every site of another operator that has no mapping of its own. */
const anySite = '*';
/** One that catches every token without a mapping of its own: of a source whose sessions are paid at a terminal. */
const anyToken = '*';

/** Loads the set-up that the page's keys can touch, in a handful of queries whatever the page's size. */
export async function loadSetup(
  db: Db,
  wanted: {
    readonly entityIds: readonly string[];
    readonly sourceIds: readonly string[];
    readonly siteKeys: readonly string[];
    readonly tokens: readonly TokenUse[];
    /** Of the sessions: rates of other days are not looked at. */
    readonly between: Between;
  },
): Promise<SetupBook> {
  const sites = await loadSites(db, wanted);
  const holders = await loadSiteHolders(
    db,
    [...sites.values()].flat().map((s) => s.value.siteId),
  );
  const tokens = await loadTokens(db, wanted);
  const unitCenters = await loadCostCenters(
    db,
    [...tokens.values()].flat().flatMap((t) => t.value.unitId ?? []),
  );
  const ofSites = [...[...sites.values()].flat(), ...[...holders.values()].flat()].flatMap(({ value: s }) => [s.ownerAccountId, s.operatorAccountId]);
  const ofTokens = [...tokens.values()].flat().map((t) => t.value.accountId);
  const contracts = await loadContracts(db, unique([...ofSites, ...ofTokens]));
  const named = contracts.rows.flatMap(({ agreement }) => accountsNamed(agreement));
  const accounts = await loadAccounts(db, unique([...ofSites, ...ofTokens, ...named]));
  const assigned = await loadAssignedTariffs(db, wanted.entityIds);
  const listed = await loadTariffs(db, unique(contracts.rows.flatMap(({ agreement }) => tariffsNamed(agreement))));
  const { fromMs, toMs } = wanted.between;
  const prices = await loadPricePoints(
    db,
    unique(contracts.rows.flatMap(({ agreement }) => seriesNamed(agreement))).map((seriesId) => ({ seriesId, fromMs, toMs })),
  );
  const entities = new Map<string, EntitySetup>();
  for (const id of wanted.entityIds) entities.set(id, await loadEntity(db, id, wanted.between));
  const uses = new Map(wanted.tokens.map((t) => [`${t.sourceId}\n${t.ref}`, tokens.get(`${t.sourceId}\n${t.uid}`)]));
  return {
    site(sourceId, key, ms) {
      const found = at(sites.get(`${sourceId}\n${key}`), ms) ?? foreignOnly(at(sites.get(`${sourceId}\n${anySite}`), ms));
      return found === undefined ? undefined : heldSite(found, holders.get(found.siteId) ?? [], ms);
    },
    payer(sourceId, ref, ms): PayerSetup | undefined {
      const use = at(uses.get(`${sourceId}\n${ref}`), ms) ?? at(tokens.get(`${sourceId}\n${anyToken}`), ms);
      const account = use === undefined ? undefined : accounts.get(use.accountId);
      if (use === undefined || account === undefined || account.category === 'siteOwner' || account.category === 'partner') return undefined;
      const { accountId, category, roundingMode, currency, vat } = account;
      const costCenter = (use.unitId === null ? undefined : at(unitCenters.get(use.unitId), ms)) ?? use.costCenter;
      return { accountId, category, roundingMode, currency, vat, costCenter, unitId: use.unitId };
    },
    account: (accountId) => accounts.get(accountId),
    contracts: (accountId, kind, ms) => contracts.inForce(accountId, kind, ms),
    tariffs(segment, siteId, evseId, ms) {
      const valid = assigned.filter((t) => t.segment === segment && t.fromMs <= ms && ms < t.toMs);
      // Ids of EVSEs are the same in either case (OCPI 2.2.1 mod_cdrs, CdrLocation: CiString).
      const evse = evseId?.toUpperCase();
      const nearest = [valid.filter((t) => t.evseId !== null && t.evseId.toUpperCase() === evse), valid.filter((t) => t.evseId === null && t.siteId === siteId)].find((own) => own.length > 0);
      const fitting = nearest ?? valid.filter((t) => t.evseId === null && t.siteId === null);
      // Of one tariff the newest version in force counts: published versions are never ended.
      return fitting.filter((t) => !fitting.some((o) => o.value.tariffId === t.value.tariffId && o.version > t.version)).map((t) => t.value);
    },
    prices,
    tariff: (tariffId, ms) => at(listed.get(tariffId), ms),
    entity(id) {
      const entity = entities.get(id);
      if (entity === undefined) throw new Error(`entity ${id} was not loaded`);
      return entity;
    },
  };
}

function at<T>(rows: readonly Dated<T>[] | undefined, ms: number): T | undefined {
  return rows?.find((d) => d.fromMs <= ms && ms < d.toMs)?.value;
}

/** A site of ours, or a driver's home, is always mapped by its own key. */
function foreignOnly(site: SiteSetup | undefined): SiteSetup | undefined {
  return site?.kind === 'foreign' ? site : undefined;
}

function unique(values: readonly (string | null)[]): string[] {
  return [...new Set(values.flatMap((v) => v ?? []))];
}

// Infinity is a JSON-safe bound only as a number: ±8.64e15 ms, the range of a Date.
const epochMs = "CASE WHEN $1 = 'infinity' THEN 8640000000000000 WHEN $1 = '-infinity' THEN -8640000000000000 ELSE (extract(epoch FROM $1) * 1000)::bigint END";
/** Writes `ms(column)` out as epoch milliseconds. */
function sql(text: string): string {
  return text.replaceAll(/ms\(([a-z_.]+)\)/g, epochMs);
}

function dated<T>(rows: readonly QueryResultRow[], keyOf: (row: QueryResultRow) => string, read: (row: QueryResultRow) => T): Map<string, Dated<T>[]> {
  const map = new Map<string, Dated<T>[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const entry = { fromMs: Number(row['from_ms']), toMs: Number(row['to_ms']), value: read(row) };
    const list = map.get(key);
    if (list === undefined) map.set(key, [entry]);
    else list.push(entry);
  }
  return map;
}

async function loadSites(db: Db, { sourceIds, siteKeys }: { readonly sourceIds: readonly string[]; readonly siteKeys: readonly string[] }): Promise<Map<string, Dated<SiteSetup>[]>> {
  const { rows } = await db.query(
    sql(`SELECT m.source_id, m.external_key, ms(m.valid_from) AS from_ms, ms(m.valid_to) AS to_ms, s.id, s.kind, s.country, s.time_zone, s.cost_center, s.connector_power_w, s.owner_account_id, s.operator_account_id
     FROM mapping m JOIN site s ON s.id = m.internal_id WHERE m.kind = 'site' AND m.source_id = ANY($1) AND m.external_key = ANY($2)`),
    [sourceIds, [...siteKeys, anySite]],
  );
  return dated(
    rows,
    (r) => `${r['source_id']}\n${r['external_key']}`,
    (r) => ({
      siteId: r['id'],
      kind: r['kind'],
      country: r['country'],
      timeZone: r['time_zone'],
      costCenter: r['cost_center'],
      connectorPowerW: Number(r['connector_power_w']),
      ownerAccountId: r['owner_account_id'],
      operatorAccountId: r['operator_account_id'],
    }),
  );
}

type TokenOwner = { readonly accountId: string; readonly costCenter: string | null; readonly unitId: string | null };

async function loadTokens(db: Db, { sourceIds, tokens }: { readonly sourceIds: readonly string[]; readonly tokens: readonly TokenUse[] }): Promise<Map<string, Dated<TokenOwner>[]>> {
  const { rows } = await db.query(
    sql(`SELECT source_id, external_key, ms(valid_from) AS from_ms, ms(valid_to) AS to_ms, internal_id, cost_center, unit_id
     FROM mapping m WHERE kind = 'token' AND source_id = ANY($1) AND external_key = ANY($2)
       AND (external_key <> '${anyToken}' OR EXISTS (SELECT FROM account a WHERE a.id = m.internal_id AND a.strategy = 'cardReceipt'))`),
    [sourceIds, [...tokens.map((t) => t.uid), anyToken]],
  );
  return dated(
    rows,
    (r) => `${r['source_id']}\n${r['external_key']}`,
    (r) => ({ accountId: r['internal_id'], costCenter: r['cost_center'], unitId: r['unit_id'] }),
  );
}

async function loadCostCenters(db: Db, unitIds: readonly string[]): Promise<Map<string, Dated<string>[]>> {
  if (unitIds.length === 0) return new Map();
  const { rows } = await db.query(sql('SELECT unit_id, cost_center, ms(valid_from) AS from_ms, ms(valid_to) AS to_ms FROM fleet_assignment WHERE unit_id = ANY($1)'), [unique(unitIds)]);
  return dated(
    rows,
    (r) => r['unit_id'],
    (r) => r['cost_center'],
  );
}

/** Accounts with what each is to VAT, newest first. */
export async function loadAccounts(db: Db, ids: readonly string[]): Promise<Map<string, AccountSetup>> {
  const { rows } = await db.query('SELECT id, category, rounding_mode, currency FROM account WHERE id = ANY($1)', [ids]);
  const statuses = await db.query('SELECT account_id, valid_from, valid_to, status, established_in, vat_number, evidence FROM vat_status WHERE account_id = ANY($1) ORDER BY valid_from DESC', [ids]);
  const vat = new Map<string, PartyVat[]>();
  for (const r of statuses.rows) {
    const list = vat.get(r['account_id']) ?? [];
    list.push({ status: r['status'], establishedIn: r['established_in'], vatNumber: r['vat_number'], evidence: r['evidence'], validFrom: r['valid_from'], validTo: r['valid_to'] });
    vat.set(r['account_id'], list);
  }
  return new Map(rows.map((r) => [r['id'], { accountId: r['id'], category: r['category'], roundingMode: r['rounding_mode'], currency: r['currency'], vat: vat.get(r['id']) ?? [] }]));
}

type ContractRow = { readonly accountId: string; readonly contractId: string; readonly version: number; readonly fromMs: number; readonly toMs: number; readonly agreement: Agreement };
export type ContractBook = {
  readonly rows: readonly ContractRow[];
  inForce<Kind extends AgreementKind>(accountId: string, kind: Kind, ms: number): readonly Contracted<Kind>[];
};

/** What was parsed once: versions are sealed, and many customers have the same plan. */
const agreements = new Map<string, Agreement>();
const agreementsKept = 5000;

function agreementOf(text: string): Agreement {
  const known = agreements.get(text);
  if (known !== undefined) return known;
  if (agreements.size >= agreementsKept) agreements.clear();
  const agreement = agreementSchema.parse(JSON.parse(text));
  agreements.set(text, agreement);
  return agreement;
}

/** All versions of the contracts of these accounts. Of one contract the newest version that has begun holds. */
export async function loadContracts(db: Db, accountIds: readonly string[]): Promise<ContractBook> {
  const result = await db.query(
    sql(`SELECT k.account_id, v.contract_id, v.version, ms(v.valid_from) AS from_ms, ms(v.valid_to) AS to_ms, v.clauses::text AS clauses
     FROM contract k JOIN contract_version v ON v.contract_id = k.id WHERE k.account_id = ANY($1) ORDER BY k.account_id, v.contract_id, v.version DESC`),
    [accountIds],
  );
  const rows = result.rows.map(
    (r): ContractRow => ({
      accountId: r['account_id'],
      contractId: r['contract_id'],
      version: r['version'],
      fromMs: Number(r['from_ms']),
      toMs: Number(r['to_ms']),
      agreement: agreementOf(r['clauses']),
    }),
  );
  const byAccount = groupBy(rows, (r) => r.accountId);
  return {
    rows,
    inForce<Kind extends AgreementKind>(accountId: string, kind: Kind, ms: number) {
      const found: Contracted<Kind>[] = [];
      let last = '';
      for (const { contractId, version, fromMs, toMs, agreement } of byAccount.get(accountId) ?? []) {
        if (agreement.kind !== kind || contractId === last || ms < fromMs || ms >= toMs) continue;
        last = contractId;
        found.push({ contractId, version, agreement } as unknown as Contracted<Kind>);
      }
      return found;
    },
  };
}

/** Other accounts that an agreement makes pay or earn. */
function accountsNamed(agreement: Agreement): string[] {
  if (agreement.kind === 'homeCharging') return [agreement.payerAccountId];
  return agreement.kind === 'revenueShare' ? agreement.beneficiaries.map((b) => b.accountId) : [];
}

/** Price series that price the energy of a session. */
function seriesNamed(agreement: Agreement): string[] {
  if (agreement.kind === 'homeCharging') return agreement.price.by === 'series' ? [agreement.price.seriesId] : [];
  return agreement.kind === 'revenueShare' ? priceSeriesOf(agreement) : [];
}

function tariffsNamed(agreement: Agreement): string[] {
  if (agreement.kind === 'homeCharging' || agreement.kind === 'revenueShare') return [];
  return (agreement.clauses as readonly { readonly tariffId?: string }[]).flatMap((c) => c.tariffId ?? []);
}

const tariffOf = (r: QueryResultRow): TariffSetup => ({ tariffVersionId: r['id'], tariffId: r['tariff_id'], tariff: tariffSchema.parse(r['body']) });

async function loadAssignedTariffs(db: Db, entityIds: readonly string[]) {
  const { rows } = await db.query(
    sql(`SELECT p.segment, p.site_id, p.evse_id, ms(p.valid_from) AS from_ms, ms(p.valid_to) AS to_ms, t.id, t.tariff_id, t.version, t.body, ms(t.valid_from) AS t_from, ms(t.valid_to) AS t_to
     FROM price_assignment p JOIN tariff_version t ON t.tariff_id = p.tariff_id WHERE p.entity_id = ANY($1)`),
    [entityIds],
  );
  return rows.map((r) => ({
    segment: r['segment'] as string,
    siteId: r['site_id'] as string | null,
    evseId: r['evse_id'] as string | null,
    fromMs: Math.max(Number(r['from_ms']), Number(r['t_from'])),
    toMs: Math.min(Number(r['to_ms']), Number(r['t_to'])),
    version: r['version'] as number,
    value: tariffOf(r),
  }));
}

/** Versions of tariffs that agreements name, newest first. */
async function loadTariffs(db: Db, tariffIds: readonly string[]): Promise<Map<string, Dated<TariffSetup>[]>> {
  if (tariffIds.length === 0) return new Map();
  const { rows } = await db.query(sql('SELECT id, tariff_id, body, ms(valid_from) AS from_ms, ms(valid_to) AS to_ms FROM tariff_version WHERE tariff_id = ANY($1) ORDER BY tariff_id, version DESC'), [
    tariffIds,
  ]);
  return dated(rows, (r) => r['tariff_id'], tariffOf);
}

/** Instants in ms; the first and last of some sessions. */
export type Between = { readonly fromMs: number; readonly toMs: number };
// A rate may be a week old, and a local date differs from that of UTC.
const ratesBackMs = 9 * 86_400_000;
const ratesAheadMs = 86_400_000;

/** A legal entity with its chart and VAT as they stand now, and the rates that sessions of a time may need. */
export async function loadEntity(db: Db, id: string, between: Between): Promise<EntitySetup> {
  const entity = (await db.query('SELECT time_zone, country, currency, fx_source FROM legal_entity WHERE id = $1', [id])).rows[0];
  const gl = await db.query('SELECT key, gl_account, version FROM gl_mapping WHERE entity_id = $1 AND version = (SELECT max(version) FROM gl_mapping WHERE entity_id = $1)', [id]);
  const registrations = await db.query('SELECT country, valid_from, valid_to FROM vat_registration WHERE entity_id = $1', [id]);
  const rules = await db.query('SELECT code, country, percent::text, category, valid_from, valid_to FROM vat_rule', []);
  const tables = await db.query('SELECT version, valid_from, rows::text FROM vat_table WHERE entity_id = $1 ORDER BY version DESC', [id]);
  const rates = await db.query(
    'SELECT currency, rate_on, version, rate::text FROM fx_rate WHERE source = $1 AND into_currency = $2 AND rate_on BETWEEN $3 AND $4 ORDER BY currency, rate_on, version',
    [entity['fx_source'], entity['currency'], new Date(between.fromMs - ratesBackMs), new Date(between.toMs + ratesAheadMs)],
  );
  const period = (r: QueryResultRow) => ({ validFrom: r['valid_from'] as string, validTo: r['valid_to'] as string | null });
  return {
    entityId: id,
    country: entity['country'],
    currency: entity['currency'],
    timeZone: entity['time_zone'],
    mappingVersion: gl.rows[0]?.['version'] ?? 0,
    glAccounts: new Map(gl.rows.map((r) => [r['key'], r['gl_account']])),
    vatRegistrations: registrations.rows.map((r) => ({ country: r['country'], ...period(r) })),
    vatTables: tables.rows.map((r) => ({ version: r['version'], validFrom: r['valid_from'], rows: vatTableOf(r['rows']) })),
    fx: {
      source: entity['fx_source'],
      rates: groupBy(
        rates.rows.map((r) => ({ currency: r['currency'] as string, on: r['rate_on'] as string, version: r['version'] as number, rate: r['rate'] as string })),
        (r) => r.currency,
      ),
    },
    vatRules: rules.rows.map((r) => ({ code: r['code'], country: r['country'], percent: r['percent'], category: r['category'].trim(), ...period(r) })),
  };
}

const vatTables = new Map<string, VatTable>();

function vatTableOf(text: string): VatTable {
  const known = vatTables.get(text);
  if (known !== undefined) return known;
  const table = vatTableSchema.parse(JSON.parse(text));
  vatTables.set(text, table);
  return table;
}
