import type { ExclusionPredicate, ExclusionRule } from '../../contracts/exclusion-rule.ts';
import { parseMinor } from '../../core/money.ts';
import { lastDaySql, matchesOf, targetsOf, whyNotFor } from '../cycle/exclusion-match.ts';
import { lockRun } from '../cycle/run-state.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { newId } from './new-id.ts';
import { Refused } from './refusal.ts';
import { openStates, touchSales } from './shape-run.ts';

/** `workflowIds`: runs that are open and hold what it hits; they are to be told that their inputs changed. */
export type RuleChanged = { readonly id: string; readonly workflowIds: readonly string[] };

const defaultMaxAgeMonths = 3;

/**
 * Proposes a standing rule; it holds for no run until a second person signs it, since nobody knows beforehand what it will come to. `replaces`
 * names the rule whose place it takes then. Refused for a subject that does not exist, or a rule that is over.
 */
export async function proposeExclusion(
  db: Db,
  rule: ExclusionRule,
  input: { readonly replaces?: string | undefined; readonly reason: string },
  by: By,
  idempotencyKey?: string,
): Promise<{ readonly id: string }> {
  await refuseUnknown(db, rule);
  let version = 1;
  if (input.replaces !== undefined) {
    const before = await lockRule(db, input.replaces);
    if (before.ended_at !== null) throw new Refused('wrongState', `exclusion rule ${input.replaces} is ended: propose a new one`);
    if (before.entity_id !== rule.entityId) throw new Refused('invalid', `exclusion rule ${input.replaces} is of entity ${before.entity_id}`);
    version = before.version + 1;
  }
  const id = newId('xru', [rule.entityId, by.actor], idempotencyKey);
  const made = await db.query(
    `INSERT INTO standing_exclusion (id, entity_id, version, replaces, scope, subject_id, predicate, outcome, max_age_months, at_our_cost, valid_from, valid_to, review_on, reason, author)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING`,
    [
      id,
      rule.entityId,
      version,
      input.replaces ?? null,
      rule.scope,
      rule.subjectId,
      JSON.stringify(storedPredicate(rule.predicate)),
      rule.outcome,
      rule.outcome === 'carry' ? (rule.maxAgeMonths ?? defaultMaxAgeMonths) : null,
      rule.atOurCost,
      rule.validFrom,
      rule.validTo ?? null,
      rule.reviewOn,
      input.reason,
      by.actor,
    ],
  );
  if (made.rowCount !== 0) await audit(db, by, { action: 'exclusionRule.propose', subject: id, reason: input.reason, after: { ...rule, replaces: input.replaces } });
  return { id };
}

/** Puts a proposed rule in force, from what is built next on in runs that are open; the rule it replaces ends. Refused for its author, and where another version took that place meanwhile. */
export async function signExclusion(db: Db, id: string, comment: string, by: By): Promise<RuleChanged> {
  const rule = await lockRule(db, id);
  if (rule.ended_at !== null || rule.signed_at !== null) throw new Refused('wrongState', `exclusion rule ${id} is ${rule.ended_at === null ? 'signed already' : 'ended'}`);
  if (rule.author === by.actor) throw new Refused('forbidden', `exclusion rule ${id} is your own: a second person signs it`);
  if (rule.replaces !== null) {
    await lockRule(db, rule.replaces);
    const [other] = (await db.query('SELECT id FROM standing_exclusion WHERE replaces = $1 AND signed_at IS NOT NULL', [rule.replaces])).rows;
    if (other !== undefined) throw new Refused('wrongState', `exclusion rule ${rule.replaces} was replaced by ${other.id} meanwhile: end this proposal, and propose another version of that one`);
  }
  await db.query('UPDATE standing_exclusion SET signed_by = $2, signed_at = now() WHERE id = $1', [id, by.actor]);
  const replaced = await db.query('UPDATE standing_exclusion SET ended_by = $2, ended_at = now(), end_reason = $3 WHERE id = $1 AND ended_at IS NULL', [rule.replaces, by.actor, `replaced by ${id}`]);
  await audit(db, by, { action: 'exclusionRule.sign', subject: id, reason: comment, after: { replaced: replaced.rowCount === 0 ? null : rule.replaces } });
  return { id, workflowIds: await touchRuns(db, rule.entity_id, rule.replaces === null ? [id] : [id, rule.replaces]) };
}

/** Ends a rule, or takes a proposal back: no run that is built from now on is shaped by it, and what it carried is billed by the next, with a finding. */
export async function endExclusion(db: Db, id: string, reason: string, by: By): Promise<RuleChanged> {
  const rule = await lockRule(db, id);
  if (rule.ended_at !== null) throw new Refused('wrongState', `exclusion rule ${id} is ended already`);
  await db.query('UPDATE standing_exclusion SET ended_by = $2, ended_at = now(), end_reason = $3 WHERE id = $1', [id, by.actor, reason]);
  await audit(db, by, { action: rule.signed_at === null ? 'exclusionRule.withdraw' : 'exclusionRule.end', subject: id, reason });
  return { id, workflowIds: rule.signed_at === null ? [] : await touchRuns(db, rule.entity_id, [id]) };
}

