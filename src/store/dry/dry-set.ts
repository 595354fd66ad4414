import { ownersBehind, shareRoles } from '../cycle/owner-contracts.ts';
import { closeOwnerSet } from '../cycle/owner-set.ts';
import { claimable, claimableNow, markDueWithoutSessions } from '../cycle/record-set.ts';
import { lockRun } from '../cycle/run-state.ts';
import { takesAll } from '../cycle/selection.ts';
import { planForAccounts, planForWholeRun, withinIds } from '../cycle/whole-run.ts';
import type { Db } from '../db.ts';
import { enterDryRun } from './dry-world.ts';

/**
 * Lists the set of a dry run: that of the live run of its month, with the exclusions and adjustments that shaped it, whatever became of them;
 * with it, once that run is closed, what is ordered to be credited and waits for another; where no live run has closed its set yet, what one
 * would claim now; of either its own accounts alone, where it names any. Nothing is claimed. Repeatable: it is listed once. Answers how many charges. In the caller's transaction, which speaks of the world of the run from then on.
 */
export async function closeDrySet(db: Db, runId: string): Promise<{ readonly claimed: number }> {
  await lockRun(db, runId);
  const closed = await db.query<{ base: string | null }>(
    `UPDATE billing_run r SET set_closed_at = now(), takes_all = ${takesAll}, base_run_id = (SELECT o.id FROM billing_run o WHERE o.entity_id = r.entity_id AND o.label = r.label AND o.kind = 'live' AND o.selection IS NULL AND o.state <> 'cancelled'
       AND o.set_closed_at IS NOT NULL AND o.calendar_id = r.calendar_id) WHERE r.id = $1 AND r.set_closed_at IS NULL RETURNING r.base_run_id AS base`,
    [runId],
  );
  const [run] = closed.rows;
  await enterDryRun(db, runId);
  if (run === undefined) return { claimed: 0 };
  await (run.base === null ? planForWholeRun(db, 'open_charge') : planForWholeRun(db, '(SELECT charge_id + 0 AS charge_id FROM public.claim WHERE run_id = $1)', [run.base]));
  const listed =
    run.base === null
      ? await db.query(`INSERT INTO public.dry_claim (run_id, charge_id, account_id, disposition) SELECT $1, charge_id, payer_account_id, 'document' FROM (${claimable}) o`, [runId])
      : await db.query(setOf, [runId, run.base]);
  await planForAccounts(db);
  if (run.base !== null) {
    await db.query(`INSERT INTO run_account (run_id, account_id, group_name, state) SELECT $1, account_id, group_name, 'pending' FROM run_account WHERE run_id = $2 AND ${isNamed('account_id')}`, [
      runId,
      run.base,
    ]);
    const ordered = await listOrdered(db, runId);
    await markManual(db, runId);
    return { claimed: (listed.rowCount ?? 0) + ordered };
  }
  await db.query("INSERT INTO run_account (run_id, account_id, state) SELECT DISTINCT run_id, account_id, 'pending' FROM public.dry_claim WHERE run_id = $1", [runId]);
  await markManual(db, runId);
  await markDueWithoutSessions(db, runId);
  const shares = await closeOwnerSet(db, runId);
  // What is supposed may leave out or correct anything: nothing of it is decided beforehand.
  await db.query('UPDATE run_account SET plain = false WHERE run_id = $1 AND plain', [runId]);
  return { claimed: (listed.rowCount ?? 0) + shares.claimed };
}

/** What would be taken back, or was ordered to be credited, has an account of its own to show it. */
async function markManual(db: Db, runId: string): Promise<void> {
  await db.query(
    `INSERT INTO run_account (run_id, account_id, state) SELECT $1, account_id, 'pending' FROM (SELECT account_id FROM adjustment WHERE run_id = $1 UNION SELECT account_id FROM credit_order WHERE run_id = $1) s
     WHERE ${isNamed('account_id')} ON CONFLICT DO NOTHING`,
    [runId],
  );
}

/**
 * Lists beside the set of a closed run what orders to credit and rebill opened since of documents that the dry run sees, as that run would
 * take it now: pulled in, so that shares come along. Answers how many charges.
 */
