import { type RuleProfile, ruleProfileSchema } from '../../contracts/rule-profile.ts';
import type { FactCorrection } from '../../core/intake/correct-facts.ts';
import type { Db } from '../db.ts';
import { standsSql } from '../intake/load-decisions.ts';
import { markUnattended } from '../intake/unattended.ts';
import { worthInBooks } from '../minor-worth.ts';
import { causeSql } from '../reads/waiting.ts';
import { recordKeySql } from '../record-key.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

export type RecordSelection =
  | { readonly recordIds: readonly string[] }
  /** All records that wait for that cause. `expected`: how many the decider saw; refused when others came meanwhile. */
  | { readonly cause: string; readonly sourceId?: string | undefined; readonly expected?: number | undefined };
export type RecordDecision = { readonly selection: RecordSelection; readonly reason: string } & (
  | { readonly action: 'accept' | 'hold' }
  /** `billedBy`: another system or entity that bills it by agreement, such as the old one before a take-over. */
  | { readonly action: 'reject'; readonly billedBy?: string | undefined }
  /** `reason` names the evidence. */
  | { readonly action: 'correct'; readonly correction: FactCorrection }
);
/** `decided` are in force: their workflows have to be told. `awaitingSecond` need the same decision by another person. */
export type Decided = { readonly decided: readonly { readonly sourceId: string; readonly recordKey: string }[]; readonly awaitingSecond: number };

const mostAtOnce = 5000;
const atRiskSql = `CASE WHEN h.at_risk_currency = n.currency THEN h.at_risk_minor ELSE (SELECT ceil(h.at_risk_minor * ${worthInBooks('f', 'n.currency')}) FROM fx_rate f
  WHERE f.source = n.fx_source AND f.currency = h.at_risk_currency AND f.into_currency = n.currency ORDER BY f.rate_on DESC, f.version DESC LIMIT 1)::bigint END`;
type Row = {
  readonly record_id: bigint;
  readonly source_id: string;
  readonly key: string;
  readonly state: string;
  readonly waiting_for: string | null;
  readonly waiting_raw_id: bigint | null;
  readonly waiting_hash: Buffer | null;
  readonly energy_wh: bigint;
  /** In minor units of the entity's books, rounded up; null where the price, or a rate for its currency, is not known. */
  readonly at_risk_minor: bigint | null;
  readonly rule_profile: unknown;
};

/**
 * Decides on waiting records: accept (bill as it is, though a check failed), correct (bill with other facts, on evidence), reject (never
 * billed) or hold (stay where it is). A decision is signed and bound to the message the record waits on; above the source's limit it takes
 * effect when a second person decides the same, while the first still says so; sent again once it is in force, it is told again. Refused when one of the records waits for nothing, or for something else.
 */
export async function decideRecords(db: Db, decision: RecordDecision, by: By): Promise<Decided> {
  const rows = await waitingRows(db, decision.selection);
  for (const row of rows) refuseUnfit(row, decision.action);
  const correction = decision.action === 'correct' ? JSON.stringify(decision.correction) : null;
  const billedBy = decision.action === 'reject' ? (decision.billedBy ?? null) : null;
  const earlier = await db.query<{ raw_id: bigint; mine: boolean; others: boolean }>(
    `SELECT raw_id, bool_or(actor = $4) AS mine, bool_or(actor <> $4) AS others FROM decision o
     WHERE raw_id = ANY($1::bigint[]) AND action = $2 AND correction IS NOT DISTINCT FROM $3::jsonb AND billed_by IS NOT DISTINCT FROM $5 AND needs_second AND ${standsSql()} GROUP BY raw_id`,
    [rows.map((r) => r.waiting_raw_id), decision.action, correction, by.actor, billedBy],
  );
  const before = new Map(earlier.rows.map((r) => [r.raw_id, r]));
  const profiles = new Map<string, RuleProfile>();
  const judged = rows.map((row) => {
    const profile = profiles.get(row.source_id) ?? ruleProfileSchema.parse(row.rule_profile);
    profiles.set(row.source_id, profile);
    const needsSecond = decision.action !== 'hold' && isLarge(row, profile, decision.action === 'correct' ? decision.correction : {});
    const said = row.waiting_raw_id === null ? undefined : before.get(row.waiting_raw_id);
    if (needsSecond && said?.mine === true && !said.others)
      throw new Refused('forbidden', `record ${row.record_id}: you decided this already, and it is above the limit of ${row.source_id}; another person has to decide the same`);
    return { row, needsSecond, inForce: !needsSecond || said?.others === true };
  });
  await db.query(
    `INSERT INTO decision (subject_kind, subject_id, action, correction, reason, actor, raw_id, needs_second, billed_by)
     SELECT 'record', id, $2, $3, $4, $5, raw, second, $8 FROM unnest($1::text[], $6::bigint[], $7::boolean[]) AS t(id, raw, second)`,
    [rows.map((r) => r.record_id.toString()), decision.action, correction, decision.reason, by.actor, rows.map((r) => r.waiting_raw_id), judged.map((j) => j.needsSecond), billedBy],
  );
  await audit(db, by, {
    action: `record.${decision.action}`,
    subject: rows.map((r) => r.record_id).join(','),
    reason: decision.reason,
    after: decision.action === 'correct' ? decision.correction : billedBy === null ? undefined : { billedBy },
  });
  const inForce = judged.filter((j) => j.inForce);
  // The sweep tells them if whoever called is killed before.
  if (decision.action !== 'hold')
    await markUnattended(
      db,
      inForce.map(({ row }) => row.record_id),
    );
  return { decided: inForce.map(({ row }) => ({ sourceId: row.source_id, recordKey: row.key })), awaitingSecond: judged.length - inForce.length };
}

