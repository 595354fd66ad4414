// npm run bench:cycle [-- --records 200000 --rounds 3 --home DIR --profile --smoke]: a month from its cut-off to the preview beside one SQL that groups and claims the
// same rows, then one account built anew, documents issued, and what finance looks at. --home keeps the filled database for the next time.
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadConfig } from '../dist/config.js';
import { startPlatform } from '../dist/platform/start-platform.js';
import { planRun } from '../dist/store/commands/plan-run.js';
import { addExclusion } from '../dist/store/commands/shape-run.js';
import { buildDocuments } from '../dist/store/cycle/build-documents.js';
import { decideRun } from '../dist/store/cycle/decide-run.js';
import { issueDocuments } from '../dist/store/cycle/issue-documents.js';
import { closeOwnerSet } from '../dist/store/cycle/owner-set.js';
import { closeRecordSet } from '../dist/store/cycle/record-set.js';
import { advanceRun } from '../dist/store/cycle/run-state.js';
import { sumAhead } from '../dist/store/cycle/sums-ahead.js';
import { openStore } from '../dist/store/db.js';
import { lanesOf } from '../dist/store/lanes.js';
import { drillDowns } from './cycle-drill-downs.mjs';
import { fillMonth } from './cycle-fill.mjs';
import { groupAndClaim } from './group-and-claim.mjs';
import { cpuTimes } from './processes.mjs';
import { profileQueries } from './query-profile.mjs';

const smoke = process.argv.includes('--smoke');
const textOption = (name, otherwise) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const records = Number(textOption('--records', smoke ? 2000 : 200_000));
const rounds = Number(textOption('--rounds', smoke ? 1 : 3));
const kept = textOption('--home', undefined);
const profile = process.argv.includes('--profile');
const toIssue = Number(textOption('--issue', smoke ? 200 : 3000));
const looks = Number(textOption('--looks', smoke ? 3 : 60));
const period = '2019-12';
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const shown = (list, digits = 1) => `${median(list).toFixed(digits)} s (${Math.min(...list).toFixed(digits)} to ${Math.max(...list).toFixed(digits)})`;
const number = (n) => Math.round(n).toLocaleString('en');

const home = kept ?? mkdtempSync(path.join(os.platform() === 'linux' ? '/var/tmp' : os.tmpdir(), 'wattledger-bench-'));
mkdirSync(home, { recursive: true });
chmodSync(home, 0o711);
const undo = kept === undefined ? [() => rmSync(home, { recursive: true, force: true })] : [];
try {
  // No workflows here: each step is called as its activity calls it.
  const platform = await startPlatform({ home, cache: loadConfig().cache, durable: true, headless: true, temporalAddress: '127.0.0.1:1' });
  undo.push(() => platform.stop());
  const filled = await fillMonth({ platform, records });
  console.log(`Node ${process.version}, ${os.cpus().length} cores, load ${os.loadavg()[0].toFixed(1)}; ${number(records)} records of ${number(filled.accounts)} accounts, ${number(filled.charges)} charges; median of ${rounds} rounds, floor and ours by turns`);
  const floor = [];
  const ours = [];
  for (let round = 0; round < rounds; round += 1) {
    const last = round === rounds - 1;
    const copy = await filled.copy();
    const store = openStore(copy.databaseUrl);
    try {
      const before = cpuTimes();
      floor.push(await groupAndClaim(copy));
      const floorCpu = ((cpuTimes().postgres - before.postgres) / 1e6).toFixed(1);
      const { seconds, runId, line } = await cutOffToPreview(copy, store);
      ours.push(seconds);
      console.log(`  round ${round + 1}: ${seconds.toFixed(1)} s, the SQL ${floor.at(-1).toFixed(1)} s (CPU ${floorCpu} s); ${line}`);
      if (last) await oneAccountAnew(store, runId);
      if (last) await drillDowns({ store, databaseUrl: copy.databaseUrl, runId, looks });
      if (last) await issue(store, runId);
    } finally {
      await store.close();
      await copy.drop();
    }
  }
  console.log(`from the cut-off to the preview: ${shown(ours)}; one SQL that groups and claims the same rows: ${shown(floor)}; takes ${(median(ours) / median(floor)).toFixed(1)} times as long (goal: 5)`);
  console.log(`  ${number(records / median(ours))} records/s`);
} finally {
  for (const step of undo.reverse()) await step();
}

