import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { authorityTasks } from '../../src/contracts/document-rules.ts';
import { signIn, textOf } from '../support/console.ts';
import { session } from '../support/intake.ts';
import { type Story, tell } from '../support/story.ts';

let story: Story;
let runId: string;
/** Whose document the ERP neither takes nor refuses. */
const silent = new Set(['acc_driver_17']);
const lost = async () => (await story.does('auditor', 'GET', `/v1/erp-postings?runId=${runId}&state=unknown`)).items as { key: string; awaitsNumber: boolean; legalNumber: string | null }[];

beforeAll(async () => {
  story = await tell({
    extraUsers: { controller: ['finance-approver'] },
    erp: (real) => ({
      ...real,
      post: (document, drafted) => (silent.has(document.accountId ?? '') ? Promise.reject(new Error('the answer was lost')) : real.post(document, drafted)),
      find: async (document) => {
        const held = await real.find(document);
        return held === undefined ? undefined : { ...held, number: `F-${document.key}` };
      },
    }),
  });
  const authorities = authorityTasks.map((task) => ({ type: 'invoice', task, authority: task === 'delivery' ? 'wattledger' : 'erp' }));
  await story.does('controller', 'PUT', '/v1/entities/ent_se/document-rules', { rules: { authorities }, reason: 'the ERP numbers invoices' });
  await story.arrive(...['Bl2-2', 'AdO1-4'].map((user, n) => session(n + 1, { user, kWh: `${9 + n},5` })));
});
afterAll(() => story.end());

describe('a document of which the ERP never tells the number', () => {
  it('is issued under the one that an approver states, and its run closes', async () => {
    const review = await story.review('2019-12');
    runId = review.runId;
    await story.approve(runId, review.hash);
    await expect.poll(async () => (await lost()).length, { timeout: 30_000, interval: 100 }).toBe(1);
    const [{ key = '', ...posting } = {}] = await lost();
    expect(posting).toMatchObject({ awaitsNumber: true, legalNumber: null });

    expect((await story.ask('preparer', 'POST', `/v1/erp-postings/${key}/number`, { number: 'H-1', reason: 'entered by hand' })).status).toBe(403);
    expect((await story.ask('approver', 'POST', `/v1/erp-postings/${key}/number`, { number: ' ', reason: 'entered by hand' })).status).toBe(422);
    const [ours = { key: '' }] = (await story.does('auditor', 'GET', `/v1/erp-postings?runId=${runId}&state=verified`)).items.filter((p: { kind: string }) => p.kind !== 'invoice');
    expect(await story.ask('approver', 'POST', `/v1/erp-postings/${ours.key}/number`, { number: 'H-1', reason: 'entered by hand' })).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('of no document that waits for the number') },
    });
    const approver = await signIn(story.api, 'approver');
    expect(textOf((await approver.get('/erp')).body)).toContain('state its number');
    // The connection is tried again and again: between two attempts it can be decided on.
    await expect
      .poll(async () => (await approver.order(`/erp/${key}/number`, { number: 'H-1', externalId: 'entry 1', reason: 'entered by hand' })).status, { timeout: 30_000, interval: 100 })
      .toBe(303);
    const report = await story.closed(runId);
    expect(report.erp).toMatchObject({ open: 0, skipped: 1 });
    expect((await story.does('auditor', 'GET', '/v1/erp-postings?state=skipped')).items).toMatchObject([
      { key, legalNumber: 'H-1', externalId: 'entry 1', awaitsNumber: false, answer: 'stated by approver to be there as H-1: entered by hand' },
    ]);
    await story.holds();
  });
});
