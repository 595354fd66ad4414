import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { parserFor } from './adapters/sources/registry.ts';
import { describeIssue } from './core/issues.ts';
import { formatMinor } from './core/money.ts';
import { importFile } from './store/commands/import-file.ts';
import { approveRun } from './store/cycle/approve-run.ts';
import { type BalanceRow, energyBalance } from './store/cycle/energy-balance.ts';
import { planRun } from './store/cycle/plan-run.ts';
import { signCarry } from './store/cycle/run-reads.ts';
import { type RunSummary, runSummary } from './store/cycle/run-summary.ts';
import type { Store } from './store/db.ts';
import { applySeed, readSeed } from './store/seed.ts';
import { approvedSignal, cutOffSignal, retrySignal, runStateQuery, workflowNames } from './workflows/messages.ts';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const entityId = 'ent_se';
const period = '2019-12';

export type DemoDeps = { readonly store: Store; readonly client: Client; readonly taskQueue: string; readonly say: (line: string) => void };

/**
 * Takes the sample operator through December 2019: import, run, approval by a second person, hand-over, close, report. On a state
 * where that is done it recognises it and reports the same. True when every balance holds.
 */
export async function runDemo({ store, client, taskQueue, say }: DemoDeps): Promise<boolean> {
  const seed = await readSeed(path.join(root, 'seed/demo.yaml'));
  await store.tx((db) => applySeed(db, seed));
  await importSessions({ store, client, taskQueue, say });
  const existing = await runSummary(store.pool, entityId, period);
  if (existing?.state === 'closed') say(`${period} is closed already: nothing is billed twice`);
  else await bill({ store, client, taskQueue, say }, existing);
  const summary = await runSummary(store.pool, entityId, period);
  const balance = await energyBalance(store.pool);
  const { rows } = await store.pool.query<{ unit: string; rest: bigint }>('SELECT unit, sum(amount)::bigint AS rest FROM ledger_entry GROUP BY unit ORDER BY unit');
  report(say, summary, balance, rows);
  return summary?.state === 'closed' && balance.every((b) => b.difference === 0n) && rows.every((r) => r.rest === 0n);
}

async function importSessions({ store, client, taskQueue, say }: DemoDeps): Promise<void> {
  const fileName = 'data/trondheim/sessions.csv';
  const bytes = await readFile(path.join(root, fileName));
  const stored = await store.tx((db) => importFile(db, { sourceId: 'csms', fileName, bytes, author: 'demo', receivedAt: new Date() }, parserFor));
  let batchId: string;
  if (stored.ok) {
    batchId = stored.batchId;
    say(`stored ${stored.lineCount} sessions as they came`);
  } else {
    const [issue] = stored.issues;
    if (issue?.code !== 'duplicateFile') throw new Error(stored.issues.map((i) => describeIssue(i)).join('; '));
    batchId = String(issue.params['batch']);
    say(describeIssue(issue));
  }
  // Harmless for a batch that is worked off, and the way on for one that was interrupted.
  const workflowId = `import/csms/${batchId}`;
  const handle = await client.workflow.start(workflowNames.importBatch, { taskQueue, workflowId, workflowIdConflictPolicy: 'USE_EXISTING', args: [{ sourceId: 'csms', batchId }] });
  const totals = (await handle.result()) as { processed: number; accepted: number; waiting: readonly unknown[] };
  say(`processed ${totals.processed}: ${totals.accepted} rated, sealed and booked, ${totals.waiting.length} waiting`);
}

async function bill({ store, client, taskQueue, say }: DemoDeps, existing: RunSummary | undefined): Promise<void> {
  const plan = existing ?? (await store.tx((db) => planRun(db, { entityId, period, author: 'sample-preparer', cutOffAt: new Date(Date.now() + 20_000) })));
  const handle = await client.workflow.start(workflowNames.billingCycle, {
    taskQueue,
    workflowId: plan.workflowId,
    workflowIdConflictPolicy: 'USE_EXISTING',
    args: [{ runId: plan.runId, period, cutOffAtMs: plan.cutOffAt.getTime() }],
  });
  let shown = '';
  for (;;) {
    const { status } = await handle.describe();
    if (status.name !== 'RUNNING') break;
    const run = await handle.query(runStateQuery);
    if (run.state !== shown) say(`run ${period}: ${run.state}`);
    shown = run.state;
    if (run.state === 'collecting') {
      say('run: everything has arrived, the cut-off is brought forward');
      await handle.signal(cutOffSignal, {});
    }
    if (run.state === 'inReview' && run.contentHash !== null) {
      const contentHash = run.contentHash;
      const approval = await store.tx((db) => approveRun(db, { runId: plan.runId, approvalId: randomUUID(), contentHash, actor: 'sample-approver', comment: 'preview checked' }));
      if (approval.ok) say(`run: approved by a second person, content ${contentHash.slice(0, 16)}…`);
      await handle.signal(approvedSignal);
    }
    if (run.state === 'approved') await handle.signal(approvedSignal);
    if (run.problem?.includes('carry decision')) {
      const signed = await store.tx((db) => signCarry(db, { runId: plan.runId, actor: 'sample-approver', reason: 'registration in Norway and missing plug-outs are being clarified' }));
      say(`run: ${signed} waiting records signed to be carried`);
      await handle.signal(retrySignal);
    } else if (run.problem !== null) throw new Error(`the run has a problem: ${run.problem}`);
    await sleep(300);
  }
  await handle.result();
}

function report(say: (line: string) => void, run: RunSummary | undefined, balance: readonly BalanceRow[], ledger: readonly { unit: string; rest: bigint }[]): void {
  say('');
  say(`Report ${period}: ${run?.state ?? 'no run'}, content ${run?.contentHash ?? '-'}`);
  for (const row of run?.byStrategy ?? []) {
    say(
      `  ${row.strategy.padEnd(16)} ${String(row.documents).padStart(4)} documents  net ${formatMinor(row.netMinor, row.currency).padStart(12)}  payable ${formatMinor(row.payableMinor, row.currency).padStart(12)} ${row.currency}  ${kWh(row.energyWh)}`,
    );
  }
  say(`  ERP: ${run?.verified ?? 0n} documents posted and read back, first ${run?.firstNumber ?? '-'}, last ${run?.lastNumber ?? '-'}`);
  say('');
  say('Energy in kWh  received = billed + open + carried + parked + held + excluded + rejected');
  for (const b of balance)
    say(
      `  ${b.month.padEnd(8)}  ${[b.received, b.billed, b.open, b.carried, b.parked, b.held, b.excluded, b.rejected].map((wh) => kWh(wh).padStart(11)).join(' ')}  ${b.difference === 0n ? 'balances' : `OFF BY ${b.difference} Wh`}`,
    );
  say(`Ledger: ${ledger.map((l) => `${l.unit} ${l.rest === 0n ? 'sums to zero' : `OFF BY ${l.rest}`}`).join(', ')}`);
}

/** Wh as kWh with all three decimals. */
function kWh(wh: bigint): string {
  const sign = wh < 0n ? '-' : '';
  const digits = (wh < 0n ? -wh : wh).toString().padStart(4, '0');
  return `${sign}${digits.slice(0, -3)}.${digits.slice(-3)}`;
}
