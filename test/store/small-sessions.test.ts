import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ruleProfileSchema } from '../../src/contracts/rule-profile.ts';
import { setRules } from '../../src/store/commands/set-rules.ts';
import type { Store } from '../../src/store/db.ts';
import { energyBalance } from '../../src/store/reads/energy-balance.ts';
import { runReport } from '../../src/store/reads/run-report.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { closeSet, issueRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

let drop: () => Promise<void>;
let store: Store;
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;

beforeAll(async () => {
  ({ store, drop } = await seeded());
  // Half a kWh for drivers; the fleets of this source pay for every Wh.
  const profile = ruleProfileSchema.parse({ rules: { tinySession: { byCategory: { driver: { limits: { minWh: 500, minS: 120 } } } } } });
  await store.tx((db) => setRules(db, { sourceId: 'csms', profile, reason: 'not worth a line' }, { actor: 'chief' }));
});
afterAll(() => drop());

describe('a session that is too small to be billed', () => {
  it('is rated, earns no share, and is written off with its energy; at the limit it is billed', async () => {
    const at = (day: string, end = '21:00') => ({ start: `${day}.12.2019 20:00`, end: `${day}.12.2019 ${end}` });
    await storeLines(store, [
      session(1, { kWh: '0,499', ...at('02') }),
      session(2, { kWh: '0,5', ...at('03') }),
      session(3, { kWh: '0,6', ...at('04', '20:01') }),
      session(4, { kWh: '0,3', ...at('05'), user: 'AdA1-1' }),
    ]);
    await processAll(store);
    const charges = await rows('SELECT h.cdr_id, c.clause, sum(c.energy_wh)::bigint AS wh FROM rated_charge c JOIN record_head h USING (record_id) GROUP BY 1, 2 ORDER BY 1, 2 DESC');
    expect(charges).toEqual([
      { cdr_id: '1', clause: 'smallSession', wh: 499n },
      ...[
        { cdr_id: '2', wh: 500n },
        { cdr_id: '3', wh: 600n },
        { cdr_id: '4', wh: 300n },
      ].flatMap((c) => [
        { ...c, clause: 'share', wh: 0n },
        { ...c, clause: 'sale' },
      ]),
    ]);
    const net = (await rows("SELECT sum(net_minor)::bigint AS net FROM rated_charge c JOIN record_head h USING (record_id) WHERE h.cdr_id = '1'"))[0].net;

    const runId = await closeSet(store, '2019-12');
    await issueRun(store, runId, '2020-01-06');
    const billed = await rows('SELECT DISTINCT h.cdr_id FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id JOIN record_head h USING (record_id) WHERE k.document_id IS NOT NULL ORDER BY 1');
    expect(billed.map((r) => r.cdr_id)).toEqual(['2', '3', '4']);
    expect((await runReport(store.pool, runId)).smallSessions).toEqual({ currency: 'SEK', records: 1, energyWh: '499', net: `${net / 100n}.${String(net % 100n).padStart(2, '0')}` });
    expect(await energyBalance(store.pool)).toMatchObject([{ month: '2019-12', excluded: 499n, open: 0n, difference: 0n }]);
    const [reduction] = await rows("SELECT sum(amount)::bigint AS amount FROM ledger_entry WHERE ledger_account = 'revenueReduction' AND unit = 'SEK'");
    expect(reduction.amount).toBe(net);
  });

  it('is billed after all when a correction makes it large enough: what was written off comes back', async () => {
    await storeLines(store, [session(1, { kWh: '4', start: '02.12.2019 20:00', end: '02.12.2019 21:00' })]);
    await processAll(store);
    const runId = await closeSet(store, '2020-01');
    await issueRun(store, runId, '2020-02-05');
    const [december] = await energyBalance(store.pool);
    expect(december).toMatchObject({ month: '2019-12', excluded: 0n, open: 0n, difference: 0n });
    const [reduction] = await rows("SELECT sum(amount)::bigint AS amount FROM ledger_entry WHERE ledger_account = 'revenueReduction' AND unit = 'SEK'");
    expect(reduction.amount).toBe(0n);
    expect((await verifyAll(store, () => undefined)).sections.filter((s) => s.problem !== null)).toEqual([]);
  });
});

describe('the report of a month in two currencies', () => {
  it('adds what is written off in the books’ currency, and what the ERP holds currency by currency', async () => {
    const own = await seeded('every-category');
    try {
      const profile = ruleProfileSchema.parse({ rules: { tinySession: { limits: { minWh: 500, minS: 120 } } } });
      await own.store.tx((db) => setRules(db, { sourceId: 'csms', profile, reason: 'not worth a line' }, { actor: 'chief' }));
      // A driver pays in SEK, Fjord Mobility in EUR.
      const at = (day: string) => ({ start: `${day}.12.2019 18:00`, end: `${day}.12.2019 20:00` });
      await storeLines(own.store, [
        session(1, { user: 'AdO1-2', garage: 'AdO1', kWh: '0,4', ...at('02') }),
        session(2, { user: 'Share-5', kWh: '0,4', ...at('03') }),
        session(3, { user: 'AdO1-2', garage: 'AdO1', kWh: '20', ...at('04') }),
        session(4, { user: 'Share-5', kWh: '20', ...at('05') }),
      ]);
      await processAll(own.store);
      const sums = async (sql: string) => new Map((await own.store.pool.query(sql)).rows.map((r) => [r.currency, BigInt(r.sum)]));
      const small = await sums("SELECT currency, sum(book_net_minor) AS sum FROM rated_charge WHERE clause = 'smallSession' GROUP BY 1");
      expect([...small.keys()].sort()).toEqual(['EUR', 'SEK']);
      const runId = await closeSet(own.store, '2019-12');
      await issueRun(own.store, runId, '2020-01-06', true);
      await own.store.pool.query("UPDATE erp_posting SET state = 'verified'");
      const posted = await sums('SELECT currency, sum(control_minor) AS sum FROM erp_posting GROUP BY 1');
      const major = (minor = 0n) => `${minor / 100n}.${String(minor % 100n).padStart(2, '0')}`;
      const report = await runReport(own.store.pool, runId);
      expect(report.smallSessions).toEqual({ currency: 'SEK', records: 2, energyWh: '800', net: major((small.get('SEK') ?? 0n) + (small.get('EUR') ?? 0n)) });
      expect(report.erp).toMatchObject({
        controlTotal: major(posted.get('SEK')),
        byCurrency: [
          { currency: 'EUR', controlTotal: major(posted.get('EUR')) },
          { currency: 'SEK', controlTotal: major(posted.get('SEK')) },
        ],
      });
    } finally {
      await own.drop();
    }
  });
});
