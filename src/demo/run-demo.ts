import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Api, ApiError, apiClient } from '../client.ts';
import type { QuarantineCause } from '../contracts/quarantine-cause.ts';
import type { Stack } from '../stack/start-stack.ts';
import type { RecordView } from '../store/reads/records.ts';
import type { RunReport } from '../store/reads/run-report.ts';
import type { RunSummary } from '../store/reads/run-summary.ts';
import { reportLines } from './report.ts';
import { type TrytonBooks, takeOverByTryton } from './tryton-books.ts';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const entityId = 'ent_se';
/** Long enough to be interrupted and started again meanwhile; ops brings the cut-off forward. */
const waitMs = 600_000;
/** Sessions of the last days of November at one garage: they arrive while December waits. */
const lateNovember = /^\d+;Bl2;[^;]*;[^;]*;[^;]*;[^;]*;[^;]*;(29|30)\.11\.2019 /;
/** One session of the last of December arrives after the cut-off. */
const afterCutOff = /^5623;/;

type Users = { readonly partner: Api; readonly preparer: Api; readonly approver: Api; readonly ops: Api };
type Scene = Users & { readonly say: (line: string) => void };

/**
 * Takes the sample operator through December 2019 by the API alone, as partner, finance and ops: real sessions by file and by OCPI,
 * the months before in one opening run, then December with late sessions, a release, an exclusion, an adjustment, an approval by a
 * second person and an ERP that fails first; with `tryton` a real one instead of a folder. On a state where that is done it recognises it and reports the same. True when every
 * balance holds.
 */
export async function runDemo(stack: Stack, say: (line: string) => void, tryton?: TrytonBooks): Promise<boolean> {
  const as = (user: string) => apiClient(stack.apiUrl, stack.tokens[user] ?? '');
  const scene: Scene = { partner: as('sample-partner'), preparer: as('sample-preparer'), approver: as('sample-approver'), ops: as('sample-ops'), say };
  const files = await sampleFiles();

  if (tryton !== undefined) {
    await takeOverByTryton(as('sample-admin'), entityId, tryton);
    say(`documents go to Tryton at ${tryton.url}`);
  }
  say('');
  say('1. Sessions arrive');
  await importFile(scene, 'sessions.csv', files.main);
  await showQuarantine(scene);

  say('2. The months up to November are billed in one opening run');
  const opening = await ensureRun(scene, '2019-11', 0);
  await finishRun(scene, opening, async () => undefined);

  say('3. December 2019 is planned and waits for late sessions');
  const december = await ensureRun(scene, '2019-12', waitMs);
  const state = await stateOf(scene, december);
  if (state === 'collecting') await whileCollecting(scene, december, files);
  if (state === 'closed') await again(scene, files);
  await finishRun(scene, december, () => inReview(scene, december, files));

  const report = await scene.preparer<RunReport>('GET', `/v1/runs/${december}/report`);
  for (const line of reportLines(report)) say(line);
  return report.run.state === 'closed' && report.energyBalance.every((b) => b.difference === '0') && report.ledger.every((l) => l.rest === '0');
}

type SampleFiles = { readonly main: Buffer; readonly late: Buffer; readonly last: Buffer; readonly cdrs: readonly Buffer[] };

/** The sessions, parted by the way and the time they arrive; each comes by one way only. */
async function sampleFiles(): Promise<SampleFiles> {
  const lines = (await readFile(path.join(root, 'data/trondheim/sessions.csv'), 'latin1')).split('\n').filter((line) => line.trim() !== '');
  const cdrs = (await readFile(path.join(root, 'data/ocpi/cdrs.ndjson'), 'utf8')).trim().split('\n');
  const byOcpi = new Set(cdrs.map((line) => (JSON.parse(line) as { session_id: string }).session_id));
  const [header = '', ...sessions] = lines;
  const file = (keep: (line: string) => boolean) => Buffer.from(`${[header, ...sessions.filter(keep)].join('\n')}\n`, 'latin1');
  const elsewhere = (line: string) => byOcpi.has(line.split(';', 1)[0] ?? '') || lateNovember.test(line) || afterCutOff.test(line);
  return { main: file((line) => !elsewhere(line)), late: file((line) => lateNovember.test(line)), last: file((line) => afterCutOff.test(line)), cdrs: cdrs.map((line) => Buffer.from(line)) };
}

/** What cannot be billed as it is, as finance sees it. */
async function showQuarantine({ preparer, say }: Scene): Promise<void> {
  const { items } = await preparer<{ items: readonly QuarantineCause[] }>('GET', '/v1/quarantine');
  if (items.length > 0) say('   what waits, by cause:');
  for (const c of items) {
    const atRisk = c.atRisk.map((m) => `${m.net} ${m.currency}`).join(', ');
    say(
      `   ${String(c.records).padStart(6)} ${c.cause} for ${c.waitingFor}, ${(Number(c.energyWh) / 1000).toFixed(3)} kWh, ${atRisk === '' ? 'price not known yet' : `${atRisk} net at risk`}; first for ${c.owner}: ${c.remedy}`,
    );
  }
}

