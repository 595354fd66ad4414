import { type Issue, issue, messageOf, remedyOf } from '../../core/issues.ts';
import type { Db } from '../db.ts';

const wordsOf = (found: Issue) => `${messageOf(found)}. ${remedyOf(found.code)}`;

/** Why a request fails at once: there is nothing by which the provider knows the card. */
export const referenceMissing = wordsOf(issue('cardReferenceMissing', 'warns', ''));

/** Why nothing is paid back: the card did not pay what is credited. */
export const tookNoMore = wordsOf(issue('cardTookNoMore', 'warns', ''));

/**
 * SQL: what a card may be asked for of a document `d`, in minor units; nothing where it is not above zero. Of what is owed what credit notes leave; of a credit
 * note no more than cards were, or are being, charged beyond that. One that names no document is paid back as it is.
 */
export const askableOf = `(SELECT CASE WHEN d.payable_minor > 0 THEN t.owed WHEN d.credits_document_id IS NULL THEN -d.payable_minor ELSE least(-d.payable_minor, t.taken - t.owed) END
  FROM (SELECT sum(n.payable_minor)::bigint AS owed, coalesce(sum(c.taken), 0)::bigint AS taken FROM document n
    LEFT JOIN LATERAL (SELECT CASE x.kind WHEN 'capture' THEN 1 ELSE -1 END * coalesce(x.captured_minor, x.amount_minor) AS taken FROM card_payment x WHERE x.document_id = n.id AND x.state <> 'failed') c ON true
    WHERE n.state = 'issued' AND (n.id = coalesce(d.credits_document_id, d.id) OR n.credits_document_id = coalesce(d.credits_document_id, d.id))) t)`;

/** SQL: what the sealed records of a document `d`, or of the one it credits, name as authorization, if it is not a card's number. */
export const authorizationOf = `(SELECT min(x.id) FROM (SELECT DISTINCT convert_from(r.canonical, 'UTF8')::jsonb #>> '{facts,externalIds,authorization}' AS id
  FROM document_claim k JOIN rated_charge c ON c.charge_id = k.charge_id JOIN charge_record r ON r.record_id = c.record_id AND r.revision = c.revision WHERE k.document_id IN (d.id, d.credits_document_id)) x WHERE NOT holds_card_number(x.id))`;

/**
 * Asks, in the transaction that issues documents, to charge the cards of those who pay by card, and to pay back what is credited as far as they paid it: each
 * document once, under a key that is that of its attempt. How it is paid is what it was approved with, of a credit note what it credits was. A card that is kept at the provider is charged by its reference; what a terminal
 * took is captured by the authorization of the session. What has neither fails at once, and is asked again when it is mended.
 */
export async function requestCardPayments(db: Db, documentIds: readonly string[]): Promise<void> {
  // A charge that is being answered is waited for, and keeps until the commit what a refund counts on.
  await db.query("SELECT FROM card_payment WHERE document_id IN (SELECT credits_document_id FROM document WHERE id = ANY($1)) AND kind = 'capture' AND state = 'requested' ORDER BY key FOR SHARE", [
    documentIds,
  ]);
  await db.query(
    `WITH wanted AS (
       SELECT d.id, d.entity_id, d.payable_minor, d.currency, CASE WHEN p.account_id IS NOT NULL OR o.strategy = 'cardInvoice' THEN 'stored' ELSE 'terminal' END AS origin, p.reference,
         CASE WHEN p.account_id IS NULL AND o.strategy = 'cardReceipt' THEN ${authorizationOf} END AS authorization_id, ${askableOf} AS askable
       FROM document d JOIN account a ON a.id = d.account_id AND a.category = 'driver' LEFT JOIN payer_card p ON p.account_id = a.id
       JOIN document o ON o.id = coalesce(d.credits_document_id, d.id)
       WHERE d.id = ANY($1) AND o.strategy IN ('cardReceipt', 'cardInvoice') AND d.payable_minor <> 0)
     INSERT INTO card_payment (key, document_id, entity_id, attempt, kind, origin, authorization_id, amount_minor, currency, state, words, answered_by, answered_at)
     SELECT id || '-1', id, entity_id, 1, CASE WHEN payable_minor > 0 THEN 'capture' ELSE 'refund' END, origin, authorization_id, CASE WHEN askable > 0 THEN askable ELSE abs(payable_minor) END, currency,
       CASE WHEN why IS NULL THEN 'requested' ELSE 'failed' END, why, CASE WHEN why IS NOT NULL THEN 'wattledger' END, CASE WHEN why IS NOT NULL THEN now() END
     FROM wanted CROSS JOIN LATERAL (SELECT CASE WHEN CASE origin WHEN 'stored' THEN reference IS NULL ELSE authorization_id IS NULL END THEN $2 WHEN askable <= 0 THEN $3 END AS why) k`,
    [documentIds, referenceMissing, tookNoMore],
  );
}
