import type { PreviewCell } from '../../core/cycle/preview-cells.ts';
import { groupBy } from '../../core/group-by.ts';
import { feeRoleOf, feeRoles } from '../../core/period/period-charge.ts';
import type { WrittenOffRow } from '../../core/period/settle.ts';
import type { Db } from '../db.ts';
import type { LeftOut } from './dispositions.ts';
import { lastDaySql, monthsBetween } from './exclusion-match.ts';
import { type FeeRow, type FormerFee, LeftOutFees } from './left-out-fees.ts';
import { issuingStates } from './run-state.ts';
import { selected } from './selection.ts';

/** SQL list of the roles of fees: of what is left out as a row of its own, since it is a charge only once it is on a document. */
const feeRolesSql = `(${feeRoles.map((role) => `'${role}'`).join(', ')})`;
const keyColumns = 'contract_id, clause, component, split_no, service_month';
/** SQL that holds for a row of a run that is approved or further: it says for good what became of the fee there. */
export const isSaid = (f: string) => `EXISTS (SELECT FROM billing_run o WHERE o.id = ${f}.run_id AND o.kind = 'live' AND (o.state = 'approved' OR o.state IN ${issuingStates}))`;
/** Fees of accounts $2 as the latest run before $1 left them. */
const formerFees = `SELECT l.*, coalesce(${monthsBetween('s.last', 't.last')}, 0)::integer AS age
  FROM (SELECT DISTINCT ON (${keyColumns}) f.* FROM left_out_fee f WHERE f.account_id = ANY($2) AND f.run_id <> $1 AND ${isSaid('f')} ORDER BY ${keyColumns}, f.no DESC) l
  JOIN (SELECT ${lastDaySql} AS last FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id WHERE r.id = $1) t ON true
  LEFT JOIN LATERAL (SELECT ${lastDaySql} AS last FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id WHERE r.id = l.first_run_id) s ON true
  WHERE l.outcome <> 'billed' ORDER BY l.no`;

export async function loadLeftOutFees(db: Db, runId: string, accountIds: readonly string[], leftOut: ReadonlyMap<string, LeftOut>): Promise<LeftOutFees> {
  const { rows } = await db.query(formerFees, [runId, accountIds]);
  const former = rows.map(
    (r): FormerFee => ({
      contractId: r.contract_id,
      clause: r.clause,
      component: r.component,
      splitNo: r.split_no,
      serviceMonth: r.service_month,
      accountId: r.account_id,
      currency: r.currency,
      netMinor: r.net_minor,
      grossMinor: r.gross_minor,
      coversNet: r.covers_net_minor,
      coversGross: r.covers_gross_minor,
      outcome: r.outcome,
      cause: r.cause,
      ruleId: r.rule_id,
      firstRunId: r.first_run_id,
      ageMonths: r.age,
    }),
  );
  return new LeftOutFees(former, leftOut);
}

/** Keeps what a run makes of fees that are left out, or were until now, in place of what it made of these accounts' before. */
export async function keepLeftOutFees(db: Db, runId: string, accountIds: readonly string[], fees: readonly FeeRow[]): Promise<void> {
  await db.query('DELETE FROM left_out_fee WHERE run_id = $1 AND account_id = ANY($2)', [runId, accountIds]);
  if (fees.length === 0) return;
  const rows = fees.map((f) => ({
    contract_id: f.contractId,
    clause: f.clause,
    component: f.component,
    split_no: f.splitNo,
    service_month: f.serviceMonth,
    account_id: f.accountId,
    currency: f.currency,
    opening_minor: (f.before?.netMinor ?? 0n).toString(),
    net_minor: f.netMinor.toString(),
    gross_minor: f.grossMinor.toString(),
    covers_net_minor: f.covers?.netMinor.toString() ?? null,
    covers_gross_minor: f.covers?.grossMinor.toString() ?? null,
    outcome: f.outcome,
    cause: f.cause,
    rule_id: f.ruleId,
    first_run_id: f.before?.firstRunId ?? (f.outcome === 'carried' ? runId : null),
    before_cause: f.before?.cause ?? null,
    before_rule: f.before?.ruleId ?? null,
    too_old: f.tooOld,
    rivals: f.rivals,
  }));
  const columns = Object.keys(rows[0] ?? {}).join(', ');
  await db.query(`INSERT INTO left_out_fee (run_id, ${columns}) SELECT $1, ${columns} FROM jsonb_populate_recordset(NULL::left_out_fee, $2::jsonb)`, [runId, JSON.stringify(rows)]);
}

