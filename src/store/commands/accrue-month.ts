import type { ErpDocument } from '../../contracts/erp-document.ts';
import { type AccrualLine, accrualTarget, stillToAccrue } from '../../core/accounting/accrual.ts';
import { accrualJournals } from '../../core/accounting/accrual-journals.ts';
import { type Conversion, conversionOn } from '../../core/allocate/convert.ts';
import { describeIssue, type Issue, isIssue, issue } from '../../core/issues.ts';
import { dayBefore, monthAfter } from '../../core/period/segments.ts';
import { lockPeriod, type PeriodOfEntity } from '../accounting/period-rows.ts';
import { loadOpenExpectations, loadStandings } from '../accounting/standings.ts';
import { releaseEarned } from '../cycle/release-fees.ts';
import type { Db } from '../db.ts';
import { loadEntity } from '../intake/load-setup.ts';
import { connectionsLeft, enqueue } from '../outbox.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

/** `accrualId` is null where nothing was left to accrue. `unpriced`: sessions without a CDR of which nobody estimated the amount. `connections`: ERPs that journals of the month still have to go to. */
export type Accrued = { readonly accrualId: string | null; readonly n: number; readonly lines: readonly AccrualLine[]; readonly unpriced: number; readonly connections: readonly string[] };

/**
 * Brings a month that has ended into the ERP without waiting for its run: what is booked up to it and stands on no document issued by its last day, per
 * account and cost center, and an estimate apart; as journals of its last day and mirrors of the next day. Repeatable: the second time only
 * what changed since. Refused while the month runs, when it is closed, where the GL mapping lacks an account, and where the rate of a currency on its last day is missing.
 */
export async function accrueMonth(db: Db, input: { readonly entityId: string; readonly month: string; readonly reason?: string | undefined }, by: By): Promise<Accrued> {
  const period = await lockPeriod(db, input.entityId, input.month);
  if (!period.hasEnded) throw new Refused('wrongState', `${input.month} has not ended: it is accrued from the first day after it`);
  if (period.state === 'closed') throw new Refused('wrongState', `${input.month} is closed: its last accrual was made when it was closed; have it reopened to change it`);
  return accrueLocked(db, input.entityId, period, input.reason, by);
}

/** The accrual of a month whose period the caller holds, with what fees in advance have earned by its end: no run has to close for that. */
export async function accrueLocked(db: Db, entityId: string, { month, endAt }: PeriodOfEntity, reason: string | undefined, by: By): Promise<Accrued> {
  const nextDay = `${monthAfter(month)}-01`;
  const lastDay = dayBefore(nextDay);
  await releaseEarned(db, entityId, month);
  const entity = await loadEntity(db, entityId, { fromMs: endAt.getTime(), toMs: endAt.getTime() });
  const expected = await loadOpenExpectations(db, entityId, endAt);
  const target = accrualTarget(entity, await loadStandings(db, entityId, month, lastDay), expected.open);
  // By the rate of the month's last day.
  const rates = new Map<string, Conversion>();
  const unrated: Issue[] = [];
  for (const currency of new Set(target.lines.map((l) => l.currency))) {
    const rate = conversionOn(entity, currency, lastDay, entityId);
    if (isIssue(rate)) unrated.push(rate);
    else rates.set(currency, rate);
  }
  const issues = [...target.issues, ...unrated, ...(expected.withoutCostCenter > 0 ? [issue('missingCostCenter', 'blocks', entityId)] : [])];
  if (issues.length > 0) throw new Refused('wrongState', `${month} cannot be accrued: ${issues.map(describeIssue).join(' ')}`);
  const before = await db.query<{ kind: AccrualLine['kind']; currency: string; gl_account: string; cost_center: string | null; amount_minor: bigint }>(
    `SELECT l.kind, l.currency, l.gl_account, l.cost_center, sum(l.amount_minor)::bigint AS amount_minor FROM accrual_line l JOIN accrual a ON a.id = l.accrual_id WHERE a.entity_id = $1 AND a.month = $2 GROUP BY 1, 2, 3, 4`,
    [entityId, month],
  );
  const lines = stillToAccrue(
    target.lines,
    before.rows.map((r) => ({ kind: r.kind, currency: r.currency, glAccount: r.gl_account, costCenter: r.cost_center, amountMinor: r.amount_minor })),
  );
  const n = 1 + Number((await db.query<{ n: number | null }>('SELECT max(n) AS n FROM accrual WHERE entity_id = $1 AND month = $2', [entityId, month])).rows[0]?.n ?? 0);
  // Also when nothing is left: the answer of an attempt before may be lost, and its journals wait.
  const waiting = () => connectionsLeft(db, entityId, [`accrual/${entityId}/${month}/`, `estimate/${entityId}/${month}/`]);
  if (lines.length === 0) return { accrualId: null, n: n - 1, lines, unpriced: expected.unpriced, connections: await waiting() };
  const id = `${entityId}/${month}/${n}`;
  await db.query('INSERT INTO accrual (id, entity_id, month, n, author, reason) VALUES ($1, $2, $3, $4, $5, $6)', [id, entityId, month, n, by.actor, reason ?? null]);
  await db.query(
    `INSERT INTO accrual_line (accrual_id, line_no, kind, currency, gl_account, cost_center, amount_minor)
     SELECT $1, t.no, t.kind, t.currency, t.gl, t.cc, t.amount FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[]) WITH ORDINALITY AS t(kind, currency, gl, cc, amount, no)`,
    [id, lines.map((l) => l.kind), lines.map((l) => l.currency), lines.map((l) => l.glAccount), lines.map((l) => l.costCenter), lines.map((l) => l.amountMinor)],
  );
  const { estimated } = target;
  await db.query(
    `INSERT INTO accrual_expectation (accrual_id, source_id, key, cost_center, currency, amount_minor, estimated_wh)
     SELECT $1, t.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[]) AS t`,
    [
      id,
      estimated.map((e) => e.sourceId),
      estimated.map((e) => e.key),
      estimated.map((e) => e.costCenter),
      estimated.map((e) => e.currency),
      estimated.map((e) => e.amountMinor),
      estimated.map((e) => e.estimatedWh),
    ],
  );
  await handOverJournals(db, entityId, accrualJournals(id, month, lines, entity.currency, rates));
  await audit(db, by, { action: 'month.accrued', subject: id, reason, after: { lines: lines.length, estimated: estimated.length, unpriced: expected.unpriced } });
  return { accrualId: id, n, lines, unpriced: expected.unpriced, connections: await waiting() };
}

/** Each journal goes to the connection that holds on its own date, so that a change of ERP between the two is met. */
async function handOverJournals(db: Db, entityId: string, journals: readonly ErpDocument[]): Promise<void> {
  for (const journal of journals) {
    const { rows } = await db.query<{ id: string }>('SELECT id FROM erp_connection WHERE entity_id = $1 AND valid_from <= $2 AND (valid_to IS NULL OR $2 < valid_to)', [entityId, journal.postedOn]);
    const [connection, ...others] = rows;
    if (connection === undefined || others.length > 0) throw new Refused('wrongState', `${entityId} has ${rows.length} ERP connections on ${journal.postedOn}: exactly one must hold`);
    const debits = journal.lines.reduce((sum, l) => sum + (l.amountMinor.startsWith('-') ? 0n : BigInt(l.amountMinor)), 0n);
    await enqueue(db, connection.id, [{ ...journal, documentId: null, controlMinor: debits }]);
  }
}
