import { describeIssue, issue } from '../../core/issues.ts';
import { holdsCardNumber } from '../../core/payment/card-number.ts';
import { askableOf, authorizationOf, referenceMissing, tookNoMore } from '../cycle/request-card-payments.ts';
import type { Db } from '../db.ts';
import { bookCardPayments } from '../ledger/book-card-payments.ts';
import { unsettledMinor } from '../open-settlements.ts';
import { lockSetUp } from '../set-up-lock.ts';
import { audit, type By } from './audit.ts';
import { Refused } from './refusal.ts';
import { statePayments } from './state-payments.ts';

/** What a provider said of a request. `amountMinor` is what it took or paid back, all of it unless told. */
export type CardAnswer = {
  readonly key: string;
  readonly outcome: 'captured' | 'failed';
  readonly settledOn: string;
  readonly amountMinor?: bigint;
  readonly reference?: string;
  readonly words?: string;
};

/** Enters by what name the payment provider knows the card of an account, or takes it away. The audit trail does not repeat it: it is gone with the driver. */
export async function setPayerCard(db: Db, input: { readonly accountId: string; readonly reference: string | null }, by: By): Promise<void> {
  const { accountId, reference } = input;
  await lockSetUp(db);
  const account = (
    await db.query<{ category: string; erased: boolean }>('SELECT a.category, p.erased_at IS NOT NULL AS erased FROM account a JOIN party p ON p.id = a.party_id WHERE a.id = $1', [accountId])
  ).rows[0];
  if (account === undefined) throw new Refused('notFound', `there is no account "${accountId}"`);
  if (account.category !== 'driver') throw new Refused('invalid', `account ${accountId} is of category ${account.category}: only drivers pay by card`);
  if (account.erased) throw new Refused('wrongState', describeIssue(issue('rowErased', 'blocks', accountId, { id: accountId })));
  refuseCardNumber(accountId, { reference });
  if (reference === null) await db.query('DELETE FROM payer_card WHERE account_id = $1', [accountId]);
  else
    await db.query(
      'INSERT INTO payer_card (account_id, reference, author) VALUES ($1, $2, $3) ON CONFLICT (account_id) DO UPDATE SET reference = excluded.reference, author = excluded.author, set_at = now()',
      [accountId, reference, by.actor],
    );
  await audit(db, by, { action: reference === null ? 'card.remove' : 'card.set', subject: accountId });
}

/**
 * Keeps what the provider answered: what is captured counts as paid of its document, or paid back, and is booked against the acquirer; where a charge took less than
 * was asked, or nothing, refunds that counted on it are taken back, and asked anew for what is left. The same answer again changes nothing; another one to what is answered is refused, and so is a text with a card's number in it.
 */
export async function answerCardPayments(db: Db, answers: readonly CardAnswer[], by: By): Promise<{ readonly kept: number }> {
  for (const { key, reference = null, words = null } of answers) refuseCardNumber(key, { reference, words });
  const { rows } = await db.query<{ key: string; document_id: string; kind: string; amount_minor: bigint; state: string; captured_minor: bigint | null; provider_reference: string | null }>(
    'SELECT key, document_id, kind, amount_minor, state, captured_minor, provider_reference FROM card_payment WHERE key = ANY($1) ORDER BY key FOR UPDATE',
    [answers.map((a) => a.key)],
  );
  const held = new Map(rows.map((r) => [r.key, r]));
  const fresh = answers.flatMap((answer) => {
    const request = held.get(answer.key);
    if (request === undefined) throw new Refused('notFound', `nothing was asked under the key "${answer.key}"`);
    const capturedMinor = answer.outcome === 'captured' ? (answer.amountMinor ?? request.amount_minor) : null;
    if (capturedMinor !== null && (capturedMinor <= 0n || capturedMinor > request.amount_minor))
      throw new Refused('invalid', `${answer.key} asks for ${request.amount_minor} minor units: what is captured lies between 1 and that`);
    if (request.state === 'requested') return [{ ...answer, capturedMinor, request }];
    if (request.state !== answer.outcome || request.captured_minor !== capturedMinor || request.provider_reference !== (answer.reference ?? null))
      throw new Refused('wrongState', `${answer.key} is ${request.state} already, with another answer: state the difference as a payment of its document`);
    return [];
  });
  if (new Set(fresh.map((f) => f.key)).size !== fresh.length) throw new Refused('invalid', 'a key is answered twice in one request');
  if (fresh.length === 0) return { kept: 0 };
  await db.query(
    `UPDATE card_payment p SET state = a.outcome, captured_minor = a.captured, settled_on = CASE a.outcome WHEN 'captured' THEN a.settled_on END, provider_reference = a.reference, words = a.words, answered_by = $1, answered_at = now()
     FROM unnest($2::text[], $3::text[], $4::bigint[], $5::date[], $6::text[], $7::text[]) AS a(key, outcome, captured, settled_on, reference, words) WHERE p.key = a.key`,
    [
      by.actor,
      fresh.map((f) => f.key),
      fresh.map((f) => f.outcome),
      fresh.map((f) => f.capturedMinor),
      fresh.map((f) => f.settledOn),
      fresh.map((f) => f.reference ?? null),
      fresh.map((f) => f.words ?? null),
    ],
  );
  const paid = fresh.flatMap(({ key, settledOn, capturedMinor, request }) =>
    capturedMinor === null ? [] : [{ documentId: request.document_id, reference: key, paidOn: settledOn, amountMinor: request.kind === 'refund' ? -capturedMinor : capturedMinor }],
  );
  if (paid.length > 0) await statePayments(db, paid, 'card', by);
  await bookCardPayments(
    db,
    paid.map((p) => p.reference),
  );
  for (const { key, outcome, words, request } of fresh) await audit(db, by, { action: `card.${outcome}`, subject: request.document_id, after: { key, words: words ?? null } });
  const short = fresh.filter(({ capturedMinor, request }) => request.kind === 'capture' && capturedMinor !== request.amount_minor);
  await takeBackRefunds(
    db,
    short.map((f) => f.request.document_id),
    by,
  );
  return { kept: fresh.length };
}