/** Keeps fees among drafts of a run that wait, since their account is parked or their invoice held, before the drafts go. `causes` by draft. */
export async function carryDraftedFees(db: Db, runId: string, causes: readonly { readonly draftId: bigint; readonly cause: string }[]): Promise<void> {
  if (causes.length === 0) return;
  await db.query(
    `INSERT INTO left_out_fee (run_id, ${keyColumns}, account_id, currency, opening_minor, net_minor, gross_minor, outcome, cause, first_run_id)
     SELECT p.run_id, p.contract_id, p.clause, p.component, s.no, p.service_month, p.account_id, p.currency, 0, sum(p.net_minor), sum(p.gross_minor), 'carried', min(t.cause), p.run_id
     FROM unnest($2::bigint[], $3::text[]) AS t(id, cause) JOIN period_charge p ON p.id = t.id AND p.run_id = $1 AND p.role IN ${feeRolesSql}
       CROSS JOIN LATERAL (SELECT CASE p.role WHEN 'minimumTrueUp' THEN 0 ELSE p.split_no END AS no) s GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
     ON CONFLICT (run_id, ${keyColumns}) DO UPDATE SET outcome = 'carried', cause = excluded.cause, rule_id = NULL, too_old = false, rivals = NULL, net_minor = excluded.net_minor, gross_minor = excluded.gross_minor`,
    [runId, causes.map((c) => c.draftId), causes.map((c) => c.cause)],
  );
}

/** SQL: accounts of run `r` of which a fee waits. */
export const withFeesWaiting = `SELECT f.account_id FROM left_out_fee f JOIN account a ON a.id = f.account_id AND a.entity_id = r.entity_id
  WHERE f.outcome = 'carried' AND ${isSaid('f')} AND ${selected('f.account_id')} AND NOT EXISTS (
    SELECT FROM left_out_fee n WHERE (n.contract_id, n.service_month, n.clause, n.component, n.split_no) = (f.contract_id, f.service_month, f.clause, f.component, f.split_no) AND n.no > f.no AND ${isSaid('n')})`;

/** Of accounts of a run the fees that it leaves out, as its preview has what is excluded. */
export async function leftOutCells(db: Db, runId: string, accountIds: readonly string[]): Promise<ReadonlyMap<string, readonly PreviewCell[]>> {
  const { rows } = await db.query<{ account_id: string; component: string; currency: string; net: bigint; n: number }>(
    "SELECT account_id, component, currency, sum(net_minor)::bigint AS net, count(*)::integer AS n FROM left_out_fee WHERE run_id = $1 AND account_id = ANY($2) AND outcome <> 'billed' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    [runId, accountIds],
  );
  const none = { unitPrice: '', tariffVersionId: null, siteId: null, vatCode: '', energyWh: 0n, unsharedMinor: 0n };
  const cellOf = ({ component, currency, net, n }: (typeof rows)[number]): PreviewCell => ({
    ...none,
    nature: 'period',
    excluded: true,
    role: feeRoleOf(component),
    component,
    currency,
    quantity: BigInt(n),
    netMinor: net,
    charges: n,
  });
  return new Map([...groupBy(rows, (r) => r.account_id)].map(([account, own]) => [account, own.map(cellOf)]));
}

/** What of minimums of some accounts was written off, or is by this run, by contract and month. */
export async function writtenOffMinimums(db: Db, runId: string, accountIds: readonly string[]): Promise<(contractId: string, month: string) => readonly WrittenOffRow[]> {
  const { rows } = await db.query(
    `SELECT f.contract_id, f.service_month, f.clause, f.component, f.covers_net_minor AS net, f.covers_gross_minor AS gross FROM left_out_fee f
     WHERE f.account_id = ANY($2) AND f.covers_net_minor IS NOT NULL AND (f.run_id = $1 OR ${isSaid('f')})`,
    [runId, accountIds],
  );
  const found = groupBy(rows, (r) => `${r.contract_id}\n${r.service_month}`);
  return (contractId, month) => (found.get(`${contractId}\n${month}`) ?? []).map((r) => ({ clause: r.clause, component: r.component, netMinor: r.net, grossMinor: r.gross }));
}
