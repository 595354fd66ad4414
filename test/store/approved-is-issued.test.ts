import { createHash, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addAdjustment, type NewAdjustment, withdrawAdjustment } from '../../src/store/commands/adjust-run.ts';
import { planRun } from '../../src/store/commands/plan-run.ts';
import { addExclusion, type NewExclusion, pullIn, putOut, withdrawExclusion } from '../../src/store/commands/shape-run.ts';
import { signFindings } from '../../src/store/commands/sign-findings.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { decideRun } from '../../src/store/cycle/decide-run.ts';
import { issueDocuments } from '../../src/store/cycle/issue-documents.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import { closeRecordSet } from '../../src/store/cycle/record-set.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import { openStore, type Store } from '../../src/store/db.ts';
import { energyBalance } from '../../src/store/reads/energy-balance.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { users } from '../support/collecting-run.ts';
import { copyOf, type TestDatabase } from '../support/database.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

// SHAPED_RUNS=200 is the full run; each takes some three seconds.
const numRuns = Number(process.env['SHAPED_RUNS'] ?? 6);
const by = { actor: 'preparer' };
const december = (id: number, user: string, garage: string, kWh: string) => session(id, { user, garage, kWh, start: `${10 + (id % 18)}.12.2019 18:00`, end: `${10 + (id % 18)}.12.2019 21:00` });
const inTime = users.flatMap(([user, garage], u) => [0, 1, 2].map((i) => december(10 * u + i, user, garage, `${30 + u + 5 * i},${i}7`)));
const late = [
  december(901, 'AdO1-2', 'AdO1', '11,1'),
  december(902, 'AdO1-3', 'AdO1', '22,2'),
  december(903, 'AdO1-4', 'AdO1', '33,3'),
  december(904, 'AdA6-1', 'AdA6', '4,4'),
  session(905, { user: 'AdO1-3', garage: 'AdO1', kWh: '5,5', start: '20.11.2019 18:00', end: '20.11.2019 20:00' }),
  december(906, 'Share-2', 'Bl2', '6,6'),
];
const accounts = [undefined, 'acc_driver_01', 'acc_driver_02', 'acc_fleet_taxi'] as const;
const adjustments: readonly NewAdjustment[] = [
  { accountId: 'acc_driver_01', amountMinor: 2500n, vatCode: 'SE25', glAccount: '3740', costCenter: '900', description: 'Card lost', reason: 'as agreed' },
  { accountId: 'acc_driver_01', amountMinor: -1000n, vatCode: 'SE25', glAccount: '3740', costCenter: '900', description: 'Goodwill', reason: 'cable broken' },
  { accountId: 'acc_driver_01', amountMinor: 300n, vatCode: 'SE25', glAccount: '3740', costCenter: '900', description: 'Cable hook', reason: 'sent by mail' },
  { accountId: 'acc_fleet_taxi', amountMinor: -999_900n, vatCode: 'SE25', glAccount: '3740', costCenter: '100', description: 'Rebate of the year', reason: 'as agreed' },
  // Has no session in the month.
  { accountId: 'acc_driver_30', amountMinor: 700n, vatCode: 'SE25', glAccount: '3740', costCenter: '900', description: 'Key', reason: 'sent by mail' },
];

type Action = { readonly does: 'exclude' | 'include' | 'adjust' | 'unadjust' | 'arrive' | 'pullIn' | 'putOut' | 'build'; readonly which: number };
const all = (does: Action['does'], n: number): Action[] => Array.from({ length: n }, (_, which) => ({ does, which }));
/** Most of all that can be done, in some order, so that few runs meet much. */
const deck = [
  ...all('adjust', 5),
  ...all('exclude', 6),
  ...all('arrive', 6),
  ...all('pullIn', 4),
  ...all('include', 6),
  ...all('unadjust', 5),
  ...all('putOut', 2),
  ...all('adjust', 5),
  ...all('build', 1),
  ...all('build', 1),
];
const actionsInSomeOrder = fc.shuffledSubarray(deck, { minLength: 14, maxLength: 26 });
/** What stands when all is said: by which key an item was added last. */
type Shapes = { readonly excluded: ReadonlyMap<number, string>; readonly adjusted: ReadonlyMap<number, string>; readonly pulled: readonly string[]; readonly beside: readonly string[] };

