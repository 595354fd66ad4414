import type { Db } from './db.ts';

/** What stands where a name was. */
const erasedName = '(erased)';

/** Takes everything that identifies off parties, and the tokens that are mapped to their accounts. Those erased before are left. */
export async function eraseParties(db: Db, partyIds: readonly string[]): Promise<{ readonly parties: number; readonly mappings: number }> {
  const parties = await db.query(
    `UPDATE party SET name = '${erasedName}', vat_number = NULL, org_number = NULL, address = '{}', version = version + 1, erased_at = now() WHERE id = ANY($1) AND erased_at IS NULL`,
    [partyIds],
  );
  const mappings = await db.query("DELETE FROM mapping m USING account a WHERE a.party_id = ANY($1) AND m.kind = 'token' AND m.internal_id = a.id", [partyIds]);
  return { parties: parties.rowCount ?? 0, mappings: mappings.rowCount ?? 0 };
}
