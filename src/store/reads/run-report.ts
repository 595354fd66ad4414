import type { ErpTotal, RevenueProof, SeriesAudit, UnbilledProof } from '../../contracts/run-proofs.ts';
import type { AdjustmentRow, CloseFacts, ExclusionRow } from '../../core/cycle/close-report.ts';
import { formatMinor } from '../../core/money.ts';
import { leftOut } from '../cycle/left-out.ts';
import { runWindow } from '../cycle/run-window.ts';
import type { Db } from '../db.ts';
import { collectingOf, type SourceCollecting } from './collecting.ts';
import { type ControlDayView, controlDayView } from './completeness.ts';
import { controlTotalDays } from './control-totals.ts';
import { type BalanceRow, energyBalance } from './energy-balance.ts';
import { type HeldBack, heldBack } from './held-back.ts';
import { type LateAccount, lateByAccount } from './late-arrivals.ts';
import { type ManualLeft, manualLeft } from './manual-left.ts';
import { type RunEquation, runBalance } from './run-balance.ts';
import { erpTotalsOf, revenueProof, seriesOf, unbilledProof } from './run-proofs.ts';
import { type RunSummary, runSummary } from './run-summary.ts';

type Text<T> = { readonly [K in keyof T]: T[K] extends bigint ? string : T[K] };

/** The close report of a run. Money as decimal text in major units, energy in Wh as text. */
export type RunReport = {
  readonly run: RunSummary;
  /** Of invoices; site owners' documents have a series for each owner. */
  readonly numbers: { readonly first: string | null; readonly last: string | null; readonly count: number };
  readonly series: readonly SeriesAudit[];
  readonly approvals: CloseFacts['approvals'];
  /** The run's own, and standing ones that left something out, in each currency: what they write off or carry, fees with it. `oldestOn`: the oldest day of service that it leaves out; null: nothing. */
  readonly exclusions: readonly (ExclusionRow & { readonly id: string; readonly currency: string; readonly oldestOn: string | null })[];
  /** Below the limit of small sessions: written off (D25); in the books' currency. */
  readonly smallSessions: CloseFacts['smallSessions'];
  readonly adjustments: readonly (AdjustmentRow & { readonly id: string })[];
  /** Adjustments and ordered credits on none of its documents: the next run of their account takes them over. */
  readonly manualLeft: readonly ManualLeft[];
  readonly carried: CloseFacts['carried'];
  /** `skipped`: decided to stay out. */
  readonly erp: CloseFacts['erp'] & { readonly skipped: number; readonly attempts: number };
  /** What is carried since an account is parked, an invoice held or a correction waits, by reason. */
  readonly heldBack: readonly HeldBack[];
  /** Parked accounts with what they were to be billed, net, as far as it is known. */
  readonly parkedAccounts: readonly {
    readonly accountId: string;
    readonly reason: string | null;
    readonly charges: number;
    readonly energyWh: string;
    readonly net: string;
    readonly currency: string;
  }[];
  /** What came after the set was closed, for the next run, by account. */
  readonly late: readonly LateAccount[];
  /** What is known to be missing: how each source stands, and the days whose total is not exactly what arrived. */
  readonly missing: { readonly sources: readonly SourceCollecting[]; readonly days: readonly (ControlDayView & { readonly sourceId: string })[] };
  readonly erpTotals: readonly ErpTotal[];
  readonly revenue: readonly RevenueProof[];
  readonly unbilled: readonly UnbilledProof[];
  /** Energy in Wh and net in minor units where a source's service months stand; `received` of money is what was priced. Source '': no session. */
  readonly balances: readonly { readonly sourceId: string; readonly month: string; readonly unit: string; readonly figures: Readonly<Record<string, string>> }[];
  /** The run's own equation since the run before it closed (invariant 9), in Wh and minor units. */
  readonly equation: { readonly since: string | null; readonly rows: readonly Text<RunEquation>[] };
  /** Per service month, all of the entity's months (invariant 9). */
  readonly energyBalance: readonly Text<BalanceRow>[];
  /** Rest per unit over the whole ledger: all zero. */
  readonly ledger: CloseFacts['ledger'];
};

