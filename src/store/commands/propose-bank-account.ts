import type { BankAccount } from '../../contracts/set-up.ts';
import { readBankAccount } from '../../core/set-up/check-bank-account.ts';
import type { Db } from '../db.ts';
import { lockSetUp } from '../set-up-lock.ts';
import { audit, type By } from './audit.ts';
import { keepProposal, type Proposal } from './propose-set-up.ts';
import type { ProposalOutcome } from './propose-vat-status.ts';
import { newestVersions, writeVersions } from './put-rows.ts';
import { Refused } from './refusal.ts';

/** Proposes where an account is paid; a second person publishes it. The same number is a change once a payment came back from it: somebody has looked at it again. Beyond its last four digits the number stands where it can be erased. */
export async function proposeBankAccount(db: Db, accountId: string, bankAccount: BankAccount, reason: string, by: By): Promise<ProposalOutcome> {
  await lockSetUp(db);
  const account = (await db.query<{ erased: boolean }>('SELECT p.erased_at IS NOT NULL AS erased FROM account a JOIN party p ON p.id = a.party_id WHERE a.id = $1', [accountId])).rows[0];
  if (account === undefined) throw new Refused('notFound', `there is no account "${accountId}"`);
  if (account.erased) throw new Refused('wrongState', `the driver of account ${accountId} was erased`);
  const read = readBankAccount(bankAccount);
  if ('wrong' in read) throw new Refused('invalid', `number: ${read.wrong}`);
  if (reason.replaceAll(/[\s-]/g, '').toUpperCase().includes(read.number)) throw new Refused('invalid', 'the reason is kept for good: leave the number out of it');
  const held = (
    await db.query<{ number: string | null; scheme: string; returned: boolean }>(
      `SELECT b.number, b.scheme, EXISTS (SELECT FROM payment_return r JOIN payment_item i ON i.payment_id = r.payment_id AND i.no = r.no WHERE i.account_id = b.account_id AND i.bank_account_version = b.version) AS returned
       FROM payee_bank_account b WHERE b.account_id = $1 ORDER BY b.version DESC LIMIT 1`,
      [accountId],
    )
  ).rows[0];
  if (held?.number === read.number && held.scheme === read.scheme && !held.returned) return { outcome: 'unchanged', proposalId: null, findings: [] };
  const body = { scheme: read.scheme, lastFour: read.number.slice(-4) };
  const proposalId = await keepProposal(db, { kind: 'payeeBankAccount', subjectId: accountId, body, words: { number: read.number }, findings: [], reason }, by);
  return { outcome: 'proposed', proposalId, findings: [] };
}

/** Publishes a proposed bank account as the account's next one. */
export async function publishBankAccount(db: Db, { subjectId: accountId, body, words, author, reason }: Proposal, by: By): Promise<number> {
  const number = words['number'];
  // An erasure took it.
  if (typeof number !== 'string') throw new Refused('wrongState', `the number was erased with the driver of account ${accountId}`);
  const version = ((await newestVersions(db, 'payeeBankAccount', [accountId])).get(accountId) ?? 0) + 1;
  await db.query('INSERT INTO payee_bank_account (account_id, version, scheme, number, last_four, author, second_person) VALUES ($1, $2, $3, $4, $5, $6, $7)', [
    accountId,
    version,
    body['scheme'],
    number,
    body['lastFour'],
    author,
    by.actor,
  ]);
  await writeVersions(db, 'payeeBankAccount', [{ id: accountId, version, body, words: undefined, changed: ['number'] }], reason, { ...by, actor: author, secondPerson: by.actor });
  await audit(db, by, { action: 'payeeBankAccount.publish', subject: `${accountId}/${version}`, reason, after: { author, ...body } });
  return version;
}
