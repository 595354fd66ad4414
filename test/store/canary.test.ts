import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handOver } from '../../src/activities/hand-over.ts';
import { filesErp } from '../../src/adapters/erp/files.ts';
import { releaseRulesSchema } from '../../src/contracts/release-rules.ts';
import { canaryOf, waitsForRelease } from '../../src/core/cycle/release-rules.ts';
import { setReleaseRules } from '../../src/store/commands/set-release-rules.ts';
import { canaryProblems, planCanary } from '../../src/store/cycle/canary.ts';
import { issueDocuments } from '../../src/store/cycle/issue-documents.ts';
import { type Review, startReview } from '../support/review.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'wattledger-erp-'));
let review: Review;
let superuser: pg.Client;
const plan = () => review.store.tx((db) => planCanary(db, review.runId, 'all'));
const chosen = () => review.rows('SELECT document_id FROM canary_document ORDER BY 1');
const problems = () => canaryProblems(review.store.pool, review.runId, 'all');
/** What the canary says while one thing is not as it was. */
const problemsWith = async (change: string, back: string) => {
  await superuser.query(change);
  const found = await problems();
  await superuser.query(back);
  return found;
};

beforeAll(async () => {
  review = await startReview({}, ['Bl2-1', 'Bl2-2', 'NR1-3', 'AdA6-1', 'AdO3-2', 'Share-2', 'Share-4']);
  superuser = new pg.Client({ connectionString: review.superuserUrl });
  await superuser.connect();
  await superuser.query('SET session_replication_role = replica');
  const rules = releaseRulesSchema.parse({ canary: { documents: 2, smallestGroup: 0, strategies: { fleetInvoice: { documents: 1 } } } });
  await review.store.tx((db) => setReleaseRules(db, { entityId: 'ent_se', rules, reason: 'a new ERP' }, { actor: 'ruler' }));
});
afterAll(async () => {
  await superuser.end();
  await review.stop();
  rmSync(folder, { recursive: true });
});

describe('the documents of a canary', () => {
  it('are none in a small group, and as many as its strategy says in others', () => {
    const rules = releaseRulesSchema.parse({ canary: { documents: 3, strategies: { emspSettlement: { documents: 0 }, fleetInvoice: { release: 'wait' } } } });
    expect([canaryOf(rules, 'driverInvoice', 19), canaryOf(rules, 'driverInvoice', 20), canaryOf(rules, 'emspSettlement', 20), canaryOf(rules, 'fleetInvoice', 20)]).toEqual([0, 3, 0, 3]);
    expect([waitsForRelease(rules, ['driverInvoice']), waitsForRelease(rules, ['driverInvoice', 'fleetInvoice'])]).toEqual([false, true]);
  });

  it('are the largest, then the smallest of each strategy and currency, the same whoever asks again', async () => {
    const whole = await review.rows(
      'SELECT d.id, a.strategy, d.currency, abs(d.payable_minor)::bigint AS amount FROM document d JOIN account a ON a.id = d.account_id WHERE d.run_id = $1 ORDER BY a.strategy, d.currency, 4 DESC, d.account_id',
      [review.runId],
    );
    const strata = new Map<string, string[]>();
    for (const d of whole) strata.set(`${d['strategy']} ${d['currency']}`, [...(strata.get(`${d['strategy']} ${d['currency']}`) ?? []), String(d['id'])]);
    const wanted = [...strata].flatMap(([stratum, ids]) => (stratum.startsWith('fleetInvoice') || ids.length === 1 ? ids.slice(0, 1) : [ids[0], ids.at(-1)]));
    expect([...strata.keys()].some((s) => s.startsWith('fleetInvoice')) && [...strata.values()].some((ids) => ids.length > 1)).toBe(true);
    expect(await review.decide('approver')).toEqual({ ok: true });
    expect(await plan()).toEqual({ state: 'canary', documents: wanted.length, waits: false });
    const first = await chosen();
    expect(first.map((d) => d['document_id'])).toEqual([...wanted].sort());
    expect(await plan()).toEqual({ state: 'canary', documents: wanted.length, waits: false });
    expect(await chosen()).toEqual(first);
  });
});

describe('what a canary looks at', () => {
  it('holds once it is issued, handed over and read back', async () => {
    const [{ n }] = (await review.rows('SELECT count(*)::integer AS n FROM canary_document')) as [{ n: number }];
    expect(await problems()).toContainEqual(expect.stringMatching(/ is not issued$/));
    expect(await review.store.tx((db) => issueDocuments(db, review.runId, '2020-01-06', { group: 'all', canary: true }))).toEqual({ issued: n, left: 0 });
    expect(await review.rows("SELECT count(*)::integer AS n FROM document WHERE state = 'issued'")).toEqual([{ n }]);
    expect((await problems()).every((words) => words.endsWith('is queued in the outbox, and not verified'))).toBe(true);
    await handOver(review.store, filesErp(folder), 'erp_files');
    expect(await problems()).toEqual([]);
  });

  it.each([
    [
      'bytes',
      'UPDATE document SET canonical = canonical || $$ $$ WHERE id = X',
      'UPDATE document SET canonical = substr(canonical, 1, length(canonical) - 1) WHERE id = X',
      /has other bytes than its content hash says/,
    ],
    [
      'lines',
      'UPDATE document_line SET net_minor = net_minor + 1 WHERE document_id = X AND line_no = 1',
      'UPDATE document_line SET net_minor = net_minor - 1 WHERE document_id = X AND line_no = 1',
      /has another netMinor on line 1/,
    ],
    [
      'the ledger',
      "UPDATE ledger_entry SET amount = amount + 1 WHERE transaction_key = 'issue/' || X",
      "UPDATE ledger_entry SET amount = amount - 1 WHERE transaction_key = 'issue/' || X",
      /the journal of doc_\w+ does not sum to zero/,
    ],
    [
      'numbers',
      "UPDATE number_series SET next = next + 1 WHERE document_type = 'invoice'",
      "UPDATE number_series SET next = next - 1 WHERE document_type = 'invoice'",
      /number series ent_se\/invoice\/2020 has a gap/,
    ],
    [
      'what the ERP holds',
      "UPDATE erp_posting SET state = 'refused', answer = 'blocked' WHERE document_id = X",
      "UPDATE erp_posting SET state = 'verified', answer = NULL WHERE document_id = X",
      /(doc_\w+) was refused: see posting \1/,
    ],
    ['energy', 'UPDATE record_head SET energy_wh = energy_wh + 1 WHERE record_id = 1', 'UPDATE record_head SET energy_wh = energy_wh - 1 WHERE record_id = 1', /1 Wh are accounted for nowhere/],
  ])('tells of %s', async (_, change, back, words) => {
    const document = "(SELECT min(y.document_id) FROM canary_document y JOIN document v ON v.id = y.document_id AND v.type = 'invoice')";
    expect(await problemsWith(change.replaceAll('X', document), back.replaceAll('X', document))).toEqual([expect.stringMatching(words)]);
    expect(await problems()).toEqual([]);
  });
});
