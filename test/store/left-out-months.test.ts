import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runDiff } from '../../src/store/reads/run-diff.ts';
import { reportOf } from '../../src/store/reads/run-report.ts';
import { shadowBalance } from '../../src/store/reads/shadow-balance.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { finishRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { type LeftOutStage, stageOf } from '../support/left-out.ts';

const months = ['2019-11', '2019-12', '2020-01', '2020-02', '2020-03', '2020-04', '2020-05', '2020-06', '2020-07'] as const;
const nextOf = (month: string) => months[months.indexOf(month as '2019-11') + 1] ?? '';
const fee = (amount: string, billed: 'arrears' | 'advance') => ({ kind: 'fee', id: billed, amount, billed, refund: 'prorata' });
const minor = (text: string) => BigInt(text.replace('.', ''));
const sum = (values: readonly bigint[]) => values.reduce((a, b) => a + b, 0n);
const causesOf = async (on: LeftOutStage, runId: string, account: string) =>
  Object.fromEntries((await runDiff(on.store.pool, runId, 'lastMonth', { limit: 200 })).items.filter((i) => i.accountId === account).flatMap((i) => i.causes.map((c) => [c.cause, c.payable])));

/** What the close report says of each exclusion is what the shadow balance says of it, and what it says in all. */
async function agree(on: LeftOutStage, runId: string): Promise<void> {
  const { rows } = await shadowBalance(on.store.pool, runId);
  const report = await reportOf(on.store.pool, runId);
  const exclusions = report?.exclusions ?? [];
  const ofRule = (id: string, currency: string) => rows.filter((r) => r.ruleId === id && r.currency === currency);
  expect(exclusions.map((x) => [x.id, minor(x.net), BigInt(x.energyWh)])).toEqual(
    exclusions.map((x) => {
      const own = ofRule(x.id, x.currency);
      return [x.id, sum(own.map((r) => minor(r.writtenOff.net) + minor(r.closing.net))), sum(own.map((r) => BigInt(r.writtenOff.energyWh) + BigInt(r.closing.energyWh)))];
    }),
  );
  // And so is what accounts that are parked and invoices that are held keep back.
  const heldBack = (report?.heldBack ?? []).map((h) => minor(h.net));
  expect(sum([...exclusions.map((x) => minor(x.net)), ...heldBack])).toBe(sum(rows.map((r) => minor(r.writtenOff.net) + minor(r.closing.net))));
}

describe('a preview beside that of the month before', () => {
  const driver = 'acc_driver_16';
  let on: LeftOutStage;
  beforeAll(async () => {
    on = await stageOf(driver);
    // 79.20 net a month, for a consumer 99.00.
    await on.subscribe([fee('79.20', 'arrears')], '2019-11-30T23:00:00Z');
  }, 60_000);
  afterAll(() => on.drop());

  it('names a fee that is left out as excluded, until it is billed', async () => {
    await finishRun(on.store, await on.review('2019-12'), '2020-01-06');
    const { runId: january } = await on.leaveOut('2020-01', 'carry');
    // The fee of December was billed, that of January is left out: 79.20 less, and 19.80 of VAT.
    expect(await causesOf(on, january, driver)).toEqual({ exclusion: '-79.20', vatAndRounding: '-19.80' });
    await finishRun(on.store, january, '2020-02-06');
    const { runId: february } = await on.leaveOut('2020-02', 'carry');
    // One more month is due, and left out.
    expect(await causesOf(on, february, driver)).toEqual({ period: '79.20', exclusion: '-79.20' });
    await finishRun(on.store, february, '2020-03-06');
    const march = await on.review('2020-03');
    // Three months are billed, two of which were excluded: 3 × 79.20 = 237.60 = 79.20 + 158.40, and 59.40 of VAT.
    expect(await causesOf(on, march, driver)).toEqual({ period: '79.20', exclusion: '158.40', vatAndRounding: '59.40' });
    await finishRun(on.store, march, '2020-04-06');
  });

  it('names one of a held invoice, and one that a standing rule leaves out, the same way', async () => {
    await on.rows('UPDATE account SET purchase_order_required = true WHERE id = $1', [driver]);
    const april = await on.review('2020-04');
    // From three months to none: two of them are gone, the third is held.
    expect(await causesOf(on, april, driver)).toEqual({ period: '-158.40', exclusion: '-79.20', vatAndRounding: '-59.40' });
    await finishRun(on.store, april, '2020-05-06');
    await on.rows('UPDATE account SET purchase_order_required = false WHERE id = $1', [driver]);
    const rule = await on.inForce('writeOff');
    const may = await on.review('2020-05');
    expect(await causesOf(on, may, driver)).toEqual({ period: '79.20', exclusion: '-79.20' });
    // April's and May's.
    expect((await reportOf(on.store.pool, may))?.exclusions).toMatchObject([
      { id: rule, scope: 'account', outcome: 'writeOff', author: 'author', net: '158.40', currency: 'SEK', oldestOn: '2020-04-30' },
    ]);
    await agree(on, may);
  });
});

