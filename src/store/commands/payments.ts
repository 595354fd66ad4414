import type { DocumentRules } from '../../contracts/document-rules.ts';
import { authorityOf } from '../../core/document/authorities.ts';
import { owedTypes } from '../../core/document/owed.ts';
import { describeIssue, type Issue, issue } from '../../core/issues.ts';
import { formatMinor } from '../../core/money.ts';
import { contentHashOf, type OwedDocument, type PlannedPayment, planPayment, takes } from '../../core/payment/plan-payment.ts';
import type { Db } from '../db.ts';
import { bookPayment, bookReturns } from '../ledger/book-payment.ts';
import { unsettledMinor } from '../open-settlements.ts';
import { documentRulesOf } from '../reads/document-rules.ts';
import { payerAccount } from '../reads/payments.ts';
import { audit, type By } from './audit.ts';
import { newId } from './new-id.ts';
import { Refused } from './refusal.ts';

export type NewPayment = {
  readonly entityId: string;
  readonly currency: string;
  readonly format: 'pain.001.001.03' | 'pain.001.001.09';
  /** Documents due until then are paid; credits are set off whatever their date. */
  readonly dueUntil: string;
  readonly executeOn: string;
  readonly reason: string;
};
export type ProposedPayment = { readonly paymentId: string | null; readonly leftOut: readonly Issue[] };

/**
 * Proposes to pay what site owners, and drivers who charge at home, are owed, one item per payee; somebody else has to approve it. Answers without an id when nobody is to be
 * paid. Refused where the ERP is the authority for outgoing payment, and where the entity has no account that the currency can be paid from.
 */
export async function proposePayment(db: Db, wanted: NewPayment, by: By, idempotencyKey?: string): Promise<ProposedPayment> {
  const { entityId, currency, executeOn } = wanted;
  // One at a time of an entity: two proposals never take the same document.
  const entity = (await db.query('SELECT letterhead, currency FROM legal_entity WHERE id = $1 FOR UPDATE', [entityId])).rows[0];
  if (entity === undefined) throw new Refused('notFound', `there is no entity "${entityId}"`);
  const { own } = await documentRulesOf(db, entityId);
  const types = paidByUs(own);
  if (types.length === 0) throw new Refused('wrongState', describeIssue(issue('notOurPayment', 'blocks', entityId, { types: owedTypes.join(', ') })));
  payerAccount(entityId, entity['letterhead'], currency);
  // MsgId takes 35 characters; so does each EndToEndId, which has the item's number behind it.
  const paymentId = newId('pay', [by.actor], idempotencyKey);
  if ((await db.query('SELECT FROM payment WHERE id = $1', [paymentId])).rowCount !== 0) return { paymentId, leftOut: [] };
  const plan = planPayment({
    documents: await owedDocuments(db, { ...wanted, types }),
    currency,
    executeOn,
    books: entity['currency'],
    thresholdMinor: BigInt(own.payoutThresholdMinor),
    contracted: await contractedPayees(db, entityId, executeOn),
    bankAccounts: await bankAccountVersions(db, entityId, currency),
    returnedFrom: await returnedVersions(db, entityId),
  });
  if (plan.items.length === 0) return { paymentId: null, leftOut: plan.leftOut };
  await insertPayment(db, paymentId, wanted, plan, by);
  await audit(db, by, { action: 'payment.propose', subject: paymentId, reason: wanted.reason, after: { ...wanted, amountMinor: plan.totalMinor, items: plan.items } });
  return { paymentId, leftOut: plan.leftOut };
}

/** The types of documents that we pay. */
function paidByUs({ authorities }: Pick<DocumentRules, 'authorities'>): readonly string[] {
  return owedTypes.filter((type) => authorityOf(authorities, type, 'outgoingPayment') === 'wattledger');
}

