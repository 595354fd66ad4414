import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addExclusion, touch, withdrawExclusion } from '../../src/store/commands/shape-run.ts';
import { signCarry } from '../../src/store/commands/steer-run.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { cancelRun } from '../../src/store/cycle/cancel-run.ts';
import { releaseAdvanceFees } from '../../src/store/cycle/release-fees.ts';
import { unsignedWaiting } from '../../src/store/cycle/run-reads.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import type { Store } from '../../src/store/db.ts';
import { allowancesOf } from '../../src/store/reads/allowance.ts';
import { runSummary } from '../../src/store/reads/run-summary.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let store: Store;
let drop: () => Promise<void>;
let accountId: string;
let contractId: string;
const preparer = { actor: 'preparer' };
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
const drafts = (runId: string) =>
  rows('SELECT role, component, service_month, net_minor, gross_minor, quantity FROM period_charge WHERE run_id = $1 ORDER BY service_month, role, component, split_no', [runId]);
const addVersion = (version: number, from: string, clauses: unknown[]) =>
  rows("INSERT INTO contract_version (contract_id, version, valid_from, clauses, author, second_person) VALUES ($1, $2, $3, $4, 'sales', 'head')", [
    contractId,
    version,
    from,
    JSON.stringify({ kind: 'supply', status: 'active', clauses }),
  ]);
const fee = { kind: 'fee', id: 'fee', amount: '79.20', billed: 'arrears', refund: 'prorata' };
const ahead = { kind: 'fee', id: 'app', amount: '20', billed: 'advance', refund: 'prorata' };
const included = { kind: 'included', id: 'inc', kWhPerMonth: '35', rolloverMonths: 0 };

beforeAll(async () => {
  ({ store, drop } = await seeded());
  // What the sample set-up has, taken away again.
  await rows('UPDATE legal_entity SET cost_center = NULL');
  await storeLines(
    store,
    [0, 1, 2].map((i) => session(i, { kWh: '10', start: `0${5 + i}.12.2019 18:00`, end: `0${5 + i}.12.2019 21:00` })),
  );
  await processAll(store);
  [{ payer_account_id: accountId, contract_id: contractId }] = await rows("SELECT DISTINCT payer_account_id, contract_id FROM rated_charge WHERE role = 'driverSale'");
  await addVersion(101, '2019-11-30T23:00:00Z', [fee, ahead, included]);
});
afterAll(() => drop());

