import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rebillDocument } from '../../src/activities/rebill.ts';
import { addAdjustment, type NewAdjustment, withdrawAdjustment } from '../../src/store/commands/adjust-run.ts';
import { creditLines, withdrawCredit } from '../../src/store/commands/credit-lines.ts';
import { orderRebill } from '../../src/store/commands/order-rebill.ts';
import { putSetUp } from '../../src/store/commands/put-set-up.ts';
import { releaseHeld } from '../../src/store/commands/release-held.ts';
import { withdrawWaiting } from '../../src/store/commands/withdraw-waiting.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { cancelRun } from '../../src/store/cycle/cancel-run.ts';
import { decideRun } from '../../src/store/cycle/decide-run.ts';
import { reportOf } from '../../src/store/reads/run-report.ts';
import { shapesOf, waitingAdjustments } from '../../src/store/reads/run-shapes.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { dryRun, finishRun, reviewRun } from '../support/bill.ts';
import { setFee } from '../support/fee.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

const taxi = 'acc_fleet_taxi';
const author = { actor: 'author' };
const months = ['2019-11', '2019-12', '2020-01', '2020-02', '2020-03', '2020-04'] as const;
const issuedOn = (month: string) => `${month === '2019-12' ? '2020-01' : month === '2019-11' ? '2019-12' : `2020-0${Number(month.slice(-1)) + 1}`}-05`;

/** A fleet that wants a purchase order and pays a fee, which needs the seller's cost center: without the one its invoice is held, without the other it is parked. 10 kWh a month at 2.234 are 22.34. */
async function stage() {
  const { store, drop } = await seeded();
  await setFee(store, taxi);
  await storeLines(
    store,
    months.map((month, i) => session(i, { user: 'AdA6-1', kWh: '10', start: `05.${month.slice(5)}.${month.slice(0, 4)} 10:00`, end: `05.${month.slice(5)}.${month.slice(0, 4)} 12:00` })),
  );
  await processAll(store);
  const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
  return {
    store,
    drop,
    rows,
    order: (purchaseOrder: string | null) => store.tx((db) => putSetUp(db, 'accounts', { id: taxi, purchaseOrderRequired: true, purchaseOrder }, 'by letter', author)),
    park: (isParked: boolean) => rows('UPDATE legal_entity SET cost_center = $1', [isParked ? null : '100']),
    adjust: (runId: string, more: Partial<NewAdjustment> = {}) =>
      store.tx((db) =>
        addAdjustment(
          db,
          runId,
          { accountId: taxi, amountMinor: -1000n, vatCode: 'SE25', glKey: 'revenue.fleetSale', costCenter: '109', description: 'Goodwill', reason: 'broken cable', ...more },
          author,
        ),
      ),
    waiting: async () => (await waitingAdjustments(store.pool, { limit: 50 })).items,
    invoices: (runId: string) =>
      rows("SELECT type, net_minor::int AS net, vat_minor::int AS vat, payable_minor::int AS payable FROM document WHERE run_id = $1 AND account_id = $2 AND state <> 'discarded' ORDER BY 1", [
        runId,
        taxi,
      ]),
  };
}
type Stage = Awaited<ReturnType<typeof stage>>;

