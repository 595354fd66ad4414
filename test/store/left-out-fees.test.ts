import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { documentRulesSchema } from '../../src/contracts/document-rules.ts';
import type { ExclusionRule } from '../../src/contracts/exclusion-rule.ts';
import { endExclusion, proposeExclusion, signExclusion } from '../../src/store/commands/exclusion-rules.ts';
import { setDocumentRules } from '../../src/store/commands/set-document-rules.ts';
import { addExclusion, touch } from '../../src/store/commands/shape-run.ts';
import { signCarry } from '../../src/store/commands/steer-run.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { cancelRun } from '../../src/store/cycle/cancel-run.ts';
import { decideRun } from '../../src/store/cycle/decide-run.ts';
import { advanceRun } from '../../src/store/cycle/run-state.ts';
import type { Store } from '../../src/store/db.ts';
import { hitsOfRule, shadowBalance } from '../../src/store/reads/shadow-balance.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { closeSet, dryRun, finishRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

const by = { actor: 'preparer' };
const driver = 'acc_driver_16';
let drop: () => Promise<void>;
let store: Store;
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
const build = (runId: string) => store.tx((db) => buildDocuments(db, runId));
const review = async (period: string) => {
  const runId = await closeSet(store, period);
  await store.tx((db) => advanceRun(db, runId, 'previewing'));
  await build(runId);
  await store.tx((db) => advanceRun(db, runId, 'inReview'));
  return runId;
};
/** The run of a month, in which the driver is left out by an exclusion of its own. */
const leaveOut = async (period: string, outcome: 'carry' | 'writeOff') => {
  const runId = await review(period);
  await store.tx((db) => addExclusion(db, runId, { scope: 'account', subjectId: driver, outcome, reason: 'disputed' }, by));
  await build(runId);
  return runId;
};
/** A standing rule on the driver alone, in force. */
const inForce = async (more: Partial<ExclusionRule>) => {
  const rule = { entityId: 'ent_se', scope: 'account', subjectId: driver, predicate: {}, outcome: 'carry', atOurCost: false, validFrom: '2019-01-01', reviewOn: '2030-01-01', ...more } as const;
  const { id } = await store.tx((db) => proposeExclusion(db, rule, { reason: 'disputed' }, { actor: 'author' }));
  await store.tx((db) => signExclusion(db, id, 'seen the dispute', { actor: 'signer' }));
  return id;
};
const end = (id: string) => store.tx((db) => endExclusion(db, id, 'settled', { actor: 'signer' }));
const findings = async (runId: string) =>
  (await rows("SELECT f.code, f.params->>'computed' AS net FROM run_finding l JOIN finding f ON f.id = l.finding_id WHERE l.run_id = $1 ORDER BY 1", [runId]))
    .filter((f) => /exclusion|carried/.test(f.code))
    .map((f) => [f.code, f.net]);
/** What a run made of each fee that was left out: month, what was carried in, what it is now. */
const leftOut = async (runId: string) =>
  (await rows('SELECT service_month, opening_minor, net_minor, outcome FROM left_out_fee WHERE run_id = $1 ORDER BY service_month, component', [runId])).map((r) => [
    r.service_month,
    r.opening_minor,
    r.net_minor,
    r.outcome,
  ]);
/** Months whose fee stands on an issued document, with it. */
const billed = () =>
  rows("SELECT service_month AS month, component, net_minor AS net, gross_minor AS gross FROM rated_charge WHERE payer_account_id = $1 AND role IN ('subscriptionFee', 'advanceFee') ORDER BY 1, 2", [
    driver,
  ]);
