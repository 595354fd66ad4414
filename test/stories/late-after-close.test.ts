import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { session } from '../support/intake.ts';
import { type Story, tell, until } from '../support/story.ts';

let story: Story;
let december: string;
let january: string;

const documents = (runId: string, accountId: string) =>
  story.rows(
    `SELECT d.id, d.type, s.legal_number AS number, o.legal_number AS credits, d.energy_wh AS wh, d.payable_minor AS payable, p.kind, p.state FROM document d JOIN issue_stamp s ON s.document_id = d.id
     LEFT JOIN issue_stamp o ON o.document_id = d.credits_document_id JOIN erp_posting p ON p.document_id = d.id WHERE d.run_id = $1 AND d.account_id = $2 ORDER BY d.type DESC, s.number`,
    [runId, accountId],
  );
/** Bills a month to its close; what blocks the preview is signed, since a statement that takes back more than it gives is for people to look at. */
async function bill(period: string): Promise<string> {
  const { runId, hash } = await story.review(period);
  await finish(runId, hash);
  return runId;
}
async function finish(runId: string, hash: string): Promise<void> {
  const { items } = await story.does('auditor', 'GET', `/v1/runs/${runId}/findings?severity=blocks`);
  const findingIds = items.map((f: { findingId: string }) => f.findingId);
  if (findingIds.length > 0) await story.does('both', 'POST', `/v1/runs/${runId}/finding-decisions`, { findingIds, reason: 'looked at it' });
  await story.approve(runId, hash);
  await story.closed(runId);
}
const rebilled = (orderId: string) =>
  until('the order', async () => {
    const order = await story.does('auditor', 'GET', `/v1/rebills/${orderId}`);
    return { seen: order, ...(order.state === 'ordered' ? {} : { done: order }) };
  });

beforeAll(async () => {
  story = await tell();
  // A fleet with two sessions, a driver with two.
  await story.arrive(session(1, { user: 'NR1-3', garage: 'NR1' }), session(2, { user: 'NR1-3', garage: 'NR1', kWh: '20' }), session(3), session(4, { kWh: '20' }));
  december = await bill('2019-12');
});
afterAll(() => story.end());

describe('what comes after its month was billed', () => {
  it('is billed by the next run, in its own month of service; corrections credit what was issued', async () => {
    await story.arrive(
      session(1, { user: 'NR1-3', garage: 'NR1', kWh: '12' }),
      session(50, { user: 'NR1-3', garage: 'NR1', kWh: '7' }),
      session(3, { kWh: '9' }),
      session(60, { start: '05.01.2020 18:00', end: '05.01.2020 21:00', kWh: '30' }),
    );
    january = await bill('2020-01');
    const [first] = await documents(december, 'acc_fleet_home_care');
    // 12 + 7 kWh are billed, 10.5 kWh are credited.
    expect(await documents(january, 'acc_fleet_home_care')).toMatchObject([
      { type: 'invoice', credits: null, wh: 19_000n, kind: 'invoice', state: 'verified' },
      { type: 'creditNote', credits: first.number, wh: -10_500n, kind: 'creditNote', state: 'verified' },
    ]);
    // A driver's correction stands on the invoice: 30 + 9 - 10.5 kWh.
    expect(await documents(january, 'acc_driver_16')).toMatchObject([{ type: 'invoice', wh: 28_500n }]);
    const [invoice] = await documents(january, 'acc_driver_16');
    const shown = await story.does('auditor', 'GET', `/v1/documents/${invoice.id}`);
    const [before] = await documents(december, 'acc_driver_16');
    expect([shown.serviceFrom, shown.serviceTo]).toEqual(['2019-12-05', '2020-01-05']);
    expect(shown.lines.map((l: { serviceMonth: string; energyWh: string; credits: { legalNumber: string } | null }) => [l.serviceMonth, l.energyWh, l.credits?.legalNumber ?? null])).toEqual([
      ['2019-12', '9000', null],
      ['2020-01', '30000', null],
      ['2019-12', '-10500', before.number],
    ]);
    expect((await story.does('auditor', 'GET', `/v1/documents/${before.id}`)).creditedBy).toMatchObject([{ documentId: invoice.id, legalNumber: invoice.number }]);
    await story.holds();
  });
});

