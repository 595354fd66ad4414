import { receiptCustomerOf } from '../cycle/hand-receipts.ts';
import type { Db } from '../db.ts';

/** Names of accounts' parties as an ERP's register takes them; those of erased parties as they stand now. The collective customer of card receipts is of the seller's country. */
export async function erpParties(
  db: Db,
  accountIds: readonly string[],
): Promise<readonly { readonly accountId: string; readonly name: string; readonly country: string; readonly vatNumber: string | null }[]> {
  const { rows } = await db.query(
    `SELECT a.id, p.name, p.country, p.vat_number FROM account a JOIN party p ON p.id = a.party_id WHERE a.id = ANY($1)
     UNION ALL SELECT $2 || e.id, 'Card receipts', e.country, NULL FROM legal_entity e WHERE $2 || e.id = ANY($1) ORDER BY 1`,
    [accountIds, receiptCustomerOf('')],
  );
  return rows.map((r) => ({ accountId: r.id, name: r.name, country: r.country.trim(), vatNumber: r.vat_number }));
}
