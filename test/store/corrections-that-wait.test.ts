import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addAdjustment } from '../../src/store/commands/adjust-run.ts';
import { creditLines } from '../../src/store/commands/credit-lines.ts';
import { addExclusion, withdrawExclusion } from '../../src/store/commands/shape-run.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { closeOwnerSet } from '../../src/store/cycle/owner-set.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import type { Store } from '../../src/store/db.ts';
import { lateArrivals } from '../../src/store/reads/late-arrivals.ts';
import { unbilledProof } from '../../src/store/reads/run-proofs.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { closeSet, dryRun, finishRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let drop: () => Promise<void>;
let store: Store;
const by = { actor: 'preparer' };
const taxi = 'acc_fleet_taxi';
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
const arrive = async (...lines: readonly string[]) => {
  await storeLines(store, lines);
  await processAll(store);
};
/** A session of a fleet, at 2.234 a kWh. */
const fleet = (id: number, day: string, kWh: string, user = 'Bl2-5') => session(id, { user, kWh, start: `${day} 10:00`, end: `${day} 12:00` });
const build = (runId: string) => store.tx((db) => buildDocuments(db, runId));
const review = async (period: string) => {
  const runId = await closeSet(store, period);
  await store.tx((db) => closeOwnerSet(db, runId));
  await store.tx((db) => advanceRun(db, runId, 'previewing'));
  await build(runId);
  await store.tx((db) => advanceRun(db, runId, 'inReview'));
  return runId;
};
const documentsOf = (runId: string) => rows("SELECT type, net_minor AS net FROM document WHERE run_id = $1 AND account_id = $2 AND state <> 'discarded' ORDER BY type", [runId, taxi]);
const holds = async () => {
  expect(await rows('SELECT unit FROM ledger_entry GROUP BY unit HAVING sum(amount) <> 0')).toEqual([]);
  expect((await verifyAll(store)).sections.filter((section) => section.problem !== null)).toEqual([]);
};

beforeAll(async () => {
  ({ store, drop } = await seeded());
  await arrive(fleet(1, '10.11.2019', '10'), fleet(2, '11.11.2019', '30', 'NR1-3'));
  await finishRun(store, await review('2019-11'), '2019-12-06');
}, 60_000);
afterAll(() => drop());

describe('a correction of an account that is carried', () => {
  let december: string;

  it('waits whole: what was billed is not credited while what takes its place waits', async () => {
    // 10 kWh were 22.34; they were 20, so 44.68.
    await arrive(fleet(1, '10.11.2019', '20'), fleet(3, '12.12.2019', '5'));
    december = await review('2019-12');
    expect(await documentsOf(december)).toEqual([
      { type: 'creditNote', net: -2234n },
      // 44.68 and 5 kWh more, 11.17.
      { type: 'invoice', net: 5585n },
    ]);
    const { id } = await store.tx((db) => addExclusion(db, december, { scope: 'account', subjectId: taxi, outcome: 'carry', reason: 'disputed' }, by));
    await build(december);
    expect(await documentsOf(december)).toEqual([]);
    // 44.68 + 11.17 − 22.34 wait, and are listed as such.
    expect(
      await rows(
        "SELECT cause, count(*)::int AS charges, sum(c.net_minor)::int AS net FROM exclusion_hit h JOIN rated_charge c ON c.charge_id = h.charge_id WHERE h.run_id = $1 AND h.account_id = $2 AND h.outcome = 'carried' GROUP BY 1",
        [december, taxi],
      ),
    ).toEqual([{ cause: 'own', charges: 3, net: 3351 }]);
    await store.tx((db) => withdrawExclusion(db, december, id, by));
    await build(december);
    expect(await documentsOf(december)).toHaveLength(2);
    await store.tx((db) => addExclusion(db, december, { scope: 'account', subjectId: taxi, outcome: 'carry', reason: 'disputed' }, by));
    await finishRun(store, december, '2020-01-06');
    await holds();
  });

  it('is credited and billed together by the run that bills it', async () => {
    const january = await review('2020-01');
    expect(await documentsOf(january)).toEqual([
      { type: 'creditNote', net: -2234n },
      { type: 'invoice', net: 5585n },
    ]);
    await finishRun(store, january, '2020-02-06');
    await holds();
  });
});