const holds = async () => {
  expect(await rows('SELECT unit FROM ledger_entry GROUP BY unit HAVING sum(amount) <> 0')).toEqual([]);
  expect((await verifyAll(store)).sections.filter((section) => section.problem !== null)).toEqual([]);
};
const subscribe = async (clauses: readonly unknown[], from = '2019-11-30T23:00:00Z', version = 101) => {
  const [{ id }] = await rows("SELECT id FROM contract WHERE account_id = $1 AND kind = 'supply'", [driver]);
  await rows("INSERT INTO contract_version (contract_id, version, valid_from, clauses, author, second_person) VALUES ($1, $2, $3, $4, 'sales', 'head')", [
    id,
    version,
    from,
    JSON.stringify({ kind: 'supply', status: 'active', clauses }),
  ]);
};
const fee = (amount = '79.20', billed: 'arrears' | 'advance' = 'arrears') => ({ kind: 'fee', id: 'fee', amount, billed, refund: 'prorata' });

// 79.20 net a month, for a consumer 79.20 × 1.25 = 99.00 gross.
describe.each(['carry', 'writeOff'] as const)('the fee of an account that is left out (%s)', (outcome) => {
  beforeAll(async () => {
    ({ store, drop } = await seeded());
    await subscribe([fee()]);
    // 10 kWh.
    await storeLines(store, [session(1, { user: 'Bl2-1', kWh: '10', start: '05.12.2019 12:00', end: '05.12.2019 18:00' })]);
    await processAll(store);
  }, 60_000);
  afterAll(() => drop());

  it('goes with its sessions, and nothing of a run that is cancelled stays', async () => {
    const cancelled = await leaveOut('2019-12', outcome);
    await store.tx((db) => cancelRun(db, { runId: cancelled, reason: 'planned too early', by }));
    const december = await leaveOut('2019-12', outcome);
    expect(await leftOut(december)).toEqual([['2019-12', 0n, 7920n, outcome === 'carry' ? 'carried' : 'excluded']]);
    expect(await rows('SELECT disposition FROM claim WHERE run_id = $1 AND account_id = $2', [december, driver])).toEqual([{ disposition: outcome === 'carry' ? 'carried' : 'excluded' }]);
    await finishRun(store, december, '2020-01-06');
    await expect(rows('UPDATE left_out_fee SET net_minor = 0')).rejects.toMatchObject({ code: 'WL001' });
    await expect(rows('DELETE FROM left_out_fee')).rejects.toMatchObject({ code: 'WL001' });
  });

  it('is carried for as long as it is left out, and billed once then; written off it is never billed', async () => {
    // Without a session.
    for (const [period, on] of [
      ['2020-01', '2020-02-06'],
      ['2020-02', '2020-03-06'],
      ['2020-03', '2020-04-06'],
    ] as const)
      await finishRun(store, await leaveOut(period, outcome), on);
    const april = await review('2020-04');
    // Four months of 79.20 wait: 316.80. Written off, April's fee stands alone.
    const waited = ['2019-12', '2020-01', '2020-02', '2020-03'];
    expect(await leftOut(april)).toEqual(outcome === 'carry' ? waited.map((month) => [month, 7920n, 7920n, 'billed']) : []);
    await finishRun(store, april, '2020-05-06');
    const months = outcome === 'carry' ? [...waited, '2020-04'] : ['2020-04'];
    expect(await billed()).toEqual(months.map((month) => ({ month, component: 'fee', net: 7920n, gross: 9900n })));
    await holds();
  });
});