async function listOrdered(db: Db, runId: string): Promise<number> {
  const { rows } = await db.query<{ account_id: string }>(
    `WITH l AS MATERIALIZED (${claimableNow})
     INSERT INTO public.dry_claim (run_id, charge_id, account_id, disposition, pulled_in_by)
     SELECT $1, l.charge_id, l.payer_account_id, 'document', 'ordered' FROM l JOIN rated_charge c ON c.charge_id = l.charge_id
     WHERE EXISTS (SELECT FROM billing_run b WHERE b.id = current_setting('wattledger.base') AND b.state = 'closed') AND (${orderedBy.map((ordered) => `EXISTS (${ordered})`).join(' OR ')})
     RETURNING account_id`,
    [runId],
  );
  const accounts = [...new Set(rows.map((r) => r.account_id))];
  await db.query("INSERT INTO run_account (run_id, account_id, state) SELECT $1, unnest($2::text[]), 'pending' ON CONFLICT DO NOTHING", [
    runId,
    [...new Set([...accounts, ...(await ownersBehind(db, runId, accounts))])],
  ]);
  return rows.length;
}

/** SQL that holds for an account that dry run $1 is about: whoever it names, or everybody. */
const isNamed = (account: string) => `coalesce((SELECT o.selection->'accountIds' FROM billing_run o WHERE o.id = $1) ? ${account}, true)`;

const isIssued = "JOIN claim k ON k.charge_id = m.reversal_of AND k.run_id <> $1 JOIN document d ON d.id = k.document_id AND d.state = 'issued'";
/** SQL by which an order made charge `c`: with the mirror of the revision before, or, of what no session made, as the mirror itself. */
const orderedBy = [
  `SELECT FROM rebilled_record b JOIN rated_charge m ON m.record_id = b.record_id AND m.revision = b.revision - 1 AND m.reversal_of IS NOT NULL ${isIssued}
   WHERE b.record_id = c.record_id AND c.revision = b.revision - CASE WHEN c.reversal_of IS NULL THEN 0 ELSE 1 END`,
  `SELECT FROM rated_charge m ${isIssued} WHERE m.charge_id = c.charge_id AND c.record_id IS NULL AND m.reversal_of IS NOT NULL`,
];

/** What the set of run $2 held: its claims without what the month decided, which is decided anew, and what it carried, with the shares that waited for it. */
const setOf = `INSERT INTO public.dry_claim (run_id, charge_id, account_id, disposition, held_since)
  SELECT $1, k.charge_id, k.account_id, 'document', k.held_since FROM public.claim k JOIN public.rated_charge c ON c.charge_id = k.charge_id AND ${withinIds('c.charge_id', '(SELECT charge_id + 0 AS charge_id FROM public.claim WHERE run_id = $2) b')}
  WHERE k.run_id = $2 AND ${isNamed('k.account_id')} AND NOT (c.record_id IS NULL AND EXISTS (SELECT FROM period_charge p WHERE p.run_id = $2 AND p.charge_hash = c.charge_hash))
  UNION
  SELECT $1, h.charge_id, h.account_id, 'document', NULL FROM public.exclusion_hit h WHERE h.run_id = $2 AND h.outcome = 'carried' AND ${isNamed('h.account_id')} AND NOT EXISTS (SELECT FROM public.claim k WHERE k.run_id = $2 AND k.charge_id = h.charge_id)
  UNION
  SELECT $1, c.charge_id, c.payee_account_id, 'document', NULL FROM public.exclusion_hit h JOIN public.rated_charge s ON s.charge_id = h.charge_id AND s.payer_account_id IS NOT NULL
  JOIN public.rated_charge c ON c.record_id = s.record_id AND c.revision = s.revision AND (c.reversal_of IS NULL) = (s.reversal_of IS NULL) AND c.payee_account_id IS NOT NULL AND c.role IN ${shareRoles}
  WHERE h.run_id = $2 AND h.outcome = 'carried' AND ${isNamed('c.payee_account_id')} AND NOT EXISTS (SELECT FROM public.claim k WHERE k.run_id = $2 AND k.charge_id = c.charge_id)`;
