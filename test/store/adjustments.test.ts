import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addAdjustment, type NewAdjustment, signAdjustment, withdrawAdjustment } from '../../src/store/commands/adjust-run.ts';
import { addExclusion } from '../../src/store/commands/shape-run.ts';
import { signFindings } from '../../src/store/commands/sign-findings.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { cancelRun } from '../../src/store/cycle/cancel-run.ts';
import { decideRun } from '../../src/store/cycle/decide-run.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import type { Store } from '../../src/store/db.ts';
import { shapesOf, waitingAdjustments } from '../../src/store/reads/run-shapes.ts';
import { traceRun } from '../../src/store/reads/trace-run.ts';
import { traceTree } from '../../src/store/reads/trace-tree.ts';
import { closeSet, finishRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
let november: string;
let invoice: { document_id: string; line_no: number };
const author = { actor: 'author' };
const taxi = 'acc_fleet_taxi';
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
const adjust = (runId: string, more: Partial<NewAdjustment> = {}) =>
  store.tx((db) =>
    addAdjustment(
      db,
      runId,
      { accountId: taxi, amountMinor: -1000n, vatCode: 'SE25', glKey: 'revenue.fleetSale', costCenter: '109', description: 'Goodwill', reason: 'broken cable', ...more },
      author,
    ),
  );
const build = (runId: string) => store.tx((db) => buildDocuments(db, runId));
const review = async (period: string) => {
  const runId = await closeSet(store, period);
  await store.tx((db) => advanceRun(db, runId, 'previewing'));
  await build(runId);
  await store.tx((db) => advanceRun(db, runId, 'inReview'));
  return runId;
};
const findings = async (runId: string, code: RegExp) =>
  (await rows('SELECT f.id, f.code, f.severity, f.subject, f.params FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 ORDER BY f.code, f.params::text', [runId])).filter(
    (f) => code.test(f.code),
  );
const on = (month: string, id: number, kWh: string, user = 'Bl2-5') => session(id, { user, kWh, start: `05.${month} 12:00`, end: `05.${month} 18:00` });

beforeAll(async () => {
  ({ store, drop } = await seeded());
  // 50 kWh at 2.234 are 111.70 net.
  await storeLines(store, [on('11.2019', 1, '50'), on('12.2019', 2, '50')]);
  await processAll(store);
});
afterAll(() => drop());

describe('an adjustment', () => {
  it('goes to an account of the GL mapping and a cost center that exist, with a VAT code of its day, or is refused with the remedy', async () => {
    november = await review('2019-11');
    await expect(adjust(november, { glKey: 'revenue.unheardOf' })).rejects.toThrow('the GL mapping of ent_se has no key revenue.unheardOf for manual amounts: add it, or use another');
    await expect(adjust(november, { glKey: 'receivable' })).rejects.toThrow(/no key receivable for manual amounts/);
    await expect(adjust(november, { glKey: undefined, glAccount: '1510' })).rejects.toThrow(/no account 1510 for manual amounts/);
    await expect(adjust(november, { glAccount: '3740' })).rejects.toThrow('give either glKey or glAccount');
    await expect(adjust(november, { costCenter: 'TA2' })).rejects.toThrow("ent_se has no cost center TA2: use its own or a site's");
    await expect(adjust(november, { vatCode: 'SE99' })).rejects.toThrow('there is no VAT rule SE99 in 2019-11: use SE-AE, SE-O, SE25, or add the rule');
    await rows("INSERT INTO vat_rule (code, country, percent, category, valid_from) VALUES ('SE20', 'SE', 20, 'S', '2019-12-01')");
    await expect(adjust(november, { vatCode: 'SE20' })).rejects.toThrow(/no VAT rule SE20 in 2019-11/);
    await expect(adjust(november, { serviceMonth: '2019-12' })).rejects.toThrow(/is after 2019-11/);
    await expect(adjust(november, { twinPeriod: '2019-11' })).rejects.toThrow(/name the later month/);
    expect((await shapesOf(store.pool, november)).adjustments).toEqual([]);
  });

  it('stands on the document in the month whose revenue it is, with its evidence', async () => {
    const { id } = await adjust(november, { serviceMonth: '2019-10', attachment: { ref: 'dms:4711', sha256: 'a'.repeat(64) } });
    await build(november);
    expect(await rows("SELECT net_minor, gl_account, cost_center, service_month FROM document_line WHERE kind = 'adjustment'")).toEqual([
      { net_minor: -1000n, gl_account: '3002', cost_center: '109', service_month: '2019-10' },
    ]);
    expect((await shapesOf(store.pool, november)).adjustments).toMatchObject([
      { id, glKey: 'revenue.fleetSale', glAccount: '3002', serviceMonth: '2019-10', attachment: { ref: 'dms:4711' }, twin: null },
    ]);
    await store.tx((db) => withdrawAdjustment(db, november, id, author));
    await store.tx((db) => withdrawAdjustment(db, november, id, author));
  });

  it('above a limit blocks until a second person signs it, whom the approval then passes by', async () => {
    const { id } = await adjust(november, { amountMinor: 1_000_001n });
    const { contentHash } = await build(november);
    const [unsigned] = await findings(november, /Unsigned/);
    expect(unsigned).toMatchObject({ severity: 'blocks', subject: id, params: { computed: '10000.01', limit: '10000.00' } });
    const signing = { runId: november, findingIds: [unsigned.id.toString()], reason: 'never mind' };
    await expect(store.tx((db) => signFindings(db, signing, author))).rejects.toThrow(/have a second person sign the adjustment itself/);
    await expect(store.tx((db) => signAdjustment(db, november, id, 'mine', author))).rejects.toThrow(/second person/);
    await store.tx((db) => signAdjustment(db, november, id, 'seen the agreement', { actor: 'second' }));
    await build(november);
    expect(await findings(november, /Unsigned/)).toEqual([]);
    expect(await store.tx((db) => decideRun(db, { runId: november, approvalId: randomUUID(), decision: 'approve', contentHash, actor: 'second', comment: 'as agreed' }))).toMatchObject({
      ok: false,
      reason: 'ownWork',
    });
    await store.tx((db) => withdrawAdjustment(db, november, id, author));
  });

  it('shows where it contradicts what else was decided', async () => {
    const { id } = await adjust(november);
    const exclusion = await store.tx((db) => addExclusion(db, november, { scope: 'account', subjectId: taxi, outcome: 'carry', reason: 'disputed' }, author));
    await build(november);
    expect(await findings(november, /adjustmentConflict/)).toMatchObject([{ severity: 'warns', subject: id, params: { why: 'all else of its account is left out of the run', computed: '-10.00' } }]);
    await rows('UPDATE exclusion_rule SET withdrawn_at = now() WHERE id = $1', [exclusion.id]);
    await rows("UPDATE run_account SET state = 'pending' WHERE run_id = $1 AND account_id = $2", [november, taxi]);
    await store.tx((db) => withdrawAdjustment(db, november, id, author));
    await build(november);
    expect(await findings(november, /adjustmentConflict/)).toEqual([]);
  });

  it('with a twin is taken back by the run of the month named, to the öre; what was approved never changes', async () => {
    const { id } = await adjust(november, { amountMinor: -2500n, twinPeriod: '2020-01' });
    expect((await waitingAdjustments(store.pool, { limit: 5 })).items).toEqual([]);
    await finishRun(store, november, '2019-12-05');
    invoice = (await rows("SELECT document_id, line_no FROM document_line WHERE kind = 'charge' AND net_minor = 11170"))[0];
    expect(await traceTree(store.pool, { document: invoice.document_id })).toMatchObject({ documents: [{ net: '86.70', journal: { net: '86.70', equal: true } }], equal: true });
    for (const c of await traceRun(store.pool, november)) expect(c.net).toMatchObject({ adjustments: '-25.00', journals: c.net.lines });
    expect((await waitingAdjustments(store.pool, { limit: 5 })).items).toMatchObject([{ id: `${id}_twin`, reverses: id, amount: '25.00', duePeriod: '2020-01', serviceMonth: '2020-01' }]);
    const refused = { code: 'WL001' };
    await expect(rows('UPDATE adjustment SET amount_minor = -1 WHERE id = $1', [id])).rejects.toMatchObject(refused);
    await expect(rows('UPDATE adjustment SET withdrawn_at = now() WHERE id = $1', [id])).rejects.toMatchObject(refused);
    await expect(rows('UPDATE adjustment SET withdrawn_at = now() WHERE id = $1', [`${id}_twin`])).rejects.toMatchObject(refused);
    await expect(
      rows("INSERT INTO exclusion_rule (id, run_id, scope, subject_id, outcome, reason, author) VALUES ('late', $1, 'account', 'x', 'carry', 'late', 'x')", [november]),
    ).rejects.toMatchObject(refused);
    await expect(rows('UPDATE exclusion_rule SET withdrawn_at = NULL WHERE run_id = $1', [november])).rejects.toMatchObject(refused);

    const december = await review('2019-12');
    expect((await shapesOf(store.pool, december)).adjustments).toEqual([]);
    // An issued line of 111.70: 60.00 and 51.70 may be credited, and not an öre more; nor under another VAT code, nor by somebody else.
    const line = { documentId: invoice.document_id, lineNo: invoice.line_no };
    const first = await adjust(december, { amountMinor: -6000n, line });
    await expect(adjust(december, { amountMinor: -5171n, line })).rejects.toThrow(`credits of 11171 against line ${line.lineNo} of document ${line.documentId} exceed its 11170 (in minor units)`);
    await expect(adjust(december, { amountMinor: -100n, line, vatCode: 'SE20', serviceMonth: '2019-12' })).rejects.toThrow(/is not an issued line of account acc_fleet_taxi with VAT code SE20/);
    await expect(adjust(december, { amountMinor: -100n, line, accountId: 'acc_fleet_craft' })).rejects.toThrow(/is not an issued line of account acc_fleet_craft/);
    const [{ charge_id: chargeId }] = await rows('SELECT charge_id FROM claim WHERE document_id = $1 AND line_no = $2', [line.documentId, line.lineNo]);
    await expect(adjust(december, { line: { ...line, lineNo: 99 } })).rejects.toThrow(`there is no line 99 of a document ${line.documentId}`);
    await expect(adjust(december, { line: { documentId: 'doc_nowhere', lineNo: 1 } })).rejects.toThrow('there is no line 1 of a document doc_nowhere');
    // What it was billed in before says nothing of an amount in what it is billed in now.
    await rows("UPDATE account SET currency = 'EUR' WHERE id = $1", [taxi]);
    await expect(adjust(december, { line })).rejects.toThrow(`document ${line.documentId} is in SEK, and manual amounts of account ${taxi} are in EUR: credit its lines by a credit note`);
    await expect(adjust(december, { chargeId: chargeId.toString() })).rejects.toThrow(`charge ${chargeId} is in SEK, and manual amounts of account ${taxi} are in EUR`);
    await rows("UPDATE account SET currency = 'SEK' WHERE id = $1", [taxi]);
    const { id: second } = await adjust(december, { amountMinor: -5170n, chargeId: chargeId.toString() });
    expect((await shapesOf(store.pool, december)).adjustments.at(-1)).toMatchObject({ id: second, line, chargeId: chargeId.toString(), serviceMonth: '2019-11' });
    await store.tx((db) => withdrawAdjustment(db, december, first.id, author));
    await adjust(december, { amountMinor: -6000n, line });

    // Corrected meanwhile: the line is taken back whole, and the credits come on top.
    await storeLines(store, [on('11.2019', 1, '49')]);
    await processAll(store);
    await rows("UPDATE run_account SET state = 'pending' WHERE run_id = $1 AND account_id = $2", [december, taxi]);
    await build(december);
    expect(await findings(december, /creditAboveLine|adjustmentConflict/)).toMatchObject([
      { code: 'adjustmentConflict', params: { why: 'its charge was taken back by a correction' } },
      { code: 'creditAboveLine', severity: 'blocks', params: { computed: '-223.40', limit: '111.70' } },
      { code: 'creditAboveLine' },
    ]);
    for (const { id: made } of (await shapesOf(store.pool, december)).adjustments.filter((a) => a.withdrawnAt === null)) await store.tx((db) => withdrawAdjustment(db, december, made, author));
    await build(december);
    await finishRun(store, december, '2020-01-05');

    const january = await review('2020-01');
    expect((await shapesOf(store.pool, january)).adjustments).toMatchObject([{ id: `${id}_twin`, reverses: id, amount: '25.00' }]);
    // Put out, it waits and is listed; the run of the next month takes it.
    await store.tx((db) => withdrawAdjustment(db, january, `${id}_twin`, author));
    await build(january);
    expect(await findings(january, /twinWaits/)).toMatchObject([{ severity: 'warns', params: { adjustment: `${id}_twin`, computed: '25.00', due: '2020-01' } }]);
    expect((await waitingAdjustments(store.pool, { limit: 5 })).items).toHaveLength(1);
    await finishRun(store, january, '2020-02-05');
    const cancelled = await review('2020-02');
    expect((await shapesOf(store.pool, cancelled)).adjustments).toHaveLength(1);
    await store.tx((db) => cancelRun(db, { runId: cancelled, reason: 'planned too early', by: author }));
    expect((await waitingAdjustments(store.pool, { limit: 5 })).items).toHaveLength(1);
    const february = await review('2020-02');
    await finishRun(store, february, '2020-03-05');
    expect((await waitingAdjustments(store.pool, { limit: 5 })).items).toEqual([]);
    expect(
      await rows(
        "SELECT l.net_minor, l.service_month, d.run_id FROM document_line l JOIN document d ON d.id = l.document_id WHERE l.kind = 'adjustment' AND d.state = 'issued' ORDER BY l.service_month",
      ),
    ).toEqual([
      { net_minor: -2500n, service_month: '2019-11', run_id: november },
      { net_minor: 2500n, service_month: '2020-01', run_id: february },
    ]);
    expect(await rows("SELECT sum(amount)::bigint AS rest FROM ledger_entry WHERE ledger_account = 'adjustment'")).toEqual([{ rest: 0n }]);
  });
});
