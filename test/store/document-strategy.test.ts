import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { releaseRulesSchema } from '../../src/contracts/release-rules.ts';
import { setReleaseRules } from '../../src/store/commands/set-release-rules.ts';
import { planCanary } from '../../src/store/cycle/canary.ts';
import { documentStrategies, findDocument, listDocuments } from '../../src/store/reads/documents.ts';
import { documentSums } from '../../src/store/reads/run-groups.ts';
import { runTotals } from '../../src/store/reads/run-totals.ts';
import { type Review, startReview } from '../support/review.ts';

let review: Review;
const page = { limit: 100 };
/** What a run shows by strategy. */
const shown = async () => {
  const { pool } = review.store;
  const listed = await listDocuments(pool, review.runId, page);
  return {
    strategies: await documentStrategies(pool, review.runId),
    listed: listed.items.map((d) => [d.documentId, d.strategy]),
    drivers: (await listDocuments(pool, review.runId, { ...page, strategy: 'driverInvoice' })).items.map((d) => d.documentId),
    first: (await findDocument(pool, listed.items[0]?.documentId ?? ''))?.strategy,
    sums: await documentSums(pool, review.runId),
    totals: (await runTotals(pool, review.runId, 'strategy', page)).items,
  };
};

beforeAll(async () => {
  review = await startReview({}, ['Bl2-1', 'Bl2-2', 'NR1-3', 'Share-2']);
  const rules = releaseRulesSchema.parse({ canary: { documents: 0, smallestGroup: 0, strategies: { driverInvoice: { documents: 2, release: 'wait' } } } });
  await review.store.tx((db) => setReleaseRules(db, { entityId: 'ent_se', rules, reason: 'look at drivers' }, { actor: 'ruler' }));
});
afterAll(() => review.stop());

describe('the strategy of a document', () => {
  it('is the one that it was made by, however its account pays by now', async () => {
    const before = await shown();
    expect(before.drivers.length).toBeGreaterThan(0);
    expect(await review.decide('approver')).toEqual({ ok: true });
    await review.rows(
      "INSERT INTO set_up_version (kind, id, version, body, changed, author, reason) SELECT 'account', id, 2, jsonb_build_object('strategy', 'cardInvoice'), '{strategy}', 'ops', 'pays by card from now on' FROM account WHERE strategy = 'driverInvoice'",
    );
    await review.rows("UPDATE account SET strategy = 'cardInvoice', version = 2 WHERE strategy = 'driverInvoice'");
    expect(await shown()).toEqual(before);
    expect(await review.store.tx((db) => planCanary(db, review.runId, 'all'))).toEqual({ state: 'canary', documents: 2, waits: true });
  });
});
