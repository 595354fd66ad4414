import { planRun } from '../../src/store/commands/plan-run.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import { closeRecordSet } from '../../src/store/cycle/record-set.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { type Lanes, lanesOf } from '../../src/store/lanes.ts';
import { copyOf, type TestDatabase } from './database.ts';
import { processAll, session, storeLines } from './intake.ts';
import { seeded } from './seeded.ts';

/** A plan with a fee, with energy included, with tiers, and with a cap; two fleets, and a partner; with the garage of each. */
export const users = [
  ['AdO1-2', 'AdO1'],
  ['AdO1-3', 'AdO1'],
  ['AdO1-4', 'AdO1'],
  ['AdO3-1', 'AdO3'],
  ['AdA6-1', 'AdA6'],
  ['Bl2-6', 'Bl2'],
  ['Share-2', 'Bl2'],
] as const;
export const day = (id: number, user: string, garage: string, date: number) =>
  session(id, { user, garage, kWh: `${20 + (id % 17)},${id % 10}`, start: `${date}.12.2019 18:00`, end: `${date}.12.2019 21:00` });
/** The first session once more, with other energy. */
export const corrected = session(0, { user: 'AdO1-2', garage: 'AdO1', kWh: '15,5', start: '11.12.2019 18:00', end: '11.12.2019 21:00' });
export const runId = 'run_ent_se_2019-12_live';

/** A database with customers, owners and partners of every kind, and a run that collects; to be copied. */
export async function collectingRun(): Promise<TestDatabase> {
  const { store, database } = await seeded('every-category');
  await storeLines(
    store,
    users.flatMap(([user, garage], u) => [0, 1, 2, 3].map((i) => day(10 * u + i, user, garage, 11 + u + i))),
  );
  await processAll(store);
  await store.tx((db) => planRun(db, { entityId: 'ent_se', period: '2019-12', by: { actor: 'preparer' } }));
  await store.tx((db) => advanceRun(db, runId, 'collecting'));
  await store.close();
  return database;
}

/** A copy of a database for one history. */
export async function onCopy<T>(base: TestDatabase, tell: (store: Store) => Promise<T>): Promise<T> {
  const database = await copyOf(base);
  const store = openStore(database.url);
  try {
    return await tell(store);
  } finally {
    await store.close();
    await database.drop();
  }
}

const none = { charges: 0, accounts: 0 };
export const inThree = (store: Store) => lanesOf(store, 3, none);

/** Lanes of which the transaction of this number, counted from 1, does its work and is lost before it is kept. */
export function losing(store: Store, number: number): Lanes {
  let begun = 0;
  return lanesOf(
    {
      tx: (work) =>
        store.tx(async (db) => {
          begun += 1;
          const isLost = begun === number;
          const result = await work(db);
          if (isLost) throw new Error('the connection is gone');
          return result;
        }),
    },
    2,
    none,
  );
}

export async function closeIn(store: Store, lanes?: Lanes, run = runId): Promise<{ claimed: number; shares: number }> {
  const { claimed } = await store.tx((db) => closeRecordSet(db, run, lanes));
  const shares = await store.tx((db) => closeOwnerSet(db, run, lanes));
  return { claimed, shares: shares.claimed };
}
export const buildIn = (store: Store, lanes?: Lanes) => store.tx((db) => buildDocuments(db, runId, lanes));
export const preview = (store: Store, lanes?: Lanes) => store.tx((db) => advanceRun(db, runId, 'previewing')).then(() => buildIn(store, lanes));

/** All that a run up to its preview leaves, less what differs from run to run. */
export async function leftBy({ pool }: Store): Promise<Record<string, unknown>> {
  const told: Record<string, unknown> = {};
  for (const [name, sql] of Object.entries({
    runs: "SELECT state, takes_all, set_closed_at IS NOT NULL AS closed, encode(content_hash, 'hex') AS hash FROM billing_run",
    groups: "SELECT name, state, encode(content_hash, 'hex') AS hash FROM release_group ORDER BY name",
    accounts: 'SELECT account_id, group_name, state, reason, plain FROM run_account ORDER BY 1',
    claims: 'SELECT charge_id, account_id, document_id, line_no, disposition, hold_reason FROM claim ORDER BY 1',
    open: 'SELECT charge_id FROM open_charge ORDER BY 1',
    documents: "SELECT id, account_id, type, state, payable_minor, encode(content_hash, 'hex') AS hash FROM document ORDER BY 1",
    lines: 'SELECT document_id, line_no, description, net_minor, charge_count FROM document_line ORDER BY 1, 2',
    drafts: 'SELECT account_id, role, component, service_month, net_minor, document_id, line_no FROM period_charge ORDER BY 1, 2, 3, 4, 5',
    previews: 'SELECT account_id, build, currency, documents, net_minor, energy_wh, lines, sessions FROM preview_account ORDER BY 1, 2, 3',
    cells:
      'SELECT account_id, build, nature, excluded, role, component, unit_price, tariff_version_id, site_id, vat_code, quantity, net_minor, energy_wh, charges, unshared_minor FROM preview_cell ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10',
    findings: 'SELECT f.code, f.subject, f.params, f.document_id, l.account_id FROM finding f JOIN run_finding l ON l.finding_id = f.id WHERE f.run_id IS NOT NULL ORDER BY 1, 2, f.params::text',
  }))
    told[name] = (await pool.query(sql)).rows;
  return told;
}
