import type { Db } from '../db.ts';

export type RunSummary = {
  readonly runId: string;
  readonly workflowId: string;
  readonly state: string;
  readonly cutOffAt: Date;
  readonly contentHash: string | null;
  readonly byStrategy: readonly {
    readonly strategy: string;
    readonly currency: string;
    readonly documents: bigint;
    readonly netMinor: bigint;
    readonly payableMinor: bigint;
    readonly energyWh: bigint;
  }[];
  readonly verified: bigint;
  readonly firstNumber: string | null;
  readonly lastNumber: string | null;
};

/** The live run of an entity and month that is not cancelled, with its totals; undefined when there is none. */
export async function runSummary(db: Db, entityId: string, period: string): Promise<RunSummary | undefined> {
  const run = (
    await db.query("SELECT id, workflow_id, state, cut_off_at, encode(content_hash, 'hex') AS hash FROM billing_run WHERE entity_id = $1 AND period = $2 AND kind = 'live' AND state <> 'cancelled'", [
      entityId,
      period,
    ])
  ).rows[0];
  if (run === undefined) return undefined;
  const strategies = await db.query(
    `SELECT a.strategy, d.currency, count(*) AS documents, sum(d.net_minor)::bigint AS net, sum(d.payable_minor)::bigint AS payable, sum(d.energy_wh)::bigint AS wh
     FROM document d JOIN account a ON a.id = d.account_id WHERE d.run_id = $1 GROUP BY 1, 2 ORDER BY 1, 2`,
    [run.id],
  );
  const erp = await db.query("SELECT count(*) AS n FROM erp_posting WHERE run_id = $1 AND state = 'verified'", [run.id]);
  const numbers = await db.query('SELECT min(s.legal_number) AS first, max(s.legal_number) AS last FROM issue_stamp s JOIN document d ON d.id = s.document_id WHERE d.run_id = $1', [run.id]);
  return {
    runId: run.id,
    workflowId: run.workflow_id,
    state: run.state,
    cutOffAt: run.cut_off_at,
    contentHash: run.hash,
    byStrategy: strategies.rows.map((r) => ({ strategy: r.strategy, currency: r.currency, documents: r.documents, netMinor: r.net, payableMinor: r.payable, energyWh: r.wh })),
    verified: erp.rows[0].n,
    firstNumber: numbers.rows[0].first,
    lastNumber: numbers.rows[0].last,
  };
}
