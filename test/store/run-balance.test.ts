import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addAdjustment } from '../../src/store/commands/adjust-run.ts';
import { decideRecords } from '../../src/store/commands/decide-records.ts';
import { addExclusion, pullIn } from '../../src/store/commands/shape-run.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { cancelRun } from '../../src/store/cycle/cancel-run.ts';
import { closeRun } from '../../src/store/cycle/close-run.ts';
import { decideRun } from '../../src/store/cycle/decide-run.ts';
import { issueDocuments } from '../../src/store/cycle/issue-documents.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import type { Store } from '../../src/store/db.ts';
import { type RunReport, reportOf } from '../../src/store/reads/run-report.ts';
import { finishRun, issueRun, reviewRun } from '../support/bill.ts';
import { processAll, retryAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

const by = { actor: 'preparer' };

/** What happens between two runs, and how a run is shaped. */
type Arrival = { readonly id: number; readonly month: 10 | 11 | 12; readonly day: number; readonly kWh: number; readonly user: string; readonly garage: string };
type Shape = { readonly kind: 'writeOff' | 'carry' | 'adjust' | 'pullIn' | 'reject' | 'cancel'; readonly pick: number };
type Month = { readonly before: readonly Arrival[]; readonly during: readonly Arrival[]; readonly shapes: readonly Shape[] };

// Few ids, so that sessions come again with other content; one user nobody knows, one garage in a country without registration.
const arrival = fc.record({
  id: fc.integer({ min: 1, max: 14 }),
  month: fc.constantFrom(10 as const, 11 as const, 12 as const),
  day: fc.integer({ min: 1, max: 28 }),
  kWh: fc.integer({ min: 1, max: 40 }),
  user: fc.constantFrom('Bl2-1', 'Bl2-2', 'NR1-3', 'AdA6-1', 'Share-2', 'Nobody'),
  garage: fc.constantFrom('Bl2', 'Bl2', 'NR1', 'UT2'),
});
const shape = fc.record({ kind: fc.constantFrom<Shape['kind']>('writeOff', 'carry', 'adjust', 'pullIn', 'reject', 'cancel'), pick: fc.nat({ max: 100 }) });
const month = fc.record({ before: fc.array(arrival, { minLength: 1, maxLength: 8 }), during: fc.array(arrival, { maxLength: 4 }), shapes: fc.array(shape, { maxLength: 4 }) });

/** A database of its own for one history. */
async function inFresh<T>(work: (store: Store) => Promise<T>): Promise<T> {
  const { store, drop } = await seeded();
  try {
    return await work(store);
  } finally {
    await drop();
  }
}

async function arrive(store: Store, arrivals: readonly Arrival[]): Promise<void> {
  for (const { id, month: m, day, kWh, user, garage } of arrivals) {
    const on = `${String(day).padStart(2, '0')}.${m}.2019`;
    await storeLines(store, [session(id, { user, garage, kWh: String(kWh), start: `${on} 10:00`, end: `${on} 16:00` })]);
    await processAll(store);
  }
}

/** One run from its planning to its close; answers the report it kept. */
async function runMonth(store: Store, period: string, { during, shapes }: Omit<Month, 'before'>): Promise<RunReport> {
  let runId = await reviewRun(store, period);
  await arrive(store, during);
  for (const { kind, pick } of shapes) {
    const accounts = (
      await store.pool.query<{ account_id: string }>("SELECT DISTINCT k.account_id FROM claim k JOIN account a ON a.id = k.account_id AND a.category <> 'siteOwner' WHERE k.run_id = $1 ORDER BY 1", [
        runId,
      ])
    ).rows;
    const accountId = accounts[pick % Math.max(accounts.length, 1)]?.account_id;
    if (kind === 'pullIn') await store.tx((db) => pullIn(db, runId, undefined, by));
    else if (kind === 'cancel') {
      await store.tx((db) => cancelRun(db, { runId, reason: 'once more', by }));
      runId = await reviewRun(store, period);
    } else if (kind === 'reject') {
      const { rows } = await store.pool.query<{ id: string }>("SELECT record_id::text AS id FROM record_head WHERE state = 'quarantined' ORDER BY record_id LIMIT 1");
      if (rows.length > 0) await store.tx((db) => decideRecords(db, { selection: { recordIds: rows.map((r) => r.id) }, action: 'reject', reason: 'nobody to bill' }, { actor: 'ops' }));
      await retryAll(store);
    } else if (accountId === undefined) continue;
    else if (kind === 'adjust')
      await store.tx((db) =>
        addAdjustment(db, runId, { accountId, amountMinor: BigInt(pick + 1), vatCode: 'SE25', glAccount: '3740', costCenter: '100', description: 'Fee', reason: 'as agreed' }, by),
      );
    else await store.tx((db) => addExclusion(db, runId, { scope: 'account', subjectId: accountId, outcome: kind, reason: 'disputed' }, by));
  }
  await finishRun(store, runId, '2020-02-03');
  const report = await reportOf(store.pool, runId);
  if (report === undefined) throw new Error(`run ${runId} kept no report`);
  return report;
}

const off = (report: RunReport) => ({
  equation: report.equation.rows.filter((r) => r.difference !== '0'),
  revenue: report.revenue.filter((r) => Number(r.difference) !== 0),
  unbilled: report.unbilled.filter((r) => Number(r.difference) !== 0),
  series: report.series.filter((s) => s.gaps.length > 0 || s.beyond > 0),
  months: report.energyBalance.filter((m) => m.difference !== '0'),
});
const nothingOff = { equation: [], revenue: [], unbilled: [], series: [], months: [] };

describe('a run’s balance', () => {
  it('is opening + received = billed + excluded + rejected + closing, in Wh and in money, worked by hand over two months', async () => {
    await inFresh(async (store) => {
      // November: 10 + 20 kWh billed, 5 kWh held.
      await arrive(store, [
        { id: 1, month: 11, day: 5, kWh: 10, user: 'Bl2-1', garage: 'Bl2' },
        { id: 2, month: 11, day: 6, kWh: 20, user: 'NR1-3', garage: 'NR1' },
        { id: 3, month: 11, day: 7, kWh: 5, user: 'Nobody', garage: 'Bl2' },
      ]);
      const november = await runMonth(store, '2019-11', { during: [], shapes: [] });
      const wh = (report: RunReport) => report.equation.rows.find((r) => r.unit === 'Wh' && r.sourceId === 'csms');
      expect(november.equation.since).toBeNull();
      expect(wh(november)).toMatchObject({ opening: '0', received: '35000', billed: '30000', rejected: '0', closing: '5000', difference: '0' });
      // December: 7 kWh more; session 1 comes again with 12 kWh instead of 10; the held one is rejected; 4 kWh come too late.
      await arrive(store, [
        { id: 4, month: 12, day: 5, kWh: 7, user: 'Bl2-1', garage: 'Bl2' },
        { id: 1, month: 11, day: 5, kWh: 12, user: 'Bl2-1', garage: 'Bl2' },
      ]);
      // As a version stored it that did not tell of these yet.
      await store.pool.query("UPDATE billing_run SET report = report - 'heldBack' - 'manualLeft' WHERE id = $1", [november.run.runId]);
      expect(await reportOf(store.pool, november.run.runId)).toEqual(november);
      const december = await runMonth(store, '2019-12', { during: [{ id: 5, month: 12, day: 6, kWh: 4, user: 'Bl2-1', garage: 'Bl2' }], shapes: [{ kind: 'reject', pick: 0 }] });
      // 5,000 + (7,000 − 10,000 + 12,000 + 4,000) = 9,000 billed + 5,000 rejected + 4,000 closing.
      expect(wh(december)).toMatchObject({ opening: '5000', received: '13000', billed: '9000', billedByOthers: '0', rejected: '5000', closing: '4000', difference: '0' });
      expect(december.equation.since).not.toBeNull();
      expect(december.late).toMatchObject([{ accountId: 'acc_driver_16', charges: 1, energyWh: '4000' }]);
      expect(december.balances.find((b) => b.sourceId === 'csms' && b.month === '2019-11' && b.unit === 'Wh')?.figures).toMatchObject({
        received: '37000',
        billed: '32000',
        rejected: '5000',
        open: '0',
      });
      expect(december.series[0]).toMatchObject({ documentType: 'invoice', gaps: [], beyond: 0 });
      expect([off(november), off(december)]).toEqual([nothingOff, nothingOff]);
    });
  });

  it('counts a document once that another run issues while one closes, whichever began first', async () => {
    /** A run of a month, up to where it issues; answers its id. */
    const issuing = async (store: Store, period: string): Promise<string> => {
      const runId = await reviewRun(store, period);
      const { contentHash } = await store.tx((db) => buildDocuments(db, runId));
      await store.tx((db) => decideRun(db, { runId, approvalId: randomUUID(), decision: 'approve', contentHash, actor: 'approver', comment: 'looked at it' }));
      await store.tx((db) => advanceRun(db, runId, 'issuing'));
      return runId;
    };
    const reconcile = async (store: Store, runId: string) => {
      for (const state of ['handingOver', 'reconciled'] as const) await store.tx((db) => advanceRun(db, runId, state));
    };
    const close = (store: Store, runId: string) => store.tx((db) => closeRun(db, runId));
    const issue = (store: Store, runId: string) => store.tx((db) => issueDocuments(db, runId, '2020-01-07'));
    // A transaction has the time that it began at: the other one comes and goes within it, or before it ends.
    const orders = {
      'the issue begins': (store: Store, closes: string, issues: string) =>
        store.tx(async (db) => {
          await db.query('SELECT now()');
          await close(store, closes);
          await issueDocuments(db, issues, '2020-01-07');
        }),
      'the close begins': (store: Store, closes: string, issues: string) =>
        store.tx(async (db) => {
          await db.query('SELECT now()');
          await issue(store, issues);
          await closeRun(db, closes);
        }),
      'the close comes before the issue has ended': async (store: Store, closes: string, issues: string) => {
        let closed: Promise<void> = Promise.resolve();
        await store.tx(async (db) => {
          await issueDocuments(db, issues, '2020-01-07');
          closed = close(store, closes);
          await setTimeout(300);
        });
        await closed;
      },
    };
    for (const [order, play] of Object.entries(orders))
      await inFresh(async (store) => {
        await arrive(store, [
          { id: 1, month: 11, day: 5, kWh: 10, user: 'Bl2-1', garage: 'Bl2' },
          { id: 2, month: 12, day: 6, kWh: 20, user: 'NR1-3', garage: 'NR1' },
        ]);
        const [november, december] = [await issuing(store, '2019-11'), await issuing(store, '2019-12')];
        await issue(store, november);
        await reconcile(store, november);
        await play(store, november, december);
        await reconcile(store, december);
        await close(store, december);
        const [first, second] = [await reportOf(store.pool, november), await reportOf(store.pool, december)];
        expect([order, first?.equation.rows.filter((r) => r.difference !== '0'), second?.equation.rows.filter((r) => r.difference !== '0')]).toEqual([order, [], []]);
      });
  }, 120_000);

  it('has no difference, whatever comes, is corrected, left out, pulled in, rejected or cancelled, run after run', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(month, { minLength: 2, maxLength: 3 }), async (months) => {
        await inFresh(async (store) => {
          for (const [i, { before, ...rest }] of months.entries()) {
            await arrive(store, before);
            const report = await runMonth(store, `2019-${10 + i}`, rest);
            expect(off(report)).toEqual(nothingOff);
          }
        });
      }),
      { numRuns: 6, endOnFailure: true },
    );
  }, 180_000);
});

