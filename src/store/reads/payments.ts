import { letterheadSchema } from '../../contracts/letterhead.ts';
import type { PaymentView } from '../../contracts/payment-overview.ts';
import { describeIssue, issue } from '../../core/issues.ts';
import { formatMinor } from '../../core/money.ts';
import type { PaymentFile } from '../../core/payment/payment-file.ts';
import { takes } from '../../core/payment/plan-payment.ts';
import { Refused } from '../commands/refusal.ts';
import type { Db } from '../db.ts';
import { keyBefore, type Page, type PageOrder, pageOf } from './page.ts';

/** Payments of an entity or of all, newest first. */
export async function listPayments(db: Db, filter: { readonly entityId?: string | undefined }, page: PageOrder): Promise<Page<PaymentView>> {
  const list = ['payments', filter.entityId] as const;
  const { rows } = await db.query<{ id: string }>(
    `SELECT id FROM payment WHERE ($1::text IS NULL OR entity_id = $1) AND ($2::text IS NULL OR (proposed_at, id) < (SELECT proposed_at, id FROM payment WHERE id = $2)) ORDER BY proposed_at DESC, id DESC LIMIT $3`,
    [filter.entityId ?? null, keyBefore(list, page), page.limit + 1],
  );
  const found = pageOf(
    list,
    rows,
    page.limit,
    (r) => r.id,
    (r) => r.id,
  );
  return { ...found, items: await paymentsIn(db, found.items) };
}

/** One payment; undefined when there is none of this id. */
export async function findPayment(db: Db, paymentId: string): Promise<PaymentView | undefined> {
  return (await paymentsIn(db, [paymentId]))[0];
}

async function paymentsIn(db: Db, ids: readonly string[]): Promise<PaymentView[]> {
  const { rows } = await db.query("SELECT p.*, encode(p.content_hash, 'hex') AS hash FROM payment p WHERE p.id = ANY($1) ORDER BY p.proposed_at DESC, p.id DESC", [ids]);
  const items = await db.query(
    `SELECT i.*, a.name, b.scheme, b.last_four, r.returned_on, r.reason AS returned_for, r.author AS returned_by FROM payment_item i LEFT JOIN payment_return r ON r.payment_id = i.payment_id AND r.no = i.no JOIN account c ON c.id = i.account_id JOIN party a ON a.id = c.party_id JOIN payee_bank_account b ON b.account_id = i.account_id AND b.version = i.bank_account_version
     WHERE i.payment_id = ANY($1) ORDER BY i.payment_id, i.no`,
    [ids],
  );
  return rows.map((p) => ({
    paymentId: p.id,
    entityId: p.entity_id,
    state: p.state,
    format: p.format,
    currency: p.currency,
    amount: formatMinor(p.amount_minor, p.currency),
    executeOn: p.execute_on,
    dueUntil: p.due_until,
    contentHash: p.hash,
    reason: p.reason,
    author: p.author,
    proposedAt: p.proposed_at.toISOString(),
    decidedBy: p.decided_by,
    comment: p.comment,
    items: items.rows
      .filter((i) => i.payment_id === p.id)
      .map((i) => ({
        accountId: i.account_id,
        name: i.name,
        amount: formatMinor(i.amount_minor, p.currency),
        endToEndId: i.end_to_end_id,
        bankAccount: `${i.scheme} …${i.last_four}`,
        remittance: i.remittance,
        returned: i.returned_on === null ? null : { on: i.returned_on, reason: i.returned_for, by: i.returned_by },
      })),
  }));
}

/** An approved payment as a payment file says it; undefined while it is not approved, and when there is none of this id. Refused while the entity has no account that it can be paid from. Throws RangeError when a payee's number was erased. */
export async function paymentFile(db: Db, paymentId: string): Promise<PaymentFile | undefined> {
  const p = (await db.query("SELECT p.*, e.name, e.country, e.org_number, e.letterhead FROM payment p JOIN legal_entity e ON e.id = p.entity_id WHERE p.id = $1 AND p.state = 'approved'", [paymentId]))
    .rows[0];
  if (p === undefined) return undefined;
  const items = await db.query(
    `SELECT i.*, a.name, a.country, b.scheme, b.number FROM payment_item i JOIN account c ON c.id = i.account_id JOIN party a ON a.id = c.party_id JOIN payee_bank_account b ON b.account_id = i.account_id AND b.version = i.bank_account_version
     WHERE i.payment_id = $1 ORDER BY i.no`,
    [paymentId],
  );
  const erased = items.rows.find((i) => i.number === null);
  if (erased !== undefined) throw new RangeError(`the bank account of ${erased.account_id} was erased`);
  const debtor = payerAccount(p['entity_id'], p['letterhead'], p['currency']);
  return {
    format: p['format'],
    messageId: p['id'],
    createdAt: p['decided_at'].toISOString().slice(0, 19),
    executeOn: p['execute_on'],
    currency: p['currency'],
    count: items.rows.length,
    totalMinor: p['amount_minor'],
    debtor: { name: p['name'], orgNumber: p['org_number'], country: p['country'], account: debtor },
    items: items.rows.map((i) => ({
      endToEndId: i.end_to_end_id,
      amountMinor: i.amount_minor,
      creditor: { name: i.name, country: i.country, account: { scheme: i.scheme, number: i.number, bic: null } },
      remittance: i.remittance,
    })),
  };
}

/** What an entity pays a currency from, by its letterhead. Refused where it has named nothing that takes it. */
export function payerAccount(entityId: string, letterhead: unknown, currency: string): PaymentFile['debtor']['account'] {
  const { iban, bic, bankgiro } = letterheadSchema.parse(letterhead);
  if (iban !== undefined) return { scheme: 'iban', number: iban, bic: bic ?? null };
  if (bankgiro !== undefined && takes({ scheme: 'bankgiro' }, currency)) return { scheme: 'bankgiro', number: bankgiro, bic: null };
  throw new Refused('wrongState', describeIssue(issue('payerAccountMissing', 'blocks', entityId, { currency })));
}
