import type { Hono, MiddlewareHandler } from 'hono';
import type { RunDiff } from '../../contracts/run-diff.ts';
import type { RunFinding } from '../../contracts/run-finding.ts';
import { Refused } from '../../store/commands/refusal.ts';
import type { Store } from '../../store/db.ts';
import { listEntities } from '../../store/reads/entities.ts';
import { runDiff } from '../../store/reads/run-diff.ts';
import { listRunFindings, runFindingsOf } from '../../store/reads/run-findings.ts';
import { runSummary } from '../../store/reads/run-summary.ts';
import { runDimensions, runTotals } from '../../store/reads/run-totals.ts';
import { siblingRuns } from '../../store/reads/runs.ts';
import { shadowBalance } from '../../store/reads/shadow-balance.ts';
import { DiffPage } from '../../ui/diff-page.tsx';
import { FindingsPage } from '../../ui/findings-page.tsx';
import { count, monthName, runPath, words } from '../../ui/format.ts';
import { LeftOutPage } from '../../ui/left-out-page.tsx';
import { TotalsPage } from '../../ui/totals-page.tsx';
import { may } from '../auth.ts';
import type { ApiEnv } from '../env.ts';
import { Problem } from '../problem.ts';
import { startOf } from '../routes/run-context.ts';
import { type ConsoleOrder, type Send, serveOrder } from './order.ts';
import { turns } from './run-pages.ts';
import { holds, viewerOf } from './viewer.ts';

const pageSize = 100;
const severities = ['blocks', 'warns', 'info'] as const;

/** A preview from other sides: what looks wrong in it, how it differs from another, what it comes to by site, cost center or account. */
export function previewPages(app: Hono<ApiEnv>, guard: MiddlewareHandler<ApiEnv>, { store, send }: { readonly store: Store; readonly send: Send }): void {
  const db = store.pool;

  app.get('/runs/:runId/diff', guard, async (c) => {
    const run = await startOf(store, c.req.param('runId') ?? '');
    const cursor = c.req.query('cursor');
    const against = c.req.query('against')?.trim() || c.req.query('runId')?.trim() || 'lastMonth';
    let diff: RunDiff | null = null;
    let refusal: string | null = null;
    try {
      diff = await runDiff(db, run.runId, against, { cursor, limit: pageSize });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      refusal = `${error.message}.`;
    }
    return c.html(
      DiffPage({ viewer: viewerOf(c), run, against, ...(await siblingRuns(db, run.runId)), diff, refusal, ...turns(`${runPath(run.runId)}/diff`, { against }, cursor, diff?.nextCursor ?? null) }),
    );
  });

  app.get('/runs/:runId/totals', guard, async (c) => {
    const run = await startOf(store, c.req.param('runId') ?? '');
    const cursor = c.req.query('cursor');
    const by = runDimensions.find((d) => d === (c.req.query('by') ?? 'site'));
    if (by === undefined) throw new Problem(422, 'invalid', `by: one of ${runDimensions.join(', ')}.`);
    const page = await runTotals(db, run.runId, by, { cursor, limit: pageSize });
    return c.html(TotalsPage({ viewer: viewerOf(c), run, by, dimensions: runDimensions, totals: page.items, ...turns(`${runPath(run.runId)}/totals`, { by }, cursor, page.nextCursor) }));
  });

  app.get('/runs/:runId/left-out', guard, async (c) => {
    const run = await startOf(store, c.req.param('runId') ?? '');
    return c.html(LeftOutPage({ viewer: viewerOf(c), run, ...(await shadowBalance(db, run.runId)) }));
  });

  app.get('/runs/:runId/findings', guard, async (c) => {
    const { run, timeZone } = await summaryOf(c.req.param('runId') ?? '');
    const cursor = c.req.query('cursor');
    const severity = severities.find((s) => s === c.req.query('severity')) ?? severities.find((s) => run.findings[s] > 0) ?? 'blocks';
    const page = await listRunFindings(db, run.runId, severity, { cursor, limit: pageSize });
    const maySign = holds(c, may.signFindings) && (run.state === 'previewing' || run.state === 'inReview');
    return c.html(FindingsPage({ viewer: viewerOf(c), run, timeZone, severity, findings: page.items, maySign, ...turns(`${runPath(run.runId)}/findings`, { severity }, cursor, page.nextCursor) }));
  });

  serveOrder(app, '/runs/:runId/sign-findings', guard, send, async (c) => {
    const { run } = await summaryOf(c.req.param('runId') ?? '');
    const given = c.req.method === 'POST' ? String((await c.req.parseBody())['findingIds'] ?? '') : (c.req.queries('findingIds') ?? []).join(',');
    return signature(run, await runFindingsOf(db, run.runId, idsOf(given)));
  });

  async function summaryOf(runId: string) {
    const run = await runSummary(db, runId);
    if (run === undefined) throw new Problem(404, 'notFound', `There is no run "${runId}".`);
    return { run, timeZone: (await listEntities(db)).find((e) => e.id === run.entityId)?.timeZone ?? 'UTC' };
  }
}

const idsOf = (text: string) => text.split(/[\s,]+/).filter((id) => id !== '');

/** Signs that what was found is right as it is. */
function signature(run: { readonly runId: string; readonly period: string }, chosen: readonly RunFinding[]): ConsoleOrder {
  return {
    title: 'Sign findings as right',
    explain: 'Says that what was found is right as it is, so that it no longer blocks. It holds as long as the finding comes out the same. Whoever signs does not approve the run.',
    about: chosen.map((f): readonly [string, string] => [`${words(f.rule)}, ${f.subject}`, f.text]),
    fields: [
      { name: 'findingIds', label: 'Findings', kind: 'text', required: true, hint: 'Their numbers, with commas between.' },
      { name: 'reason', label: 'Reason', kind: 'long', required: true, hint: 'Why it is right; signed and kept.' },
    ],
    verb: 'Sign',
    trail: [
      ['/', 'Runs'],
      [runPath(run.runId), monthName(run.period)],
      [`${runPath(run.runId)}/findings`, 'What looks wrong'],
    ],
    roles: may.signFindings,
    request: (v) => ({ method: 'POST', path: `/v1/runs/${encodeURIComponent(run.runId)}/finding-decisions`, json: { findingIds: idsOf(v['findingIds'] ?? ''), reason: v['reason'] } }),
    done: (answer) => `Signed ${count(Number(answer['signed']), 'finding')}.`,
    next: () => `${runPath(run.runId)}/findings`,
  };
}
