import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ErpRefused } from '../../src/adapters/erp/port.ts';
import { signIn, textOf } from '../support/console.ts';
import { session } from '../support/intake.ts';
import { type Story, tell } from '../support/story.ts';

let story: Story;
let runId: string;
/** Accounts whose documents the ERP refuses. */
const refused = new Set(['acc_driver_17', 'acc_driver_03']);
const waiting = async () => (await story.does('auditor', 'GET', `/v1/erp-postings?runId=${runId}&state=refused`)).items as { key: string; answer: string; legalNumber: string }[];
const states = () => story.rows('SELECT d.account_id, p.state FROM erp_posting p JOIN document d ON d.id = p.document_id WHERE p.run_id = $1 ORDER BY 1', [runId]);

beforeAll(async () => {
  story = await tell({
    erp: (real) => ({ ...real, post: (document) => (refused.has(document.accountId ?? '') ? Promise.reject(new ErpRefused('the customer is blocked')) : real.post(document)) }),
  });
  // Three drivers and a fleet, and the owners of their sites.
  await story.arrive(...['Bl2-2', 'AdO1-4', 'Bl2-1', 'AdA6-1'].map((user, n) => session(n + 1, { user, kWh: `${9 + n},5` })));
});
afterAll(() => story.end());

describe('documents that the ERP refuses', () => {
  it('wait for a decision while their neighbours are posted, and the run says what it waits for', async () => {
    const review = await story.review('2019-12');
    runId = review.runId;
    await story.approve(runId, review.hash);
    await expect.poll(async () => (await story.run(runId)).problem, { timeout: 30_000, interval: 100 }).toMatch(/is refused: the customer is blocked/);
    // Histories are erased by nobody, and an ERP may name a driver.
    const history = await story.api.client.workflow.getHandle((await story.run(runId)).workflowId).fetchHistory();
    const recorded = [...historyToJSON(history).matchAll(/"data": "([^"]+)"/g)].map((m) => Buffer.from(m[1] ?? '', 'base64').toString('utf8')).join('\n');
    expect([recorded.includes('is refused: see posting doc_'), recorded.includes('the customer is blocked')]).toEqual([true, false]);
    expect((await states()).map((r) => [refused.has(r.account_id), r.state])).toEqual(
      expect.arrayContaining([
        [true, 'refused'],
        [false, 'verified'],
      ]),
    );
    expect((await states()).filter((r) => refused.has(r.account_id) !== (r.state === 'refused'))).toEqual([]);
    expect(await waiting()).toMatchObject([{ answer: 'the customer is blocked' }, { answer: 'the customer is blocked' }]);
  });

  it('are decided on by whoever may: one is sent again from the console, one is skipped with a reason, and the run closes', async () => {
    const [again, never] = await waiting();
    refused.clear();
    expect((await story.ask('preparer', 'POST', `/v1/erp-postings/${never?.key}/skip`, { reason: 'entered by hand' })).status).toBe(403);
    expect((await story.ask('approver', 'POST', `/v1/erp-postings/${never?.key}/skip`, {})).status).toBe(422);
    expect((await story.ask('ops', 'POST', '/v1/erp-postings/doc_none/retry', {})).status).toBe(404);
    const ops = await signIn(story.api, 'ops');
    const page = textOf((await ops.get('/erp')).body);
    expect(page).toContain('the customer is blocked');
    expect(page).toContain('send again');
    expect(page).not.toContain('skip Pages');
    expect((await ops.order(`/erp/${again?.key}/retry`, { reason: 'unblocked' })).status).toBe(303);
    await expect.poll(async () => (await waiting()).length, { timeout: 30_000, interval: 100 }).toBe(1);
    expect((await story.ask('approver', 'POST', `/v1/erp-postings/${never?.key}/skip`, { reason: 'entered there by hand' })).body).toEqual({ followers: 0 });
    const report = await story.closed(runId);
    expect(report.erp).toMatchObject({ verified: (await states()).length - 1, open: 0, skipped: 1 });
    expect(report.erpTotals.filter((t) => Number(t.difference) !== 0)).toEqual([]);
    const auditor = textOf((await (await signIn(story.api, 'auditor')).get('/erp')).body);
    expect(auditor).toContain('Everything is in the ERP');
    expect((await story.does('auditor', 'GET', `/v1/erp-postings?state=skipped`)).items).toMatchObject([{ key: never?.key, answer: 'skipped by approver: entered there by hand' }]);
    await story.holds();
  });
});
