import type { Db } from '../db.ts';

/** Currency of an account (ISO 4217); undefined when there is no such account. */
export async function accountCurrency(db: Db, accountId: string): Promise<string | undefined> {
  const { rows } = await db.query<{ currency: string }>('SELECT currency FROM account WHERE id = $1', [accountId]);
  return rows[0]?.currency;
}
