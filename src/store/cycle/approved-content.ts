import { groupHash } from '../../core/document/compose.ts';
import type { Db } from '../db.ts';
import { documentHashes } from './content-hashes.ts';
import { leftOutHashes } from './left-out-hash.ts';
import { groupStates } from './run-state.ts';
import { chargesOfRun, planForAccounts, planForWholeRun, withinIds } from './whole-run.ts';

/** Documents named at most. */
const named = 20;

/**
 * Looks whether groups hold what they were built from: each document the bytes of its hash, the charges its lines count and their sum, and
 * the group the hash over its documents and what it leaves out. Set-wise; answers what does not hold, by account.
 */
export async function contentProblems(db: Db, runId: string, groups: readonly string[]): Promise<string[]> {
  const bytes = await db.query<{ id: string; account_id: string }>(
    `SELECT id, account_id FROM document WHERE run_id = $1 AND group_name = ANY($2) AND state <> 'discarded' AND (canonical IS NULL OR sha256(canonical) <> content_hash) ORDER BY account_id LIMIT ${named}`,
    [runId, groups],
  );
  await planForWholeRun(db, chargesOfRun, [runId]);
  const charges = await db.query<{ id: string; account_id: string }>(
    `SELECT d.id, d.account_id FROM document d
     LEFT JOIN (SELECT k.document_id, count(*) AS n, sum(c.energy_wh) AS wh FROM document o JOIN claim k ON k.run_id = o.run_id AND k.account_id = o.account_id AND k.document_id = o.id JOIN rated_charge c ON c.charge_id = k.charge_id AND ${withinIds('c.charge_id', `${chargesOfRun} b`)}
                WHERE o.run_id = $1 AND o.group_name = ANY($2) GROUP BY 1) k ON k.document_id = d.id
     LEFT JOIN (SELECT document_id, count(*) AS n FROM period_charge WHERE run_id = $1 AND document_id IS NOT NULL GROUP BY 1) p ON p.document_id = d.id
     WHERE d.run_id = $1 AND d.group_name = ANY($2) AND d.state IN ('draft', 'frozen', 'approved')
       AND (d.charge_count, d.energy_wh) IS DISTINCT FROM (coalesce(k.n, 0) + coalesce(p.n, 0), coalesce(k.wh, 0)) ORDER BY d.account_id LIMIT ${named}`,
    [runId, groups],
  );
  await planForAccounts(db);
  const hashes = await documentHashes(db, runId);
  const leftOut = await leftOutHashes(db, runId);
  const own = (await groupStates(db, runId)).filter((g) => groups.includes(g.name));
  const off = own.filter((g) => !g.hash?.equals(groupHash(hashes.get(g.name) ?? [], g.leftOut)));
  const otherwise = own.filter((g) => g.leftOut?.equals(leftOut.get(g.name) ?? Buffer.alloc(0)) === false);
  return [
    ...bytes.rows.map((d) => `document ${d.id} of ${d.account_id} has other bytes than its hash says`),
    ...charges.rows.map((d) => `document ${d.id} of ${d.account_id} has other charges than it was built from`),
    ...off.map((g) => `group ${g.name} has other documents than its hash says`),
    ...otherwise.map((g) => `group ${g.name} leaves out other than its hash says`),
  ];
}
