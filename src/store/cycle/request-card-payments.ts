import { issue, messageOf, remedyOf } from '../../core/issues.ts';
import type { Db } from '../db.ts';

const missing = issue('cardReferenceMissing', 'warns', '');

/** Why a request fails at once: there is nothing by which the provider knows the card. */
export const referenceMissing = `${messageOf(missing)}. ${remedyOf(missing.code)}`;

/** SQL: what the sealed records of a document `d`, or of the one it credits, name as authorization, if it is not a card's number. */
export const authorizationOf = `(SELECT min(x.id) FROM (SELECT DISTINCT convert_from(r.canonical, 'UTF8')::jsonb #>> '{facts,externalIds,authorization}' AS id
  FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id JOIN charge_record r ON r.record_id = c.record_id AND r.revision = c.revision WHERE k.document_id IN (d.id, d.credits_document_id)) x WHERE NOT holds_card_number(x.id))`;

/**
 * Asks, in the transaction that issues documents, to charge the cards of those who pay by card, and to pay back what is credited: each
 * document once, under a key that is that of its attempt. How it is paid is what it was approved with, of a credit note what it credits was. A card that is kept at the provider is charged by its reference; what a terminal
 * took is captured by the authorization of the session. What has neither fails at once, and is asked again when it is mended.
 */
export async function requestCardPayments(db: Db, documentIds: readonly string[]): Promise<void> {
  await db.query(
    `WITH wanted AS (
       SELECT d.id, d.entity_id, d.payable_minor, d.currency, CASE WHEN p.account_id IS NOT NULL OR o.strategy = 'cardInvoice' THEN 'stored' ELSE 'terminal' END AS origin, p.reference,
         CASE WHEN p.account_id IS NULL AND o.strategy = 'cardReceipt' THEN ${authorizationOf} END AS authorization_id
       FROM document d JOIN account a ON a.id = d.account_id AND a.category = 'driver' LEFT JOIN payer_card p ON p.account_id = a.id
       CROSS JOIN LATERAL (SELECT convert_from(o.canonical, 'UTF8')::jsonb #>> '{header,strategy}' AS strategy FROM document o WHERE o.id = coalesce(d.credits_document_id, d.id)) o
       WHERE d.id = ANY($1) AND o.strategy IN ('cardReceipt', 'cardInvoice') AND d.payable_minor <> 0)
     INSERT INTO card_payment (key, document_id, entity_id, attempt, kind, origin, authorization_id, amount_minor, currency, state, words, answered_by, answered_at)
     SELECT id || '-1', id, entity_id, 1, CASE WHEN payable_minor > 0 THEN 'capture' ELSE 'refund' END, origin, authorization_id, abs(payable_minor), currency,
       CASE WHEN is_known THEN 'requested' ELSE 'failed' END, CASE WHEN NOT is_known THEN $2 END, CASE WHEN NOT is_known THEN 'wattledger' END, CASE WHEN NOT is_known THEN now() END
     FROM wanted CROSS JOIN LATERAL (SELECT CASE origin WHEN 'stored' THEN reference IS NOT NULL ELSE authorization_id IS NOT NULL END AS is_known) k`,
    [documentIds, referenceMissing],
  );
}