describe('what is unbilled', () => {
  it('agrees while a run that has written something off waits to be closed, in the report that another one keeps meanwhile too', async () => {
    await inFresh(async (store) => {
      const on = { month: 12, day: 3, garage: 'Bl2' } as const;
      await arrive(store, [
        { ...on, id: 1, kWh: 10, user: 'Bl2-1' },
        { ...on, id: 2, kWh: 5, user: 'Bl2-2' },
        { ...on, id: 3, kWh: 8, user: 'NR1-3' },
      ]);
      const final = await reviewRun(store, '2019-12', { selection: { accountIds: ['acc_driver_17'] } });
      const month = await reviewRun(store, '2019-12');
      await store.tx((db) => addExclusion(db, month, { scope: 'account', subjectId: 'acc_driver_16', outcome: 'writeOff', reason: 'disputed' }, by));
      await issueRun(store, month, '2020-01-07');
      // 10 kWh at 2.65 are written off in the ledger, 26.50; the 5 kWh of the final invoice, 13.25, are not issued yet.
      expect((await reportOf(store.pool, month))?.unbilled).toEqual([{ currency: 'SEK', ledger: '13.25', charges: '13.25', difference: '0.00' }]);
      await finishRun(store, final, '2020-01-08');
      expect((await reportOf(store.pool, final))?.unbilled).toEqual([{ currency: 'SEK', ledger: '0.00', charges: '0.00', difference: '0.00' }]);
    });
  });
});
