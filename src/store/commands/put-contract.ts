import type { AgreementKind } from '../../contracts/agreement.ts';
import { categoriesOf } from '../../core/agreement/known.ts';
import type { Db } from '../db.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';

export type NewContract = { readonly id: string; readonly accountId: string; readonly kind: AgreementKind; readonly reason: string };

/**
 * Opens a contract, or changes one that says nothing yet. The same again changes nothing. Refused for an account of another category, an
 * account that has a contract of the kind which is not ended, and once a version is published.
 */
export async function putContract(db: Db, contract: NewContract, by: By): Promise<{ readonly id: string; readonly outcome: 'created' | 'changed' | 'unchanged' }> {
  const { id, accountId, kind, reason } = contract;
  const account = (
    await db.query<{ category: string; erased: boolean }>('SELECT a.category, p.erased_at IS NOT NULL AS erased FROM account a JOIN party p ON p.id = a.party_id WHERE a.id = $1 FOR UPDATE OF a', [
      accountId,
    ])
  ).rows[0];
  if (account === undefined) throw new Refused('notFound', `there is no account "${accountId}"`);
  const held = (
    await db.query<{ account_id: string; kind: string; versions: bigint }>(
      'SELECT account_id, kind, (SELECT count(*) FROM contract_version v WHERE v.contract_id = c.id) AS versions FROM contract c WHERE id = $1 FOR UPDATE',
      [id],
    )
  ).rows[0];
  if (held !== undefined && held.account_id === accountId && held.kind === kind) return { id, outcome: 'unchanged' };
  if (held !== undefined && held.versions > 0n) throw new Refused('wrongState', `contract ${id} is a ${held.kind} of ${held.account_id} and has published versions: open another one`);
  if (account.erased) throw new Refused('wrongState', `the driver of account ${accountId} was erased: open a new account`);
  if (!categoriesOf[kind].includes(account.category))
    throw new Refused('invalid', `account ${accountId} is of category ${account.category}; a ${kind} contract is made with ${categoriesOf[kind].join(' or ')}`);
  const other = (
    await db.query<{ id: string }>(
      `SELECT c.id FROM contract c WHERE c.account_id = $1 AND c.kind = $2 AND c.id <> $3
         AND coalesce((SELECT v.clauses->>'status' FROM contract_version v WHERE v.contract_id = c.id ORDER BY v.version DESC LIMIT 1), 'active') <> 'ended'`,
      [accountId, kind, id],
    )
  ).rows[0];
  if (other !== undefined) throw new Refused('wrongState', `account ${accountId} has ${kind} contract ${other.id}: propose a version of that one, or end it`);
  await db.query('INSERT INTO contract (id, account_id, kind) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET account_id = EXCLUDED.account_id, kind = EXCLUDED.kind', [id, accountId, kind]);
  await audit(db, by, { action: 'contract.put', subject: id, reason, after: { accountId, kind } });
  return { id, outcome: held === undefined ? 'created' : 'changed' };
}
