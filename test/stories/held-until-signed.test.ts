import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunReport } from '../../src/store/reads/run-report.ts';
import { session } from '../support/intake.ts';
import { type Story, tell } from '../support/story.ts';

const taxi = 'acc_fleet_taxi';
let story: Story;
let november: string;
let adjustment: string;
const order = (purchaseOrder: string | null) => story.does('preparer', 'PUT', `/v1/accounts/${taxi}`, { purchaseOrderRequired: true, purchaseOrder, reason: 'by letter' });
const goodwill = { accountId: taxi, amount: '-10.00', vatCode: 'SE25', glAccount: '3740', costCenter: '100', description: 'Goodwill', reason: 'charger out of order' };

beforeAll(async () => {
  story = await tell();
  await order(null);
  await story.arrive(
    session(1, { user: 'AdA6-1', kWh: '10', start: '05.11.2019 10:00', end: '05.11.2019 12:00' }),
    session(2, { kWh: '10', start: '05.11.2019 10:00', end: '05.11.2019 12:00' }),
    session(3, { user: 'AdA6-1', kWh: '20', start: '05.12.2019 10:00', end: '05.12.2019 12:00' }),
  );
});
afterAll(() => story.end());

describe('an invoice that waits for a purchase order, with what finance entered on it', () => {
  it('keeps the run from closing until somebody signs that it is carried, and the problem names it and what to do', async () => {
    const review = await story.review('2019-11');
    november = review.runId;
    ({ id: adjustment } = await story.does('preparer', 'POST', `/v1/runs/${november}/adjustments`, goodwill));
    // Nothing of the account is on a document, before as after: the hash is the same.
    await expect.poll(async () => (await story.run(november)).accounts.pending).toBe(0);
    await story.approve(november, await story.built(november));
    await expect
      .poll(async () => (await story.run(november)).problem, { timeout: 60_000 })
      .toMatch(new RegExp(`waits for a signed carry decision: account ${taxi} has an invoice that waits: an invoice of 12.34 SEK`));
    expect((await story.run(november)).problem).toContain('Enter purchaseOrder of the account');
    expect((await story.run(november)).state).toBe('reconciled');
    await story.does('approver', 'POST', `/v1/runs/${november}/carry-decisions`, { reason: 'the order is on its way' });
  });

  it('is in the close report with its energy and money, and so is the manual amount, which waits', async () => {
    const report: RunReport = await story.closed(november);
    // 10 kWh at 2.234 are 22.34; the 10.00 less are of the next run as well.
    expect(report.heldBack).toEqual([{ reason: 'purchaseOrder', currency: 'SEK', accounts: 1, charges: 1, energyWh: '10000', net: '22.34', fees: '0.00', signed: 1 }]);
    expect(report.manualLeft).toMatchObject([{ kind: 'adjustment', id: adjustment, amount: '-10.00', why: expect.stringContaining('purchase order') }]);
    const { items } = await story.does('auditor', 'GET', '/v1/adjustments/waiting');
    expect(items).toMatchObject([{ id: adjustment, runId: november, author: 'preparer', leftBy: [{ runId: november }] }]);
    const early = await story.ask('preparer', 'DELETE', `/v1/runs/${november}/adjustments/${adjustment}`);
    expect(early.status).toBe(409);
    await story.holds();
  });

  it('is billed by the next run with all of it, which asks for no signature', async () => {
    await order('PO-1');
    // A dry run shows it, and takes nothing: of the month to come, and of the closed one, where it was entered.
    const dry = async (period: string) => {
      const { runId: shown } = await story.does('preparer', 'POST', '/v1/runs', { entityId: 'ent_se', period, kind: 'dry' });
      await story.reached(shown, 'closed');
      return story.rows('SELECT net_minor::int AS net FROM document WHERE run_id = $1 AND account_id = $2', [shown, taxi]);
    };
    expect([await dry('2019-12'), await dry('2019-11')]).toEqual([[{ net: 5702 }], [{ net: 1234 }]]);
    expect((await story.does('auditor', 'GET', '/v1/adjustments/waiting')).items).toMatchObject([{ id: adjustment, runId: november }]);
    const { runId, hash } = await story.review('2019-12');
    await story.approve(runId, hash);
    const report: RunReport = await story.closed(runId);
    expect(report.adjustments).toMatchObject([{ id: adjustment, amount: '-10.00', author: 'preparer' }]);
    expect([report.manualLeft, report.heldBack]).toEqual([[], []]);
    // 22.34 + 44.68 - 10.00 = 57.02; with 25 %, 14.255, so 14.26, 71.28.
    expect(
      await story.rows("SELECT net_minor::int AS net, vat_minor::int AS vat, payable_minor::int AS payable FROM document WHERE run_id = $1 AND account_id = $2 AND state = 'issued'", [runId, taxi]),
    ).toEqual([{ net: 5702, vat: 1426, payable: 7128 }]);
    expect(await story.rows("SELECT actor FROM decision WHERE run_id = $1 AND action = 'carry'", [runId])).toEqual([]);
    expect((await story.does('auditor', 'GET', '/v1/adjustments/waiting')).items).toEqual([]);
    await story.holds();
  });

  it('takes a manual amount back while it waits, with the reason', async () => {
    await order(null);
    await story.arrive(session(4, { user: 'AdA6-1', kWh: '10', start: '05.01.2020 10:00', end: '05.01.2020 12:00' }));
    const { runId } = await story.review('2020-01');
    const { id } = await story.does('preparer', 'POST', `/v1/runs/${runId}/adjustments`, goodwill);
    await expect.poll(async () => (await story.run(runId)).accounts.pending).toBe(0);
    await story.approve(runId, await story.built(runId));
    await story.closed(runId);
    expect((await story.ask('preparer', 'POST', `/v1/adjustments/${id}/withdrawal`, {})).status).toBe(422);
    await story.does('preparer', 'POST', `/v1/adjustments/${id}/withdrawal`, { reason: 'the charger was in order' });
    expect((await story.does('auditor', 'GET', '/v1/adjustments/waiting')).items).toEqual([]);
  });
});
