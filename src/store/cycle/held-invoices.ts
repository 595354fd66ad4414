import { groupBy } from '../../core/group-by.ts';
import { issue, messageOf, remedyOf } from '../../core/issues.ts';
import { formatMinor } from '../../core/money.ts';
import type { Db } from '../db.ts';

/** SQL that holds for an account `a` of a run with an invoice that waits for a purchase order. */
export const awaitsOrder = (a: string) => `EXISTS (SELECT FROM held_document h WHERE h.run_id = ${a}.run_id AND h.account_id = ${a}.account_id AND h.reason = 'purchaseOrder')`;

/** What invoices of a run wait for that their customers want on them, and what they come to: sentences by account. Nothing of one that is parked. */
export async function heldInvoices(db: Db, runId: string): Promise<ReadonlyMap<string, string>> {
  const { rows } = await db.query<{ accountId: string; currency: string; net: bigint; wh: bigint }>(
    `SELECT h.account_id AS "accountId", h.currency, h.net_minor AS net, h.energy_wh AS wh FROM held_document h JOIN run_account a ON a.run_id = h.run_id AND a.account_id = h.account_id AND a.state <> 'parked'
     WHERE h.run_id = $1 AND h.reason = 'purchaseOrder' ORDER BY 1, 2`,
    [runId],
  );
  const said = ({ currency, net, wh }: (typeof rows)[number]) => {
    const found = issue('purchaseOrderMissing', 'warns', '', { computed: formatMinor(net, currency), currency, wh: wh.toString() });
    return `${messageOf(found)}. ${remedyOf(found.code)}`;
  };
  return new Map([...groupBy(rows, (r) => r.accountId)].map(([accountId, own]) => [accountId, own.map(said).join(' ')]));
}