describe('a fee that waits', () => {
  beforeAll(async () => {
    ({ store, drop } = await seeded());
  }, 60_000);
  afterAll(() => drop());

  it('is billed by the month that finds it too old, while what came later waits on', async () => {
    await subscribe([fee()]);
    const id = await inForce({ maxAgeMonths: 2 });
    await finishRun(store, await review('2019-12'), '2020-01-06');
    await finishRun(store, await review('2020-01'), '2020-02-06');
    const february = await review('2020-02');
    // December's was first carried two months ago.
    expect(await leftOut(february)).toEqual([
      ['2019-12', 7920n, 7920n, 'billed'],
      ['2020-01', 7920n, 7920n, 'carried'],
      ['2020-02', 0n, 7920n, 'carried'],
    ]);
    await finishRun(store, february, '2020-03-06');
    expect((await billed()).map((r) => r.month)).toEqual(['2019-12']);
    await end(id);
  });

  it('waits on with an account that is parked, and comes to what its contract says by then', async () => {
    await rows('UPDATE legal_entity SET cost_center = NULL');
    const march = await review('2020-03');
    // What March comes to is not known yet.
    expect(await rows('SELECT service_month, opening_minor, net_minor, outcome, cause, before_cause FROM left_out_fee WHERE run_id = $1 ORDER BY 1', [march])).toEqual([
      ...['2020-01', '2020-02'].map((month) => ({ service_month: month, opening_minor: 7920n, net_minor: 7920n, outcome: 'carried', cause: 'parked', before_cause: 'standing' })),
      { service_month: '2020-03', opening_minor: 0n, net_minor: 0n, outcome: 'carried', cause: 'parked', before_cause: null },
    ]);
    await store.tx((db) => signCarry(db, { runId: march, reason: 'the cost center is being agreed on', by: { actor: 'approver' } }));
    await finishRun(store, march, '2020-04-06');
    await rows("UPDATE legal_entity SET cost_center = '900'");
    // Ended on 16 February: 15 of 29 days of 99.00 gross, 51.2069 → 51.21; of that 10.242 → 10.24 are VAT, 40.97 net.
    await subscribe([], '2020-02-15T23:00:00Z', 102);
    const april = await review('2020-04');
    expect(await leftOut(april)).toEqual([
      ['2020-01', 7920n, 7920n, 'billed'],
      ['2020-02', 7920n, 4097n, 'billed'],
      ['2020-03', 0n, 0n, 'billed'],
    ]);
    await subscribe([], '2020-01-31T23:00:00Z', 103);
    await store.tx((db) => touch(db, april, [driver]));
    await build(april);
    // Ended with January: February's comes to nothing.
    expect(await leftOut(april)).toEqual([
      ['2020-01', 7920n, 7920n, 'billed'],
      ['2020-02', 7920n, 0n, 'billed'],
      ['2020-03', 0n, 0n, 'billed'],
    ]);
    await finishRun(store, april, '2020-05-06');
    expect((await billed()).map((r) => r.month)).toEqual(['2019-12', '2020-01']);
    await holds();
  });

  it('is billed though its contract ended long before', async () => {
    await subscribe([fee('60')], '2020-04-30T22:00:00Z', 104);
    await finishRun(store, await leaveOut('2020-05', 'carry'), '2020-06-06');
    await subscribe([], '2020-05-31T22:00:00Z', 105);
    for (const [period, on] of [
      ['2020-06', '2020-07-06'],
      ['2020-07', '2020-08-06'],
      ['2020-08', '2020-09-06'],
    ] as const)
      await finishRun(store, await leaveOut(period, 'carry'), on);
    const september = await review('2020-09');
    expect(await leftOut(september)).toEqual([['2020-05', 6000n, 6000n, 'billed']]);
    await finishRun(store, september, '2020-10-06');
    expect((await billed()).map((r) => [r.month, r.gross])).toEqual([
      ['2019-12', 9900n],
      ['2020-01', 9900n],
      ['2020-05', 7500n],
    ]);
    await holds();
  });

  it('in advance waits and is billed like one in arrears, and written off it is not given back when its month ends early', async () => {
    await subscribe([fee('30', 'advance')], '2020-09-30T22:00:00Z', 106);
    const october = await leaveOut('2020-10', 'writeOff');
    // October's, and November's in advance.
    expect(await leftOut(october)).toEqual([
      ['2020-10', 0n, 3000n, 'excluded'],
      ['2020-11', 0n, 3000n, 'excluded'],
    ]);
    await finishRun(store, october, '2020-11-06');
    // Ends in the middle of November, of which nothing was paid.
    await subscribe([], '2020-11-15T23:00:00Z', 107);
    const november = await review('2020-11');
    expect(await rows('SELECT FROM period_charge WHERE run_id = $1', [november])).toEqual([]);
    expect(await leftOut(november)).toEqual([]);
    await finishRun(store, november, '2020-12-06');
    expect((await billed()).filter((r) => r.month >= '2020-10')).toEqual([]);
    await holds();
  });
});