describe('a manual amount that its run does not bill', () => {
  let on: Stage;
  let november: string;
  let first: string;
  beforeAll(async () => {
    on = await stage();
    await on.order(null);
  });
  afterAll(() => on.drop());

  it('of a held invoice waits as the run closes, says why, and is in the report with its money; its twin waits for it', async () => {
    november = await reviewRun(on.store, '2019-11');
    ({ id: first } = await on.adjust(november, { twinPeriod: '2019-12' }));
    await on.store.tx((db) => buildDocuments(db, november));
    const conflicts = await on.rows("SELECT f.params FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 AND f.code = 'adjustmentConflict'", [november]);
    expect(conflicts.map((c) => c.params)).toContainEqual(expect.objectContaining({ adjustment: first, why: 'its invoice waits for a purchase order' }));
    expect(await on.waiting()).toEqual([]);
    await expect(on.store.tx((db) => withdrawWaiting(db, first, 'too early', author))).rejects.toThrow(`adjustment ${first} is in run ${november}`);
    await finishRun(on.store, november, '2019-12-05');
    const why = expect.stringContaining('the customer wants a purchase order on it');
    expect(await on.waiting()).toMatchObject([{ id: first, runId: november, author: 'author', amount: '-10.00', duePeriod: '2019-11', leftBy: [{ runId: november, why }] }]);
    expect(await reportOf(on.store.pool, november)).toMatchObject({ adjustments: [], manualLeft: [{ kind: 'adjustment', id: first, amount: '-10.00', currency: 'SEK', reason: 'broken cable', why }] });
    // 10 kWh at 2.234, 22.34, and the fee of 80.00.
    expect((await reportOf(on.store.pool, november))?.heldBack).toEqual([
      { reason: 'purchaseOrder', currency: 'SEK', accounts: 1, charges: 1, energyWh: '10000', net: '102.34', fees: '80.00', signed: 0 },
    ]);
    for (const change of ['amount_minor = -1', "signed_by = 'x', signed_at = now()", 'run_id = NULL'])
      await expect(on.rows(`UPDATE adjustment SET ${change} WHERE id = $1`, [first])).rejects.toMatchObject({ code: 'WL001' });
    await expect(on.rows("INSERT INTO adjustment_wait (adjustment_id, run_id, why) VALUES ($1, $2, 'nowhere')", [`${first}_twin`, november])).rejects.toMatchObject({ code: 'WL001' });
  });

  it('is taken over by the next run, which its author does not approve; a cancelled run gives it back', async () => {
    const cancelled = await reviewRun(on.store, '2019-12');
    expect((await shapesOf(on.store.pool, cancelled)).adjustments).toMatchObject([{ id: first, runId: cancelled, leftBy: [{ runId: november }] }]);
    // The run that left it behind still shows it, and where it is now.
    expect((await shapesOf(on.store.pool, november)).adjustments).toMatchObject([{ id: first, runId: cancelled }]);
    expect(await on.waiting()).toEqual([]);
    const { contentHash } = await on.store.tx((db) => buildDocuments(db, cancelled));
    expect(await on.store.tx((db) => decideRun(db, { runId: cancelled, approvalId: 'a', decision: 'approve', contentHash, actor: 'author', comment: 'mine' }))).toMatchObject({
      ok: false,
      reason: 'ownWork',
    });
    await on.store.tx((db) => cancelRun(db, { runId: cancelled, reason: 'planned too early', by: author }));
    expect(await on.waiting()).toMatchObject([{ id: first, runId: cancelled, leftBy: [{ runId: november }, { runId: cancelled, why: 'its run was cancelled' }] }]);
  });

  it('is billed once, with the month in which it was entered, as soon as the invoice may go', async () => {
    const december = await reviewRun(on.store, '2019-12');
    expect(await on.invoices(december)).toEqual([]);
    await on.order('PO-12');
    await on.store.tx((db) => releaseHeld(db, taxi));
    await on.store.tx((db) => buildDocuments(db, december));
    // Two months of 22.34 and of the fee of 80.00, less 10.00: 194.68; with 25 % of it, 48.67, 243.35.
    expect(await on.invoices(december)).toEqual([{ type: 'invoice', net: 19_468, vat: 4867, payable: 24_335 }]);
    await finishRun(on.store, december, '2020-01-05');
    expect(await on.rows("SELECT service_month, net_minor::int AS net FROM document_line WHERE kind = 'adjustment'")).toEqual([{ service_month: '2019-11', net: -1000 }]);
    expect(await reportOf(on.store.pool, december)).toMatchObject({ adjustments: [{ id: first, amount: '-10.00' }], manualLeft: [] });
    // Now that it is billed, what takes it back is due.
    expect(await on.waiting()).toMatchObject([{ id: `${first}_twin`, reverses: first, amount: '10.00', leftBy: [] }]);
    await expect(on.store.tx((db) => withdrawWaiting(db, first, 'too late', author))).rejects.toThrow(/once it is billed by the opposite amount/);
    await expect(on.store.tx((db) => withdrawWaiting(db, `${first}_twin`, 'by itself', author))).rejects.toThrow(`adjustment ${first}_twin takes back ${first}`);
  });

  it('of a parked account waits with what was ordered to be credited, a due reversal included', async () => {
    const [invoice] = await on.rows('SELECT l.document_id, l.line_no FROM document_line l JOIN document d ON d.id = l.document_id WHERE d.account_id = $1 AND l.net_minor > 5000 ORDER BY 2 LIMIT 1', [
      taxi,
    ]);
    const { ids } = await on.store.tx((db) => creditLines(db, { documentId: invoice.document_id, lines: [{ lineNo: invoice.line_no, amountMinor: 500n }], reason: 'late answer' }, author));
    await on.park(true);
    const january = await reviewRun(on.store, '2020-01');
    const { id } = await on.adjust(january, { amountMinor: 700n, twinPeriod: '2020-03' });
    await finishRun(on.store, january, '2020-02-05');
    expect(await on.invoices(january)).toEqual([]);
    const why = expect.stringMatching(/no cost center/);
    const report = await reportOf(on.store.pool, january);
    expect(report?.heldBack).toEqual([{ reason: 'parked', currency: 'SEK', accounts: 1, charges: 1, energyWh: '10000', net: '22.34', fees: '0.00', signed: 0 }]);
    expect(report?.manualLeft.map((l) => [l.kind, l.id, l.amount, l.why])).toEqual(
      [
        ['adjustment', id, '7.00', why],
        ['adjustment', `${first}_twin`, '10.00', why],
        ['credit', ids[0], '-5.00', why],
      ].sort((a, b) => (String(a[1]) < String(b[1]) ? -1 : 1)),
    );
    // By the month from which a run may take them.
    expect((await on.waiting()).map((w) => [w.id, w.duePeriod, w.leftBy.length])).toEqual([
      [`${first}_twin`, '2019-12', 1],
      [id, '2020-01', 1],
    ]);
  });

  it('is withdrawn with a reason while it waits, and with it its reversal; the run that left it stays as it closed', async () => {
    const [{ id: january, hash }] = await on.rows("SELECT id, content_hash AS hash FROM billing_run WHERE label = '2020-01'");
    const own = (await on.waiting()).find((w) => w.amount === '7.00');
    await on.store.tx((db) => withdrawWaiting(db, own?.id ?? '', 'agreed otherwise', author));
    await on.store.tx((db) => withdrawWaiting(db, own?.id ?? '', 'agreed otherwise', author));
    expect(await on.rows("SELECT reason FROM audit_event WHERE action = 'adjustment.withdraw'")).toEqual([{ reason: 'agreed otherwise' }]);
    expect((await on.rows('SELECT id FROM adjustment WHERE withdrawn_at IS NOT NULL ORDER BY 1')).map((r) => r.id)).toEqual([own?.id, `${own?.id}_twin`]);
    const [credit] = await on.rows('SELECT id FROM credit_order');
    expect(await on.store.tx((db) => withdrawCredit(db, credit.id, author))).toEqual({ runId: null });
    expect(await on.rows('SELECT content_hash AS hash, state FROM billing_run WHERE id = $1', [january])).toEqual([{ hash, state: 'closed' }]);
    expect(await on.rows('SELECT state FROM run_account WHERE run_id = $1 AND account_id = $2', [january, taxi])).toEqual([{ state: 'parked' }]);
    await on.park(false);
    const february = await reviewRun(on.store, '2020-02');
    // Two months of 22.34 and of the fee of 80.00, and what takes the 10.00 back: 214.68; with 25 % of it, 53.67, 268.35.
    expect(await on.invoices(february)).toEqual([{ type: 'invoice', net: 21_468, vat: 5367, payable: 26_835 }]);
    await finishRun(on.store, february, '2020-03-05');
    expect(await on.waiting()).toEqual([]);
    expect(await on.rows("SELECT sum(amount)::bigint AS rest FROM ledger_entry WHERE ledger_account = 'adjustment'")).toEqual([{ rest: 0n }]);
    expect((await verifyAll(on.store)).sections.filter((s) => s.problem !== null)).toEqual([]);
  });
});