let base: TestDatabase;
let runId: string;
let exclusions: readonly NewExclusion[];

beforeAll(async () => {
  const { store, database } = await seeded('every-category');
  base = database;
  await storeLines(store, inTime);
  await processAll(store);
  ({ runId } = await store.tx((db) => planRun(db, { entityId: 'ent_se', period: '2019-12', by })));
  await store.tx((db) => advanceRun(db, runId, 'collecting'));
  await store.tx(async (db) => {
    await closeRecordSet(db, runId);
    await closeOwnerSet(db, runId);
  });
  await store.tx((db) => advanceRun(db, runId, 'previewing'));
  await store.tx((db) => buildDocuments(db, runId));
  await store.tx((db) => advanceRun(db, runId, 'inReview'));
  const [{ record }] = (await store.pool.query("SELECT record_id::text AS record FROM record_head WHERE cdr_id = '11'")).rows;
  const reason = 'disputed';
  exclusions = [
    { scope: 'account', subjectId: 'acc_driver_01', outcome: 'carry', reason },
    { scope: 'account', subjectId: 'acc_fleet_taxi', outcome: 'writeOff', reason },
    { scope: 'site', subjectId: 'site_ado1', outcome: 'carry', reason },
    { scope: 'site', subjectId: 'site_bl2', outcome: 'writeOff', reason },
    { scope: 'record', subjectId: record, outcome: 'carry', reason },
    { scope: 'record', subjectId: record, outcome: 'writeOff', reason },
  ];
  await store.close();
}, 120_000);
afterAll(() => base.drop());

/** A world of its own, as it was when the review began. */
async function world<T>(tell: (store: Store) => Promise<T>): Promise<T> {
  const database = await copyOf(base);
  const store = openStore(database.url);
  try {
    return await tell(store);
  } finally {
    await store.close();
    await database.drop();
  }
}
const arrive = async (store: Store, lines: readonly string[]) => {
  await storeLines(store, lines);
  await processAll(store);
};
const lineOf = (cdrId: string) => late.find((line) => line.startsWith(`${cdrId};`)) ?? '';

/** Does what finance does, in this order, with builds in between. */
async function shape(store: Store, actions: readonly Action[]): Promise<Shapes> {
  const excluded = new Map<number, string>();
  const adjusted = new Map<number, string>();
  const arrived = new Set<string>();
  let made = 0;
  for (const { does, which } of actions) {
    made += 1;
    const key = `${does}-${which}-${made}`;
    await store.tx(async (db) => {
      const exclusion = exclusions[which];
      const adjustment = adjustments[which];
      if (does === 'exclude' && exclusion !== undefined && !excluded.has(which)) {
        excluded.set(which, key);
        await addExclusion(db, runId, exclusion, by, key);
      } else if (does === 'include' && excluded.has(which)) {
        await withdrawExclusion(db, runId, (await addExclusion(db, runId, exclusion as NewExclusion, by, excluded.get(which))).id, by);
        excluded.delete(which);
      } else if (does === 'adjust' && adjustment !== undefined && !adjusted.has(which)) {
        adjusted.set(which, key);
        await addAdjustment(db, runId, adjustment, by, key);
      } else if (does === 'unadjust' && adjusted.has(which)) {
        await withdrawAdjustment(db, runId, (await addAdjustment(db, runId, adjustment as NewAdjustment, by, adjusted.get(which))).id, by);
        adjusted.delete(which);
      } else if (does === 'pullIn') await pullIn(db, runId, accounts[which], by);
      else if (does === 'putOut') await putOut(db, runId, accounts[which], by);
      else if (does === 'build') await buildDocuments(db, runId);
    });
    const line = late[which];
    if (does === 'arrive' && line !== undefined) {
      await arrive(store, [line]);
      arrived.add(line.split(';')[0] ?? '');
    }
  }
  // By its sales: shares follow these with the next build.
  const inRun = await store.pool.query(
    'SELECT DISTINCT h.cdr_id FROM claim k JOIN rated_charge c USING (charge_id) JOIN record_head h USING (record_id) WHERE k.run_id = $1 AND k.pulled_in_by IS NOT NULL AND c.payer_account_id IS NOT NULL ORDER BY 1',
    [runId],
  );
  const pulled = inRun.rows.map((r) => r.cdr_id as string);
  return { excluded, adjusted, pulled, beside: [...arrived].filter((id) => !pulled.includes(id)) };
}

