import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import type { Agreement } from '../contracts/agreement.ts';
import { type Seed, seedSchema } from '../contracts/seed.ts';
import type { Issue } from '../core/issues.ts';
import { compileTariff } from '../core/rate/compile-tariff.ts';
import { lintTariff } from '../core/rate/lint-tariff.ts';
import { canonicalBytes, sha256 } from '../core/seal/charge-record.ts';
import { openExpectations } from './commands/expectations.ts';
import { stateControlTotals } from './commands/state-control-totals.ts';
import { stateWatermark } from './commands/state-watermark.ts';
import type { Db } from './db.ts';

/** Reads a seed file; an Error lists every place that is wrong. */
export async function readSeed(file: string): Promise<Seed> {
  const parsed = seedSchema.safeParse(parse(await readFile(file, 'utf8')));
  if (!parsed.success) throw new Error(`${file}: ${parsed.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`).join('; ')}`);
  return parsed.data;
}

/** What looks wrong in the tariffs of a set-up: dead elements, gaps in the day, absurd prices. */
export function tariffFindings(seed: Seed): Issue[] {
  return seed.tariffs.flatMap((t) => lintTariff(compileTariff(t.body)));
}

type Row = Record<string, unknown>;

/**
 * Writes a set-up, table by table and set-wise. Rows that exist stay as they are, and who was erased gets no token back: a second seeding changes nothing.
 * Throws an Error for an id that another entity has: it would stay that one's, and this one's sessions be billed to its accounts.
 */
export async function applySeed(db: Db, seed: Seed): Promise<void> {
  const { entity } = seed;
  const insert = async (table: string, rows: readonly Row[]) => {
    const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].join(', ');
    if (rows.length > 0) await db.query(`INSERT INTO ${table} (${columns}) SELECT ${columns} FROM jsonb_populate_recordset(NULL::${table}, $1::jsonb) ON CONFLICT DO NOTHING`, [JSON.stringify(rows)]);
  };
  const always = { valid_from: '-infinity', valid_to: 'infinity', author: 'seed' };
  const accounts = accountsOf(seed);
  await refuseOthers(db, seed, accounts);
  await insert('legal_entity', [
    {
      id: entity.id,
      name: entity.name,
      country: entity.country,
      currency: entity.currency,
      time_zone: entity.timeZone,
      org_number: entity.orgNumber,
      fx_source: entity.fxSource,
      cost_center: entity.costCenter ?? null,
      letterhead: entity.letterhead,
      version: 1,
    },
  ]);
  await insert(
    'vat_registration',
    seed.vatRegistrations.map((r) => ({ entity_id: entity.id, country: r.country, number: r.number, valid_from: r.validFrom })),
  );
  await insert('billing_calendar', [{ id: seed.calendar.id, entity_id: entity.id, cadence: seed.calendar.cadence, cut_off: seed.calendar.cutOff }]);
  await insert(
    'source',
    seed.sources.map((s) => ({
      id: s.id,
      entity_id: entity.id,
      name: s.name,
      route: s.route,
      format: s.format,
      owner_country: s.ownerCountry,
      owner_party: s.ownerParty,
      time_zone: s.timeZone,
      repeat_profile: s.repeatProfile,
      correction_channel: s.correctionChannel,
      rule_profile: {},
    })),
  );
  await insert(
    'party',
    accounts.map((a) => ({
      id: a.id.replace('acc_', 'pty_'),
      name: a.name,
      country: a.words?.country ?? entity.country,
      org_number: a.words?.orgNumber ?? null,
      address: a.words?.address ?? {},
      version: 1,
    })),
  );
  await insert(
    'account',
    accounts.map((a) => ({
      id: a.id,
      entity_id: entity.id,
      party_id: a.id.replace('acc_', 'pty_'),
      category: a.category,
      strategy: a.strategy,
      rounding_mode: a.rounding_mode,
      currency: a.currency,
      payment_terms_days: 30,
      release_group: 'all',
      version: 1,
    })),
  );
  await insert(
    'site',
    seed.sites.map((s) => ({
      id: siteId(s.key),
      entity_id: entity.id,
      name: `Garage ${s.key}`,
      country: s.country,
      time_zone: s.timeZone ?? entity.timeZone,
      kind: s.operator !== undefined ? 'foreign' : s.home !== undefined ? 'home' : 'own',
      owner_account_id: s.owner === undefined && s.home === undefined ? null : `acc_${s.owner ?? s.home}`,
      operator_account_id: s.operator === undefined ? null : `acc_${s.operator}`,
      cost_center: s.costCenter,
      connector_power_w: s.connectorPowerW,
    })),
  );
  await insert(
    'site_holder',
    seed.sites.flatMap(({ key, holders }) =>
      [...(holders ?? [])]
        .sort((a, b) => Date.parse(a.from) - Date.parse(b.from))
        .map((h, i, all) => ({
          ...always,
          site_id: siteId(key),
          valid_from: h.from,
          valid_to: all[i + 1]?.from ?? 'infinity',
          owner_account_id: h.owner === undefined && h.home === undefined ? null : `acc_${h.owner ?? h.home}`,
          operator_account_id: h.operator === undefined ? null : `acc_${h.operator}`,
        })),
    ),
  );
  const units = seed.fleets.flatMap((f) => f.tokens.flatMap(({ unit, costCenter }) => (unit === undefined ? [] : [{ ...unit, account_id: `acc_${f.id}`, costCenter }])));
  await insert(
    'fleet_unit',
    units.map(({ id, account_id, kind, label }) => ({ id, account_id, kind, label })),
  );
  await insert(
    'fleet_assignment',
    units.map(({ id, costCenter }) => ({ ...always, unit_id: id, cost_center: costCenter })),
  );
  await insert(
    'vat_status',
    accounts.flatMap(({ id, vat }) =>
      vat === undefined
        ? []
        : [{ account_id: id, valid_from: '2018-01-01', status: vat.status, established_in: vat.establishedIn, vat_number: vat.vatNumber ?? null, evidence: vat.evidence ?? null, author: 'seed' }],
    ),
  );
  const erased = await db.query<{ id: string }>('SELECT a.id FROM account a JOIN party p ON p.id = a.party_id WHERE p.erased_at IS NOT NULL');
  const erasedIds = new Set(erased.rows.map((r) => r.id));
  const mappings = [
    ...seed.sources.flatMap((source) => seed.sites.map((s) => ({ ...always, source_id: source.id, kind: 'site', external_key: s.key, internal_id: siteId(s.key) }))),
    ...seed.sources
      .filter((s) => s.route === 'ownCsms')
      .flatMap((source) => [
        ...Object.entries(seed.drivers).map(([number, driver]) => ({
          ...always,
          source_id: source.id,
          kind: 'token',
          external_key: typeof driver === 'string' ? driver : driver.token,
          internal_id: driverAccount(number),
        })),
        ...seed.fleets.flatMap((f) =>
          f.tokens.map((t) => ({ ...always, source_id: source.id, kind: 'token', external_key: t.token, internal_id: `acc_${f.id}`, cost_center: t.costCenter, unit_id: t.unit?.id ?? null })),
        ),
        ...seed.emsps.flatMap((e) => e.tokens.map((t) => ({ ...always, source_id: source.id, kind: 'token', external_key: t, internal_id: `acc_${e.id}` }))),
      ]),
    ...seed.sources
      .filter((s) => s.route !== 'ownCsms')
      .flatMap((source) => seed.emsps.flatMap((e) => e.ocpiTokens.map((t) => ({ ...always, source_id: source.id, kind: 'token', external_key: t, internal_id: `acc_${e.id}` })))),
  ];
  await insert(
    'mapping',
    mappings.filter((m) => !erasedIds.has(m.internal_id)),
  );
  await insert(
    'contract',
    accounts.map((a) => ({ id: a.id.replace('acc_', 'ctr_'), account_id: a.id, kind: a.agreement.kind })),
  );
  await insert(
    'contract_version',
    accounts.map((a) => ({ ...always, contract_id: a.id.replace('acc_', 'ctr_'), version: 1, clauses: a.agreement, reason: 'set up' })),
  );
  await insert(
    'tariff_version',
    seed.tariffs.map((t) => ({
      id: `${t.body.id}/1`,
      tariff_id: t.body.id,
      version: 1,
      currency: t.body.currency,
      valid_from: t.validFrom,
      valid_to: 'infinity',
      body: t.body,
      body_hash: `\\x${sha256(canonicalBytes(t.body)).toString('hex')}`,
      author: 'seed',
    })),
  );
  const taken = new Set((await db.query<{ id: string }>('SELECT id FROM price_assignment WHERE entity_id <> $1', [entity.id])).rows.map((r) => r.id));
  await insert(
    'price_assignment',
    seed.tariffs.flatMap(({ segment, body }) =>
      segment === undefined ? [] : [{ ...always, id: taken.has(`pa_${segment}`) ? `pa_${entity.id}_${segment}` : `pa_${segment}`, entity_id: entity.id, tariff_id: body.id, segment }],
    ),
  );
  await insert(
    'vat_rule',
    seed.vatRules.map((r) => ({ code: r.code, country: r.country, percent: r.percent, category: r.category, valid_from: r.validFrom })),
  );
  await insert('vat_table', [{ entity_id: entity.id, version: 1, valid_from: '2018-01-01', rows: seed.vatTable, reason: 'set up', author: 'seed' }]);
  await insert(
    'fx_rate',
    seed.fxRates.map((r) => ({ source: r.source, rate_on: r.on, currency: r.currency, into_currency: entity.currency, version: 1, rate: r.rate, author: 'seed' })),
  );
  await insert(
    'gl_mapping',
    Object.entries(seed.glAccounts).map(([key, account]) => ({ entity_id: entity.id, version: 1, key, gl_account: account })),
  );
  await insert('erp_connection', [
    { id: seed.erp.id, entity_id: entity.id, adapter: seed.erp.adapter, settings: seed.erp.faults.length === 0 ? {} : { faults: seed.erp.faults }, production: false, valid_from: '2018-01-01' },
  ]);
  await seedCompleteness(db, seed);
}

async function refuseOthers(db: Db, { entity, calendar, sources, sites, erp }: Seed, accounts: readonly SeedAccount[]): Promise<void> {
  const named = { billing_calendar: [calendar.id], source: sources.map((s) => s.id), site: sites.map((s) => siteId(s.key)), account: accounts.map((a) => a.id), erp_connection: [erp.id] };
  for (const [table, ids] of Object.entries(named)) {
    const { rows } = await db.query<{ id: string; entity_id: string }>(`SELECT id, entity_id FROM ${table} WHERE id = ANY($1) AND entity_id <> $2 ORDER BY id LIMIT 1`, [ids, entity.id]);
    if (rows[0] !== undefined) throw new Error(`${table} ${rows[0].id} is of entity ${rows[0].entity_id}: give that of ${entity.id} another id`);
  }
}

/** What sources say of their completeness, where nothing is known of it yet. */
async function seedCompleteness(db: Db, { sources }: Seed): Promise<void> {
  const by = { actor: 'seed' };
  for (const { id, completeUntil, controlTotals, expectations } of sources) {
    const known = await db.query<{ what: string }>(
      "SELECT 'watermark' AS what FROM source_watermark WHERE source_id = $1 UNION SELECT 'total ' || CASE span WHEN 'month' THEN to_char(on_date, 'YYYY-MM') ELSE on_date::text END || origin || party FROM control_total WHERE source_id = $1 UNION SELECT 'expectation ' || key FROM expectation WHERE source_id = $1",
      [id],
    );
    const has = new Set(known.rows.map((r) => r.what));
    if (completeUntil !== undefined && !has.has('watermark')) await stateWatermark(db, { sourceId: id, completeUntil: new Date(completeUntil), origin: 'seed' }, new Date(), by);
    const totals = controlTotals.filter((t) => !has.has(`total ${t.on}${t.origin}${t.party ?? ''}`));
    if (totals.length > 0) await stateControlTotals(db, id, totals, by);
    const missing = expectations.filter((e) => !has.has(`expectation ${e.key}`));
    if (missing.length > 0) await openExpectations(db, id, missing, by);
  }
}

type SeedAccount = {
  readonly id: string;
  readonly name: string;
  readonly category: string;
  readonly strategy: string;
  readonly rounding_mode: string;
  readonly currency: string;
  readonly agreement: Agreement;
  readonly vat: Seed['fleets'][number]['vat'];
  readonly words: Seed['fleets'][number]['words'];
};

/** Every account of a set-up; one contract each. */
function accountsOf(seed: Seed): SeedAccount[] {
  const home = seed.entity.currency;
  const business = { rounding_mode: 'netFirst', currency: home };
  const planOf = (name: string | undefined): Agreement => {
    if (name === undefined) return { kind: 'supply', status: 'active', clauses: [] };
    const plan = seed.plans[name];
    if (plan === undefined) throw new Error(`the set-up names plan "${name}", which it does not describe`);
    return plan;
  };
  return [
    ...seed.siteOwners.map((o) => ({ ...business, id: `acc_${o.id}`, name: o.name, category: 'siteOwner', strategy: 'selfBilling', agreement: o.agreement, vat: o.vat, words: o.words })),
    ...seed.operators.map((o) => ({
      ...business,
      id: `acc_${o.id}`,
      name: o.name,
      category: 'partner',
      strategy: 'partnerPurchase',
      currency: o.currency,
      agreement: o.agreement,
      vat: o.vat,
      words: o.words,
    })),
    ...seed.homes.map((h) => ({ ...business, id: `acc_${h.id}`, name: h.name, category: 'driver', strategy: 'reimbursement', agreement: h.agreement, vat: h.vat, words: h.words })),
    ...seed.fleets.map((f) => ({ ...business, id: `acc_${f.id}`, name: f.name, category: 'fleet', strategy: 'fleetInvoice', agreement: planOf(f.plan), vat: f.vat, words: f.words })),
    ...seed.emsps.map((e) => ({
      ...business,
      id: `acc_${e.id}`,
      name: e.name,
      category: 'eMSP',
      strategy: 'emspSettlement',
      currency: e.currency ?? home,
      agreement: e.agreement,
      vat: e.vat,
      words: e.words,
    })),
    ...Object.entries(seed.drivers).map(([number, driver]) => ({
      id: driverAccount(number),
      name: `Driver ${number}`,
      category: 'driver',
      strategy: 'driverInvoice',
      rounding_mode: 'grossFirst',
      currency: home,
      agreement: planOf(typeof driver === 'string' ? undefined : driver.plan),
      vat: undefined,
      words: undefined,
    })),
  ];
}

function siteId(key: string): string {
  return `site_${key.toLowerCase()}`;
}

function driverAccount(number: string): string {
  return `acc_driver_${number}`;
}
