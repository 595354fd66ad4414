import type { Db } from '../db.ts';

/**
 * By group, the hash over what a run leaves out: each charge that it carries or writes off, and each fee, which no charge tells of. One line each, by what
 * it is and not by when or by which rule it was said. It holds as long as the run does: what is carried moves on, and what was said of it stays. A
 * group that leaves nothing out is not named.
 */
export async function leftOutHashes(db: Db, runId: string): Promise<ReadonlyMap<string, Buffer>> {
  const { rows } = await db.query<{ name: string; hash: Buffer }>(
    `SELECT x.group_name AS name, sha256(convert_to(string_agg(l.line, E'\\n' ORDER BY l.line COLLATE "C"), 'UTF8')) AS hash FROM (
       SELECT h.account_id, 'charge ' || encode(c.charge_hash, 'hex') || ' ' || h.outcome AS line FROM exclusion_hit h JOIN rated_charge c ON c.charge_id = h.charge_id WHERE h.run_id = $1 AND h.outcome <> 'billed'
       UNION ALL
       -- Of what an order writes off there is no exclusion hit.
       SELECT k.account_id, 'charge ' || encode(c.charge_hash, 'hex') || ' excluded' FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id
         WHERE k.run_id = $1 AND k.disposition = 'excluded' AND NOT EXISTS (SELECT FROM exclusion_hit h WHERE h.run_id = $1 AND h.charge_id = k.charge_id AND h.outcome <> 'billed')
       UNION ALL
       SELECT f.account_id, concat_ws(' ', 'fee', f.contract_id, f.clause, f.component, f.split_no, f.service_month, f.currency, f.net_minor, f.gross_minor, f.outcome) FROM left_out_fee f WHERE f.run_id = $1 AND f.outcome <> 'billed'
     ) l JOIN run_account x ON x.run_id = $1 AND x.account_id = l.account_id GROUP BY 1`,
    [runId],
  );
  return new Map(rows.map((r) => [r.name, r.hash]));
}