/** What is issued, owed, in no payment but those that came back, and settled by nobody else, the ERP or a person; of payees with nothing due, their credits wait. */
async function owedDocuments(db: Db, { entityId, currency, dueUntil, types }: NewPayment & { readonly types: readonly string[] }): Promise<OwedDocument[]> {
  const { rows } = await db.query<OwedDocument>(
    `SELECT d.id AS "documentId", d.account_id AS "accountId", s.legal_number AS "legalNumber", s.due_on::text AS "dueOn", d.payable_minor AS "payableMinor", o.minor AS "openMinor" FROM document d JOIN issue_stamp s ON s.document_id = d.id
     LEFT JOIN payment_standing y ON y.document_id = d.id CROSS JOIN LATERAL (SELECT (${unsettledMinor})::bigint AS minor) o
     WHERE d.entity_id = $1 AND d.state = 'issued' AND d.type = ANY($2) AND d.currency = $3 AND o.minor <> 0 AND (s.due_on <= $4 OR d.payable_minor < 0)
       AND NOT EXISTS (SELECT FROM payment_document p WHERE p.document_id = d.id AND NOT p.returned) ORDER BY d.id FOR UPDATE OF d`,
    [entityId, types, currency, dueUntil],
  );
  return rows;
}

/** Who has a part in a contract that holds on a day, or begins later. */
async function contractedPayees(db: Db, entityId: string, on: string): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ id: string }>(
    `SELECT DISTINCT p.id FROM (
       SELECT DISTINCT ON (v.contract_id, greatest(v.valid_from, d.at)) k.account_id, v.clauses FROM account a JOIN legal_entity e ON e.id = a.entity_id CROSS JOIN LATERAL (SELECT $2::date::timestamp AT TIME ZONE e.time_zone AS at) d
       JOIN contract k ON k.account_id = a.id AND k.kind IN ('revenueShare', 'homeCharging') JOIN contract_version v ON v.contract_id = k.id AND v.valid_to > d.at
       WHERE a.entity_id = $1 ORDER BY v.contract_id, greatest(v.valid_from, d.at), v.version DESC) c
     CROSS JOIN LATERAL (SELECT c.account_id AS id UNION ALL SELECT b->>'accountId' FROM jsonb_array_elements(c.clauses->'beneficiaries') b) p WHERE c.clauses->>'status' <> 'ended'`,
    [entityId, on],
  );
  return new Set(rows.map((r) => r.id));
}

async function bankAccountVersions(db: Db, entityId: string, currency: string): Promise<ReadonlyMap<string, number>> {
  const { rows } = await db.query<{ account_id: string; version: number; scheme: 'iban' | 'bankgiro' }>(
    `SELECT DISTINCT ON (b.account_id) b.account_id, b.version, b.scheme FROM payee_bank_account b JOIN account a ON a.id = b.account_id WHERE a.entity_id = $1 AND b.number IS NOT NULL ORDER BY b.account_id, b.version DESC`,
    [entityId],
  );
  return new Map(rows.filter((r) => takes(r, currency)).map((r) => [r.account_id, r.version]));
}

/** The newest version of each bank account that the bank sent a payment back from. */
async function returnedVersions(db: Db, entityId: string): Promise<ReadonlyMap<string, number>> {
  const { rows } = await db.query<{ account_id: string; version: number }>(
    'SELECT i.account_id, max(i.bank_account_version) AS version FROM payment_return r JOIN payment_item i ON i.payment_id = r.payment_id AND i.no = r.no JOIN payment p ON p.id = r.payment_id WHERE p.entity_id = $1 GROUP BY 1',
    [entityId],
  );
  return new Map(rows.map((r) => [r.account_id, r.version]));
}