describe('what a month decides, in the run', () => {
  let runId: string;

  it('parks the account while the seller has no cost center for it, and only that account', async () => {
    runId = await closeSet(store, '2019-12');
    await store.tx((db) => advanceRun(db, runId, 'previewing'));
    await store.tx((db) => buildDocuments(db, runId));
    expect(await rows('SELECT state, reason FROM run_account WHERE run_id = $1 AND account_id = $2', [runId, accountId])).toEqual([
      { state: 'parked', reason: expect.stringContaining('no cost center') },
    ]);
    expect(await rows('SELECT id FROM document WHERE account_id = $1', [accountId])).toEqual([]);
    expect((await runSummary(store.pool, runId))?.parked).toEqual([{ accountId, reason: expect.stringContaining('cost center') }]);
    const open = async () => (await unsignedWaiting(store.pool, runId)).filter((sentence) => sentence.startsWith('account'));
    expect(await open()).toEqual([expect.stringMatching(new RegExp(`^account ${accountId} is parked: .*cost center`))]);
    // Signed by somebody it is no question any more; the close report keeps it.
    await store.tx(async (db) => {
      expect((await signCarry(db, { runId, reason: 'the cost center is being agreed on', by: { actor: 'approver' } })).signed).toBe(1);
      expect((await unsignedWaiting(db, runId)).filter((sentence) => sentence.startsWith('account'))).toEqual([]);
    });
    await rows("UPDATE legal_entity SET cost_center = '900'");
    // Touched, it is to be built again: neither parked, nor with an invoice that waits.
    await store.tx((db) => touch(db, runId, [accountId]));
    expect(await runSummary(store.pool, runId)).toMatchObject({ parked: [], held: [] });
  });

  it('drafts fees and covers energy over what the run claims; an exclusion changes the rows, and withdrawn gives the very same', async () => {
    const before = (await store.tx((db) => buildDocuments(db, runId))).contentHash;
    const made = await drafts(runId);
    // Consumers are gross-first: 79.20 × 1.25 = 99.00, 20.00 × 1.25 = 25.00; December and January in advance. All 30 kWh are covered by 35.
    expect(made.filter((r) => r.role !== 'allowance').map((r) => [r.component, r.service_month, r.gross_minor])).toEqual([
      ['advanceFee', '2019-12', 2500n],
      ['fee', '2019-12', 9900n],
      ['advanceFee', '2020-01', 2500n],
    ]);
    const [{ gross, wh }] = await rows("SELECT sum(gross_minor)::bigint AS gross, sum(energy_wh)::bigint AS wh FROM rated_charge WHERE component LIKE 'ENERGY%' AND payer_account_id = $1", [
      accountId,
    ]);
    expect(wh).toBe(30_000n);
    expect(made.find((r) => r.role === 'allowance')).toMatchObject({ gross_minor: -gross, quantity: 30_000n });
    const [{ record_id }] = await rows('SELECT record_id FROM rated_charge WHERE payer_account_id = $1 ORDER BY record_id DESC LIMIT 1', [accountId]);
    const { id } = await store.tx((db) => addExclusion(db, runId, { scope: 'record', subjectId: String(record_id), outcome: 'carry', reason: 'disputed' }, preparer));
    await store.tx((db) => buildDocuments(db, runId));
    expect((await drafts(runId)).find((r) => r.role === 'allowance')).toMatchObject({ quantity: 20_000n });
    await store.tx((db) => withdrawExclusion(db, runId, id, preparer));
    expect((await store.tx((db) => buildDocuments(db, runId))).contentHash).toBe(before);
  });

  it('leaves nothing of a cancelled run', async () => {
    await store.tx((db) => cancelRun(db, { runId, reason: 'wrong month', by: preparer }));
    expect(await drafts(runId)).toEqual([]);
    expect(await rows('SELECT charge_id FROM rated_charge WHERE record_id IS NULL')).toEqual([]);
  });

  it('becomes charges with identity, claim and journal when the document is issued, and everything verifies', async () => {
    runId = await closeSet(store, '2019-12');
    await issueRun(store, runId, '2020-01-07');
    const made = await rows(
      'SELECT c.role, d.state, k.line_no IS NOT NULL AS on_line FROM rated_charge c JOIN charge_identity i USING (charge_id) JOIN claim k USING (charge_id) JOIN document d ON d.id = k.document_id WHERE c.record_id IS NULL ORDER BY c.role, c.service_month',
    );
    expect(made).toEqual(['advanceFee', 'advanceFee', 'allowance', 'subscriptionFee'].map((role) => ({ role, state: 'issued', on_line: true })));
    expect(await rows("SELECT sum(amount)::bigint AS amount FROM ledger_entry WHERE ledger_account = 'deferredRevenue'")).toEqual([{ amount: -4000n }]);
    await expect(rows('UPDATE period_charge SET net_minor = 0')).rejects.toMatchObject({ code: 'WL001' });
    await expect(rows('DELETE FROM period_charge')).rejects.toMatchObject({ code: 'WL001' });
    expect((await verifyAll(store)).sections.filter((section) => section.problem !== null)).toEqual([]);
  });

  it('releases what was paid in advance when its month is over, once', async () => {
    const release = () => store.tx((db) => releaseAdvanceFees(db, 'ent_se', '2019-12'));
    expect(await release()).toEqual({ released: 1 });
    expect(await release()).toEqual({ released: 0 });
    // 20.00 of December is revenue; 20.00 of January stays deferred.
    expect(await rows("SELECT sum(amount)::bigint AS amount FROM ledger_entry WHERE ledger_account = 'deferredRevenue'")).toEqual([{ amount: -2000n }]);
  });

  it('states to the customer what is included, used and left', async () => {
    const [allowance] = (await allowancesOf(store.pool, accountId, '2019-12')) ?? [];
    expect(allowance).toMatchObject({ includedWh: '35000', usedWh: '30000', leftWh: '5000', lapsesWh: '5000', from: '2019-12-01', to: '2020-01-01' });
    expect(allowance?.sessions.map((s) => s.coveredWh)).toEqual(['10000', '10000', '10000']);
    expect(allowance?.sentences).toEqual([
      'From 2019-12-01 to 2019-12-31 35 kWh are included.',
      expect.stringMatching(/^30 kWh are used, worth \d+\.\d\d SEK with VAT\.$/),
      '5 kWh are left and lapse.',
    ]);
    expect(await allowancesOf(store.pool, 'acc_nobody', '2019-12')).toBeUndefined();
  });

  it('refuses a fee that is billed twice, whoever writes it', async () => {
    const columns = (
      await rows("SELECT string_agg(column_name, ', ') AS c FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'rated_charge' AND column_name <> 'charge_id'")
    )[0].c;
    await expect(rows(`INSERT INTO rated_charge (${columns}) SELECT ${columns} FROM rated_charge WHERE role = 'subscriptionFee'`)).rejects.toMatchObject({ code: '23505' });
  });

  it('bills a late session’s share of the allowance as one difference in the next run, and an advance fee for the month after', async () => {
    await storeLines(store, [session(50, { kWh: '10', start: '04.12.2019 18:00', end: '04.12.2019 21:00' })]);
    await processAll(store);
    const january = await closeSet(store, '2020-01');
    await issueRun(store, january, '2020-02-07');
    const made = await rows(
      'SELECT c.component, c.service_month, c.gross_minor FROM rated_charge c JOIN claim k USING (charge_id) WHERE c.record_id IS NULL AND c.payer_account_id IS NOT NULL AND k.run_id = $1 ORDER BY c.service_month, c.component',
      [january],
    );
    // 5 of its 10 kWh are covered: half of what it costs, half away from zero.
    const [{ gross }] = await rows("SELECT gross_minor AS gross FROM rated_charge WHERE component LIKE 'ENERGY%' AND payer_account_id = $1 AND reversal_of IS NULL LIMIT 1", [accountId]);
    expect(made).toEqual([
      { component: 'included#2', service_month: '2019-12', gross_minor: -((gross + 1n) / 2n) },
      { component: 'fee', service_month: '2020-01', gross_minor: 9900n },
      { component: 'advanceFee', service_month: '2020-02', gross_minor: 2500n },
    ]);
    expect((await verifyAll(store)).sections.filter((section) => section.problem !== null)).toEqual([]);
  });
});