async function importFile({ ops, say }: Scene, fileName: string, body: Buffer): Promise<void> {
  const started = await ops<{ batchId: string; duplicate: boolean; lineCount: number }>('POST', '/v1/sources/csms/files', { query: { fileName }, body, type: 'application/octet-stream' });
  let progress = { processed: 0, outcomes: {} as Record<string, number> };
  while (progress.processed < started.lineCount) {
    progress = await ops('GET', `/v1/imports/${started.batchId}`);
    if (progress.processed < started.lineCount) await sleep(200);
  }
  const outcomes = Object.entries(progress.outcomes)
    .map(([outcome, n]) => `${n} ${outcome}`)
    .join(', ');
  say(`   ${fileName}: ${started.lineCount} ${started.lineCount === 1 ? 'session' : 'sessions'}${started.duplicate ? ', known already' : ''} (${outcomes})`);
}

async function ensureRun({ preparer, say }: Scene, period: string, cutOffInMs: number): Promise<string> {
  const runs = await preparer<{ items: { runId: string; period: string; state: string }[] }>('GET', '/v1/runs', { query: { limit: '200' } });
  const known = runs.items.find((run) => run.period === period && run.state !== 'cancelled');
  if (known !== undefined) {
    say(`   run ${known.runId} is ${known.state}${known.state === 'closed' ? ': nothing is billed twice' : ''}`);
    return known.runId;
  }
  const cutOffAt = new Date(Date.now() + cutOffInMs).toISOString();
  const { runId } = await preparer<{ runId: string }>('POST', '/v1/runs', { json: { entityId, period, cutOffAt } });
  return runId;
}

async function stateOf({ preparer }: Scene, runId: string): Promise<string> {
  for (;;) {
    const { state } = await preparer<RunSummary>('GET', `/v1/runs/${runId}`);
    if (state !== 'planned') return state;
    await sleep(100);
  }
}

/** While December waits: CDRs by OCPI, sessions of late November, one CDR released, then the cut-off. */
async function whileCollecting(scene: Scene, runId: string, files: SampleFiles): Promise<void> {
  const { partner, preparer, ops, say } = scene;
  let alone = 0;
  for (const body of files.cdrs) {
    const { items } = await partner<{ items: { workflowId?: string }[] }>('POST', '/v1/sources/ocpi-peer/cdrs', { body, type: 'application/json' });
    alone += items.filter((i) => i.workflowId !== undefined).length;
    // A partner's usual pace: faster ones are grouped into pages.
    await sleep(45);
  }
  say(`   ${files.cdrs.length} OCPI CDRs of a roaming peer came by the API, ${alone} in a workflow of their own`);
  await importFile(scene, 'late-november.csv', files.late);
  await releaseUnmapped(scene);
  for (;;) {
    const open = await preparer<{ items: RecordView[] }>('GET', '/v1/records', { query: { state: 'received', limit: '1' } });
    const known = await preparer<{ items: RecordView[] }>('GET', '/v1/records', { query: { sourceId: 'ocpi-peer', limit: '200' } });
    if (open.items.length === 0 && known.items.length === files.cdrs.length) break;
    await sleep(200);
  }
  const run = await preparer<RunSummary>('GET', `/v1/runs/${runId}`);
  if (run.state !== 'collecting') return;
  await ops('POST', `/v1/runs/${runId}/cut-off`, { json: {} });
  say('   everything has arrived: ops brings the cut-off forward, the record set closes');
}

/** What came before comes again: each is recognised. */
async function again(scene: Scene, files: SampleFiles): Promise<void> {
  const answer = await scene.partner<{ items: { status: string }[] }>('POST', '/v1/sources/ocpi-peer/cdrs', { body: Buffer.from(files.cdrs.join('\n')), type: 'application/x-ndjson' });
  scene.say(`   ${answer.items.length} OCPI CDRs came again: ${answer.items.filter((i) => i.status === 'duplicate').length} recognised as duplicates`);
  await importFile(scene, 'late-november.csv', files.late);
  await importFile(scene, 'after-cut-off.csv', files.last);
}

