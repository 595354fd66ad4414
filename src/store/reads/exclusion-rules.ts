import type { QueryResultRow } from 'pg';
import type { ExclusionRule } from '../../contracts/exclusion-rule.ts';
import { formatMinor } from '../../core/money.ts';
import { matchesOf, targetsOf } from '../cycle/exclusion-match.ts';
import type { Db } from '../db.ts';
import { openChargeSql } from '../open-charges.ts';
import { type Page, type PageOrder, pageOf } from './page.ts';

export type ExclusionRuleView = {
  readonly id: string;
  readonly entityId: string;
  readonly version: number;
  readonly replaces: string | null;
  /** `proposed` waits for a second person; `inForce` and `expired` by today; `withdrawn` was never signed. */
  readonly state: string;
  readonly scope: string;
  readonly subjectId: string;
  readonly predicate: Readonly<Record<string, unknown>>;
  readonly outcome: string;
  readonly maxAgeMonths: number | null;
  readonly atOurCost: boolean;
  readonly validFrom: string;
  readonly validTo: string | null;
  readonly reviewOn: string;
  readonly reason: string;
  readonly author: string;
  readonly proposedAt: string;
  readonly signedBy: string | null;
  readonly signedAt: string | null;
  readonly endedBy: string | null;
  readonly endedAt: string | null;
  readonly endReason: string | null;
};
export type ExclusionRuleFilter = { readonly entityId?: string | undefined; readonly state?: string | undefined; readonly scope?: string | undefined; readonly subjectId?: string | undefined };

const stateSql = `CASE WHEN s.ended_at IS NOT NULL THEN CASE WHEN s.signed_at IS NULL THEN 'withdrawn' ELSE 'ended' END WHEN s.signed_at IS NULL THEN 'proposed'
  WHEN s.valid_to <= (now() AT TIME ZONE e.time_zone)::date THEN 'expired' ELSE 'inForce' END`;

/** Standing rules, newest first; `state` as of today in the entity's zone. */
export async function listExclusionRules(db: Db, filter: ExclusionRuleFilter, page: PageOrder): Promise<Page<ExclusionRuleView>> {
  const { rows } = await db.query(
    `SELECT * FROM (SELECT s.*, ${stateSql} AS state FROM standing_exclusion s JOIN legal_entity e ON e.id = s.entity_id) s
     WHERE ($1::text IS NULL OR entity_id = $1) AND ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR scope = $3) AND ($4::text IS NULL OR subject_id = $4)
       AND ($5::text IS NULL OR (proposed_at, id) < (SELECT proposed_at, id FROM standing_exclusion WHERE id = $5)) ORDER BY proposed_at DESC, id DESC LIMIT $6`,
    [filter.entityId ?? null, filter.state ?? null, filter.scope ?? null, filter.subjectId ?? null, page.cursor ?? null, page.limit + 1],
  );
  return pageOf(rows, page.limit, (r) => r['id'], viewOf);
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

export type ExclusionReach = {
  readonly serviceMonth: string;
  readonly currency: string;
  readonly accounts: number;
  readonly sessions: number;
  readonly charges: number;
  readonly energyWh: string;
  readonly net: string;
};

/** What a rule would meet of all that is not settled yet, by service month, whatever narrower rules say of it; `predicate` as it is stored. */
export async function exclusionReach(
  db: Db,
  rule: Pick<ExclusionRule, 'entityId' | 'scope' | 'subjectId'> & { readonly predicate: Readonly<Record<string, unknown>> },
): Promise<readonly ExclusionReach[]> {
  const { rows } = await db.query(
    `WITH target AS (${targetsOf("SELECT 'this' AS id, $2::text AS scope, $3::text AS subject_id, $4::jsonb AS predicate")}),
       mine AS (SELECT c.payer_account_id AS account_id, a.category, c.* FROM rated_charge c JOIN account a ON a.id = c.payer_account_id WHERE c.entity_id = $1 AND ${openChargeSql}),
       met AS (SELECT DISTINCT charge_id FROM (${matchesOf('target', 'mine')}) m)
     SELECT m.service_month, m.currency, count(DISTINCT m.account_id)::integer AS accounts, count(DISTINCT m.record_id)::integer AS sessions, count(*)::integer AS charges, sum(m.energy_wh)::bigint AS wh, sum(m.net_minor)::bigint AS net
     FROM met JOIN mine m ON m.charge_id = met.charge_id GROUP BY 1, 2 ORDER BY 1, 2`,
    [rule.entityId, rule.scope, rule.subjectId, JSON.stringify(rule.predicate)],
  );
  return rows.map((r) => ({
    serviceMonth: r.service_month,
    currency: r.currency,
    accounts: r.accounts,
    sessions: r.sessions,
    charges: r.charges,
    energyWh: r.wh.toString(),
    net: formatMinor(r.net, r.currency),
  }));
}