describe('a dry run of a closed month', () => {
  let on: Stage;
  const shown = async (period: string) => (await on.invoices(await dryRun(on.store, period))).map((d) => [d.type, d.net]);
  const claims = () => on.rows('SELECT run_id, count(*)::int AS n, sum(charge_id)::text AS ids FROM claim GROUP BY 1 ORDER BY 1');
  let invoice: string;
  const lines = new Map<string, number>();
  const credit = (line: string, amountMinor: bigint) =>
    on.store.tx((db) => creditLines(db, { documentId: invoice, lines: [{ lineNo: lines.get(line) ?? 0, amountMinor }], reason: 'goodwill' }, author));
  beforeAll(async () => {
    on = await stage();
    await on.order('PO');
    // 22.34 and the fee of 80.00 a month.
    await finishRun(on.store, await reviewRun(on.store, '2019-11'), '2019-12-05');
    const found = await on.rows(
      "SELECT l.document_id, l.line_no, l.net_minor::int AS net FROM document_line l JOIN document d ON d.id = l.document_id WHERE d.account_id = $1 AND d.state = 'issued'",
      [taxi],
    );
    invoice = found[0].document_id;
    for (const l of found) lines.set(l.net === 8000 ? 'fee' : 'energy', l.line_no);
  });
  afterAll(() => on.drop());

  it('shows the ordered credits that its live run left behind, also once another one billed them', async () => {
    await credit('fee', 500n);
    await on.park(true);
    await finishRun(on.store, await reviewRun(on.store, '2019-12'), '2020-01-05');
    expect(await shown('2019-12')).toEqual([]);
    await on.park(false);
    const left = [
      ['creditNote', -500],
      ['invoice', 10_234],
    ];
    expect(await shown('2019-12')).toEqual(left);
    const january = await reviewRun(on.store, '2020-01');
    expect((await on.invoices(january)).map((d) => [d.type, d.net])).toEqual([
      ['creditNote', -500],
      ['invoice', 20_468],
    ]);
    // What is ordered now is not for a live run whose set is closed, and the dry run beside it shows what that holds.
    const { ids } = await credit('energy', 100n);
    expect((await shown('2020-01'))[0]).toEqual(['creditNote', -500]);
    await on.store.tx((db) => withdrawCredit(db, ids[0] ?? '', author));
    await finishRun(on.store, january, '2020-02-05');
    expect(await shown('2019-12')).toEqual(left);
  });

  it('shows those that are open, as a live one would take them now; none of a document that it does not see', async () => {
    const before = await claims();
    const { ids } = await credit('energy', 300n);
    expect(await shown('2019-11')).toEqual([['invoice', 10_234]]);
    for (const [period, net] of [
      ['2019-12', 10_234],
      ['2020-01', 20_468],
    ] as const)
      expect(await shown(period)).toEqual([
        ['creditNote', -800],
        ['invoice', net],
      ]);
    expect(await shown('2020-02')).toContainEqual(['creditNote', -300]);
    await on.store.tx((db) => withdrawCredit(db, ids[0] ?? '', author));
    expect((await shown('2020-01'))[0]).toEqual(['creditNote', -500]);
    expect(await on.rows('SELECT run_id FROM credit_order WHERE id = $1', [...ids])).toEqual([{ run_id: null }]);
    expect(await claims()).toEqual(before);
  });

  it('shows what an order to credit and rebill opened, with the shares of it', async () => {
    const owners = async (runId: string) =>
      on.rows("SELECT account_id, type, net_minor::int AS net FROM document WHERE run_id = $1 AND account_id <> $2 AND state <> 'discarded' ORDER BY 1, 2", [runId, taxi]);
    const plain = { november: await owners(await dryRun(on.store, '2019-11')), january: await owners(await dryRun(on.store, '2020-01')) };
    const [record] = await on.rows("SELECT h.record_id::text AS id FROM record_head h WHERE cdr_id = '0'");
    const { orderId } = await on.store.tx((db) =>
      orderRebill(db, { documentId: invoice, kind: 'rebill', outcome: 'bill', corrections: [{ recordId: record.id, correction: { energyWh: 12_000 } }], reason: 'meter reading' }, author),
    );
    await rebillDocument(on.store, orderId);
    const before = await claims();
    // 22.34 come back, and 12 kWh at 2.234 are 26.808, so 26.81.
    const january = await dryRun(on.store, '2020-01');
    expect((await on.invoices(january)).map((d) => [d.type, d.net])).toEqual([
      ['creditNote', -500 - 2234],
      ['invoice', 20_468 + 2681],
    ]);
    expect(await shown('2019-11')).toEqual([['invoice', 10_234]]);
    expect(await owners(await dryRun(on.store, '2019-11'))).toEqual(plain.november);
    expect(await claims()).toEqual(before);
    // The live run that takes them bills, and shares, the very same difference.
    const february = await reviewRun(on.store, '2020-02');
    expect((await on.invoices(february))[0]).toMatchObject({ type: 'creditNote', net: -2234 });
    const earned = (documents: { net: number }[]) => documents.reduce((sum, d) => sum + d.net, 0);
    await on.store.tx((db) => cancelRun(db, { runId: february, reason: 'only looked at', by: author }));
    // 12.5 % of 26.81 less 22.34: 3.35 - 2.79.
    expect(earned(await owners(january)) - earned(plain.january)).toBe(56);
    // January's own invoice is credited as a whole, the fees of two months with it: a dry run of January does not see it, and owes them once.
    const [later] = await on.rows("SELECT d.id FROM document d JOIN billing_run r ON r.id = d.run_id WHERE r.label = '2020-01' AND d.account_id = $1 AND d.type = 'invoice' AND d.state = 'issued'", [
      taxi,
    ]);
    const whole = await on.store.tx((db) => orderRebill(db, { documentId: later.id, kind: 'credit', outcome: 'bill', reason: 'wrong address' }, author));
    await rebillDocument(on.store, whole.orderId);
    expect((await on.invoices(await dryRun(on.store, '2020-01'))).map((d) => [d.type, d.net])).toEqual([
      ['creditNote', -500 - 2234],
      ['invoice', 20_468 + 2681],
    ]);
    expect((await verifyAll(on.store)).sections.filter((s) => s.problem !== null)).toEqual([]);
  });
});

