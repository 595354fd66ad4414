import type { Store } from '../../src/store/db.ts';

/** Has an account pay a fee of 80.00 in arrears each month, from November 2019 on. */
export async function setFee(store: Store, accountId: string): Promise<void> {
  const { rows } = await store.pool.query<{ id: string; clauses: { clauses: object[] } }>(
    "SELECT k.id, v.clauses FROM contract k JOIN contract_version v ON v.contract_id = k.id WHERE k.account_id = $1 AND k.kind = 'supply' ORDER BY v.version DESC LIMIT 1",
    [accountId],
  );
  const [contract] = rows;
  const clauses = { ...contract?.clauses, clauses: [...(contract?.clauses.clauses ?? []), { kind: 'fee', id: 'fee', amount: '80', billed: 'arrears', refund: 'prorata' }] };
  await store.pool.query("INSERT INTO contract_version (contract_id, version, valid_from, clauses, author, second_person) VALUES ($1, 50, '2019-10-31T23:00:00Z', $2, 'sales', 'head')", [
    contract?.id,
    JSON.stringify(clauses),
  ]);
}
