import { createHash } from 'node:crypto';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { combineHashes } from '../../src/core/document/compose.ts';
import { addExclusion, withdrawExclusion } from '../../src/store/commands/shape-run.ts';
import { contentProblems } from '../../src/store/cycle/approved-content.ts';
import { buildDocuments } from '../../src/store/cycle/build-documents.ts';
import { decideRun } from '../../src/store/cycle/decide-run.ts';
import type { Store } from '../../src/store/db.ts';
import { changesSince } from '../../src/store/reads/changes-since.ts';
import { verifyAll } from '../../src/verify/verify-all.ts';
import { finishRun, reviewRun } from '../support/bill.ts';
import { setFee } from '../support/fee.ts';
import { processAll, session, storeLines } from '../support/intake.ts';
import { seeded } from '../support/seeded.ts';

const taxi = 'acc_fleet_taxi';
const by = { actor: 'preparer' };
let store: Store;
let drop: () => Promise<void>;
let superuserUrl: string;
let runId: string;
let record: string;
const rows = async (sql: string, params: unknown[] = []) => (await store.pool.query(sql, params)).rows;
const build = async () => (await store.tx((db) => buildDocuments(db, runId))).contentHash;
const leaveOut = async (scope: 'record' | 'account', subjectId: string, outcome: 'carry' | 'writeOff') =>
  (await store.tx((db) => addExclusion(db, runId, { scope, subjectId, outcome, reason: 'disputed' }, by))).id;
const approve = (contentHash: string, actor = 'approver') => store.tx((db) => decideRun(db, { runId, approvalId: `by ${actor}`, decision: 'approve', contentHash, actor, comment: 'looked at it' }));
const documents = () => rows("SELECT encode(content_hash, 'hex') AS hash FROM document WHERE run_id = $1 AND state <> 'discarded' ORDER BY account_id, currency, id", [runId]);

// 10 and 20 kWh of a fleet at a site of which nobody earns; the second session is disputed.
beforeEach(async () => {
  const made = await seeded('demo', (seed) => ({ ...seed, sites: seed.sites.map(({ owner, ...site }) => (site.key === 'AdA6' ? site : { ...site, owner })) }) as typeof seed);
  ({ store, drop } = made);
  superuserUrl = made.database.superuserUrl;
  await setFee(store, taxi);
  await storeLines(store, [
    session(1, { user: 'AdA6-1', garage: 'AdA6', kWh: '10', start: '05.12.2019 10:00', end: '05.12.2019 12:00' }),
    session(2, { user: 'AdA6-1', garage: 'AdA6', kWh: '20', start: '06.12.2019 10:00', end: '06.12.2019 12:00' }),
  ]);
  await processAll(store);
  runId = await reviewRun(store, '2019-12');
  record = (await rows("SELECT record_id::text AS id FROM record_head WHERE cdr_id = '2'"))[0].id;
});
afterEach(() => drop());

describe('what a run leaves out', () => {
  it('is approved with it: a session that was carried when somebody looked is not written off by their approval', async () => {
    const carry = await leaveOut('record', record, 'carry');
    const seen = await build();
    const before = await documents();
    await store.tx((db) => withdrawExclusion(db, runId, carry, by));
    await leaveOut('record', record, 'writeOff');
    const now = await build();
    // Not a byte of a document is other than it was.
    expect(await documents()).toEqual(before);
    expect(await approve(seen)).toMatchObject({ ok: false, reason: 'staleHash', current: now });
    expect(await changesSince(store.pool, runId, seen)).toEqual({ accounts: 0, items: [], leftOut: ['all'] });
    expect(await approve(now)).toMatchObject({ ok: true });
  });

  it('is approved with it: fees too, also of an account that has nothing else', async () => {
    const carry = await leaveOut('account', taxi, 'carry');
    const seen = await build();
    expect(await documents()).toEqual([]);
    await store.tx((db) => withdrawExclusion(db, runId, carry, by));
    await leaveOut('account', taxi, 'writeOff');
    expect(await build()).not.toBe(seen);
    expect(await approve(seen)).toMatchObject({ ok: false, reason: 'staleHash' });
  });

  it('needs a second approval of the same, where two have to approve', async () => {
    await rows(`INSERT INTO release_rules_version (entity_id, version, body, reason, author) VALUES ('ent_se', 1, '{"secondApprover":[{"documentAbove":1}]}', 'as agreed', 'head')`);
    const carry = await leaveOut('record', record, 'carry');
    expect(await approve(await build())).toMatchObject({ ok: true, waitsForSecond: ['all'] });
    await store.tx((db) => withdrawExclusion(db, runId, carry, by));
    await leaveOut('record', record, 'writeOff');
    // The first looked at something else: this is a first approval again.
    expect(await approve(await build(), 'another')).toMatchObject({ ok: true, waitsForSecond: ['all'] });
  });

  it('is hashed by what it is, not by when it was said: nothing left out changes nothing, and the same again is the same', async () => {
    const plain = await build();
    const [{ hash: charge }] = await rows("SELECT encode(c.charge_hash, 'hex') AS hash FROM rated_charge c WHERE c.record_id = $1 AND c.payer_account_id = $2", [record, taxi]);
    const carry = await leaveOut('record', record, 'carry');
    const seen = await build();
    const parts = [...(await documents()).map((d) => Buffer.from(d.hash, 'hex')), createHash('sha256').update(`charge ${charge} carried`).digest()];
    // One line of one group of one run: each hash over the one below.
    expect(seen).toBe(combineHashes([combineHashes(parts)]).toString('hex'));
    await store.tx((db) => withdrawExclusion(db, runId, carry, by));
    expect(await build()).toBe(plain);
    await leaveOut('record', record, 'carry');
    expect(await build()).toBe(seen);
  });

  it('stays as it was approved: what is otherwise is not issued, and verify names it', async () => {
    await leaveOut('record', record, 'carry');
    await finishRun(store, runId, '2020-01-05');
    const groups = (await rows('SELECT name FROM release_group WHERE run_id = $1', [runId])).map((g) => g.name);
    const wrong = async () => (await verifyAll(store)).sections.flatMap((s) => s.problem ?? []);
    expect([await store.tx((db) => contentProblems(db, runId, groups)), await wrong()]).toEqual([[], []]);
    // The next run takes what is carried; the run that carried it stays sound.
    await finishRun(store, await reviewRun(store, '2020-01'), '2020-02-05');
    expect(await wrong()).toEqual([]);
    await expect(rows("UPDATE exclusion_hit SET outcome = 'excluded', first_run_id = NULL WHERE run_id = $1", [runId])).rejects.toMatchObject({ code: 'WL001' });
    const forger = new pg.Client({ connectionString: superuserUrl });
    await forger.connect();
    await forger.query(`SET session_replication_role = replica; UPDATE exclusion_hit SET outcome = 'excluded', first_run_id = NULL WHERE run_id = '${runId}' AND outcome = 'carried'`);
    await forger.end();
    expect([await store.tx((db) => contentProblems(db, runId, groups)), await wrong()]).toEqual([
      [expect.stringMatching(/^group .* leaves out other than its hash says$/)],
      [expect.stringMatching(/^run run_ent_se_2019-12_live leaves out other than its content hash says/)],
    ]);
  });
});