async function timed(work) {
  const started = process.hrtime.bigint();
  const result = await work();
  return { result, seconds: Number(process.hrtime.bigint() - started) / 1e9 };
}

/** As the activities of `billingCycle` do it. */
async function cutOffToPreview(copy, store) {
  const { runId } = await store.tx((db) => planRun(db, { entityId: 'ent_se', period, by: { actor: 'bench' } }));
  await store.tx((db) => advanceRun(db, runId, 'collecting'));
  // As a run does while it collects, long before its cut-off.
  const ahead = await timed(() => sumAhead(store.pool, runId, lanesOf(store)));
  await copy.checkpoint();
  const stop = profile ? profileQueries() : undefined;
  const cpu = cpuTimes();
  const sales = await timed(() => store.tx((db) => closeRecordSet(db, runId, lanesOf(store))));
  const owners = await timed(() => store.tx((db) => closeOwnerSet(db, runId, lanesOf(store))));
  await store.tx((db) => advanceRun(db, runId, 'previewing'));
  const built = await timed(() => store.tx((db) => buildDocuments(db, runId, lanesOf(store))));
  const after = cpuTimes();
  await store.tx((db) => advanceRun(db, runId, 'inReview'));
  stop?.();
  const cpuOf = (name) => ((after[name] - cpu[name]) / 1e6).toFixed(1);
  const line = `summed ahead of it in ${ahead.seconds.toFixed(1)} s; set closed ${sales.seconds.toFixed(1)} s, owners' set ${owners.seconds.toFixed(1)} s, ${number(built.result.documents)} documents built ${built.seconds.toFixed(1)} s; CPU in Node ${cpuOf('node')} s, in PostgreSQL ${cpuOf('postgres')} s`;
  return { seconds: sales.seconds + owners.seconds + built.seconds, ahead: ahead.seconds, runId, line };
}

async function oneAccountAnew(store, runId) {
  const { rows } = await store.pool.query('SELECT account_id FROM (SELECT DISTINCT account_id FROM claim WHERE run_id = $1) a ORDER BY md5(account_id) LIMIT 3', [runId]);
  const seconds = [];
  for (const { account_id: subjectId } of rows) {
    await store.tx((db) => addExclusion(db, runId, { scope: 'account', subjectId, outcome: 'carry', reason: 'disputed' }, { actor: 'bench' }));
    const stop = profile && seconds.length === rows.length - 1 ? profileQueries() : undefined;
    seconds.push((await timed(() => store.tx((db) => buildDocuments(db, runId, lanesOf(store))))).seconds);
    stop?.();
  }
  console.log(`one account built anew after an exclusion: ${shown(seconds, 2)} (goal: 1)`);
}

async function issue(store, runId) {
  const { rows } = await store.pool.query("SELECT encode(content_hash, 'hex') AS hash FROM billing_run WHERE id = $1", [runId]);
  await store.pool.query(
    "INSERT INTO decision (subject_kind, subject_id, run_id, action, reason, actor) SELECT 'finding', finding_id::text, run_id, 'accept', 'looked at it', 'signer' FROM run_finding WHERE run_id = $1",
    [runId],
  );
  const stopApproval = profile ? profileQueries(6) : undefined;
  const approved = await timed(() => store.tx((db) => decideRun(db, { runId, approvalId: randomUUID(), decision: 'approve', contentHash: rows[0].hash, actor: 'approver', comment: 'looked at it' })));
  stopApproval?.();
  if (!approved.result.ok) throw new Error(`not approved: ${JSON.stringify(approved.result)}`);
  await store.tx((db) => advanceRun(db, runId, 'issuing'));
  const issueOn = new Date().toISOString().slice(0, 10);
  const stop = profile ? profileQueries() : undefined;
  let issued = 0;
  const { seconds } = await timed(async () => {
    for (let left = 1; left > 0 && issued < toIssue; ) {
      const result = await store.tx((db) => issueDocuments(db, runId, issueOn));
      issued += result.issued;
      left = result.left;
    }
  });
  stop?.();
  console.log(`approved in ${approved.seconds.toFixed(2)} s; ${number(issued)} documents issued at ${number(issued / seconds)}/s (goal: 200)`);
}
