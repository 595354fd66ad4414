import type { QueryResultRow } from 'pg';
import type { CreditRef, DocumentCharge } from '../../core/document/compose.ts';
import type { Db } from '../db.ts';
import { summedCharge } from './claimed-charges.ts';
import type { DocumentSetup } from './document-setup.ts';
import { planForAccounts } from './whole-run.ts';

/** Charges of an account in a run that are alike in all that documents, lines and previews tell apart. */
export type SummedCharges = {
  readonly accountId: string;
  readonly disposition: 'document' | 'carried' | 'excluded';
  /** Where its claims stand; null for nowhere, and for drafts of the month. */
  readonly documentId: string | null;
  readonly lineNo: number | null;
  readonly chargeIds: readonly bigint[];
  /** Of its sessions, each time one is in it. */
  readonly recordIds: readonly string[];
  readonly tariffVersionId: string | null;
  /** Takes something back, or stands in its place. */
  readonly isCorrection: boolean;
  /** Sold this month in sessions that nobody earns a share of. */
  readonly isUnshared: boolean;
  /** Too small to be billed. */
  readonly isSmall: boolean;
  readonly row: QueryResultRow;
};

const key = `role, component, unit_price, quantity_unit, currency, rounding_mode, vat_code, gl_account, cost_center, customer_cost_center, site_id, service_month, mapping_version`;
const ofCharge = key
  .split(', ')
  .map((name) => `c.${name}`)
  .join(', ');
const sums = `sum(c.quantity)::bigint AS quantity, sum(c.net_minor)::bigint AS net_minor, sum(c.gross_minor)::bigint AS gross_minor, sum(c.energy_wh)::bigint AS energy_wh, min(c.service_on) AS service_from, max(c.service_on) AS service_on,
  min(c.charge_id) AS charge_id, array_agg(c.charge_id)::text AS ids, encode(string_agg(c.charge_hash, ''), 'hex') AS hashes`;

/**
 * One pass over the charges that run $1 claims of accounts $2, and the drafts of their months. A mirror stands alone, and so does what is
 * among $3: each has a document of its own to go to; of accounts $5 each session has. $4 is the run's month. What is asked of each session is asked by its index: as EXISTS it
 * might be hashed, over all charges there ever were.
 */
const summed = `SELECT k.account_id, k.disposition, k.document_id, k.line_no, k.held_since, ${ofCharge}, c.tariff_version_id, c.reversal_of, c.record_id IS NULL AS of_month, coalesce(c.clause = 'smallSession', false) AS is_small,
    c.reversal_of IS NOT NULL OR c.revision > 1 AND (
      SELECT true FROM rated_charge m JOIN claim mk ON mk.charge_id = m.charge_id WHERE m.record_id = c.record_id AND m.reversal_of IS NOT NULL AND mk.run_id = $1 LIMIT 1) IS NOT NULL AS is_correction,
    c.payer_account_id IS NOT NULL AND c.record_id IS NOT NULL AND c.service_month = $4 AND (
      SELECT true FROM rated_charge s WHERE s.record_id = c.record_id AND s.service_month = c.service_month AND s.payer_account_id IS NULL AND s.payee_account_id IS NOT NULL LIMIT 1) IS NULL AS is_unshared,
    CASE WHEN c.charge_id = ANY($3::bigint[]) THEN c.charge_id END AS apart, CASE WHEN k.account_id = ANY($5) THEN c.session_key END AS session_key, ${sums}, array_agg(c.record_id)::text AS records
  FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.run_id = $1 AND k.account_id = ANY($2)
  GROUP BY k.account_id, k.disposition, k.document_id, k.line_no, k.held_since, ${ofCharge}, c.tariff_version_id, c.reversal_of, of_month, is_small, is_correction, is_unshared, apart, CASE WHEN k.account_id = ANY($5) THEN c.session_key END
  UNION ALL
  SELECT c.account_id, 'document', NULL, NULL, NULL, ${ofCharge}, NULL, NULL, true, false, false, false, NULL, NULL,
    c.quantity, c.net_minor, c.gross_minor, c.energy_wh, c.service_on, c.service_on, -c.id, '{' || -c.id || '}', encode(c.charge_hash, 'hex'), '{NULL}'
  FROM period_charge c WHERE c.run_id = $1 AND c.account_id = ANY($2)`;

/** To be called after `planForSums`; plans for accounts again when it is done. */
export async function sumCharges(
  db: Db,
  { runId, period, ordered, accounts: details }: Pick<DocumentSetup, 'runId' | 'period' | 'ordered' | 'accounts'>,
  accounts: readonly string[],
): Promise<SummedCharges[]> {
  const perSession = details.filter((a) => a.strategy === 'cardReceipt').map((a) => a.id);
  const { rows } = await db.query(summed, [runId, accounts, [...ordered], period, perSession]);
  await planForAccounts(db);
  return rows.map((row) => ({
    accountId: row.account_id,
    disposition: row.disposition,
    documentId: row.document_id,
    lineNo: row.line_no,
    chargeIds: membersOf(row.ids).map(BigInt),
    recordIds: membersOf(row.records).filter((id) => id !== 'NULL'),
    tariffVersionId: row.tariff_version_id,
    isCorrection: row.is_correction,
    isUnshared: row.is_unshared,
    isSmall: row.is_small,
    row,
  }));
}

/** As composing takes them; `refs` as `creditRefs` finds them. */
export function documentChargeOf({ row, chargeIds }: SummedCharges, refs: ReadonlyMap<bigint, CreditRef>): DocumentCharge {
  const hashes: string = row['hashes'];
  return {
    ...summedCharge(row, row['of_month'], refs),
    chargeIds,
    chargeHashes: chargeIds.map((_id, i) => hashes.slice(64 * i, 64 * (i + 1))),
    // What no session made is of its whole month.
    serviceFrom: row['of_month'] ? `${row['service_month']}-01` : row['service_from'],
  };
}

/** Of an array of numbers as PostgreSQL writes it. */
function membersOf(array: string): string[] {
  return array.length === 2 ? [] : array.slice(1, -1).split(',');
}