async function insertPayment(db: Db, paymentId: string, wanted: NewPayment, { items, totalMinor }: PlannedPayment, by: By): Promise<void> {
  await db.query('INSERT INTO payment (id, entity_id, currency, format, execute_on, due_until, content_hash, amount_minor, reason, author) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)', [
    paymentId,
    wanted.entityId,
    wanted.currency,
    wanted.format,
    wanted.executeOn,
    wanted.dueUntil,
    contentHashOf(wanted, items),
    totalMinor,
    wanted.reason,
    by.actor,
  ]);
  await db.query(
    `INSERT INTO payment_item (payment_id, no, account_id, amount_minor, end_to_end_id, bank_account_version, remittance)
     SELECT $1, n, a, m, $1 || '-' || n, v, r FROM unnest($2::text[], $3::bigint[], $4::integer[], $5::text[]) WITH ORDINALITY AS t(a, m, v, r, n)`,
    [paymentId, items.map((i) => i.accountId), items.map((i) => i.amountMinor), items.map((i) => i.bankAccountVersion), items.map((i) => i.remittance)],
  );
  const documents = items.flatMap((i) => i.documentIds.map((documentId) => ({ documentId, accountId: i.accountId })));
  await db.query('INSERT INTO payment_document (document_id, payment_id, account_id) SELECT d, $1, a FROM unnest($2::text[], $3::text[]) AS t(d, a)', [
    paymentId,
    documents.map((d) => d.documentId),
    documents.map((d) => d.accountId),
  ]);
}

/**
 * Approves exactly the content of a hash, which books the payment and makes its file, or rejects it, which lets go of its documents. Refused
 * to its author, with another hash, and once it is decided; and where a payee has another bank account by now, somebody else has paid one of the documents, something was credited since it was proposed, the bank sent back what went to the same bank account, or there is no account any more to pay from.
 */
