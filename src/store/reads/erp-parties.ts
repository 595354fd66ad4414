import type { Db } from '../db.ts';

/** Names of accounts' parties as an ERP's register takes them; those of erased parties as they stand now. */
export async function erpParties(
  db: Db,
  accountIds: readonly string[],
): Promise<readonly { readonly accountId: string; readonly name: string; readonly country: string; readonly vatNumber: string | null }[]> {
  const { rows } = await db.query('SELECT a.id, p.name, p.country, p.vat_number FROM account a JOIN party p ON p.id = a.party_id WHERE a.id = ANY($1) ORDER BY a.id', [accountIds]);
  return rows.map((r) => ({ accountId: r.id, name: r.name, country: r.country.trim(), vatNumber: r.vat_number }));
}
