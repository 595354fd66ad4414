import type { DocumentView } from '../contracts/document-view.ts';
import type { RunDiff } from '../contracts/run-diff.ts';
import { reportLines } from '../demo/report.ts';
import { withApi } from '../stack/with-api.ts';
import type { RunReport } from '../store/reads/run-report.ts';
import type { RunSummary } from '../store/reads/run-summary.ts';
import type { RunRow } from '../store/reads/runs.ts';
import { allPages } from './all-pages.ts';
import { command, group, jsonArg, say, UsageError } from './command.ts';

const id = { run: { type: 'positional', description: 'Id of the run, such as run_ent_se_2019-12_live', required: true } } as const;
const why = { reason: { type: 'string', description: 'Why; kept in the audit trail', required: true } } as const;
const hash = {
  hash: { type: 'string', description: 'Content hash that was looked at, as `run show` prints it', required: true },
  comment: { type: 'string', description: 'What was checked; kept in the audit trail', required: true },
  group: { type: 'string', description: 'One release group, with its own hash as `run groups` prints it; all that are in review without it' },
} as const;

const pathOf = (run: string, more = '') => `/v1/runs/${encodeURIComponent(run)}${more}`;

const preparer = 'sample-preparer';
const approver = 'sample-approver';
const ops = 'sample-ops';
const auditor = 'sample-auditor';