/** The same shapes at one go. */
async function shapeAtOnce(store: Store, { excluded, adjusted, pulled, beside }: Shapes): Promise<void> {
  const inOrder = (shapes: ReadonlyMap<number, string>) => [...shapes].sort(([a], [b]) => a - b);
  for (const [which, key] of inOrder(adjusted)) await store.tx((db) => addAdjustment(db, runId, adjustments[which] as NewAdjustment, by, key));
  if (pulled.length > 0) {
    await arrive(store, pulled.map(lineOf));
    await store.tx((db) => pullIn(db, runId, undefined, by));
  }
  for (const [which, key] of inOrder(excluded)) await store.tx((db) => addExclusion(db, runId, exclusions[which] as NewExclusion, by, key));
  await arrive(store, beside.map(lineOf));
}

const documentsOf = async (store: Store) =>
  (
    await store.pool.query(
      "SELECT id, type, account_id, encode(canonical, 'hex') AS bytes, encode(content_hash, 'hex') AS hash, payable_minor::text AS payable FROM document WHERE run_id = $1 ORDER BY id",
      [runId],
    )
  ).rows;

async function preview(store: Store) {
  const { contentHash } = await store.tx((db) => buildDocuments(db, runId));
  const findings = await store.pool.query(
    'SELECT f.code, f.severity, l.account_id, f.document_id, f.params FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 ORDER BY 1, 2, 3, 4, f.params::text',
    [runId],
  );
  return { contentHash, documents: await documentsOf(store), findings: findings.rows };
}

async function approveAndIssue(store: Store, contentHash: string): Promise<void> {
  const { rows } = await store.pool.query("SELECT l.finding_id::text AS id FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 AND f.severity = 'blocks'", [runId]);
  if (rows.length > 0) await store.tx((db) => signFindings(db, { runId, findingIds: rows.map((r) => r.id), reason: 'as agreed' }, { actor: 'signer' }));
  expect(await store.tx((db) => decideRun(db, { runId, approvalId: randomUUID(), decision: 'approve', contentHash, actor: 'approver', comment: 'looked at it' }))).toEqual({ ok: true });
  await store.tx((db) => advanceRun(db, runId, 'issuing'));
  while ((await store.tx((db) => issueDocuments(db, runId, '2020-01-06'))).left > 0);
}

describe('what finance does to a preview', () => {
  it('gives the same preview for the same shapes, in whatever order they came, and what is approved is issued byte for byte', { timeout: 60_000 + numRuns * 4000 }, async () => {
    await fc.assert(
      fc.asyncProperty(actionsInSomeOrder, async (actions) => {
        const told = await world(async (store) => {
          const shapes = await shape(store, actions);
          const shown = await preview(store);
          await approveAndIssue(store, shown.contentHash);
          // Content and identity of every document are what was shown; nothing more is issued, and nothing less.
          expect(await documentsOf(store)).toEqual(shown.documents);
          expect((await store.pool.query("SELECT DISTINCT state FROM document WHERE run_id = $1 AND state <> 'issued'", [runId])).rows).toEqual([]);
          for (const { bytes, hash } of shown.documents) expect(createHash('sha256').update(Buffer.from(bytes, 'hex')).digest('hex')).toBe(hash);
          const gaps = await store.pool.query('SELECT series_id FROM issue_stamp GROUP BY series_id HAVING min(number) <> 1 OR max(number) <> count(*)');
          expect(gaps.rows).toEqual([]);
          expect((await store.pool.query('SELECT count(*)::int AS n FROM issue_stamp')).rows).toEqual([{ n: shown.documents.length }]);
          expect((await store.pool.query('SELECT unit FROM ledger_entry GROUP BY unit HAVING sum(amount) <> 0')).rows).toEqual([]);
          expect((await energyBalance(store.pool)).filter((month) => month.difference !== 0n)).toEqual([]);
          expect((await verifyAll(store)).sections.filter((section) => section.problem !== null)).toEqual([]);
          return { shapes, shown };
        });
        const again = await world(async (store) => {
          await shapeAtOnce(store, told.shapes);
          return preview(store);
        });
        expect(again).toEqual(told.shown);
      }),
      { numRuns },
    );
  });
});
