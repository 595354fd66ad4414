import { groupBy } from '../../core/group-by.ts';
import type { Db } from '../db.ts';
import { type Booked, writeJournals } from './write-journals.ts';

type Paid = { readonly account_id: string; readonly ledger_account: string; readonly minor: bigint; readonly book: bigint };

/** Books an approved payment: what is owed to each payee against what the bank will clear, in the books at what its documents were booked at. */
export async function bookPayment(db: Db, paymentId: string): Promise<void> {
  const payment = (await db.query<{ entity_id: string; currency: string; execute_on: string }>('SELECT entity_id, currency, execute_on FROM payment WHERE id = $1', [paymentId])).rows[0];
  if (payment === undefined) throw new RangeError(`there is no payment ${paymentId}`);
  const { rows } = await db.query<Paid>(
    `SELECT p.account_id, e.ledger_account, -sum(e.amount)::bigint AS minor, -sum(e.book_minor)::bigint AS book FROM payment_document p JOIN ledger_entry e ON e.transaction_key = 'issue/' || p.document_id AND e.ledger_account IN ('ownerPayable', 'driverPayable')
     WHERE p.payment_id = $1 GROUP BY 1, 2 ORDER BY 1, 2`,
    [paymentId],
  );
  const booked = rows.map((r) => payout('payoutSent', payment.currency, r));
  await writeJournals(db, [
    { key: `payment/${paymentId}`, kind: 'paid', entityId: payment.entity_id, effectiveOn: payment.execute_on, period: payment.execute_on.slice(0, 7), sourceRef: paymentId, fxRate: null, booked },
  ]);
}

/** Books what the bank sent back of a payment, payee by payee: the mirror of what was booked of it as it was sent, and no earlier. */
export async function bookReturns(db: Db, returnId: string): Promise<void> {
  const { rows } = await db.query<Paid & { payment_id: string; end_to_end_id: string; entity_id: string; currency: string; on: string }>(
    `SELECT r.payment_id, i.end_to_end_id, p.entity_id, p.currency, greatest(r.returned_on, p.execute_on)::text AS on, e.account_id, e.ledger_account, e.amount AS minor, e.book_minor AS book
     FROM payment_return r JOIN payment p ON p.id = r.payment_id JOIN payment_item i ON i.payment_id = r.payment_id AND i.no = r.no
     JOIN ledger_entry e ON e.transaction_key = 'payment/' || p.id AND e.account_id = i.account_id AND e.ledger_account IN ('ownerPayable', 'driverPayable') WHERE r.return_id = $1 ORDER BY r.no, e.ledger_account`,
    [returnId],
  );
  const journals = [...groupBy(rows, (r) => r.end_to_end_id)].flatMap(([endToEndId, paid]) => {
    const [first] = paid;
    if (first === undefined) return [];
    const booked = paid.map((r) => payout('payoutReturned', first.currency, r));
    return [
      { key: `paymentReturn/${endToEndId}`, kind: 'paid' as const, entityId: first.entity_id, effectiveOn: first.on, period: first.on.slice(0, 7), sourceRef: first.payment_id, fxRate: null, booked },
    ];
  });
  await writeJournals(db, journals);
}

function payout(kind: 'payoutSent' | 'payoutReturned', currency: string, { account_id: accountId, ledger_account: ledgerAccount, minor, book }: Paid): Booked {
  const nothing = { minor: 0n, book: 0n };
  return {
    event: { kind, currency, owner: nothing, partner: nothing, driver: nothing, [ledgerAccount === 'driverPayable' ? 'driver' : 'owner']: { minor, book } },
    of: { accountId, costCenter: null, siteId: null, glAccount: null, vatCode: null, serviceMonth: null, sourceId: null },
    withMoney: 0,
    withEnergy: 0,
  };
}