describe('a fee of which an invoice would be too small', () => {
  beforeAll(async () => {
    ({ store, drop } = await seeded());
    // 4.00 net a month, for a consumer 5.00 gross; no invoice below 50.00.
    await subscribe([fee('4')]);
    const rules = documentRulesSchema.parse({ minimumInvoice: { driverInvoice: 5000 } });
    await store.tx((db) => setDocumentRules(db, { entityId: 'ent_se', rules, reason: 'agreed' }, by));
  }, 60_000);
  afterAll(() => drop());

  it('waits for three months at most (D26): in March the four months are billed, 20.00', async () => {
    for (const [period, on, waiting] of [
      ['2019-12', '2020-01-06', 1],
      ['2020-01', '2020-02-06', 2],
      ['2020-02', '2020-03-06', 3],
    ] as const) {
      const runId = await review(period);
      expect(await rows('SELECT reason, charge_count FROM held_document WHERE run_id = $1', [runId])).toEqual([{ reason: 'minimum', charge_count: waiting }]);
      await finishRun(store, runId, on);
    }
    const march = await review('2020-03');
    expect(await rows('SELECT payable_minor FROM document WHERE run_id = $1 AND account_id = $2', [march, driver])).toEqual([{ payable_minor: 2000n }]);
    await finishRun(store, march, '2020-04-06');
    // April begins to wait anew.
    const april = await review('2020-04');
    expect(await rows('SELECT reason, charge_count FROM held_document WHERE run_id = $1', [april])).toEqual([{ reason: 'minimum', charge_count: 1 }]);
    await finishRun(store, april, '2020-05-06');
    await holds();
  });

  it('waits no longer for a month in which its account was parked: in July the four months from April on are billed, 20.00', async () => {
    await finishRun(store, await review('2020-05'), '2020-06-06');
    await rows('UPDATE legal_entity SET cost_center = NULL');
    const june = await review('2020-06');
    expect(await rows('SELECT state FROM run_account WHERE run_id = $1 AND account_id = $2', [june, driver])).toEqual([{ state: 'parked' }]);
    await store.tx((db) => signCarry(db, { runId: june, reason: 'the cost center is being agreed on', by: { actor: 'approver' } }));
    await finishRun(store, june, '2020-07-06');
    await rows("UPDATE legal_entity SET cost_center = '900'");
    const july = await review('2020-07');
    expect(await rows('SELECT payable_minor FROM document WHERE run_id = $1 AND account_id = $2', [july, driver])).toEqual([{ payable_minor: 2000n }]);
    await finishRun(store, july, '2020-08-06');
    await holds();
  });
});

