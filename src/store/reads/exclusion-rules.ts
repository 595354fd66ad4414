import type { QueryResultRow } from 'pg';
import type { ExclusionReach, ExclusionReachOf, ExclusionRuleView, ReachedAccounts } from '../../contracts/exclusion-overview.ts';
import type { ExclusionRule } from '../../contracts/exclusion-rule.ts';
import { formatMinor } from '../../core/money.ts';
import { matchesOf, targetsOf } from '../cycle/exclusion-match.ts';
import type { Db } from '../db.ts';
import { openChargeSql } from '../open-charges.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

export type ExclusionRuleFilter = { readonly entityId?: string | undefined; readonly state?: string | undefined; readonly scope?: string | undefined; readonly subjectId?: string | undefined };

const stateSql = `CASE WHEN s.ended_at IS NOT NULL THEN CASE WHEN s.signed_at IS NULL THEN 'withdrawn' ELSE 'ended' END WHEN s.signed_at IS NULL THEN 'proposed'
  WHEN s.valid_to <= (now() AT TIME ZONE e.time_zone)::date THEN 'expired' ELSE 'inForce' END`;

/** Standing rules, newest first; `state` as of today in the entity's zone. */
export async function listExclusionRules(db: Db, filter: ExclusionRuleFilter, page: PageOrder): Promise<Page<ExclusionRuleView>> {
  const list = ['standing rules', filter.entityId, filter.state, filter.scope, filter.subjectId] as const;
  const { rows } = await db.query(
    `SELECT * FROM (SELECT s.*, ${stateSql} AS state FROM standing_exclusion s JOIN legal_entity e ON e.id = s.entity_id) s
     WHERE ($1::text IS NULL OR entity_id = $1) AND ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR scope = $3) AND ($4::text IS NULL OR subject_id = $4)
       AND ($5::text IS NULL OR (proposed_at, id) < (SELECT proposed_at, id FROM standing_exclusion WHERE id = $5)) ORDER BY proposed_at DESC, id DESC LIMIT $6`,
    [filter.entityId ?? null, filter.state ?? null, filter.scope ?? null, filter.subjectId ?? null, keyBefore(list, page), page.limit + 1],
  );
  return pageOf(list, rows, page.limit, (r) => r['id'], viewOf);
}

/** A standing rule with the versions before it, newest first; undefined when there is none of the id. */
export async function exclusionRuleOf(db: Db, id: string): Promise<{ readonly rule: ExclusionRuleView; readonly earlier: readonly ExclusionRuleView[] } | undefined> {
  const { rows } = await db.query(
    `WITH RECURSIVE chain AS (SELECT * FROM standing_exclusion WHERE id = $1 UNION ALL SELECT b.* FROM standing_exclusion b JOIN chain c ON b.id = c.replaces)
     SELECT s.*, ${stateSql} AS state FROM chain s JOIN legal_entity e ON e.id = s.entity_id ORDER BY s.version DESC`,
    [id],
  );
  const [rule, ...earlier] = rows.map(viewOf);
  return rule === undefined ? undefined : { rule, earlier };
}

function viewOf(r: QueryResultRow): ExclusionRuleView {
  const { amountFromMinor, amountBelowMinor, ...predicate } = r['predicate'];
  const amount = (text: string) => formatMinor(BigInt(text) - 1n, predicate.currency);
  return {
    id: r['id'],
    entityId: r['entity_id'],
    version: r['version'],
    replaces: r['replaces'],
    state: r['state'],
    scope: r['scope'],
    subjectId: r['subject_id'],
    predicate: {
      ...predicate,
      ...(amountFromMinor === undefined ? {} : { amountAbove: amount(amountFromMinor) }),
      ...(amountBelowMinor === undefined ? {} : { amountUpTo: amount(amountBelowMinor) }),
    },
    outcome: r['outcome'],
    maxAgeMonths: r['max_age_months'],
    atOurCost: r['at_our_cost'],
    validFrom: r['valid_from'],
    validTo: r['valid_to'],
    reviewOn: r['review_on'],
    reason: r['reason'],
    author: r['author'],
    proposedAt: r['proposed_at'].toISOString(),
    signedBy: r['signed_by'],
    signedAt: r['signed_at']?.toISOString() ?? null,
    endedBy: r['ended_by'],
    endedAt: r['ended_at']?.toISOString() ?? null,
    endReason: r['end_reason'],
  };
}

type Asked = Pick<ExclusionRule, 'entityId' | 'scope' | 'subjectId'> & { readonly predicate: Readonly<Record<string, unknown>> };

const reached = `WITH target AS (${targetsOf("SELECT 'this' AS id, $2::text AS scope, $3::text AS subject_id, $4::jsonb AS predicate, 'carry' AS outcome")}),
  mine AS (SELECT c.payer_account_id AS account_id, a.category, c.* FROM rated_charge c JOIN account a ON a.id = c.payer_account_id WHERE c.entity_id = $1 AND ${openChargeSql}),
  met AS (SELECT DISTINCT charge_id FROM (${matchesOf('target', 'mine')}) m)`;
const metSums = 'count(DISTINCT m.record_id)::integer AS sessions, count(*)::integer AS charges, sum(m.energy_wh)::bigint AS wh, sum(m.net_minor)::bigint AS net';
const metOf = (r: QueryResultRow) => ({ currency: r['currency'], sessions: r['sessions'], charges: r['charges'], energyWh: r['wh'].toString(), net: formatMinor(r['net'], r['currency']) });
const askedOf = (rule: Asked) => [rule.entityId, rule.scope, rule.subjectId, JSON.stringify(rule.predicate)];

/** What a rule would meet of all that is not settled yet, by service month, whatever narrower rules say of it; `predicate` as it is stored. */
export async function exclusionReach(db: Db, rule: Asked): Promise<readonly ExclusionReach[]> {
  const { rows } = await db.query(
    `${reached} SELECT m.service_month, m.currency, count(DISTINCT m.account_id)::integer AS accounts, ${metSums} FROM met JOIN mine m ON m.charge_id = met.charge_id GROUP BY 1, 2 ORDER BY 1, 2`,
    askedOf(rule),
  );
  return rows.map((r) => ({ serviceMonth: r.service_month, accounts: r.accounts, ...metOf(r) }));
}

/** Whom a rule would meet, by the same: who has the largest sums first, at most 20, and how many more there are, in each currency. */
export async function exclusionReachOf(db: Db, rule: Asked): Promise<ReachedAccounts> {
  const { rows } = await db.query(
    `${reached} SELECT m.account_id, p.name, m.currency, ${metSums}, (count(*) OVER ())::integer AS met_in_all FROM met JOIN mine m ON m.charge_id = met.charge_id JOIN account a ON a.id = m.account_id JOIN party p ON p.id = a.party_id
     GROUP BY 1, 2, 3 ORDER BY abs(sum(m.net_minor)) DESC, 1, 3 LIMIT 20`,
    askedOf(rule),
  );
  const accounts = rows.map((r): ExclusionReachOf => ({ accountId: r.account_id, accountName: r.name, ...metOf(r) }));
  return { accounts, moreAccounts: (rows[0]?.met_in_all ?? 0) - accounts.length };
}
