import { describe, expect, it } from 'vitest';
import { addAdjustment, withdrawAdjustment } from '../../src/store/commands/adjust-run.ts';
import { addExclusion, withdrawExclusion } from '../../src/store/commands/shape-run.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { cancelRun } from '../../src/store/cycle/cancel-run.ts';
import { decideRun, reopenGroups } from '../../src/store/cycle/decide-run.ts';
import { energyBalance } from '../../src/store/reads/energy-balance.ts';
import { waitingAdjustments } from '../../src/store/reads/run-shapes.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { finishRun, reviewRun } from '../support/bill.ts';
import { setFee } from '../support/fee.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

const taxi = 'acc_fleet_taxi';
const by = { actor: 'preparer' };
const at = (id: number, month: string, kWh: string) => session(id, { user: 'AdA6-1', kWh, start: `10.${month} 10:00`, end: `10.${month} 12:00` });

/**
 * November is approved with a session of 10 kWh, at 2.234 22.34, and a manual amount of -10.00 that December is to take back; the session is
 * corrected to 12 kWh, 26.81; December closes its set, with 20 kWh of its own, 44.68.
 */
async function stage() {
  const { store, drop } = await seeded();
  const arrive = async (...lines: string[]) => {
    await storeLines(store, lines);
    await processAll(store);
  };
  const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
  await arrive(at(1, '11.2019', '10'), at(2, '12.2019', '20'));
  const november = await reviewRun(store, '2019-11');
  const { id } = await store.tx((db) =>
    addAdjustment(
      db,
      november,
      { accountId: taxi, amountMinor: -1000n, vatCode: 'SE25', glKey: 'revenue.fleetSale', costCenter: '109', description: 'Goodwill', reason: 'broken cable', twinPeriod: '2019-12' },
      by,
    ),
  );
  const { contentHash } = await store.tx((db) => buildDocuments(db, november));
  expect(await store.tx((db) => decideRun(db, { runId: november, approvalId: 'first', decision: 'approve', contentHash, actor: 'approver', comment: 'looked at it' }))).toMatchObject({ ok: true });
  await arrive(at(1, '11.2019', '12'));
  const december = await reviewRun(store, '2019-12');
  const manual = (runId: string) =>
    rows("SELECT l.net_minor::int AS net FROM document_line l JOIN document d ON d.id = l.document_id AND d.state <> 'discarded' WHERE d.run_id = $1 AND l.adjustment_id IS NOT NULL", [runId]);
  /** What is issued of the account in all: of charges and of manual amounts. */
  const issued = async () =>
    (
      await rows(
        `SELECT coalesce(sum(l.net_minor) FILTER (WHERE l.adjustment_id IS NULL), 0)::int AS charges, coalesce(sum(l.net_minor) FILTER (WHERE l.adjustment_id IS NOT NULL), 0)::int AS manual, count(*) FILTER (WHERE l.adjustment_id IS NOT NULL)::int AS "manualLines"
         FROM document_line l JOIN document d ON d.id = l.document_id AND d.state = 'issued' WHERE d.account_id = $1`,
        [taxi],
      )
    )[0];
  return { store, drop, rows, november, december, id, manual, issued };
}
type Stage = Awaited<ReturnType<typeof stage>>;

/** What becomes of November once it is reopened. */
const fates: Readonly<Record<string, (on: Stage) => Promise<unknown>>> = {
  'approved again as it was': async () => undefined,
  'its manual amount withdrawn': ({ store, november, id }) => store.tx((db) => withdrawAdjustment(db, november, id, by)),
  'its session carried': ({ store, rows, november }) => exclude(store, rows, november, 'carry'),
  'its session written off': ({ store, rows, november }) => exclude(store, rows, november, 'writeOff'),
  cancelled: ({ store, november }) => store.tx((db) => cancelRun(db, { runId: november, reason: 'wrong month', by })),
};

async function exclude(store: Stage['store'], rows: Stage['rows'], runId: string, outcome: 'carry' | 'writeOff'): Promise<void> {
  const [{ id: subjectId }] = await rows("SELECT record_id::text AS id FROM record_head WHERE cdr_id = '1'");
  await store.tx((db) => addExclusion(db, runId, { scope: 'record', subjectId, outcome, reason: 'disputed' }, by));
}

