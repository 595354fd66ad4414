import { formatMinor } from '../../core/money.ts';
import { previewAccounts } from '../cycle/record-preview.ts';
import type { Db } from '../db.ts';

/** Accounts named at most, each currency by itself. */
const named = 200;

/** An account that was built again, in one currency; `after` is null while it is being built, `before` where it was not in the run. */
type Change = { readonly accountId: string; readonly currency: string; readonly before: string | null; readonly after: string | null };
export type Changes = {
  /** How many accounts changed; `items` names the first 200. */
  readonly accounts: number;
  readonly items: readonly Change[];
  /** Groups that leave out other than then: charges or fees that are carried, written off, or billed after all. */
  readonly leftOut: readonly string[];
};

/** What changed in a run since it, or one of its groups, had a hash: by account, with its payable before and now, and where other things are left out. Undefined when it never had it. */
export async function changesSince(db: Db, runId: string, contentHash: string): Promise<Changes | undefined> {
  const seen = await db.query<{ build: number; name: string | null }>(
    `SELECT build, NULL AS name FROM preview_build WHERE run_id = $1 AND content_hash = decode($2, 'hex')
     UNION ALL SELECT build, name FROM preview_group WHERE run_id = $1 AND content_hash = decode($2, 'hex') ORDER BY build DESC LIMIT 1`,
    [runId, contentHash],
  );
  const [build] = seen.rows;
  if (build === undefined) return undefined;
  const { rows } = await db.query(
    `WITH sides AS (
       SELECT coalesce(a.account_id, b.account_id) AS account_id, coalesce(a.currency, b.currency) AS currency, a.net_minor + a.vat_minor + a.rounding_minor AS after, b.net_minor + b.vat_minor + b.rounding_minor AS before,
         (a.net_minor, a.vat_minor, a.rounding_minor, a.energy_wh, a.lines, a.documents) IS DISTINCT FROM (b.net_minor, b.vat_minor, b.rounding_minor, b.energy_wh, b.lines, b.documents) AS moved
       FROM (${previewAccounts('$1')}) a FULL JOIN (${previewAccounts('$1', '$2::integer')}) b ON b.account_id = a.account_id AND b.currency = a.currency),
     whole AS (SELECT account_id, count(after) > 0 AS is_in, count(before) > 0 AS was_in FROM sides GROUP BY 1),
     changed AS (
       SELECT x.account_id, coalesce(s.currency, c.currency) AS currency, x.state = 'pending' AS pending, CASE WHEN w.was_in THEN coalesce(s.before, 0) END AS before, CASE WHEN w.is_in THEN coalesce(s.after, 0) END AS after
       FROM run_account x JOIN account c ON c.id = x.account_id LEFT JOIN sides s ON s.account_id = x.account_id LEFT JOIN whole w ON w.account_id = x.account_id
       WHERE x.run_id = $1 AND ($3::text IS NULL OR x.group_name = $3 OR x.moved_by IS NOT NULL) AND (x.state = 'pending' OR s.moved))
     SELECT *, (SELECT count(DISTINCT account_id) FROM changed) AS n FROM changed ORDER BY account_id, currency LIMIT ${named}`,
    [runId, build.build, build.name],
  );
  const leftOut = await db.query<{ name: string }>(
    `SELECT g.name FROM release_group g JOIN preview_group p ON p.run_id = g.run_id AND p.name = g.name AND p.build = $2 WHERE g.run_id = $1 AND ($3::text IS NULL OR g.name = $3)
       AND g.content_hash IS NOT NULL AND g.left_out_hash IS DISTINCT FROM p.left_out_hash ORDER BY 1`,
    [runId, build.build, build.name],
  );
  const money = (amount: bigint | null, currency: string) => (amount === null ? null : formatMinor(amount, currency));
  return {
    accounts: Number(rows[0]?.n ?? 0n),
    leftOut: leftOut.rows.map((g) => g.name),
    items: rows.map((r) => ({ accountId: r.account_id, currency: r.currency, before: money(r.before, r.currency), after: r.pending ? null : money(r.after, r.currency) })),
  };
}