describe('the shadow balance', () => {
  const figures = async (runId: string) => {
    const [total] = (await shadowBalance(store.pool, runId)).totals;
    return total === undefined ? [] : [total.opening, total.added, total.moved, total.billed, total.writtenOff, total.closing].map(({ charges, net }) => [charges, net]);
  };
  beforeAll(async () => {
    ({ store, drop } = await seeded());
    await subscribe([fee()]);
  }, 60_000);
  afterAll(() => drop());

  it('shows fees that wait, month by month, until they are billed', async () => {
    const december = await leaveOut('2019-12', 'carry');
    // Nothing opens, 79.20 is added and closes.
    expect(await figures(december)).toEqual([
      [0, '0.00'],
      [1, '79.20'],
      [0, '0.00'],
      [0, '0.00'],
      [0, '0.00'],
      [1, '79.20'],
    ]);
    await finishRun(store, december, '2020-01-06');
    const january = await leaveOut('2020-01', 'carry');
    // 79.20 opens, under December's exclusion, and moves to January's; 79.20 is added; 158.40 closes.
    expect(await figures(january)).toEqual([
      [1, '79.20'],
      [1, '79.20'],
      [0, '0.00'],
      [0, '0.00'],
      [0, '0.00'],
      [2, '158.40'],
    ]);
    expect((await shadowBalance(store.pool, january)).rows.map((r) => [r.serviceMonth, r.ageMonths, r.opening.net, r.added.net, r.moved.net, r.closing.net]).sort()).toEqual([
      ['2019-12', 1, '0.00', '0.00', '79.20', '79.20'],
      ['2019-12', 1, '79.20', '0.00', '-79.20', '0.00'],
      ['2020-01', 0, '0.00', '79.20', '0.00', '79.20'],
    ]);
    await finishRun(store, january, '2020-02-06');
    const february = await review('2020-02');
    // 158.40 opens and is billed; February's own fee was never left out.
    expect(await figures(february)).toEqual([
      [2, '158.40'],
      [0, '0.00'],
      [0, '0.00'],
      [2, '158.40'],
      [0, '0.00'],
      [0, '0.00'],
    ]);
    expect(await findings(february)).toEqual([['carriedBilled', '158.40']]);
    expect(await rows('SELECT net_minor AS net FROM document WHERE run_id = $1 AND account_id = $2', [february, driver])).toEqual([{ net: 23_760n }]);
    await finishRun(store, february, '2020-03-06');
  });

  it('shows what is written off, and what a dearer or cheaper contract adds to what waits', async () => {
    const march = await leaveOut('2020-03', 'carry');
    await finishRun(store, march, '2020-04-06');
    // 100.00 since 1 March: 125.00 gross.
    await subscribe([fee('100')], '2020-02-29T23:00:00Z', 102);
    const april = await leaveOut('2020-04', 'writeOff');
    // 79.20 opens; 20.80 more and April's 100.00 are added; 200.00 is written off.
    expect(await figures(april)).toEqual([
      [1, '79.20'],
      [1, '120.80'],
      [0, '0.00'],
      [0, '0.00'],
      [2, '200.00'],
      [0, '0.00'],
    ]);
    await finishRun(store, april, '2020-05-06');
    const may = await review('2020-05');
    expect(await figures(may)).toEqual([]);
    expect(await rows('SELECT net_minor AS net FROM document WHERE run_id = $1 AND account_id = $2', [may, driver])).toEqual([{ net: 10_000n }]);
    await finishRun(store, may, '2020-06-06');
    await holds();
  });

  it('shows the fee of an invoice that is held, and comes to the same in a dry run of the month', async () => {
    await rows('UPDATE account SET purchase_order_required = true WHERE id = $1', [driver]);
    const june = await review('2020-06');
    expect((await shadowBalance(store.pool, june)).rows).toMatchObject([{ cause: 'purchaseOrder', serviceMonth: '2020-06', added: { charges: 1, net: '100.00' }, closing: { net: '100.00' } }]);
    await finishRun(store, june, '2020-07-06');
    const dry = await dryRun(store, '2020-06');
    expect((await shadowBalance(store.pool, dry)).totals).toEqual((await shadowBalance(store.pool, june)).totals);
    await rows("UPDATE account SET purchase_order = 'PO 7' WHERE id = $1", [driver]);
    const july = await review('2020-07');
    // 100.00 opens and is billed, beside July's own.
    expect(await figures(july)).toEqual([
      [1, '100.00'],
      [0, '0.00'],
      [0, '0.00'],
      [1, '100.00'],
      [0, '0.00'],
      [0, '0.00'],
    ]);
    await finishRun(store, july, '2020-08-06');
    expect((await billed()).filter((r) => r.month >= '2020-06').map((r) => [r.month, r.net])).toEqual([
      ['2020-06', 10_000n],
      ['2020-07', 10_000n],
    ]);
    await holds();
  });
});