export async function decidePayment(
  db: Db,
  input: { readonly paymentId: string; readonly contentHash: string; readonly decision: 'approve' | 'reject'; readonly comment: string },
  by: By,
): Promise<{ readonly state: string }> {
  const payment = (
    await db.query("SELECT p.*, encode(p.content_hash, 'hex') AS hash, e.letterhead FROM payment p JOIN legal_entity e ON e.id = p.entity_id WHERE p.id = $1 FOR UPDATE OF p", [input.paymentId])
  ).rows[0];
  if (payment === undefined) throw new Refused('notFound', `there is no payment "${input.paymentId}"`);
  if (payment['state'] !== 'proposed') throw new Refused('wrongState', `payment ${input.paymentId} is ${payment['state']} already`);
  if (payment['author'] === by.actor) throw new Refused('forbidden', `${by.actor} proposed it: somebody else has to decide`);
  if (payment['hash'] !== input.contentHash) throw new Refused('wrongState', `payment ${input.paymentId} has another content than the hash that was looked at: look at it again`);
  const approves = input.decision === 'approve';
  if (approves) {
    // It is booked now, and its file needs one whenever it is fetched.
    payerAccount(payment['entity_id'], payment['letterhead'], payment['currency']);
    const shaped = await db.query<{ account_id: string }>(
      `SELECT i.account_id FROM payment_item i JOIN payee_bank_account b ON b.account_id = i.account_id AND b.version = i.bank_account_version WHERE i.payment_id = $1 AND b.author = $2 ORDER BY 1 LIMIT 1`,
      [input.paymentId, by.actor],
    );
    // Invariant 7: nobody approves what he authored.
    if (shaped.rows[0] !== undefined) throw new Refused('forbidden', `${by.actor} entered the bank account of ${shaped.rows[0].account_id}: somebody else has to approve`);
    const moved = await db.query<{ account_id: string }>(
      `SELECT i.account_id FROM payment_item i WHERE i.payment_id = $1 AND EXISTS (SELECT FROM payee_bank_account b WHERE b.account_id = i.account_id AND b.version > i.bank_account_version) ORDER BY 1 LIMIT 1`,
      [input.paymentId],
    );
    if (moved.rows[0] !== undefined) throw new Refused('wrongState', `${moved.rows[0].account_id} has another bank account by now: reject payment ${input.paymentId}, and propose it anew`);
    const erased = await db.query<{ account_id: string }>(
      `SELECT i.account_id FROM payment_item i JOIN payee_bank_account b ON b.account_id = i.account_id AND b.version = i.bank_account_version WHERE i.payment_id = $1 AND b.number IS NULL ORDER BY 1 LIMIT 1`,
      [input.paymentId],
    );
    if (erased.rows[0] !== undefined) throw new Refused('wrongState', `the bank account of ${erased.rows[0].account_id} was erased: reject payment ${input.paymentId}, and propose it anew`);
    const returned = await db.query<{ account_id: string }>(
      `SELECT i.account_id FROM payment_item i WHERE i.payment_id = $1
         AND EXISTS (SELECT FROM payment_return r JOIN payment_item o ON o.payment_id = r.payment_id AND o.no = r.no WHERE o.account_id = i.account_id AND o.bank_account_version >= i.bank_account_version) ORDER BY 1 LIMIT 1`,
      [input.paymentId],
    );
    if (returned.rows[0] !== undefined)
      throw new Refused(
        'wrongState',
        `the bank sent back what was paid to the bank account of ${returned.rows[0].account_id}: reject payment ${input.paymentId}, and propose it anew once its bank account is published again`,
      );
    const paid = await db.query<{ id: string }>(
      `SELECT d.id FROM payment_document p JOIN document d ON d.id = p.document_id LEFT JOIN payment_standing y ON y.document_id = d.id WHERE p.payment_id = $1 AND ${unsettledMinor} <> d.payable_minor ORDER BY 1 LIMIT 1`,
      [input.paymentId],
    );
    if (paid.rows[0] !== undefined) throw new Refused('wrongState', `somebody else has paid of ${paid.rows[0].id} by now: reject payment ${input.paymentId}, and propose it anew`);
    const { own } = await documentRulesOf(db, payment['entity_id']);
    const credited = await db.query<{ id: string; account_id: string }>(
      `SELECT d.id, d.account_id FROM payment_item i JOIN document d ON d.account_id = i.account_id AND d.currency = $2 AND d.state = 'issued' AND d.type = ANY($3) AND d.payable_minor < 0 LEFT JOIN payment_standing y ON y.document_id = d.id
       WHERE i.payment_id = $1 AND ${unsettledMinor} = d.payable_minor AND NOT EXISTS (SELECT FROM payment_document p WHERE p.document_id = d.id AND NOT p.returned) ORDER BY 1 LIMIT 1`,
      [input.paymentId, payment['currency'], paidByUs(own)],
    );
    const [credit] = credited.rows;
    if (credit !== undefined) throw new Refused('wrongState', `${credit.account_id} is owed less by ${credit.id} by now: reject payment ${input.paymentId}, and propose it anew`);
  }
  await db.query('UPDATE payment SET state = $2, decided_by = $3, comment = $4, decided_at = now() WHERE id = $1', [input.paymentId, approves ? 'approved' : 'rejected', by.actor, input.comment]);
  if (approves) await bookPayment(db, input.paymentId);
  else await db.query('DELETE FROM payment_document WHERE payment_id = $1', [input.paymentId]);
  await audit(db, by, { action: `payment.${input.decision}`, subject: input.paymentId, reason: input.comment, after: { contentHash: input.contentHash } });
  return { state: approves ? 'approved' : 'rejected' };
}

export type NewReturn = {
  readonly paymentId: string;
  /** The payee's part that came back; undefined for all of the payment. */
  readonly endToEndId?: string | undefined;
  readonly amountMinor: bigint;
  readonly returnedOn: string;
  readonly reason: string;
};
export type Returned = { readonly accountId: string; readonly endToEndId: string; readonly amountMinor: bigint };

/**
 * Keeps that the bank sent an approved payment back, or did not carry it out, one payee's part or all of it, and books it: its documents are owed again. Refused unless its file was
 * fetched, with another amount than was sent, and of what came back already; the same request again is answered as it was.
 */