/** `wattledger run …`: what finance and ops do with a run, by the API. */
export const runCommands = group('run', 'Plan, look at, approve and steer billing runs', {
  list: command('list', 'Billing runs, newest first', { ...jsonArg }, async ({ json }) =>
    withApi(auditor, async (api) => {
      const items = await allPages<RunRow>(api, '/v1/runs');
      if (json) say(JSON.stringify(items, null, 2));
      else for (const run of items) say(`${run.runId.padEnd(36)} ${run.state.padEnd(12)} ${run.paused ? 'paused ' : ''}${run.problem ?? ''}`);
      return true;
    }),
  ),
  plan: command(
    'plan',
    'Plan the run of a month, week or quarter: live, or a dry one that shows what would be billed and of which nothing leaves',
    {
      entity: { type: 'string', description: 'Legal entity', required: true },
      period: { type: 'string', description: 'A month 2019-12, an ISO week 2019-W50 or a quarter 2019-Q4', required: true },
      calendar: { type: 'string', description: 'The entity’s calendar of that cadence unless told' },
      'cut-off': { type: 'string', description: 'ISO instant until which late CDRs are waited for; five days after the period (two after a week) unless told' },
      accounts: { type: 'string', description: 'Off-cycle: only these accounts, parted by commas, such as for a final invoice; the set closes at once' },
      dry: { type: 'boolean', description: 'Show what would be billed, of any month; compare it by `run diff`' },
      'rate-again': { type: 'boolean', description: 'With --dry: rate every session by the set-up as it is now' },
      tariff: { type: 'string', description: 'With --dry: suppose these tariff versions or proposals, parted by commas' },
      ...jsonArg,
    },
    async (args) =>
      withApi(preparer, async (api) => {
        const tariffVersionIds = args.tariff?.split(',').filter(Boolean) ?? [];
        const supposes = args['rate-again'] === true || tariffVersionIds.length > 0;
        if (supposes && args.dry !== true) throw new UsageError('--rate-again and --tariff suppose something: add --dry');
        const plan = await api<{ runId: string; workflowId: string; cutOffAt: string }>('POST', '/v1/runs', {
          json: {
            entityId: args.entity,
            period: args.period,
            calendarId: args.calendar,
            cutOffAt: args['cut-off'],
            kind: args.dry === true ? 'dry' : 'live',
            ...(args.accounts === undefined ? {} : { selection: { accountIds: args.accounts.split(',').filter(Boolean) } }),
            ...(supposes ? { whatIf: { rateAgain: args['rate-again'] === true, tariffVersionIds } } : {}),
          },
        });
        say(args.json ? JSON.stringify(plan, null, 2) : `${plan.runId} is planned${args.dry === true ? '' : `; it waits for late CDRs until ${plan.cutOffAt}`}`);
        return true;
      }),
  ),
  show: command('show', 'Where a run stands', { ...id, ...jsonArg }, async ({ run, json }) =>
    withApi(auditor, async (api) => {
      const found = await api<RunSummary>('GET', pathOf(run));
      if (json) say(JSON.stringify(found, null, 2));
      else for (const line of summaryLines(found)) say(line);
      return found.problem === null;
    }),
  ),
  preview: command('preview', 'The documents of a run', { ...id, ...jsonArg }, async ({ run, json }) =>
    withApi(auditor, async (api) => {
      const documents = await allPages<DocumentView>(api, pathOf(run, '/documents'));
      if (json) say(JSON.stringify(documents, null, 2));
      else
        for (const d of documents)
          say(`${d.documentId}  ${(d.legalNumber ?? d.state).padEnd(12)} ${d.accountName.padEnd(24)} ${d.payable.padStart(12)} ${d.currency} ${d.energyWh.padStart(10)} Wh  ${d.erp?.state ?? ''}`);
      return true;
    }),
  ),
  diff: command(
    'diff',
    'How the preview of a run differs from another, by cause',
    { ...id, against: { type: 'string', description: 'Another run, lastMonth or previousPreview', required: true }, ...jsonArg },
    async (args) =>
      withApi(auditor, async (api) => {
        const pageAt = (cursor?: string) => api<RunDiff>('GET', pathOf(args.run, '/diff'), { query: { against: args.against, limit: '200', cursor } });
        const diff = await pageAt();
        if (args.json) {
          const items = [...diff.items];
          for (let { nextCursor } = diff; nextCursor !== null; ) {
            const page = await pageAt(nextCursor);
            items.push(...page.items);
            nextCursor = page.nextCursor;
          }
          say(JSON.stringify({ ...diff, items, nextCursor: null }, null, 2));
        } else
          for (const t of diff.totals) {
            say(`${t.side.padEnd(8)} ${t.difference.payable.padStart(14)} ${t.currency} ${t.difference.energyWh.padStart(12)} Wh`);
            for (const c of t.causes) say(`  ${c.cause.padEnd(16)} ${c.payable.padStart(14)} ${t.currency} ${c.energyWh.padStart(12)} Wh`);
          }
        return true;
      }),
  ),
  'cut-off': command('cut-off', 'Stop waiting for late CDRs, or move the cut-off', { ...id, at: { type: 'string', description: 'ISO instant; now without it' } }, async ({ run, at }) =>
    withApi(ops, async (api) => {
      const { cutOffAt } = await api<{ cutOffAt: string }>('POST', pathOf(run, '/cut-off'), { json: { at } });
      say(`the cut-off is ${cutOffAt}`);
      return true;
    }),
  ),
  approve: command('approve', 'Approve exactly the content of a hash', { ...id, ...hash }, async (args) => decide(args.run, 'approve', args)),
  reject: command('reject', 'Reject the content of a hash', { ...id, ...hash }, async (args) => decide(args.run, 'reject', args)),
  carry: command('carry', 'Sign that all waiting records stay unbilled for now', { ...id, ...why }, async ({ run, reason }) =>
    withApi(approver, async (api) => {
      const { signed } = await api<{ signed: number }>('POST', pathOf(run, '/carry-decisions'), { json: { reason } });
      say(`${signed} records signed to be carried`);
      return true;
    }),
  ),
  groups: command('groups', 'The release groups of a run, with their hashes', { ...id, ...jsonArg }, async ({ run, json }) =>
    withApi(auditor, async (api) => {
      const { groups } = await api<RunSummary>('GET', pathOf(run));
      if (json) say(JSON.stringify(groups, null, 2));
      else for (const line of groupLines(groups)) say(line);
      return groups.every((g) => g.problem === null);
    }),
  ),
  release: command('release', 'Let groups go on that wait after their canary', { ...id, ...why, group: { type: 'string', description: 'One release group; all that wait without it' } }, async (args) =>
    withApi(ops, async (api) => {
      const { groups } = await api<{ groups: readonly string[] }>('POST', pathOf(args.run, '/release'), { json: { group: args.group, reason: args.reason } });
      say(`released: ${groups.join(', ')}`);
      return true;
    }),
  ),
  pause: steer('pause', 'Hold a run before its next step', 'held'),
  resume: steer('resume', 'Let a held run go on', 'going on'),
  cancel: steer('cancel', 'Cancel a run before it issues', 'cancelled; its charges are open again'),
  retry: command('retry', 'Try again what failed, and only that', { ...id }, async ({ run }) =>
    withApi(ops, async (api) => {
      const { requeued } = await api<{ requeued: number }>('POST', pathOf(run, '/retry'));
      say(`trying again; ${requeued} ERP postings are back in the queue`);
      return true;
    }),
  ),
  report: command('report', 'The close report', { ...id, ...jsonArg }, async ({ run, json }) =>
    withApi(auditor, async (api) => {
      const report = await api<RunReport>('GET', pathOf(run, '/report'));
      if (json) say(JSON.stringify(report, null, 2));
      else for (const line of reportLines(report)) say(line);
      return report.energyBalance.every((b) => b.difference === '0') && report.ledger.every((l) => l.rest === '0');
    }),
  ),
});

