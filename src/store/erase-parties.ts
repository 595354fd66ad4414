import type { Db } from './db.ts';
import { lockSetUp } from './set-up-lock.ts';

/** What stands where a name was. */
const erasedName = '(erased)';

/**
 * Takes everything that identifies off parties and off what the set-up says of them: the words beside their versions, VAT numbers and
 * bank accounts, names of their homes, the references of their cards, labels of the fleet units they drive, what an ERP said of their documents that are not settled there, proposals, and loads that wait with them in it; and the tokens that are mapped to
 * their accounts. Those erased before are left.
 */
export async function eraseParties(db: Db, partyIds: readonly string[]): Promise<{ readonly parties: number; readonly mappings: number }> {
  await lockSetUp(db);
  const parties = await db.query(
    `UPDATE party SET name = '${erasedName}', vat_number = NULL, org_number = NULL, email = NULL, address = '{}', version = version + 1, erased_at = now() WHERE id = ANY($1) AND erased_at IS NULL`,
    [partyIds],
  );
  await eraseSetUp(db, partyIds);
  const mappings = await db.query("DELETE FROM mapping m USING account a WHERE a.party_id = ANY($1) AND m.kind = 'token' AND m.internal_id = a.id", [partyIds]);
  return { parties: parties.rowCount ?? 0, mappings: mappings.rowCount ?? 0 };
}

const accountsOf = 'SELECT id FROM account WHERE party_id = ANY($1)';

/** Takes the label off fleet units, with every version of it, and the loads that wait with one of them. Answers how many had one. */
export async function eraseUnits(db: Db, unitIds: readonly string[]): Promise<number> {
  await db.query("DELETE FROM set_up_words WHERE kind = 'fleetUnit' AND id = ANY($1)", [unitIds]);
  const units = await db.query(`UPDATE fleet_unit SET label = '${erasedName}', party_id = NULL, version = version + 1 WHERE id = ANY($1) AND label <> '${erasedName}'`, [unitIds]);
  await withdrawLoads(db, unitIds);
  return units.rowCount ?? 0;
}

async function eraseSetUp(db: Db, partyIds: readonly string[]): Promise<void> {
  const units = await db.query<{ id: string }>('SELECT id FROM fleet_unit WHERE party_id = ANY($1)', [partyIds]);
  await eraseUnits(
    db,
    units.rows.map((r) => r.id),
  );
  const homes = `SELECT id FROM site s WHERE kind = 'home' AND (owner_account_id IN (${accountsOf}) OR EXISTS (SELECT FROM site_holder h WHERE h.site_id = s.id AND h.owner_account_id IN (${accountsOf})))`;
  for (const sql of [
    `DELETE FROM set_up_words WHERE kind = 'party' AND id = ANY($1) OR kind = 'site' AND id IN (${homes}) OR kind IN ('vatStatus', 'payeeBankAccount') AND id IN (${accountsOf})`,
    `UPDATE site SET name = '${erasedName}', version = version + 1 WHERE id IN (${homes}) AND name <> '${erasedName}'`,
    `UPDATE vat_status SET vat_number = NULL, evidence = NULL WHERE account_id IN (${accountsOf}) AND (vat_number IS NOT NULL OR evidence IS NOT NULL)`,
    `UPDATE payee_bank_account SET number = NULL WHERE account_id IN (${accountsOf}) AND number IS NOT NULL`,
    `DELETE FROM payer_card WHERE account_id IN (${accountsOf})`,
    `UPDATE set_up_proposal SET words = '{}' WHERE kind IN ('vatStatus', 'payeeBankAccount') AND subject_id IN (${accountsOf}) AND words <> '{}'`,
  ])
    await db.query(sql, [partyIds]);
  await eraseAnswers(db, partyIds);
  const accounts = await db.query<{ id: string }>(accountsOf, [partyIds]);
  await withdrawLoads(db, [...partyIds, ...accounts.rows.map((r) => r.id)]);
}

/**
 * What an ERP says of a document may name whom it is for; said again by then, it knows an erased name. What it said of several at once stands
 * with each of them, and what kept a run, of before this was pointed at (`erp-words.ts`), with the run and its group.
 */
async function eraseAnswers(db: Db, partyIds: readonly string[]): Promise<void> {
  const { rows } = await db.query<{ connection_id: string; run_id: string | null; answer: string }>(
    `SELECT DISTINCT p.connection_id, p.run_id, p.answer FROM erp_posting p JOIN document d ON d.id = p.document_id
     WHERE d.account_id IN (${accountsOf}) AND p.state IN ('queued', 'unknown', 'refused') AND p.answer <> '${erasedName}'`,
    [partyIds],
  );
  for (const { connection_id: connectionId, run_id: runId, answer } of rows) {
    await db.query(
      `UPDATE erp_posting p SET answer = '${erasedName}' WHERE p.connection_id = $2 AND p.answer = $3
         AND (p.state IN ('queued', 'unknown') OR p.state = 'refused' AND EXISTS (SELECT FROM document d WHERE d.id = p.document_id AND d.account_id IN (${accountsOf})))`,
      [partyIds, connectionId, answer],
    );
    for (const where of ['billing_run SET problem = replace(problem, $2, $3) WHERE id', 'release_group SET problem = replace(problem, $2, $3) WHERE run_id'])
      await db.query(`UPDATE ${where} = $1 AND strpos(problem, $2) > 0`, [runId, answer, erasedName]);
  }
}

/** A load that waits to be applied would bring back what is taken. */
async function withdrawLoads(db: Db, ids: readonly string[]): Promise<void> {
  await db.query(
    `UPDATE set_up_load l SET state = 'withdrawn', body = NULL, plan = NULL WHERE body IS NOT NULL AND EXISTS (SELECT FROM unnest($1::text[]) AS w(id) WHERE strpos(l.body::text, to_json(w.id)::text) > 0)`,
    [ids],
  );
}