/** The report of a run as it stands now; a closed run keeps the one of its close. Throws RangeError when there is no such run. */
export async function runReport(db: Db, runId: string): Promise<RunReport> {
  const run = await runSummary(db, runId);
  if (run === undefined) throw new RangeError(`no run "${runId}"`);
  const numbers = (
    await db.query(
      "SELECT min(s.legal_number) AS first, max(s.legal_number) AS last, count(*) AS n FROM issue_stamp s JOIN document d ON d.id = s.document_id AND d.type = 'invoice' WHERE d.run_id = $1",
      [runId],
    )
  ).rows[0];
  const approvals = await db.query('SELECT group_name, decision, actor, comment, decided_at FROM approval WHERE run_id = $1 ORDER BY decided_at, group_name', [runId]);
  const exclusions = await db.query(
    `WITH hit AS MATERIALIZED (
       SELECT h.rule_id, h.currency, sum(h.energy_wh)::bigint AS wh, sum(h.net_minor)::bigint AS net, min(h.service_on) AS oldest FROM ${leftOut} h
       WHERE h.run_id = $1 AND h.outcome <> 'billed' AND h.rule_id IS NOT NULL GROUP BY 1, 2)
     SELECT x.*, coalesce(h.currency, e.currency) AS currency, coalesce(h.wh, 0) AS wh, coalesce(h.net, 0) AS net, h.oldest
     FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id CROSS JOIN LATERAL (
       SELECT id, scope, subject_id, outcome, reason, author, 1 AS place, created_at AS made_at FROM exclusion_rule WHERE run_id = r.id AND withdrawn_at IS NULL
       UNION ALL SELECT id, scope, subject_id, outcome, reason, author, 2, proposed_at FROM standing_exclusion WHERE id IN (SELECT rule_id FROM hit)) x
     LEFT JOIN hit h ON h.rule_id = x.id WHERE r.id = $1 ORDER BY x.place, x.made_at, x.id, coalesce(h.currency, e.currency)`,
    [runId],
  );
  const small = (
    await db.query(
      `SELECT count(DISTINCT c.record_id) AS records, coalesce(sum(c.energy_wh), 0)::bigint AS wh, coalesce(sum(c.book_net_minor), 0)::bigint AS net
       FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = $1 AND c.clause = 'smallSession'`,
      [runId],
    )
  ).rows[0];
  const adjustments = await db.query('SELECT * FROM adjustment WHERE run_id = $1 AND withdrawn_at IS NULL ORDER BY created_at', [runId]);
  const left = await manualLeft(db, runId);
  const isLeft = new Set(left.map((l) => l.id));
  const carried = await db.query(
    `SELECT d.reason, d.actor, count(*) AS records, sum(h.energy_wh)::bigint AS wh FROM decision d JOIN record_head h ON h.record_id::text = d.subject_id
     WHERE d.run_id = $1 AND d.subject_kind = 'record' AND d.action = 'carry' GROUP BY 1, 2 ORDER BY 1, 2`,
    [runId],
  );
  const erp = (
    await db.query(
      `SELECT min(connection_id) AS connection, count(*) FILTER (WHERE state = 'verified') AS verified, count(*) FILTER (WHERE state NOT IN ('verified', 'skipped')) AS open, count(*) FILTER (WHERE state = 'skipped') AS skipped, coalesce(sum(attempt), 0) AS attempts
       FROM erp_posting WHERE run_id = $1`,
      [runId],
    )
  ).rows[0];
  const books = (await db.query<{ currency: string }>('SELECT currency FROM legal_entity WHERE id = $1', [run.entityId])).rows[0]?.currency ?? '';
  const held = await db.query<{ currency: string; total: bigint }>(
    "SELECT currency, sum(control_minor)::bigint AS total FROM erp_posting WHERE run_id = $1 AND state = 'verified' GROUP BY 1 ORDER BY 1",
    [runId],
  );
  const ledger = await db.query<{ unit: string; rest: bigint }>('SELECT unit, sum(amount)::bigint AS rest FROM ledger_entry GROUP BY unit ORDER BY unit');
  const parked = await db.query(
    `SELECT a.account_id, a.reason, c.currency, count(c.charge_id)::integer AS n, coalesce(sum(c.energy_wh), 0)::bigint AS wh, coalesce(sum(c.net_minor), 0)::bigint AS net, o.currency AS own
     FROM run_account a JOIN account o ON o.id = a.account_id LEFT JOIN LATERAL (
       SELECT c.charge_id, c.currency, c.energy_wh, c.net_minor FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = a.run_id AND k.account_id = a.account_id
       UNION ALL SELECT NULL, f.currency, 0, f.net_minor FROM left_out_fee f WHERE f.run_id = a.run_id AND f.account_id = a.account_id AND f.outcome = 'carried') c ON true
     WHERE a.run_id = $1 AND a.state = 'parked' GROUP BY 1, 2, 3, o.currency ORDER BY 1, 3`,
    [runId],
  );
  const { since, standing, equation } = await runBalance(db, runId);
  const days = (await controlTotalDays(db, await runWindow(db, runId))).filter((d) => d.status !== 'equal');
  return {
    run,
    series: await seriesOf(db, runId),
    parkedAccounts: parked.rows.map((r) => ({
      accountId: r.account_id,
      reason: r.reason,
      charges: r.n,
      energyWh: r.wh.toString(),
      net: formatMinor(r.net, r.currency ?? r.own),
      currency: r.currency ?? r.own,
    })),
    heldBack: await heldBack(db, runId),
    late: (await lateByAccount(db, runId, { limit: Number.MAX_SAFE_INTEGER })).items,
    missing: { sources: (await collectingOf(db, runId)).sources, days: days.map((d) => ({ sourceId: d.sourceId, ...controlDayView(d) })) },
    erpTotals: await erpTotalsOf(db, runId),
    revenue: await revenueProof(db, runId),
    unbilled: await unbilledProof(db, runId),
    balances: standing.map(({ figures, ...s }) => ({ ...s, figures: asText(figures) })),
    equation: { since: since?.toISOString() ?? null, rows: equation.map((row) => asText(row)) },
    numbers: { first: numbers.first, last: numbers.last, count: Number(numbers.n) },
    approvals: approvals.rows.map((r) => ({ group: r.group_name, decision: r.decision, actor: r.actor, comment: r.comment, at: r.decided_at.toISOString() })),
    exclusions: exclusions.rows.map((r) => ({
      id: r.id,
      scope: r.scope,
      subjectId: r.subject_id,
      outcome: r.outcome,
      reason: r.reason,
      author: r.author,
      energyWh: r.wh.toString(),
      net: formatMinor(r.net, r.currency),
      currency: r.currency,
      oldestOn: r.oldest,
    })),
    smallSessions: { records: Number(small.records), energyWh: small.wh.toString(), net: formatMinor(small.net, books), currency: books },
    adjustments: adjustments.rows
      .filter((r) => !isLeft.has(r.id))
      .map((r) => ({ id: r.id, accountId: r.account_id, amount: formatMinor(r.amount_minor, r.currency), currency: r.currency, reason: r.reason, author: r.author })),
    manualLeft: left,
    carried: carried.rows.map((r) => ({ reason: r.reason, actor: r.actor, records: Number(r.records), energyWh: r.wh.toString() })),
    erp: {
      connectionId: erp.connection,
      verified: Number(erp.verified),
      open: Number(erp.open),
      skipped: Number(erp.skipped),
      controlTotal: formatMinor(held.rows.find((h) => h.currency === books)?.total ?? 0n, books),
      byCurrency: held.rows.map((h) => ({ currency: h.currency, controlTotal: formatMinor(h.total, h.currency) })),
      attempts: Number(erp.attempts),
    },
    energyBalance: (await energyBalance(db, { entityId: run.entityId })).map((row) => asText(row)),
    ledger: ledger.rows.map((r) => ({ unit: r.unit, rest: r.rest.toString() })),
  };
}

/** Whole numbers as text, as a report has them. */
export function asText<T extends object>(row: T): Text<T> {
  return Object.fromEntries(Object.entries(row).map(([key, value]) => [key, typeof value === 'bigint' ? value.toString() : value])) as Text<T>;
}

/** The report a closed run kept, else the report as it stands; undefined when there is no such run. A part that was not yet told of at its close is empty. */
export async function reportOf(db: Db, runId: string): Promise<RunReport | undefined> {
  const run = (await db.query<{ report: RunReport | null }>('SELECT report FROM billing_run WHERE id = $1', [runId])).rows[0];
  if (run === undefined) return undefined;
  return run.report === null ? runReport(db, runId) : { ...toldLater, ...run.report };
}

/** What reports of earlier closes do not tell of. */
const toldLater: Pick<RunReport, 'heldBack' | 'manualLeft'> = { heldBack: [], manualLeft: [] };