describe('a rule that leaves out fees alone', () => {
  let rule: string;
  beforeAll(async () => {
    ({ store, drop } = await seeded());
    await subscribe([fee()]);
    rule = await inForce({ maxAgeMonths: 1, reviewOn: '2019-12-15' });
  }, 60_000);
  afterAll(() => drop());

  it('is due for review, and neither its author nor its signer approves what it leaves out', async () => {
    const december = await review('2019-12');
    expect(await findings(december)).toEqual([['exclusionReviewDue', '79.20']]);
    const { contentHash } = await build(december);
    for (const actor of ['author', 'signer'])
      expect(await store.tx((db) => decideRun(db, { runId: december, approvalId: randomUUID(), decision: 'approve', contentHash, actor, comment: 'looked at it' }))).toEqual({
        ok: false,
        reason: 'ownWork',
        what: `exclusion rule ${rule}`,
      });
    await finishRun(store, december, '2020-01-06');
  });

  it('is found when it is at odds with another, has carried for too long, and is over', async () => {
    const january = await review('2020-01');
    const rival = await inForce({ outcome: 'writeOff' });
    await build(january);
    // December's, which is too old, and January's.
    expect(await findings(january)).toEqual([
      ['carriedTooLong', '79.20'],
      ['exclusionConflict', '158.40'],
      ['exclusionReviewDue', '79.20'],
    ]);
    await end(rival);
    await build(january);
    expect((await findings(january)).map(([code]) => code)).toEqual(['carriedTooLong', 'exclusionReviewDue']);
    await finishRun(store, january, '2020-02-06');
    await end(rule);
    const february = await review('2020-02');
    expect(await findings(february)).toEqual([['exclusionExpired', '79.20']]);
    expect((await hitsOfRule(store.pool, rule)).map((h) => [h.period, h.opening.net, h.added.net, h.billed.net, h.closing.net])).toEqual([
      ['2019-12', '0.00', '79.20', '0.00', '79.20'],
      ['2020-01', '79.20', '79.20', '79.20', '79.20'],
      ['2020-02', '79.20', '0.00', '79.20', '0.00'],
    ]);
    await finishRun(store, february, '2020-03-06');
    expect((await billed()).map((r) => r.month)).toEqual(['2019-12', '2020-01', '2020-02']);
    await holds();
  });
});

describe('what else the month decides of an account that is left out', () => {
  beforeAll(async () => {
    ({ store, drop } = await seeded());
    await subscribe([]);
    await arrive('12.2019', 1);
    await finishRun(store, await review('2019-12'), '2020-01-06');
    // Since 1 December 4 kWh are included, as somebody says in January.
    await subscribe([{ kind: 'included', id: 'inc', kWhPerMonth: '4', rolloverMonths: 0 }], '2019-11-30T23:00:00Z', 102);
  }, 60_000);
  afterAll(() => drop());
  const arrive = async (month: string, id: number) => {
    await storeLines(store, [session(id, { user: 'Bl2-1', kWh: '10', start: `05.${month} 12:00`, end: `05.${month} 18:00` })]);
    await processAll(store);
  };
  const drafts = async (runId: string) =>
    (await rows('SELECT component, service_month, net_minor FROM period_charge WHERE run_id = $1 AND account_id = $2 ORDER BY 2', [runId, driver])).map((r) => Object.values(r));

  it('waits with it, and is billed with sessions that are', async () => {
    await arrive('01.2020', 2);
    const january = await leaveOut('2020-01', 'carry');
    expect(await drafts(january)).toEqual([]);
    await finishRun(store, january, '2020-02-06');
    const february = await review('2020-02');
    // 10 kWh at 2.65 were 33.13 gross: 4 kWh of it are 13.25, of which 2.65 are VAT.
    expect(await drafts(february)).toEqual([
      ['included', '2019-12', -1060n],
      ['included', '2020-01', -1060n],
    ]);
    await finishRun(store, february, '2020-03-06');
    const rule = await inForce({ maxAgeMonths: 1 });
    await arrive('03.2020', 3);
    await finishRun(store, await review('2020-03'), '2020-04-06');
    await arrive('04.2020', 4);
    const april = await review('2020-04');
    // March's session is too old to wait, April's is not.
    expect(await drafts(april)).toEqual([['included', '2020-03', -1060n]]);
    await finishRun(store, april, '2020-05-06');
    await end(rule);
    await holds();
  });
});