const taxi = 'acc_fleet_taxi';
const [arrears, advance, least] = [8000n, 3000n, 10_000n];
const histories = fc.record({
  /** Of a fee in arrears of 80.00, one in advance of 30.00 and a minimum of 100.00. */
  clauses: fc.subarray(['arrears', 'advance', 'minimum'] as const, { minLength: 1 }),
  fates: fc.array(fc.constantFrom('bill', 'carry', 'carry', 'writeOff', 'park', 'park', 'hold'), { minLength: 3, maxLength: 6 }),
  /** At 2.234 a kWh; in which month, and how many later it comes. */
  sessions: fc.array(fc.record({ of: fc.nat(4), late: fc.nat(2), kWh: fc.integer({ min: 1, max: 60 }) }), { maxLength: 6 }),
});
type History = typeof histories extends fc.Arbitrary<infer T> ? T : never;

/** What is billed, written off and open of an account, as the rules read. */
class Books {
  readonly #has: (clause: 'arrears' | 'advance' | 'minimum') => boolean;
  /** Open sessions by month, and what was billed of each month. */
  readonly open = new Map<string, bigint>();
  readonly sold = new Map<string, bigint>();
  readonly billed = new Map<string, bigint>();
  readonly #ended = new Set<string>();
  readonly #off = new Set<string>();

  constructor(clauses: History['clauses']) {
    this.#has = (clause) => clauses.includes(clause);
  }