describe('an issued invoice', () => {
  it('is credited and billed anew by one order, with what changed since; the shares of its sessions follow', async () => {
    const [invoice] = await documents(december, 'acc_driver_16');
    const body = { reason: 'the price of December was published late' };
    expect((await story.ask('auditor', 'POST', `/v1/documents/${invoice.id}/credit-and-rebill`, body)).status).toBe(403);
    // Nothing changed: nothing is credited.
    const same = await story.does('preparer', 'POST', `/v1/documents/${invoice.id}/credit-and-rebill`, body);
    expect(await rebilled(same.orderId)).toMatchObject({ state: 'done', records: 1, rebilled: 0 });
    const tariff = { id: 'driver-day-night', currency: 'SEK', elements: [{ price_components: [{ type: 'ENERGY', price: '1.85', vat: '25', step_size: 1 }] }] };
    const { proposalId } = await story.does('preparer', 'POST', '/v1/tariff-proposals', { tariff, validFrom: '2019-11-30T23:00:00Z', reason: 'price of December' });
    await story.does('approver', 'POST', `/v1/tariff-proposals/${proposalId}/decision`, { decision: 'publish', comment: 'agreed' });
    const order = await story.does('preparer', 'POST', `/v1/documents/${invoice.id}/credit-and-rebill`, body);
    expect(await rebilled(order.orderId)).toMatchObject({ state: 'done', rebilled: 1, accountIds: ['acc_driver_16'] });
  });

  it('is credited by amounts off its lines too; who ordered it does not approve the run that makes the documents', async () => {
    const [fleets] = await documents(december, 'acc_fleet_home_care');
    const credit = { reason: 'cable broken', lines: [{ lineNo: 1, amount: '1.00' }], description: 'Goodwill' };
    expect((await story.ask('both', 'POST', `/v1/documents/${fleets.id}/credit`, { ...credit, lines: [{ lineNo: 1, amount: '100000.00' }] })).body).toMatchObject({
      status: 422,
      detail: expect.stringMatching(/is left/),
    });
    const { creditIds } = await story.does('both', 'POST', `/v1/documents/${fleets.id}/credit`, credit);
    const second = await story.does('both', 'POST', `/v1/documents/${fleets.id}/credit`, credit);
    await story.does('both', 'DELETE', `/v1/credits/${second.creditIds[0]}`);
    expect(creditIds).toHaveLength(1);
    const { runId, hash } = await story.review('2020-02');
    expect((await story.decide('both', runId, hash)).body).toMatchObject({ code: 'ownWork' });
    await finish(runId, hash);
    // 20 kWh at 1.85 net are 46.25 with VAT, in whole kronor 46.00; at 2.65 they were 66.25. What is left of the invoice of 101.00 goes by its own rounding.
    expect(await documents(runId, 'acc_driver_16')).toMatchObject([
      { type: 'invoice', credits: null, wh: 20_000n, payable: 4600n },
      { type: 'creditNote', credits: (await documents(december, 'acc_driver_16'))[0].number, wh: -20_000n },
    ]);
    expect(await documents(runId, 'acc_fleet_home_care')).toMatchObject([{ type: 'creditNote', credits: fleets.number, wh: 0n, payable: -125n }]);
    await story.holds();
    // Each share refers to the revision that stands, or is mirrored (invariant 11).
    expect(
      await story.rows(
        `SELECT c.charge_id FROM rated_charge c JOIN record_head h ON h.record_id = c.record_id WHERE c.role = 'siteShareEstimate' AND c.reversal_of IS NULL AND c.revision <> h.revision
           AND NOT EXISTS (SELECT FROM rated_charge m WHERE m.record_id = c.record_id AND m.reversal_of = c.charge_id)`,
      ),
    ).toEqual([]);
  });

  it('credited wholly comes back to the öre, and its charges are open again', async () => {
    const [fleets] = await documents(january, 'acc_fleet_home_care');
    const { orderId } = await story.does('preparer', 'POST', `/v1/documents/${fleets.id}/credit`, { reason: 'wrong legal entity' });
    expect(await rebilled(orderId)).toMatchObject({ kind: 'credit', state: 'done', rebilled: 2 });
    const { runId, hash } = await story.review('2020-03');
    await finish(runId, hash);
    expect(await documents(runId, 'acc_fleet_home_care')).toMatchObject([
      { type: 'invoice', wh: 19_000n, payable: fleets.payable },
      { type: 'creditNote', credits: fleets.number, wh: -19_000n, payable: -fleets.payable },
    ]);
    await story.holds();
  });
});
