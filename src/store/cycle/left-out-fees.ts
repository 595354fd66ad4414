import { groupBy } from '../../core/group-by.ts';
import { looksAt, type RunMonths } from '../../core/period/contract-months.ts';
import type { PeriodCharge } from '../../core/period/period-charge.ts';
import type { WrittenOffRow } from '../../core/period/settle.ts';
import type { Db } from '../db.ts';
import type { LeftOut } from './dispositions.ts';
import { lastDaySql, monthsBetween } from './exclusion-match.ts';
import { issuingStates } from './run-state.ts';
import { selected } from './selection.ts';

/** SQL list of the roles of fees: of what is left out as a row of its own, since it is a charge only once it is on a document. */
const feeRoles = "('subscriptionFee', 'advanceFee')";
const isFee = (role: string) => role === 'subscriptionFee' || role === 'advanceFee';
const keyColumns = 'contract_id, clause, component, split_no, service_month';
/** SQL that holds for a row of a run that is approved or further: it says for good what became of the fee there. */
const isSaid = (f: string) => `EXISTS (SELECT FROM billing_run o WHERE o.id = ${f}.run_id AND o.kind = 'live' AND (o.state = 'approved' OR o.state IN ${issuingStates}))`;
/** Fees of accounts $2 as the latest run before $1 left them. */
const formerFees = `SELECT l.*, coalesce(${monthsBetween('s.last', 't.last')}, 0)::integer AS age
  FROM (SELECT DISTINCT ON (${keyColumns}) f.* FROM left_out_fee f WHERE f.account_id = ANY($2) AND f.run_id <> $1 AND ${isSaid('f')} ORDER BY ${keyColumns}, f.no DESC) l
  JOIN (SELECT ${lastDaySql} AS last FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id WHERE r.id = $1) t ON true
  LEFT JOIN LATERAL (SELECT ${lastDaySql} AS last FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id WHERE r.id = l.first_run_id) s ON true
  WHERE l.outcome <> 'billed' ORDER BY l.no`;

type FeeKey = { readonly contractId: string; readonly clause: string; readonly component: string; readonly splitNo: number; readonly serviceMonth: string };
/** A fee that an earlier run carried or wrote off; `ageMonths`: since the run that first carried it. */
type FormerFee = FeeKey & {
  readonly accountId: string;
  readonly currency: string;
  readonly netMinor: bigint;
  readonly grossMinor: bigint;
  readonly outcome: 'carried' | 'excluded';
  readonly cause: string;
  readonly ruleId: string | null;
  readonly firstRunId: string | null;
  readonly ageMonths: number;
};
type Fate = { readonly outcome: 'billed' | 'carried' | 'excluded'; readonly cause: string; readonly ruleId: string | null; readonly tooOld: boolean; readonly rivals: readonly string[] | null };
type FeeRow = FeeKey & Fate & { readonly accountId: string; readonly currency: string; readonly netMinor: bigint; readonly grossMinor: bigint; readonly before: FormerFee | undefined };
type Draft = { readonly accountId: string; readonly charge: PeriodCharge };

const keyOf = (k: FeeKey) => [k.contractId, k.clause, k.component, k.splitNo, k.serviceMonth].join('\n');
const roleOf = (k: FeeKey) => (k.component.startsWith('advanceFee') ? 'advanceFee' : 'subscriptionFee');
const billed: Fate = { outcome: 'billed', cause: 'none', ruleId: null, tooOld: false, rivals: null };

/** What earlier runs left out of the fees of some accounts, and what a run makes of it. */
export class LeftOutFees {
  readonly #former: ReadonlyMap<string, FormerFee>;
  readonly #ofContract: ReadonlyMap<string, readonly FormerFee[]>;
  readonly #leftOut: ReadonlyMap<string, LeftOut>;
  readonly #rows = new Map<string, FeeRow>();

  constructor(former: readonly FormerFee[], leftOut: ReadonlyMap<string, LeftOut>) {
    this.#former = new Map(former.map((f) => [keyOf(f), f]));
    this.#ofContract = groupBy(former, (f) => f.contractId);
    this.#leftOut = leftOut;
  }