type LockedRule = {
  readonly entity_id: string;
  readonly version: number;
  readonly author: string;
  readonly replaces: string | null;
  readonly signed_at: Date | null;
  readonly ended_at: Date | null;
};

async function lockRule(db: Db, id: string): Promise<LockedRule> {
  const { rows } = await db.query<LockedRule>('SELECT entity_id, version, author, replaces, signed_at, ended_at FROM standing_exclusion WHERE id = $1 FOR UPDATE', [id]);
  if (rows[0] === undefined) throw new Refused('notFound', `there is no exclusion rule ${id}`);
  return rows[0];
}

const subjects = {
  record: ['record', 'SELECT FROM record_head WHERE record_id::text = $1 AND $2 <> $1'],
  account: ['account', 'SELECT FROM account WHERE id = $1 AND entity_id = $2'],
  customer: ['party with an account', 'SELECT FROM account WHERE party_id = $1 AND entity_id = $2'],
  site: ['site', 'SELECT FROM site WHERE id = $1 AND entity_id = $2'],
  tariff: ['tariff', 'SELECT FROM tariff_version WHERE tariff_id = $1 AND $2 <> $1'],
} as const satisfies Record<ExclusionRule['scope'], readonly [what: string, sql: string]>;

async function refuseUnknown(db: Db, { entityId, scope, subjectId, outcome }: ExclusionRule): Promise<void> {
  const [what, sql] = subjects[scope];
  if ((await db.query(sql, [subjectId, entityId])).rowCount === 0) throw new Refused('notFound', `entity ${entityId} has no ${what} "${subjectId}"`);
  const why = await whyNotFor(db, { scope, subjectId, outcome });
  if (why !== undefined) throw new Refused('invalid', why);
}

/** Amounts as minor units and all bounds half-open, as matching takes them. Refused for an amount that its currency does not have. */
export function storedPredicate({ amountAbove, amountUpTo, currency, ...rest }: ExclusionPredicate): Readonly<Record<string, unknown>> {
  const above = (text: string) => {
    try {
      return (parseMinor(text, currency ?? '') + 1n).toString();
    } catch (error) {
      throw new Refused('invalid', `predicate: ${(error as Error).message}`);
    }
  };
  return {
    ...rest,
    ...(currency === undefined ? {} : { currency }),
    ...(amountAbove === undefined ? {} : { amountFromMinor: above(amountAbove) }),
    ...(amountUpTo === undefined ? {} : { amountBelowMinor: above(amountUpTo) }),
  };
}

/** Marks the accounts that rules meet in open runs of their time for a new build; those in a group that is approved stay. Answers the runs' workflows. */
async function touchRuns(db: Db, entityId: string, ruleIds: readonly string[]): Promise<string[]> {
  const open = await db.query<{ id: string; workflow_id: string }>('SELECT id, workflow_id FROM billing_run WHERE entity_id = $1 AND state = ANY($2) ORDER BY id', [entityId, openStates]);
  const told: string[] = [];
  for (const run of open.rows) {
    // It may have gone on since; then what it was approved with stays.
    if (!openStates.includes(await lockRun(db, run.id))) continue;
    const { rows } = await db.query<{ account_id: string }>(metInRun, [run.id, ruleIds]);
    if (rows.length === 0) continue;
    await touchSales(
      db,
      run.id,
      rows.map((r) => r.account_id),
    );
    told.push(run.workflow_id);
  }
  return told;
}

const metInRun = `WITH target AS (${targetsOf(`SELECT s.id, s.scope, s.subject_id, s.predicate, s.outcome FROM billing_run r JOIN legal_entity e ON e.id = r.entity_id
      JOIN standing_exclusion s ON s.valid_from <= ${lastDaySql} AND (s.valid_to IS NULL OR ${lastDaySql} < s.valid_to) WHERE r.id = $1 AND s.id = ANY($2)`)}),
  mine AS (SELECT k.account_id, a.category, c.* FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id JOIN account a ON a.id = k.account_id WHERE k.run_id = $1),
  met AS (${matchesOf('target', 'mine')})
  SELECT account_id FROM (SELECT m.account_id FROM mine m JOIN met ON met.charge_id = m.charge_id
    UNION SELECT a.account_id FROM run_account a JOIN target t ON t.by = 'account' AND t.key = a.account_id WHERE a.run_id = $1) a WHERE NOT is_fixed($1, account_id)`;