describe('a run that is reopened after a later one closed its set', () => {
  for (const [fate, change] of Object.entries(fates))
    for (const isIssued of [false, true])
      it(`${fate}, with the later one ${isIssued ? 'issued' : 'in review'}, bills everything once`, async () => {
        const on = await stage();
        try {
          const { store, november, december } = on;
          // What takes it back is not due before it is issued: until then November may still change.
          expect(await on.manual(december)).toEqual([]);
          await expect(on.rows('UPDATE adjustment SET run_id = $1 WHERE id = $2', [december, `${on.id}_twin`])).rejects.toMatchObject({ code: 'WL001' });
          if (isIssued) await finishRun(store, december, '2020-01-05');
          expect(await store.tx((db) => reopenGroups(db, { runId: november, actor: 'approver', reason: 'wrong' }))).toMatchObject({ ok: true });
          await change(on);
          if (fate !== 'cancelled') await finishRun(store, november, '2020-01-06');
          if (!isIssued) await finishRun(store, december, '2020-01-07');
          for (const [month, issuedOn] of [
            ['2020-01', '2020-02-05'],
            ['2020-02', '2020-03-05'],
          ] as const)
            await finishRun(store, await reviewRun(store, month), issuedOn);
          expect(await on.issued()).toEqual({ charges: 2681 + 4468, manual: 0, manualLines: fate.includes('withdrawn') ? 0 : 2 });
          expect((await waitingAdjustments(store.pool, { limit: 5 })).items).toEqual([]);
          expect((await energyBalance(store.pool)).filter((b) => b.difference !== 0n)).toEqual([]);
          expect(await on.rows("SELECT coalesce(sum(amount), 0)::int AS unbilled FROM ledger_entry WHERE ledger_account = 'unbilled' AND unit = 'SEK'")).toEqual([{ unbilled: 0 }]);
          expect((await verifyAll(store)).sections.filter((s) => s.problem !== null)).toEqual([]);
        } finally {
          await on.drop();
        }
      });
});

describe('fees that a run leaves out', () => {
  for (const isIssued of [false, true])
    it(`are billed once when it is reopened and bills them after all, with the later one ${isIssued ? 'issued' : 'in review'}`, async () => {
      const { store, drop } = await seeded();
      try {
        await setFee(store, taxi);
        await storeLines(store, [at(1, '11.2019', '10'), at(2, '12.2019', '20')]);
        await processAll(store);
        const november = await reviewRun(store, '2019-11');
        const { id } = await store.tx((db) => addExclusion(db, november, { scope: 'account', subjectId: taxi, outcome: 'carry', reason: 'disputed' }, by));
        const { contentHash } = await store.tx((db) => buildDocuments(db, november));
        expect(await store.tx((db) => decideRun(db, { runId: november, approvalId: 'first', decision: 'approve', contentHash, actor: 'approver', comment: 'looked at it' }))).toMatchObject({
          ok: true,
        });
        const december = await reviewRun(store, '2019-12');
        if (isIssued) await finishRun(store, december, '2020-01-05');
        await store.tx((db) => reopenGroups(db, { runId: november, actor: 'approver', reason: 'settled' }));
        await store.tx((db) => withdrawExclusion(db, november, id, by));
        await finishRun(store, november, '2020-01-06');
        if (!isIssued) await finishRun(store, december, '2020-01-07');
        await finishRun(store, await reviewRun(store, '2020-01'), '2020-02-05');
        // The fee of each of the three months, 80.00, and 22.34 and 44.68.
        const { rows } = await store.pool.query(
          "SELECT l.service_month AS month, sum(l.net_minor)::int AS net FROM document_line l JOIN document d ON d.id = l.document_id AND d.state = 'issued' WHERE d.account_id = $1 GROUP BY 1 ORDER BY 1",
          [taxi],
        );
        expect(rows).toEqual([
          { month: '2019-11', net: 8000 + 2234 },
          { month: '2019-12', net: 8000 + 4468 },
          { month: '2020-01', net: 8000 },
        ]);
        expect((await verifyAll(store)).sections.filter((s) => s.problem !== null)).toEqual([]);
      } finally {
        await drop();
      }
    });
});

describe('a late session that is billed by a run behind which an earlier one has not issued', () => {
  it('moves its own month too, by the run after both', async () => {
    const { store, drop } = await seeded();
    try {
      // 12.5 % of the net, and 100.00 a month at least.
      const clauses = [
        { kind: 'netShare', id: 'share', percent: '12.5' },
        { kind: 'guarantee', id: 'floor', netPerMonth: '100', carryForward: false },
      ];
      await store.pool.query(
        "INSERT INTO contract_version (contract_id, version, valid_from, valid_to, clauses, author) VALUES ('ctr_brf_north', 101, '2019-10-01T00:00:00+02:00', 'infinity', $1, 'test')",
        [JSON.stringify({ kind: 'revenueShare', status: 'active', supplyModel: 'siteAccess', clauses })],
      );
      const given = async () =>
        (
          await store.pool.query(
            "SELECT l.service_month AS month, sum(l.net_minor)::int AS net FROM document_line l JOIN document d ON d.id = l.document_id AND d.state = 'issued' WHERE d.account_id = 'acc_brf_north' GROUP BY 1 ORDER BY 1",
          )
        ).rows.map((r) => [r.month, r.net]);
      const arrive = async (...lines: string[]) => {
        await storeLines(store, lines);
        await processAll(store);
      };
      await arrive(at(1, '10.2019', '10'), at(2, '11.2019', '10'), at(3, '12.2019', '10'));
      await finishRun(store, await reviewRun(store, '2019-10'), '2019-11-05');
      const november = await reviewRun(store, '2019-11');
      // Of October, and late: its share of 2.79 is billed by December, and what October was made up by is that much less.
      await arrive(at(4, '10.2019', '10'));
      await finishRun(store, await reviewRun(store, '2019-12'), '2020-01-05');
      await finishRun(store, november, '2020-01-06');
      await finishRun(store, await reviewRun(store, '2020-01'), '2020-02-05');
      expect(await given()).toEqual(['2019-10', '2019-11', '2019-12', '2020-01'].map((month) => [month, 10_000]));
    } finally {
      await drop();
    }
  });
});