  /** Of a contract, as its months take it. */
  of(contractId: string): { readonly waitsFrom: string | null; readonly writtenOff: ReadonlyMap<string, readonly WrittenOffRow[]> } {
    const own = groupBy(this.#ofContract.get(contractId) ?? [], (f) => f.outcome);
    const waiting = (own.get('carried') ?? []).map((f) => f.serviceMonth);
    return { waitsFrom: waiting.sort()[0] ?? null, writtenOff: groupBy(own.get('excluded') ?? [], (f) => f.serviceMonth) };
  }

  /**
   * Takes out what the run leaves out of what months came to. What else than a fee the month of an account that is left out comes to waits for its sessions: it
   * goes with those that the run bills all the same, but for a minimum, which wants all of them.
   */
  sift(drafts: readonly Draft[], billsSessionsOf: (contractId: string, month: string) => boolean): readonly Draft[] {
    return drafts.filter(({ accountId, charge }) => {
      if (!isFee(charge.role)) return !this.#leftOut.has(accountId) || (charge.role !== 'minimumTrueUp' && billsSessionsOf(charge.contractId, charge.serviceMonth));
      const key = keyOf(charge);
      const before = this.#carried(key);
      const fate = this.#fateOf(accountId, before);
      if (fate.outcome !== 'billed' || before !== undefined) {
        const { contractId, clause, component, splitNo, serviceMonth, currency, netMinor, grossMinor } = charge;
        this.#rows.set(key, { contractId, clause, component, splitNo, serviceMonth, accountId, currency, netMinor, grossMinor, ...fate, before });
      }
      return fate.outcome === 'billed';
    });
  }

  /** What is left: of accounts that are parked all that waits waits on, as it was; what else the run looks at and came to nothing is over. `isOwn`: no other run has it. */
  rest(run: RunMonths, isParked: (accountId: string) => boolean, isOwn: (accountId: string, role: 'subscriptionFee' | 'advanceFee', month: string) => boolean): readonly FeeRow[] {
    for (const [key, f] of this.#former) {
      const before = this.#carried(key);
      if (before === undefined || !looksAt(run, roleOf(f), f.serviceMonth) || !isOwn(f.accountId, roleOf(f), f.serviceMonth)) continue;
      if (isParked(f.accountId)) {
        const fate = this.#fateOf(f.accountId, before);
        this.#rows.set(key, { ...f, ...(fate.outcome === 'carried' ? fate : { ...billed, outcome: 'carried', cause: 'parked' }), before });
      } else if (!this.#rows.has(key)) this.#rows.set(key, { ...f, netMinor: 0n, grossMinor: 0n, ...billed, before });
    }
    return [...this.#rows.values()];
  }

  #carried(key: string): FormerFee | undefined {
    const found = this.#former.get(key);
    return found?.outcome === 'carried' ? found : undefined;
  }

  #fateOf(accountId: string, before: FormerFee | undefined): Fate {
    const rule = this.#leftOut.get(accountId);
    if (rule === undefined) return billed;
    const tooOld = rule.outcome === 'carry' && before !== undefined && rule.maxAgeMonths !== null && before.ageMonths >= rule.maxAgeMonths;
    return { outcome: rule.outcome === 'writeOff' ? 'excluded' : tooOld ? 'billed' : 'carried', cause: rule.cause, ruleId: rule.ruleId, tooOld, rivals: rule.rivals };
  }
}

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
     SELECT p.run_id, p.contract_id, p.clause, p.component, p.split_no, p.service_month, p.account_id, p.currency, 0, p.net_minor, p.gross_minor, 'carried', t.cause, p.run_id
     FROM unnest($2::bigint[], $3::text[]) AS t(id, cause) JOIN period_charge p ON p.id = t.id AND p.run_id = $1 AND p.role IN ${feeRoles}
     ON CONFLICT (run_id, ${keyColumns}) DO UPDATE SET outcome = 'carried', cause = excluded.cause, rule_id = NULL, too_old = false, rivals = NULL`,
    [runId, causes.map((c) => c.draftId), causes.map((c) => c.cause)],
  );
}

/** SQL: accounts of run `r` of which a fee waits. */
export const withFeesWaiting = `SELECT f.account_id FROM left_out_fee f JOIN account a ON a.id = f.account_id AND a.entity_id = r.entity_id
  WHERE f.outcome = 'carried' AND ${isSaid('f')} AND ${selected('f.account_id')} AND NOT EXISTS (
    SELECT FROM left_out_fee n WHERE (n.contract_id, n.service_month, n.clause, n.component, n.split_no) = (f.contract_id, f.service_month, f.clause, f.component, f.split_no) AND n.no > f.no AND ${isSaid('n')})`;