describe('a dry run', () => {
  const hashesOf = (runId: string) => rows("SELECT account_id, type, encode(content_hash, 'hex') AS hash FROM document WHERE run_id = $1 AND state <> 'discarded' ORDER BY 1, 2", [runId]);

  it('of a month without a live run shows what was ordered to be credited, and what is due to be taken back; what arrives since is no late arrival of it', async () => {
    const [invoice] = await rows(
      "SELECT d.id, l.line_no FROM document d JOIN document_line l ON l.document_id = d.id WHERE d.account_id = 'acc_fleet_home_care' AND d.type = 'invoice' AND d.state = 'issued'",
    );
    // 5.00 off its 67.02.
    await store.tx((db) => creditLines(db, { documentId: invoice.id, lines: [{ lineNo: invoice.line_no, amountMinor: 500n }], reason: 'goodwill' }, by));
    const february = await dryRun(store, '2020-02');
    expect(await rows("SELECT type, net_minor AS net FROM document WHERE run_id = $1 AND account_id = 'acc_fleet_home_care' AND state <> 'discarded'", [february])).toEqual([
      { type: 'creditNote', net: -500n },
    ]);
    await arrive(fleet(5, '13.02.2020', '10'));
    expect(await lateArrivals(store.pool, february)).toMatchObject({ charges: 0n });
    // The live run takes the credit, and another one, of all that is left, is ordered afterwards.
    const live = await review('2020-02');
    await finishRun(store, live, '2020-03-06');
    await store.tx((db) => creditLines(db, { documentId: invoice.id, lines: [{ lineNo: invoice.line_no }], reason: 'all of it' }, by));
    await finishRun(store, await review('2020-03'), '2020-04-06');
    // Shown again, February is what it was: later credits are not counted against it.
    expect(await hashesOf(await dryRun(store, '2020-02'))).toEqual(await hashesOf(live));
    await holds();
  });
});

describe('an adjustment of a site owner', () => {
  it('is what we owe, booked against the accrued share: nothing of it is unbilled', async () => {
    await arrive(fleet(4, '12.04.2020', '10'));
    const april = await review('2020-04');
    // 12.5 % of 22.34 are 2.79; 100.00 more are promised.
    await store.tx((db) =>
      addAdjustment(db, april, { accountId: 'acc_brf_north', amountMinor: 10_000n, vatCode: 'SE-O', glKey: 'shareCost', costCenter: '109', description: 'Snow clearing', reason: 'as agreed' }, by),
    );
    await finishRun(store, april, '2020-05-06');
    const [document] = await rows("SELECT id, net_minor AS net FROM document WHERE run_id = $1 AND account_id = 'acc_brf_north' AND state = 'issued'", [april]);
    expect(document.net).toBe(10_279n);
    const booked = await rows(
      "SELECT ledger_account AS account, sum(amount)::int AS amount FROM ledger_entry WHERE transaction_key = 'issue/' || $1 AND unit = 'SEK' GROUP BY 1 HAVING sum(amount) <> 0 ORDER BY 1",
      [document.id],
    );
    // Cost of 100.00, of 102.79 that are owed now; 2.79 were accrued before.
    expect(booked).toEqual([
      { account: 'accruedShare', amount: 279 },
      { account: 'adjustment', amount: 10_000 },
      { account: 'ownerPayable', amount: -10_279 },
    ]);
    expect(await unbilledProof(store.pool, april)).toEqual([expect.objectContaining({ currency: 'SEK', difference: '0.00' })]);
    await holds();
  });
});