async function decide(
  run: string,
  decision: 'approve' | 'reject',
  { hash: contentHash, comment, group: name }: { readonly hash: string; readonly comment: string; readonly group?: string | undefined },
): Promise<boolean> {
  if (!/^[0-9a-f]{64}$/.test(contentHash)) throw new UsageError('--hash wants the 64 hex digits that `wattledger run show` prints');
  return withApi(approver, async (api) => {
    const { waitsForSecond } = await api<{ waitsForSecond: readonly string[] }>('POST', pathOf(run, '/approval'), { json: { contentHash, group: name, decision, comment } });
    say(decision === 'approve' ? 'approved' : 'rejected');
    if (waitsForSecond.length > 0) say(`somebody else has to approve too: ${waitsForSecond.join(', ')}`);
    return true;
  });
}

function steer(verb: 'pause' | 'resume' | 'cancel', description: string, done: string) {
  return command(verb, description, { ...id, ...why }, async ({ run, reason }) =>
    withApi(ops, async (api) => {
      await api('POST', pathOf(run, `/${verb}`), { json: { reason } });
      say(`${run}: ${done}`);
      return true;
    }),
  );
}

function groupLines(groups: RunSummary['groups']): string[] {
  return groups.flatMap((g) => [
    `  ${g.name}: ${g.state}${g.waitsForSecond ? ', waits for a second approval' : ''}, ${g.documents} documents, ${g.totals.map((t) => `payable ${t.payable} ${t.currency}`).join(', ')}, content ${g.contentHash ?? 'not built'}`,
    ...(g.problem === null ? [] : [`    problem: ${g.problem}`]),
  ]);
}

function summaryLines(run: RunSummary): string[] {
  return [
    `${run.runId}: ${run.state}${run.paused ? ', paused' : ''}`,
    ...(run.problem === null ? [] : [`  problem: ${run.problem}`]),
    `  cut-off ${run.cutOffAt}, content ${run.contentHash ?? 'not built'}`,
    ...(run.groups.length > 1 ? groupLines(run.groups) : []),
    ...run.byStrategy.map((s) => `  ${s.strategy.padEnd(15)} ${s.documents} documents, net ${s.net}, VAT ${s.vat}, payable ${s.payable} ${s.currency}, ${s.energyWh} Wh`),
    ...run.waiting.map((w) => `  ${w.records} records ${w.state}${w.code === null ? '' : ` (${w.code})`}, ${w.energyWh} Wh, ${w.signed} signed to be carried`),
    ...(run.late.charges === 0 ? [] : [`  late, beside the closed set: ${run.late.charges} charges, ${run.late.energyWh} Wh`]),
    ...Object.entries(run.postings).map(([state, n]) => `  ERP: ${n} ${state}`),
  ];
}