type Month = {
  readonly isParked: boolean;
  readonly isHeld: boolean;
  readonly isReleased: boolean;
  readonly isCancelled: boolean;
  readonly entered: readonly { readonly amount: number; readonly twin: number | null; readonly end: 'kept' | 'inRun' | 'waiting' }[];
};
const history = fc.array(
  fc.record({
    isParked: fc.boolean(),
    isHeld: fc.boolean(),
    isReleased: fc.boolean(),
    isCancelled: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
    entered: fc.array(
      fc.record({
        amount: fc.integer({ min: -900, max: 900 }).filter((a) => a !== 0),
        twin: fc.option(fc.integer({ min: 1, max: 2 })),
        end: fc.constantFrom('kept' as const, 'kept' as const, 'inRun' as const, 'waiting' as const),
      }),
      { maxLength: 2 },
    ),
  }),
  { minLength: 2, maxLength: 3 },
);

/** Every öre that was entered is in one place: on an issued document, waiting, withdrawn, or in a run that is not over. */
async function accounted({ rows, waiting }: Stage, entered: bigint): Promise<void> {
  const places = await rows(
    `SELECT j.id, j.amount_minor AS amount, j.withdrawn_at IS NOT NULL AS is_withdrawn, j.reversal_of, r.state NOT IN ('closed', 'cancelled') AS is_open,
       (SELECT count(*)::int FROM document_line l JOIN document d ON d.id = l.document_id AND d.state = 'issued' WHERE l.adjustment_id = j.id) AS issued
     FROM adjustment j LEFT JOIN billing_run r ON r.id = j.run_id`,
  );
  const listed = new Set((await waiting()).map((w) => w.id));
  const issued = new Set(places.filter((p) => p.issued > 0).map((p) => p.id));
  let sum = 0n;
  for (const p of places) {
    const where = [p.issued === 1, listed.has(p.id), p.is_withdrawn, p.is_open === true && !p.is_withdrawn];
    // A reversal that nobody may take yet follows what it takes back.
    const isAhead = p.reversal_of !== null && !issued.has(p.reversal_of);
    expect([p.id, p.issued, where.filter(Boolean).length]).toEqual([p.id, p.issued, isAhead && !p.is_withdrawn ? 0 : 1]);
    if (p.reversal_of === null) sum += p.amount;
  }
  expect(sum).toBe(entered);
}