async function waitingRows(db: Db, selection: RecordSelection): Promise<Row[]> {
  const columns = `h.record_id, h.source_id, ${recordKeySql} AS key, h.state, h.waiting_for, h.waiting_raw_id, h.waiting_hash, h.energy_wh, ${atRiskSql} AS at_risk_minor, s.rule_profile`;
  const tables = 'record_head h JOIN source s ON s.id = h.source_id JOIN legal_entity n ON n.id = s.entity_id';
  if ('recordIds' in selection) {
    const { rows } = await db.query<Row>(`SELECT ${columns} FROM ${tables} WHERE h.record_id = ANY($1::bigint[]) ORDER BY h.record_id FOR UPDATE OF h`, [selection.recordIds]);
    const found = new Set(rows.map((r) => r.record_id.toString()));
    const missing = selection.recordIds.find((id) => !found.has(id));
    if (missing !== undefined) throw new Refused('notFound', `there is no record ${missing}`);
    return rows;
  }
  const { rows } = await db.query<Row>(
    `SELECT ${columns} FROM ${tables}
     WHERE h.waiting_raw_id IS NOT NULL AND ${causeSql} = $1 AND ($2::text IS NULL OR h.source_id = $2) ORDER BY h.record_id LIMIT $3 FOR UPDATE OF h`,
    [selection.cause, selection.sourceId ?? null, mostAtOnce + 1],
  );
  if (rows.length === 0) throw new Refused('notFound', `no record waits for ${selection.cause}`);
  if (rows.length > mostAtOnce) throw new Refused('invalid', `more than ${mostAtOnce} records wait for ${selection.cause}: name a source, or decide on a part of them by their numbers`);
  if (selection.expected !== undefined && rows.length !== selection.expected) {
    throw new Refused('wrongState', `${rows.length} records wait for ${selection.cause}, not ${selection.expected}: look at them again`);
  }
  return rows;
}

function refuseUnfit(row: Row, action: RecordDecision['action']): void {
  const name = `record ${row.record_id}`;
  if (row.waiting_raw_id === null) throw new Refused('wrongState', `${name} is ${row.state}: only a waiting record can be decided`);
  if (action === 'reject' || action === 'hold') return;
  if (row.waiting_hash === null) throw new Refused('wrongState', `${name} cannot be read: send a corrected message, or reject it`);
  if (row.waiting_for !== 'decision') throw new Refused('wrongState', `${name} waits for ${row.waiting_for}: add that, and it goes on by itself`);
}

/** Above what one person may decide, as it is or as it is corrected; where energy or money cannot be told, a limit on it counts as exceeded. */
function isLarge(row: Row, { secondPersonAbove: limit }: RuleProfile, { startAt, endAt, energyWh }: FactCorrection): boolean {
  if (limit === undefined) return false;
  const corrected = BigInt(energyWh ?? 0);
  const energy = corrected > row.energy_wh ? corrected : row.energy_wh;
  // Beside a version that is billed the row tells that one's energy.
  if (limit.energyWh !== undefined && (row.state === 'booked' || energy > BigInt(limit.energyWh))) return true;
  // At risk is what the source's own figures come to: less energy costs no more, other times or more energy may.
  const isTold = row.at_risk_minor !== null && startAt === undefined && endAt === undefined && corrected <= row.energy_wh;
  return limit.minor !== undefined && (!isTold || (row.at_risk_minor ?? 0n) > BigInt(limit.minor));
}
