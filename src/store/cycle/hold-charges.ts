import type { Db } from '../db.ts';
import { owedRoles } from './drafts.ts';
import { carryDraftedFees } from './left-out-fee-rows.ts';
import type { MadeDocuments } from './make-documents.ts';
import { carryClaims, markParked } from './parked-accounts.ts';

/**
 * What the dispositions of corrections follow from, after those of the run itself: the mirror of what was written off is no credit but takes
 * the write-off back; what corrects a document that another run has not issued yet waits, with what takes its place, since there is nothing
 * to credit; and what an order writes off is written off.
 */
export async function settleCorrections(db: Db, runId: string, accounts: readonly string[]): Promise<void> {
  await db.query('UPDATE claim SET hold_reason = NULL WHERE run_id = $1 AND account_id = ANY($2) AND hold_reason IS NOT NULL', [runId, accounts]);
  const mirrors = await db.query<{ charge_id: bigint; record_id: bigint | null; disposition: string }>(
    `SELECT c.charge_id, c.record_id, o.disposition FROM rated_charge c JOIN claim k ON k.charge_id = c.charge_id JOIN claim o ON o.charge_id = c.reversal_of LEFT JOIN document d ON d.id = o.document_id
     WHERE c.payer_account_id = ANY($2) AND c.reversal_of IS NOT NULL AND k.run_id = $1 AND k.disposition = 'document' AND o.run_id <> $1
       AND (o.disposition = 'excluded' OR o.disposition = 'document' AND d.state IS DISTINCT FROM 'issued')`,
    [runId, accounts],
  );
  const writtenOff = mirrors.rows.filter((m) => m.disposition === 'excluded');
  if (writtenOff.length > 0) await db.query("UPDATE claim SET disposition = 'excluded', document_id = NULL, line_no = NULL WHERE charge_id = ANY($1::bigint[])", [writtenOff.map((m) => m.charge_id)]);
  const early = mirrors.rows.filter((m) => m.disposition === 'document');
  if (early.length > 0)
    await db.query(
      `UPDATE claim k SET disposition = 'carried', document_id = NULL, line_no = NULL, hold_reason = 'originalNotIssued' FROM rated_charge c
       WHERE c.charge_id = k.charge_id AND k.run_id = $1 AND k.account_id = ANY($2) AND k.disposition = 'document' AND (c.record_id = ANY($3::bigint[]) OR c.charge_id = ANY($4::bigint[]))`,
      [runId, accounts, early.flatMap((m) => m.record_id ?? []), early.map((m) => m.charge_id)],
    );
  await db.query(
    `UPDATE claim k SET disposition = 'excluded', document_id = NULL, line_no = NULL FROM rebill_order o JOIN rebilled_record b ON b.order_id = o.id JOIN rated_charge c ON c.record_id = b.record_id AND c.revision = b.revision AND c.reversal_of IS NULL
     WHERE o.outcome = 'writeOff' AND k.charge_id = c.charge_id AND k.run_id = $1 AND k.account_id = ANY($2) AND k.disposition = 'document' AND c.payer_account_id IS NOT NULL`,
    [runId, accounts],
  );
}

/** Keeps charges of a run open for a later one, which is told since when; drafts of the month go, since it makes them anew. */
export async function holdCharges(db: Db, runId: string, held: readonly { readonly accountId: string; readonly reason: string; readonly chargeIds: readonly bigint[] }[]): Promise<void> {
  const rows = held.flatMap((h) => h.chargeIds.map((id) => ({ id, reason: h.reason })));
  if (rows.length === 0) return;
  const claimed = rows.filter((r) => r.id > 0n);
  await db.query(
    `UPDATE claim k SET disposition = 'carried', document_id = NULL, line_no = NULL, hold_reason = t.reason, held_since = coalesce(k.held_since, r.period) FROM unnest($2::bigint[], $3::text[]) AS t(id, reason), billing_run r
     WHERE k.charge_id = t.id AND k.run_id = $1 AND r.id = $1`,
    [runId, claimed.map((r) => r.id), claimed.map((r) => r.reason)],
  );
  await db.query('UPDATE run_account SET plain = false WHERE run_id = $1 AND account_id = ANY($2)', [runId, held.map((h) => h.accountId)]);
  const drafts = rows.flatMap((r) => (r.id < 0n ? [{ draftId: -r.id, cause: r.reason }] : []));
  await carryDraftedFees(db, runId, drafts);
  await db.query('DELETE FROM period_charge WHERE run_id = $1 AND id = ANY($2::bigint[])', [runId, drafts.map((d) => d.draftId)]);
}

/** Says of accounts of a run which invoice of theirs waits, for what, and what it comes to; of those that were built and wait for nothing, nothing. */
export async function noteHeld(db: Db, runId: string, accounts: readonly string[], { held, charges }: MadeDocuments): Promise<void> {
  await db.query('DELETE FROM held_document WHERE run_id = $1 AND account_id = ANY($2)', [runId, accounts]);
  // A statement's rows are no fees: with the shares they take back they come to nothing, or it would not wait.
  const ofMonth = new Map(charges.flatMap((c) => (c.isDraft && !owedRoles.has(c.role) ? c.chargeIds.map((id, i) => [id, i === 0 ? c.netMinor : 0n] as const) : [])));
  const rows = held.flatMap(({ accountId, reason, chargeIds, document }) =>
    document === undefined ? [] : [{ accountId, reason, ...document, count: chargeIds.length, fees: chargeIds.reduce((sum, id) => sum + (ofMonth.get(id) ?? 0n), 0n) }],
  );
  if (rows.length === 0) return;
  await db.query(
    `INSERT INTO held_document (run_id, account_id, reason, currency, net_minor, energy_wh, charge_count, fees_minor)
     SELECT $1, account_id, reason, currency, sum(net), sum(wh), sum(n), sum(fees) FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::integer[], $8::bigint[]) AS t(account_id, reason, currency, net, wh, n, fees)
     GROUP BY 1, 2, 3, 4`,
    [
      runId,
      rows.map((r) => r.accountId),
      rows.map((r) => r.reason),
      rows.map((r) => r.currency),
      rows.map((r) => r.netMinor),
      rows.map((r) => r.energyWh),
      rows.map((r) => r.count),
      rows.map((r) => r.fees),
    ],
  );
}

/** Accounts that cannot be billed as they stand: parked with the reason, and what they were to be billed is carried. */
export async function parkAccounts(db: Db, runId: string, parked: ReadonlyMap<string, string>): Promise<void> {
  if (parked.size === 0) return;
  const ids = [...parked.keys()];
  await markParked(db, runId, parked);
  await carryClaims(db, runId, ids);
  const drafts = await db.query<{ draftId: bigint }>('SELECT id AS "draftId" FROM period_charge WHERE run_id = $1 AND account_id = ANY($2)', [runId, ids]);
  await carryDraftedFees(
    db,
    runId,
    drafts.rows.map((d) => ({ ...d, cause: 'parked' })),
  );
  await db.query('DELETE FROM period_charge WHERE run_id = $1 AND account_id = ANY($2)', [runId, ids]);
}