export async function returnPayment(db: Db, { paymentId, endToEndId, amountMinor, returnedOn, reason }: NewReturn, by: By, idempotencyKey?: string): Promise<readonly Returned[]> {
  const payment = (
    await db.query<{ state: string; currency: string; fetched: boolean; ahead: boolean }>(
      `SELECT p.state, p.currency, EXISTS (SELECT FROM archived_file f WHERE f.subject_kind = 'payment' AND f.subject_id = p.id) AS fetched, $2::date > current_date + 1 AS ahead FROM payment p WHERE p.id = $1 FOR UPDATE OF p`,
      [paymentId, returnedOn],
    )
  ).rows[0];
  if (payment === undefined) throw new Refused('notFound', `there is no payment "${paymentId}"`);
  if (payment.state !== 'approved') throw new Refused('wrongState', `payment ${paymentId} is ${payment.state}: it was never sent, so nothing of it comes back`);
  if (!payment.fetched) throw new Refused('wrongState', `payment ${paymentId} was never sent: its file was never fetched, so nothing of it comes back`);
  if (payment.ahead) throw new Refused('invalid', `returnedOn: ${returnedOn} is to come`);
  const { rows: items } = await db.query<Returned & { no: number; bankNumber: string | null; returnId: string | null; returnedOn: string | null }>(
    `SELECT i.no, i.account_id AS "accountId", i.end_to_end_id AS "endToEndId", i.amount_minor AS "amountMinor", b.number AS "bankNumber", r.return_id AS "returnId", r.returned_on::text AS "returnedOn"
     FROM payment_item i JOIN payee_bank_account b ON b.account_id = i.account_id AND b.version = i.bank_account_version LEFT JOIN payment_return r ON r.payment_id = i.payment_id AND r.no = i.no WHERE i.payment_id = $1 AND ($2::text IS NULL OR i.end_to_end_id = $2) ORDER BY i.no`,
    [paymentId, endToEndId ?? null],
  );
  if (items.length === 0) throw new Refused('notFound', `payment ${paymentId} has no part "${endToEndId}"`);
  const said = reason.replaceAll(/[\s-]/g, '').toUpperCase();
  if (items.some((i) => i.bankNumber !== null && said.includes(i.bankNumber))) throw new Refused('invalid', 'the reason is kept for good: leave the number of the bank account out of it');
  const returnId = newId('ret', [by.actor, paymentId], idempotencyKey);
  const answer = items.map((i) => ({ accountId: i.accountId, endToEndId: i.endToEndId, amountMinor: i.amountMinor }));
  if (items.every((i) => i.returnId === returnId)) return answer;
  const known = items.find((i) => i.returnedOn !== null);
  if (known !== undefined) throw new Refused('wrongState', `${known.endToEndId} came back already, on ${known.returnedOn}${items.length > 1 ? ': state the other parts one by one' : ''}`);
  const sentMinor = items.reduce((sum, i) => sum + i.amountMinor, 0n);
  if (sentMinor !== amountMinor) {
    const [sent, stated] = [sentMinor, amountMinor].map((minor) => formatMinor(minor, payment.currency));
    throw new Refused('wrongState', `${sent} ${payment.currency} were sent, not ${stated}: state what was sent, of one payee by its endToEndId, and book what the bank kept of it in the ERP`);
  }
  await db.query(
    'INSERT INTO payment_return (payment_id, no, return_id, amount_minor, returned_on, reason, author) SELECT payment_id, no, $3, amount_minor, $4, $5, $6 FROM payment_item WHERE payment_id = $1 AND no = ANY($2)',
    [paymentId, items.map((i) => i.no), returnId, returnedOn, reason, by.actor],
  );
  await bookReturns(db, returnId);
  await audit(db, by, { action: 'payment.return', subject: paymentId, reason, after: { returnedOn, parts: answer } });
  return answer;
}
