import type { Db } from '../db.ts';
import { type Booked, writeJournals } from './write-journals.ts';

/** Books an approved payment: what is owed to each payee against what the bank will clear, in the books at what its documents were booked at. */
export async function bookPayment(db: Db, paymentId: string): Promise<void> {
  const payment = (await db.query<{ entity_id: string; currency: string; execute_on: string }>('SELECT entity_id, currency, execute_on FROM payment WHERE id = $1', [paymentId])).rows[0];
  if (payment === undefined) throw new RangeError(`there is no payment ${paymentId}`);
  const { rows } = await db.query<{ account_id: string; ledger_account: string; minor: bigint; book: bigint }>(
    `SELECT p.account_id, e.ledger_account, -sum(e.amount)::bigint AS minor, -sum(e.book_minor)::bigint AS book FROM payment_document p JOIN ledger_entry e ON e.transaction_key = 'issue/' || p.document_id AND e.ledger_account IN ('ownerPayable', 'driverPayable')
     WHERE p.payment_id = $1 GROUP BY 1, 2 ORDER BY 1, 2`,
    [paymentId],
  );
  const nothing = { minor: 0n, book: 0n };
  const booked = rows.map(
    ({ account_id: accountId, ledger_account: ledgerAccount, minor, book }): Booked => ({
      event: { kind: 'payoutSent', currency: payment.currency, owner: nothing, partner: nothing, driver: nothing, [ledgerAccount === 'driverPayable' ? 'driver' : 'owner']: { minor, book } },
      of: { accountId, costCenter: null, siteId: null, glAccount: null, vatCode: null, serviceMonth: null, sourceId: null },
      withMoney: 0,
      withEnergy: 0,
    }),
  );
  await writeJournals(db, [
    { key: `payment/${paymentId}`, kind: 'paid', entityId: payment.entity_id, effectiveOn: payment.execute_on, period: payment.execute_on.slice(0, 7), sourceRef: paymentId, fxRate: null, booked },
  ]);
}
