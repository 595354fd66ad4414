import { formatMinor } from '../../core/money.ts';
import type { Db } from '../db.ts';

/** A release group of a run. Money as decimal text in major units, energy in Wh as text. */
export type GroupView = {
  readonly name: string;
  readonly state: string;
  /** Null while it is built. */
  readonly contentHash: string | null;
  readonly problem: string | null;
  readonly accounts: number;
  readonly documents: number;
  readonly canaryDocuments: number;
  readonly totals: readonly { readonly currency: string; readonly payable: string; readonly energyWh: string }[];
  /** Who approved it as it stands; in review while a second one is waited for. */
  readonly approvedBy: readonly string[];
  readonly waitsForSecond: boolean;
};

/** The release groups of a run, by name. */
export async function runGroups(db: Db, runId: string): Promise<readonly GroupView[]> {
  const { rows } = await db.query(
    `SELECT g.name, g.state, encode(g.content_hash, 'hex') AS hash, g.problem,
       (SELECT count(*) FROM run_account x WHERE x.run_id = g.run_id AND x.group_name = g.name) AS accounts,
       (SELECT count(*) FROM canary_document y WHERE y.run_id = g.run_id AND y.group_name = g.name) AS canary,
       ARRAY(SELECT DISTINCT a.actor FROM approval a WHERE a.run_id = g.run_id AND a.group_name = g.name AND a.decision = 'approve' AND a.content_hash = g.content_hash AND a.review = g.review ORDER BY 1) AS approved_by
     FROM release_group g WHERE g.run_id = $1 ORDER BY g.name COLLATE "C"`,
    [runId],
  );
  const totals = await db.query(
    "SELECT group_name, currency, count(*) AS n, sum(payable_minor)::bigint AS payable, sum(energy_wh)::bigint AS wh FROM document WHERE run_id = $1 AND state <> 'discarded' GROUP BY 1, 2 ORDER BY 1, 2",
    [runId],
  );
  return rows.map((g) => {
    const own = totals.rows.filter((t) => t.group_name === g.name);
    return {
      name: g.name,
      state: g.state,
      contentHash: g.hash,
      problem: g.problem,
      accounts: Number(g.accounts),
      documents: own.reduce((sum, t) => sum + Number(t.n), 0),
      canaryDocuments: Number(g.canary),
      totals: own.map((t) => ({ currency: t.currency, payable: formatMinor(t.payable, t.currency), energyWh: t.wh.toString() })),
      approvedBy: g.approved_by,
      waitsForSecond: g.state === 'inReview' && g.approved_by.length > 0,
    };
  });
}