it('whatever becomes of runs, manual amounts that are issued, wait, are withdrawn or in an open run come to what was entered, each in one place', async () => {
  await fc.assert(
    fc.asyncProperty(history, async (told: readonly Month[]) => {
      const on = await stage();
      let entered = 0n;
      const live = async (month: string, { isParked, isHeld, isReleased, isCancelled, entered: amounts }: Month) => {
        await on.park(isParked);
        await on.order(isHeld ? null : 'PO');
        const runId = await reviewRun(on.store, month);
        const later: string[] = [];
        for (const { amount, twin, end } of amounts) {
          const twinPeriod = twin === null ? undefined : months[months.indexOf(month as '2019-11') + twin];
          const { id } = await on.adjust(runId, { amountMinor: BigInt(amount), twinPeriod });
          entered += BigInt(amount);
          if (end === 'inRun') await on.store.tx((db) => withdrawAdjustment(db, runId, id, author));
          if (end === 'waiting') later.push(id);
        }
        await accounted(on, entered);
        if (isReleased) {
          await on.order('PO');
          await on.store.tx((db) => releaseHeld(db, taxi));
        }
        if (isCancelled) await on.store.tx((db) => cancelRun(db, { runId, reason: 'once more', by: author }));
        else await finishRun(on.store, runId, issuedOn(month));
        await accounted(on, entered);
        const listed = (await on.waiting()).map((w) => w.id);
        for (const id of later.filter((l) => listed.includes(l))) await on.store.tx((db) => withdrawWaiting(db, id, 'not any more', author));
        await accounted(on, entered);
        if (isCancelled) await live(month, { isParked, isHeld, isReleased, isCancelled: false, entered: [] });
      };
      try {
        for (const [i, month] of told.entries()) await live(months[i] ?? '', month);
        // Nothing holds any more: all is billed, first what was left, then what takes it back.
        const free = { isParked: false, isHeld: false, isReleased: false, isCancelled: false, entered: [] };
        for (const month of months.slice(told.length)) await live(month, free);
        expect(await on.waiting()).toEqual([]);
        expect(await on.rows('SELECT id FROM adjustment j WHERE withdrawn_at IS NULL AND NOT manual_stands(id)')).toEqual([]);
      } finally {
        await on.drop();
      }
    }),
    { numRuns: 5 },
  );
}, 300_000);