  /** What a month owes without sessions that is neither billed nor written off, and what its minimum changes by. */
  #due(until: string): [string, bigint][] {
    const upTo = (last: string) => months.filter((m) => m <= last);
    const fees = [
      ...(this.#has('arrears') ? upTo(until).map((m): [string, bigint] => [`${m} fee`, arrears]) : []),
      ...(this.#has('advance') ? upTo(nextOf(until)).map((m): [string, bigint] => [`${m} advanceFee`, advance]) : []),
    ].filter(([key]) => !this.#ended.has(key));
    const lacking = (this.#has('minimum') ? upTo(until) : []).flatMap((m): [string, bigint][] => {
      const used = (this.sold.get(m) ?? 0n) + (this.open.get(m) ?? 0n);
      return this.#off.has(m) ? [] : [[`${m} minimum`, (used < least ? least - used : 0n) - (this.billed.get(`${m} minimum`) ?? 0n)]];
    });
    return [...fees, ...lacking];
  }

  /** Net of all that a run of a month would bill. */
  worth(until: string): bigint {
    return sum([...this.#due(until).map(([, net]) => net), ...this.open.values()]);
  }

  bill(until: string): void {
    for (const [key, net] of this.#due(until)) {
      this.billed.set(key, (this.billed.get(key) ?? 0n) + net);
      this.#ended.add(key);
    }
    for (const [m, net] of this.open) this.sold.set(m, (this.sold.get(m) ?? 0n) + net);
    this.open.clear();
  }

  writeOff(until: string): void {
    for (const [key] of this.#due(until)) {
      const [month = '', component] = key.split(' ');
      if (component === 'minimum' && !this.#ended.has(key)) this.#off.add(month);
      this.#ended.add(key);
    }
    this.open.clear();
  }
}

async function live(on: LeftOutStage, { clauses, fates, sessions }: History): Promise<void> {
  const of = { arrears: fee('80', 'arrears'), advance: fee('30', 'advance'), minimum: { kind: 'minimum', id: 'min', netPerMonth: '100' } };
  await on.subscribe(
    clauses.map((c) => of[c]),
    '2019-10-31T23:00:00Z',
  );
  const books = new Books(clauses);
  let [closing, excluded, seen] = [0n, 0n, 0n];
  // Whatever was left open is billed in the end, and once.
  for (const [i, fate] of [...fates, 'bill', 'bill'].entries()) {
    const month = months[i] ?? '';
    const arriving = sessions.map((s, no) => ({ ...s, no })).filter((s) => s.of + s.late === i);
    const on8 = (s: (typeof arriving)[number]) => `${String(s.no + 3).padStart(2, '0')}.${(months[s.of] ?? '').slice(5)}.${(months[s.of] ?? '').slice(0, 4)}`;
    await storeLines(
      on.store,
      arriving.map((s) => session(s.no, { user: 'AdA6-1', kWh: String(s.kWh), start: `${on8(s)} 10:00`, end: `${on8(s)} 12:00` })),
    );
    await processAll(on.store);
    for (const r of await on.rows(
      'SELECT service_month AS month, sum(net_minor)::bigint AS net FROM rated_charge c WHERE payer_account_id = $1 AND record_id IS NOT NULL AND charge_id > $2 GROUP BY 1',
      [taxi, seen],
    ))
      books.open.set(r.month, (books.open.get(r.month) ?? 0n) + r.net);
    seen = (await on.rows('SELECT coalesce(max(charge_id), 0) AS id FROM rated_charge'))[0].id;
    await on.park(fate === 'park');
    await on.rows('UPDATE account SET purchase_order_required = $2 WHERE id = $1', [taxi, fate === 'hold']);
    const runId = fate === 'carry' || fate === 'writeOff' ? (await on.leaveOut(month, fate)).runId : await on.review(month);
    const [{ state }] = await on.rows('SELECT state FROM run_account WHERE run_id = $1 AND account_id = $2', [runId, taxi]);
    const isParked = state === 'parked';
    const outcome = isParked ? 'wait' : fate === 'carry' || fate === 'hold' ? 'wait' : fate === 'writeOff' ? 'writeOff' : 'bill';
    const worth = books.worth(month);

    const shadow = await shadowBalance(on.store.pool, runId);
    const [total] = shadow.totals;
    for (const r of shadow.rows) expect(minor(r.opening.net) + minor(r.added.net) + minor(r.moved.net)).toBe(minor(r.billed.net) + minor(r.writtenOff.net) + minor(r.closing.net));
    expect(minor(total?.opening.net ?? '0.00')).toBe(closing);
    closing = minor(total?.closing.net ?? '0.00');
    // What waits and what is written off is what would have been billed; of what cannot be computed only what is known.
    if (!isParked) expect([minor(total?.writtenOff.net ?? '0.00'), closing]).toEqual([outcome === 'writeOff' ? worth : 0n, outcome === 'wait' ? worth : 0n]);
    const [document] = await on.rows('SELECT sum(net_minor)::bigint AS net FROM document WHERE run_id = $1 AND account_id = $2', [runId, taxi]);
    expect(document.net ?? 0n).toBe(outcome === 'bill' ? worth : 0n);
    await agree(on, runId);
    const left = minor(total?.writtenOff.net ?? '0.00') + closing;
    if (i > 0) expect(minor((await causesOf(on, runId, taxi))['exclusion'] ?? '0.00')).toBe(excluded - left);
    excluded = left;

    if (isParked) await on.signParked(runId);
    await finishRun(on.store, runId, `${nextOf(month)}-06`);
    seen = (await on.rows('SELECT coalesce(max(charge_id), 0) AS id FROM rated_charge'))[0].id;
    if (outcome === 'bill') books.bill(month);
    if (outcome === 'writeOff') books.writeOff(month);
    const billed = await on.rows(
      "SELECT service_month || ' ' || split_part(component, '#', 1) AS key, sum(net_minor)::bigint AS net, count(*)::int AS n FROM rated_charge WHERE payer_account_id = $1 AND record_id IS NULL GROUP BY 1 ORDER BY 1",
      [taxi],
    );
    expect(billed.filter((r) => r.net !== 0n).map((r) => [r.key, r.net])).toEqual([...books.billed].filter(([, net]) => net !== 0n).sort());
    // A fee has no second row.
    expect(billed.filter((r) => r.n > 1 && !r.key.endsWith('minimum'))).toEqual([]);
  }
  expect(await on.rows('SELECT unit FROM ledger_entry GROUP BY unit HAVING sum(amount) <> 0')).toEqual([]);
  expect((await verifyAll(on.store)).sections.filter((s) => s.problem !== null)).toEqual([]);
}

it('whatever months are billed, carried, written off, parked or held, each period’s fee and minimum is billed once or written off, with its sessions, and report, shadow balance and comparison say so', async () => {
  await fc.assert(
    fc.asyncProperty(histories, async (told) => {
      const on = await stageOf(taxi);
      try {
        await live(on, told);
      } finally {
        await on.drop();
      }
    }),
    { numRuns: Number(process.env['LEFT_OUT_RUNS'] ?? 4), endOnFailure: true },
  );
}, 300_000);