/** Of these documents, fails refunds under way for which cards are no longer charged enough, the newest first, and asks anew for what of one is left. */
async function takeBackRefunds(db: Db, documentIds: readonly string[], by: By): Promise<void> {
  const { rows } = await db.query<{ key: string; document_id: string; attempt: number }>(
    `SELECT r.key, r.document_id, r.attempt FROM card_payment r JOIN document d ON d.id = r.document_id WHERE d.credits_document_id = ANY($1) AND r.kind = 'refund' AND r.state = 'requested' ORDER BY r.requested_at DESC, r.key DESC FOR UPDATE OF r`,
    [documentIds],
  );
  for (const { key, document_id: noteId, attempt } of rows) {
    const { rowCount } = await db.query(
      `UPDATE card_payment r SET state = 'failed', words = $2, answered_by = 'wattledger', answered_at = now() FROM document d WHERE r.key = $1 AND d.id = r.document_id AND ${askableOf} < 0`,
      [key, tookNoMore],
    );
    if (rowCount === 0) continue;
    await audit(db, by, { action: 'card.failed', subject: noteId, after: { key, words: tookNoMore } });
    const left = (await db.query<{ minor: bigint }>(`SELECT ${askableOf} AS minor FROM document d WHERE d.id = $1`, [noteId])).rows[0]?.minor ?? 0n;
    if (left > 0n) await nextAttempt(db, noteId, attempt, left);
  }
}

/**
 * Asks again for what failed, under a key of its own: a provider answers a key that it knows as before. For what is left by then, also of what was paid another way. Refused while an attempt is
 * under way or has succeeded, when nothing is left, and with a card's number in the reason.
 */
export async function retryCardPayment(db: Db, documentId: string, by: By & { readonly reason: string }): Promise<{ readonly key: string; readonly state: string }> {
  refuseCardNumber(documentId, { reason: by.reason });
  const last = (await db.query<{ state: string; attempt: number }>('SELECT state, attempt FROM card_payment WHERE document_id = $1 ORDER BY attempt DESC LIMIT 1 FOR UPDATE', [documentId])).rows[0];
  if (last === undefined) throw new Refused('notFound', `nothing was asked of a card for document "${documentId}"`);
  if (last.state !== 'failed') throw new Refused('wrongState', `the card payment of ${documentId} is ${last.state}: only what failed is asked again`);
  const [left] = (
    await db.query<{ kind: string; minor: bigint }>(
      `SELECT CASE WHEN d.payable_minor > 0 THEN 'capture' ELSE 'refund' END AS kind, (CASE WHEN d.payable_minor <= 0 THEN ${askableOf} ELSE ${askableOf} - (d.payable_minor - ${unsettledMinor}) END)::bigint AS minor
       FROM document d LEFT JOIN payment_standing y ON y.document_id = d.id WHERE d.id = $1`,
      [documentId],
    )
  ).rows;
  if (left !== undefined && left.minor <= 0n) throw new Refused('wrongState', left.kind === 'refund' ? tookNoMore : `document ${documentId} is paid or credited: nothing of it is left to charge`);
  const made = await nextAttempt(db, documentId, last.attempt, left?.minor);
  await audit(db, by, { action: 'card.retry', subject: documentId, reason: by.reason, after: { key: made.key } });
  return made;
}

/** Asks once more, for `minor` of the document, by the reference that the account has now; without one it fails at once. */
async function nextAttempt(db: Db, documentId: string, attempt: number, minor: bigint | undefined): Promise<{ readonly key: string; readonly state: string }> {
  const { rows } = await db.query<{ key: string; state: string }>(
    `INSERT INTO card_payment (key, document_id, entity_id, attempt, kind, origin, authorization_id, amount_minor, currency, state, words, answered_by, answered_at)
     SELECT l.document_id || '-' || l.attempt + 1, l.document_id, l.entity_id, l.attempt + 1, l.kind, n.origin, n.authorization_id, $4, l.currency, CASE WHEN n.is_known THEN 'requested' ELSE 'failed' END,
       CASE WHEN NOT n.is_known THEN $3 END, CASE WHEN NOT n.is_known THEN 'wattledger' END, CASE WHEN NOT n.is_known THEN now() END
     FROM card_payment l JOIN document d ON d.id = l.document_id LEFT JOIN payer_card p ON p.account_id = d.account_id
     CROSS JOIN LATERAL (SELECT CASE WHEN p.account_id IS NULL THEN l.origin ELSE 'stored' END AS origin, CASE WHEN p.account_id IS NULL AND l.origin = 'terminal' THEN coalesce(l.authorization_id, ${authorizationOf}) END AS authorization_id) o
     CROSS JOIN LATERAL (SELECT o.*, p.reference IS NOT NULL OR o.authorization_id IS NOT NULL AS is_known) n
     WHERE l.document_id = $1 AND l.attempt = $2 RETURNING key, state`,
    [documentId, attempt, referenceMissing, minor],
  );
  const [made] = rows;
  if (made === undefined) throw new Error(`attempt ${attempt} of ${documentId} is gone`);
  return made;
}

function refuseCardNumber(subject: string, texts: Readonly<Record<string, string | null>>): void {
  for (const [field, text] of Object.entries(texts)) if (text !== null && holdsCardNumber(text)) throw new Refused('invalid', describeIssue(issue('cardNumber', 'blocks', subject, { field })));
}
