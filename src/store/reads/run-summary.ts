import type { WhatIf } from '../../contracts/dry-run.ts';
import { formatMinor } from '../../core/money.ts';
import { heldInvoices } from '../cycle/held-invoices.ts';
import { arrivedIn, type Selection, selected } from '../cycle/selection.ts';
import { atOnce, type Db } from '../db.ts';
import { withErpWords } from '../erp-words.ts';
import { waitsSql } from '../record-key.ts';
import { lateArrivals } from './late-arrivals.ts';
import { countRunFindings, type FindingCounts } from './run-findings.ts';
import { documentSums, type GroupView, runGroups, summedBy } from './run-groups.ts';

export type StrategyTotals = {
  readonly strategy: string;
  readonly currency: string;
  readonly documents: number;
  readonly net: string;
  readonly vat: string;
  readonly payable: string;
  readonly energyWh: string;
};
/** Where a run stands. Money as decimal text in major units, energy in Wh as text, instants as ISO text. */
export type RunSummary = {
  readonly runId: string;
  readonly workflowId: string;
  readonly entityId: string;
  /** As its calendar writes it: `2019-12`, `2019-W50`, `2019-Q4`. */
  readonly period: string;
  readonly calendarId: string;
  readonly kind: string;
  readonly state: string;
  readonly paused: boolean;
  readonly problem: string | null;
  /** Of an off-cycle run: its accounts. */
  readonly selection: Selection | null;
  /** Of a dry run: the live run that it shows again, and what it supposes. */
  readonly baseRunId: string | null;
  readonly whatIf: WhatIf | null;
  readonly cutOffAt: string;
  readonly setClosedAt: string | null;
  readonly closedAt: string | null;
  /** Null while it is not built, or is being built again. */
  readonly contentHash: string | null;
  /** What is approved and issued apart. */
  readonly groups: readonly GroupView[];
  readonly byStrategy: readonly StrategyTotals[];
  readonly accounts: { readonly ready: number; readonly pending: number };
  /** Accounts that have no document since something is missing for them; what they were to be billed is carried. */
  readonly parked: readonly { readonly accountId: string; readonly reason: string | null }[];
  /** Accounts of which an invoice is held, and for what; their other documents go on. */
  readonly held: readonly { readonly accountId: string; readonly reason: string }[];
  /** Records of the run's months that cannot be billed yet; `correction`: what is billed stands, and a newer version waits. */
  readonly waiting: readonly { readonly state: string; readonly code: string | null; readonly records: number; readonly energyWh: string; readonly signed: number }[];
  readonly late: { readonly charges: number; readonly energyWh: string };
  /** What looks wrong in the preview; `unsigned` block its approval. */
  readonly findings: FindingCounts;
  readonly postings: Readonly<Record<string, number>>;
};

/** One run with its totals; undefined when there is none of this id. */
export async function runSummary(db: Db, runId: string): Promise<RunSummary | undefined> {
  const run = (await db.query("SELECT *, encode(content_hash, 'hex') AS hash FROM billing_run WHERE id = $1", [runId])).rows[0];
  if (run === undefined) return undefined;
  const [{ sums, groups }, accounts, waiting, postings, late, findings] = await atOnce(db, [
    async () => {
      const sums = await documentSums(db, runId);
      return { sums, groups: await runGroups(db, runId, sums) };
    },
    () => accountStates(db, runId),
    () => waitingRecords(db, runId),
    () => db.query<{ state: string; n: bigint }>('SELECT state, count(*) AS n FROM erp_posting WHERE run_id = $1 GROUP BY 1 ORDER BY 1', [runId]),
    () => lateArrivals(db, runId),
    () => countRunFindings(db, runId),
  ]);
  const [problem = null] = await withErpWords(db, [run.problem]);
  return {
    runId: run.id,
    workflowId: run.workflow_id,
    entityId: run.entity_id,
    period: run.label,
    calendarId: run.calendar_id,
    kind: run.kind,
    state: run.state,
    paused: run.paused,
    problem,
    selection: run.selection,
    baseRunId: run.base_run_id,
    whatIf: run.what_if,
    cutOffAt: run.cut_off_at.toISOString(),
    setClosedAt: run.set_closed_at?.toISOString() ?? null,
    closedAt: run.closed_at?.toISOString() ?? null,
    contentHash: run.hash,
    groups,
    byStrategy: summedBy(sums, (s) => `${s.strategy} ${s.currency}`)
      .sort((a, b) => (a.strategy === b.strategy ? (a.currency < b.currency ? -1 : 1) : a.strategy < b.strategy ? -1 : 1))
      .map(({ strategy, currency, documents, ...s }) => ({
        strategy,
        currency,
        documents,
        net: formatMinor(s.net, currency),
        vat: formatMinor(s.vat, currency),
        payable: formatMinor(s.payable, currency),
        energyWh: s.wh.toString(),
      })),
    ...accounts,
    waiting,
    late: { charges: Number(late.charges), energyWh: late.energyWh.toString() },
    findings,
    postings: Object.fromEntries(postings.rows.map((r) => [r.state, Number(r.n)])),
  };
}

/** Accounts of a run that are done or still to be built, those that are parked, and those of which an invoice is held. */
async function accountStates(db: Db, runId: string): Promise<Pick<RunSummary, 'accounts' | 'parked' | 'held'>> {
  const { rows } = await db.query<{ ready: bigint; pending: bigint; parked: { accountId: string; reason: string | null }[] | null }>(
    `SELECT count(*) FILTER (WHERE state IN ('ready', 'done')) AS ready, count(*) FILTER (WHERE state = 'pending') AS pending,
       jsonb_agg(jsonb_build_object('accountId', account_id, 'reason', reason) ORDER BY account_id) FILTER (WHERE state = 'parked') AS parked FROM run_account WHERE run_id = $1`,
    [runId],
  );
  const [found] = rows;
  const held = [...(await heldInvoices(db, runId))].map(([accountId, reason]) => ({ accountId, reason }));
  return { accounts: { ready: Number(found?.ready ?? 0n), pending: Number(found?.pending ?? 0n) }, parked: found?.parked ?? [], held };
}

async function waitingRecords(db: Db, runId: string): Promise<RunSummary['waiting']> {
  const { rows } = await db.query(
    `SELECT CASE h.state WHEN 'booked' THEN 'correction' ELSE h.state END AS state, h.issues->0->>'code' AS code, count(*) AS records, sum(h.energy_wh)::bigint AS wh, count(d.id) AS signed
     FROM billing_run r JOIN record_head h ON ${arrivedIn} AND ${selected('h.account_id')} AND ${waitsSql}
     LEFT JOIN decision d ON d.subject_kind = 'record' AND d.subject_id = h.record_id::text AND d.action = 'carry' AND d.run_id = r.id
     WHERE r.id = $1 GROUP BY 1, 2 ORDER BY 1, 2`,
    [runId],
  );
  return rows.map((r) => ({ state: r.state, code: r.code, records: Number(r.records), energyWh: r.wh.toString(), signed: Number(r.signed) }));
}
