import { afterEach, describe, expect, it } from 'vitest';
import { rebillDocument } from '../../src/activities/rebill.ts';
import { orderRebill } from '../../src/store/commands/order-rebill.ts';
import { energyBalance } from '../../src/store/reads/energy-balance.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { finishRun } from '../support/bill.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { type LeftOutStage, stageOf } from '../support/left-out.ts';

const driver = 'acc_driver_16';
let on: LeftOutStage;
/** At 2.65 a kWh, for a consumer 3.3125 gross. */
const arrive = async (no: number, month: string, kWh: string) => {
  const day = String(no + 4).padStart(2, '0');
  await storeLines(on.store, [session(no, { user: 'Bl2-1', garage: 'Bl2', kWh, start: `${day}.${month} 12:00`, end: `${day}.${month} 18:00` })]);
  await processAll(on.store);
};
const documentsOf = (runId: string) =>
  on
    .rows("SELECT type, net_minor AS net FROM document WHERE run_id = $1 AND account_id = $2 AND state <> 'discarded' ORDER BY type DESC", [runId, driver])
    .then((rows) => rows.map((r) => Object.values(r)));
/** Credits the driver's first invoice as a whole, and does not bill it again. */
const creditAway = async () => {
  const [invoice] = await on.rows("SELECT d.id FROM document d JOIN issue_stamp s ON s.document_id = d.id WHERE d.account_id = $1 AND d.type = 'invoice' ORDER BY s.number LIMIT 1", [driver]);
  const order = { documentId: invoice?.['id'], kind: 'credit', outcome: 'writeOff', reason: 'as agreed' } as const;
  const { orderId } = await on.store.tx((db) => orderRebill(db, order, { actor: 'preparer' }));
  expect(await rebillDocument(on.store, orderId)).toMatchObject({ problem: null });
};

describe('an invoice that is credited as a whole and written off', () => {
  afterEach(async () => {
    expect((await energyBalance(on.store.pool)).filter((b) => b.difference !== 0n)).toEqual([]);
    expect((await verifyAll(on.store)).sections.filter((s) => s.problem !== null)).toEqual([]);
    await on.drop();
  });

  it('is credited with what was lacking of a minimum, which its month does not owe again', async () => {
    on = await stageOf(driver);
    await on.subscribe([{ kind: 'minimum', id: 'min', netPerMonth: '80' }], '2019-11-30T23:00:00Z');
    await arrive(1, '12.2019', '10');
    const december = await on.review('2019-12');
    // 10 kWh are 26.50 net, and 53.50 are lacking.
    expect(await documentsOf(december)).toEqual([['invoice', 8000n]]);
    await finishRun(on.store, december, '2020-01-06');
    await creditAway();
    const january = await on.review('2020-01');
    // 80.00 of January.
    expect(await documentsOf(january)).toEqual([
      ['invoice', 8000n],
      ['creditNote', -8000n],
    ]);
    await finishRun(on.store, january, '2020-02-06');
    // 4 kWh of December come late: 13.25 gross, 10.60 net. Beside them less had been lacking, but of that nothing was paid. 80.00 of February.
    await arrive(2, '12.2019', '4');
    const february = await on.review('2020-02');
    expect(await documentsOf(february)).toEqual([['invoice', 9060n]]);
    await finishRun(on.store, february, '2020-03-06');
  });

  it('is credited less what its plan covered, and nothing of that comes back', async () => {
    on = await stageOf(driver);
    await on.subscribe([{ kind: 'included', id: 'energy', kWhPerMonth: '15', rolloverMonths: 0 }], '2019-11-30T23:00:00Z');
    await arrive(1, '12.2019', '20');
    const december = await on.review('2019-12');
    // 20 kWh are 66.25 gross, 53.00 net; 15 of them are 49.69 gross (66.25 × 15/20 is 49.6875), of which 9.94 are VAT: 39.75 net.
    expect(await documentsOf(december)).toEqual([['invoice', 1325n]]);
    await finishRun(on.store, december, '2020-01-06');
    await creditAway();
    const january = await on.review('2020-01');
    expect(await documentsOf(january)).toEqual([['creditNote', -1325n]]);
    await finishRun(on.store, january, '2020-02-06');
    // 4 kWh of December come late: 10.60 net. All 15 kWh were used.
    await arrive(2, '12.2019', '4');
    const february = await on.review('2020-02');
    expect(await documentsOf(february)).toEqual([['invoice', 1060n]]);
    await finishRun(on.store, february, '2020-03-06');
  });
});
