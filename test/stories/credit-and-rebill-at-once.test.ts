import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { session } from '../support/intake.ts';
import { type Story, tell, until } from '../support/story.ts';

let story: Story;
let november: string;
let invoice: string;
let record: string;
const documentsOf = (runId: string) => story.rows("SELECT account_id, type, net_minor AS net FROM document WHERE run_id = $1 AND state <> 'discarded' ORDER BY account_id, type", [runId]);

beforeAll(async () => {
  story = await tell();
  // Two sessions of a fleet at 2.234 a kWh: 22.34 and 44.68.
  const at = (id: number, kWh: string) => session(id, { user: 'NR1-3', kWh, start: `1${id}.11.2019 10:00`, end: `1${id}.11.2019 12:00` });
  await story.arrive(at(1, '10'), at(2, '20'));
  const review = await story.review('2019-11');
  november = review.runId;
  await story.approve(november, review.hash);
  await story.closed(november);
  const [row] = await story.rows("SELECT d.id FROM document d WHERE d.run_id = $1 AND d.type = 'invoice'", [november]);
  invoice = row?.['id'];
  record = (await story.rows("SELECT record_id::text AS id FROM record_head WHERE cdr_id = '2'"))[0]?.['id'];
}, 180_000);
afterAll(() => story.end());

describe('a corrected session of an issued invoice', () => {
  it('is credited and billed anew at once, in a run of its account alone', async () => {
    const body = { reason: 'meter reading of the site, 12 kWh', corrections: [{ recordId: record, energyWh: 12_000 }], now: true };
    const { orderId, records } = await story.does('preparer', 'POST', `/v1/documents/${invoice}/credit-and-rebill`, body);
    expect(records).toBe(1);
    const order = await until('the order’s run', async () => {
      const seen = await story.does('auditor', 'GET', `/v1/rebills/${orderId}`);
      return { seen, ...(seen.runId === null ? {} : { done: seen }) };
    });
    expect(order).toMatchObject({ state: 'done', rebilled: 1, now: true });
    const run = await story.reached(order.runId, 'inReview');
    expect(run).toMatchObject({ kind: 'live', selection: { accountIds: [expect.stringContaining('acc_fleet')] } });
    // 44.68 comes back, and 12 kWh at 2.234 are 26.808, so 26.81.
    const sales = (await documentsOf(order.runId)).filter((d) => String(d['account_id']).startsWith('acc_fleet'));
    expect(sales.map((d) => [d['type'], d['net']])).toEqual([
      ['creditNote', -4468n],
      ['invoice', 2681n],
    ]);
    // Whoever signed the correction does not approve it.
    const hash = await story.built(order.runId);
    expect((await story.decide('preparer', order.runId, hash)).status).toBe(403);
    await story.approve(order.runId, hash);
    await story.closed(order.runId);
    await story.holds();
  });

  it('is refused where the record is no part of what is billed anew, or nothing is corrected', async () => {
    const path = `/v1/documents/${invoice}/credit-and-rebill`;
    expect(await story.ask('preparer', 'POST', path, { reason: 'as agreed', corrections: [{ recordId: '999999', energyWh: 1 }] })).toMatchObject({ status: 404 });
    expect(await story.ask('preparer', 'POST', path, { reason: 'as agreed', corrections: [{ recordId: record }] })).toMatchObject({ status: 422 });
  });
});