/** With the preview there: a late session stands beside it, finance excludes and adjusts, and the approval is another person's. */
async function inReview(scene: Scene, runId: string, files: SampleFiles): Promise<void> {
  const { preparer, say } = scene;
  const before = await built(scene, runId);
  say(`   preview: ${before.byStrategy.reduce((sum, s) => sum + s.documents, 0)} documents, content ${short(before.contentHash)}`);
  await importFile(scene, 'after-cut-off.csv', files.last);
  const after = await built(scene, runId);
  say(`   it stands beside the closed set (${after.late.energyWh} Wh): content ${after.contentHash === before.contentHash ? 'unchanged' : `CHANGED to ${after.contentHash}`}`);
  const exclusion = { scope: 'account', subjectId: 'acc_driver_17', outcome: 'carry', reason: 'the driver disputes the meter; decided next month' };
  await preparer('POST', `/v1/runs/${runId}/exclusions`, { json: exclusion, idempotencyKey: `demo-exclusion-${runId}` });
  const goodwill = {
    accountId: 'acc_fleet_taxi',
    amount: '-150.00',
    vatCode: 'SE25',
    glKey: 'revenueReduction',
    costCenter: '100',
    description: 'Goodwill: charger out of order',
    reason: 'agreed with the fleet by phone',
  };
  await preparer('POST', `/v1/runs/${runId}/adjustments`, { json: goodwill, idempotencyKey: `demo-adjustment-${runId}` });
  const shaped = await built(scene, runId, before.contentHash);
  say(`   excluded one account (carried), adjusted one by -150.00 SEK: only these two are built again, content ${short(shaped.contentHash)}`);
  await refused(scene, 'the preparer may not approve', preparer('POST', `/v1/runs/${runId}/approval`, { json: { contentHash: shaped.contentHash, decision: 'approve', comment: 'my own work' } }));
  await refused(
    scene,
    'an approval of what was there before',
    scene.approver('POST', `/v1/runs/${runId}/approval`, { json: { contentHash: before.contentHash, decision: 'approve', comment: 'seen yesterday' } }),
  );
}

/** A token nobody had mapped holds a session back: ops maps it, and what waited for it goes on by itself. */
async function releaseUnmapped({ preparer, ops, say }: Scene): Promise<void> {
  const waiting = async () => (await preparer<{ items: RecordView[] }>('GET', '/v1/records', { query: { state: 'quarantined', limit: '200' } })).items.filter((r) => r.waitingFor === 'set-up');
  const held = await waiting();
  for (const record of held) say(`   ${record.recordKey} waits: ${record.issues[0]?.text ?? 'set-up is missing'}`);
  await ops('POST', '/v1/mappings', { json: { sourceId: 'csms', kind: 'token', externalKey: 'Share-19', internalId: 'acc_emsp_aurora' } });
  while ((await waiting()).length > 0) await sleep(100);
  if (held.length > 0) say(`   ops maps it to acc_emsp_aurora: ${held.length === 1 ? 'released, rated and booked' : `${held.length} released`}`);
}

async function refused({ say }: Scene, what: string, sending: Promise<unknown>): Promise<void> {
  try {
    await sending;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    say(`   ${what}: refused with ${error.status} ${error.code}`);
    return;
  }
  throw new Error(`${what}: it went through`);
}

/** The run once its documents are built, and are not those of `other`. */
async function built({ preparer }: Scene, runId: string, other: string | null = null): Promise<RunSummary> {
  for (;;) {
    const run = await preparer<RunSummary>('GET', `/v1/runs/${runId}`);
    if (run.contentHash !== null && run.contentHash !== other && run.accounts.pending === 0) return run;
    await sleep(100);
  }
}

/** Follows a run to its close: `review` once it is inReview, then approval, and signatures for what still waits. */
async function finishRun(scene: Scene, runId: string, review: () => Promise<void>): Promise<void> {
  const { say } = scene;
  let shown = '';
  let troubled = '';
  for (;;) {
    const run = await scene.preparer<RunSummary>('GET', `/v1/runs/${runId}`);
    if (run.state !== shown && ['canary', 'issuing', 'handingOver', 'reconciled'].includes(run.state)) say(`   ${run.state}`);
    shown = run.state;
    if (run.state === 'closed') return;
    if (run.state === 'inReview') await approve(scene, runId, review);
    else if (run.problem?.includes('carry decision')) await sign(scene, run);
    else if (run.problem !== null && run.problem !== troubled && handsOver(run)) {
      troubled = run.problem;
      const [trouble = ''] = run.problem.split('; ');
      // What it stumbled over stays told until it looks again, though it may be over by then.
      if (!trouble.endsWith('it went on since')) say(`   the ERP has trouble: ${trouble}`);
    } else if (run.problem !== null && !handsOver(run)) throw new Error(`run ${runId} has a problem: ${run.problem}`);
    await sleep(200);
  }
}

/** A canary is handed over too. */
const handsOver = (run: RunSummary) => run.state === 'canary' || run.state === 'handingOver';

async function approve(scene: Scene, runId: string, review: () => Promise<void>): Promise<void> {
  await review();
  const run = await built(scene, runId);
  if (run.state !== 'inReview') return;
  await scene.approver('POST', `/v1/runs/${runId}/approval`, {
    json: { contentHash: run.contentHash, decision: 'approve', comment: 'preview checked against last month' },
    idempotencyKey: `demo-approval-${run.contentHash}`,
  });
  scene.say(`   approved by a second person, content ${short(run.contentHash)}`);
}

async function sign(scene: Scene, run: RunSummary): Promise<void> {
  const { signed } = await scene.approver<{ signed: number }>('POST', `/v1/runs/${run.runId}/carry-decisions`, {
    json: { reason: 'Norway: the VAT registration is under way; the rest is asked for at its source' },
  });
  if (signed > 0) scene.say(`   ${signed} records that cannot be billed yet are signed to be carried, among them the garage in Norway`);
  await sleep(500);
}

function short(hash: string | null): string {
  return hash === null ? '-' : `${hash.slice(0, 16)}…`;
}
