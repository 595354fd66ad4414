import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tariffSchema } from '../../src/contracts/tariff.ts';
import { addAdjustment } from '../../src/store/commands/adjust-run.ts';
import { assignPrice } from '../../src/store/commands/assign-price.ts';
import { proposeTariff, publishTariff } from '../../src/store/commands/publish-tariff.ts';
import { setPreviewRules } from '../../src/store/commands/set-preview-rules.ts';
import { signFindings } from '../../src/store/commands/sign-findings.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { decideRun } from '../../src/store/cycle/decide-run.ts';
import { issueDocuments } from '../../src/store/cycle/issue-documents.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { reviewRun } from '../support/bill.ts';
import { copyOf, type TestDatabase } from '../support/database.ts';
import { processAll, storeLines } from '../support/intake.ts';
import { type Seeded, seeded } from '../support/seeded.ts';

/** Sessions of the export by the month of their end. */
const byMonth = new Map<string, string[]>();
for (const line of readFileSync(new URL('../../data/trondheim/sessions.csv', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .slice(1)) {
  const [, , , , , start = '', , end = ''] = line.split(';');
  const [, month, year] = (end === 'NA' ? start : end).slice(0, 10).split('.');
  const key = `${year}-${month}`;
  byMonth.set(key, [...(byMonth.get(key) ?? []), line]);
}
const months = [...byMonth.keys()].sort();
const planted = '2019-11';
const november = byMonth.get(planted) ?? [];
/** Bl2-1, 5 November 2019, 17:00 to 21:07, 13.7 kWh. */
const chosen = '3542';

/** Issues a run, so that its fees are not due again in the next; nothing may block it. */
async function issue(store: Store, runId: string): Promise<void> {
  const contentHash = (await store.pool.query("SELECT encode(content_hash, 'hex') AS hash FROM billing_run WHERE id = $1", [runId])).rows[0].hash;
  expect(await store.tx((db) => decideRun(db, { runId, approvalId: randomUUID(), decision: 'approve', contentHash, actor: 'approver', comment: 'looked at it' }))).toEqual({ ok: true });
  await store.tx((db) => advanceRun(db, runId, 'issuing'));
  const { period } = (await store.pool.query('SELECT period FROM billing_run WHERE id = $1', [runId])).rows[0];
  while ((await store.tx((db) => issueDocuments(db, runId, `${period}-28`))).left > 0);
}

/** Findings as `code subject`, and whether one is about a document. */
async function findingsOf(store: Store, runId: string): Promise<{ readonly what: string; readonly documentId: string | null }[]> {
  const { rows } = await store.pool.query(
    "SELECT f.code, f.subject, f.document_id FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 AND f.severity IN ('blocks', 'warns')",
    [runId],
  );
  return rows.map((r) => ({ what: `${r.code} ${r.subject}`, documentId: r.document_id }));
}

async function feesCentred(file: string): Promise<Seeded> {
  const made = await seeded(file);
  // Fees bear no site’s cost center.
  await made.store.pool.query("UPDATE legal_entity SET cost_center = '900'");
  return made;
}

describe('a rule that finds more than are listed', () => {
  it('says how many more, which keeps every group from approval until somebody signs that too; the next build judges all of them anew', { timeout: 120_000 }, async () => {
    const { store, drop } = await feesCentred('demo');
    const judgeBy = (maxWh: number) =>
      store.tx((db) => setPreviewRules(db, { entityId: 'ent_se', rules: { rules: { sessionAbovePower: { limits: { maxWh } } } }, reason: 'no battery takes more' }, { actor: 'preparer' }));
    await judgeBy(1);
    await storeLines(
      store,
      months.filter((m) => m <= planted).flatMap((m) => byMonth.get(m) ?? []),
    );
    await processAll(store);
    const runId = await reviewRun(store, planted);
    const found = async () =>
      (
        await store.pool.query(
          "SELECT f.id::text AS id, f.code, f.severity, f.subject, f.params, l.account_id FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 AND (f.code = 'findingsCut' OR f.code = 'sessionAbovePower') ORDER BY f.code, f.id",
          [runId],
        )
      ).rows;
    // Each session with energy is above 1 Wh.
    const all = (await store.pool.query('SELECT count(DISTINCT c.record_id)::int AS n FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = $1 AND c.energy_wh > 1', [runId]))
      .rows[0].n;
    const [cut, ...listed] = await found();
    expect(all).toBeGreaterThan(1000);
    expect([listed.length, cut]).toMatchObject([
      1000,
      { code: 'findingsCut', severity: 'blocks', subject: 'sessionAbovePower', params: { rule: 'sessionAbovePower', more: all - 1000 }, account_id: null },
    ]);
    const decided = async () => {
      const contentHash = (await store.pool.query("SELECT encode(content_hash, 'hex') AS hash FROM billing_run WHERE id = $1", [runId])).rows[0].hash;
      return store.tx((db) => decideRun(db, { runId, approvalId: randomUUID(), decision: 'approve', contentHash, actor: 'approver', comment: 'looked at it' }));
    };
    const others = (
      await store.pool.query("SELECT f.id::text AS id FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 AND f.severity = 'blocks' AND f.code <> 'findingsCut'", [runId])
    ).rows.map((r) => r.id);
    await store.tx((db) => signFindings(db, { runId, findingIds: others, reason: 'as they are' }, { actor: 'signer' }));
    expect(await decided()).toEqual({ ok: false, reason: 'blockingFindings', findings: 1 });
    // Under the limits that were meant nothing is left of it, though one account alone is built again.
    await judgeBy(150_000);
    await adjust(store, runId, 100n);
    await store.tx((db) => buildDocuments(db, runId));
    expect(await found()).toEqual([]);
    expect(await decided()).toEqual({ ok: true });
    await drop();
  });
});

describe('the rules on previews, over months without planted errors', () => {
  // All of them are customers who did use five times more, and a site owner at whose garages they did; nothing blocks.
  it.each([
    ['demo', 4, 340],
    ['every-category', 4, 469],
  ])(
    'raise an alarm on at most two of a hundred documents: under %s on %i of %i',
    async (name, alarms, all) => {
      const { store, drop } = await feesCentred(name);
      await storeLines(store, [...byMonth.values()].flat());
      await processAll(store);
      const alarmed: string[] = [];
      let documents = 0;
      for (const period of months) {
        const runId = await reviewRun(store, period);
        alarmed.push(...new Set((await findingsOf(store, runId)).flatMap((f) => f.documentId ?? [])));
        await issue(store, runId);
        documents += Number((await store.pool.query('SELECT count(*) AS n FROM document WHERE run_id = $1', [runId])).rows[0].n);
      }
      await drop();
      expect([alarmed.length, documents]).toEqual([alarms, all]);
      expect(alarms / all).toBeLessThanOrEqual(0.02);
    },
    240_000,
  );
});

type Plant = {
  /** What is wrong in the set-up before November arrives. */
  readonly setUp?: (store: Store) => Promise<unknown>;
  readonly lines?: (lines: readonly string[]) => readonly string[];
  /** What finance does to the preview. */
  readonly shape?: (store: Store, runId: string) => Promise<unknown>;
};
const change = (edit: (fields: string[]) => void) => (lines: readonly string[]) =>
  lines.map((line) => {
    const fields = line.split(';');
    if (fields[0] === chosen) edit(fields);
    return fields.join(';');
  });
const [garage, user, start, end, kWh] = [1, 2, 5, 7, 9] as const;

/** Publishes a flat price of a segment's tariff from November on. */
async function publish(store: Store, tariffId: string, price: string, more: { readonly currency?: string; readonly vat?: string } = {}): Promise<void> {
  const { currency = 'SEK', vat = '25' } = more;
  const body = tariffSchema.parse({ id: tariffId, currency, elements: [{ price_components: [{ type: 'ENERGY', price, vat, step_size: 1 }] }] });
  const { proposalId } = await store.tx((db) => proposeTariff(db, { body, validFrom: new Date('2019-10-31T23:00:00Z'), reason: 'prices of November' }, { actor: 'preparer' }));
  await store.tx((db) => publishTariff(db, proposalId, 'looked at it', { actor: 'seed' }));
}
const vatRule = (store: Store, code: string, country: string, percent: string, category: string) =>
  store.pool.query('INSERT INTO vat_rule (code, country, percent, category, valid_from) VALUES ($1, $2, $3, $4, $5)', [code, country, percent, category, '2010-01-01']);
const adjust = (store: Store, runId: string, amountMinor: bigint, vatCode = 'SE25') =>
  store.tx((db) =>
    addAdjustment(db, runId, { accountId: 'acc_driver_16', amountMinor, vatCode, glAccount: '3740', costCenter: '100', description: 'Monthly fee', reason: 'as agreed' }, { actor: 'preparer' }),
  );

const plants: Readonly<Record<string, Plant & { readonly found: string }>> = {
  'a price ten times too high for a whole segment': { setUp: (s) => publish(s, 'driver-day-night', '26.5'), found: 'segmentPriceMoved driverSale' },
  'a decimal slip downwards in the price of a segment': { setUp: (s) => publish(s, 'fleet-flat', '0.2234'), found: 'segmentPriceMoved fleetSale' },
  'a price ten times too high at one site': {
    setUp: async (s) => {
      await publish(s, 'site-price', '26.5');
      await s.tx((db) => assignPrice(db, { entityId: 'ent_se', tariffId: 'site-price', segment: 'driver', siteId: 'site_bl2' }, { actor: 'preparer' }));
    },
    found: 'priceOutOfBand acc_driver_16',
  },
  'a free tariff left on': { setUp: (s) => publish(s, 'driver-day-night', '0'), found: 'energyFree acc_driver_16' },
  'a second tariff for the same segment': {
    setUp: async (s) => {
      await publish(s, 'driver-new', '2.65');
      await s.pool.query("INSERT INTO price_assignment (id, entity_id, tariff_id, segment, author) VALUES ('second', 'ent_se', 'driver-new', 'driver', 'preparer')");
    },
    found: 'intake ambiguousTariff',
  },
  'a tariff that was replaced by another in the middle of the month': {
    setUp: async (s) => {
      await publish(s, 'driver-new', '2.65');
      await s.pool.query("UPDATE price_assignment SET valid_to = '2019-11-15T00:00:00Z' WHERE segment = 'driver'");
      await s.pool.query(
        "INSERT INTO price_assignment (id, entity_id, tariff_id, segment, author, valid_from) VALUES ('second', 'ent_se', 'driver-new', 'driver', 'preparer', '2019-11-15T00:00:00Z')",
      );
    },
    found: 'tariffsMixed site_bl2',
  },
  'a tariff in euros for customers in kronor': { setUp: (s) => publish(s, 'driver-day-night', '2.65', { currency: 'EUR' }), found: 'intake currencyMismatch' },
  'zero VAT in a tariff': { setUp: (s) => publish(s, 'driver-day-night', '2.65', { vat: '0' }), found: 'intake unknownVatRule' },
  'a zero rate on an adjustment that bears VAT': { setUp: (s) => vatRule(s, 'SE0', 'SE', '0', 'Z'), shape: (s, runId) => adjust(s, runId, 10_000n, 'SE0'), found: 'vatMissing acc_driver_16' },
  'the VAT rate of food on electricity': {
    setUp: async (s) => {
      await vatRule(s, 'SE12', 'SE', '12', 'S');
      await publish(s, 'driver-day-night', '2.65', { vat: '12' });
    },
    found: 'vatCodeUnfit acc_driver_16',
  },
  'the VAT code of another country on an adjustment': {
    setUp: (s) => vatRule(s, 'NO25', 'NO', '25', 'S'),
    shape: (s, runId) => adjust(s, runId, 10_000n, 'NO25'),
    found: 'vatCodeUnfit acc_driver_16',
  },
  'a garage that nobody set up': { lines: change((f) => (f[garage] = 'XX9')), found: 'intake unknownSite' },
  'a token that nobody set up': { lines: change((f) => (f[user] = 'XX9-1')), found: 'intake unknownToken' },
  'a token that was given to another customer': {
    setUp: (s) => s.pool.query("UPDATE mapping SET internal_id = 'acc_driver_17' WHERE kind = 'token' AND internal_id = 'acc_driver_16'"),
    found: 'tokenMoved acc_driver_17',
  },
  'the meter’s reading as the energy of a session': { lines: change((f) => (f[kWh] = '15234,7')), found: 'intake energyOutOfRange' },
  'Wh where kWh belong': { lines: change((f) => (f[kWh] = '13700')), found: 'intake energyOutOfRange' },
  'more energy than the connector gives, let through by a source without that rule': {
    setUp: (s) => s.pool.query(`UPDATE source SET rule_profile = '{"rules":{"energyAboveConnector":{"severity":"off"}}}' WHERE id = 'csms'`),
    lines: change((f) => (f[kWh] = '137')),
    found: 'sessionAbovePower chosen',
  },
  'an end a day later': { lines: change((f) => (f[end] = (f[end] ?? '').replace('05.11', '06.11'))), found: 'sessionDoubtful acc_driver_16' },
  'an end before the start': { lines: change((f) => ([f[start], f[end]] = [f[end] ?? '', f[start] ?? ''])), found: 'intake endBeforeStart' },
  'a clock that is a year ahead': {
    lines: change((f) => {
      const year = String(new Date().getUTCFullYear() + 1);
      for (const i of [start, end]) f[i] = (f[i] ?? '').replace('2019', year);
    }),
    found: 'intake futureStart',
  },
  'a session that came twice, under another id': {
    lines: (lines) => [...lines, ...lines.filter((line) => line.startsWith(`${chosen};`)).map((line) => line.replace(chosen, '99999'))],
    found: 'sessionTwice 99999',
  },
  'a site whose owner was lost': { setUp: (s) => s.pool.query("UPDATE site SET owner_account_id = NULL WHERE id = 'site_bl2'"), found: 'ownerShareMissing site_bl2' },
  'a site whose sessions do not arrive': { lines: (lines) => lines.filter((line) => line.split(';')[garage] !== 'Bl2'), found: 'siteEarnsNothing site_bl2' },
  'a customer whose sessions do not arrive': { lines: (lines) => lines.filter((line) => line.split(';')[user] !== 'Bl2-1'), found: 'customerMissing acc_driver_16' },
  'a fee that was entered twice': {
    shape: async (s, runId) => {
      await adjust(s, runId, 4_900n);
      await adjust(s, runId, 4_900n);
    },
    found: 'feeRepeated acc_driver_16',
  },
  'a goodwill of öre typed as kronor': { shape: (s, runId) => adjust(s, runId, -500_000n), found: 'documentNegative acc_driver_16' },
  'a manual amount a hundred times too large': { shape: (s, runId) => adjust(s, runId, 1_500_000n), found: 'documentAbove acc_driver_16' },
};

describe('an error that is planted in a month of real sessions', () => {
  let base: TestDatabase;
  beforeAll(async () => {
    const { database, store } = await feesCentred('demo');
    base = database;
    const before = months.filter((m) => m < planted);
    await storeLines(
      store,
      before.flatMap((m) => byMonth.get(m) ?? []),
    );
    await processAll(store);
    for (const period of before) await reviewRun(store, period);
    await store.close();
  }, 120_000);
  afterAll(() => base.drop());

  /** What a November with the error shows: causes for which the chosen session waits, and findings with subjects that tests can name. */
  async function shown({ setUp, lines, shape }: Plant): Promise<string[]> {
    const database = await copyOf(base);
    const store = openStore(database.url);
    try {
      await setUp?.(store);
      await storeLines(store, lines?.(november) ?? november);
      await processAll(store);
      const runId = await reviewRun(store, planted);
      if (shape !== undefined) {
        await shape(store, runId);
        await store.tx((db) => buildDocuments(db, runId));
      }
      const { rows } = await store.pool.query("SELECT cdr_id, state, record_id::text AS record, issues->0->>'code' AS code FROM record_head WHERE cdr_id = ANY($1)", [[chosen, '99999']]);
      const documents = new Map((await store.pool.query('SELECT id, account_id FROM document')).rows.map((r) => [r.id, r.account_id]));
      const records = new Map(rows.map((r) => [r.record, r.cdr_id === chosen ? 'chosen' : r.cdr_id]));
      const named = (await findingsOf(store, runId)).map(({ what }) => {
        const [code = '', subject = ''] = what.split(' ');
        return `${code} ${documents.get(subject) ?? records.get(subject) ?? subject}`;
      });
      return [...rows.filter((r) => r.state === 'quarantined').map((r) => `intake ${r.code}`), ...named];
    } finally {
      await store.close();
      await database.drop();
    }
  }

  it('is not there when none is', async () => {
    const all = await shown({});
    expect(all.filter((what) => what.includes('acc_driver_16') || what.includes('site_bl2') || what.startsWith('segment') || what.startsWith('intake'))).toEqual([]);
  });

  it('is one of at least twenty kinds', () => {
    expect(Object.keys(plants).length).toBeGreaterThanOrEqual(20);
  });
  it.each(Object.keys(plants))('is found before approval: %s', async (name) => {
    const plant = plants[name];
    expect(await shown(plant ?? {})).toContain(plant?.found);
  });
});
