import { owedTypes } from '../core/document/owed.ts';

/** SQL of what nobody has settled of an issued `document d`, with its `payment_standing y` or none, in minor units. */
export const unsettledMinor = "CASE y.state WHEN 'part' THEN y.open_minor WHEN 'paid' THEN 0 WHEN 'writtenOff' THEN 0 ELSE d.payable_minor END";

/**
 * SQL that lists, by `account_id`, the money that is on its way by a bank account or card that the account has with us: a payment that is not decided
 * or has no file yet (`kind` payment), a document that we still have to pay (owed), a card that is being charged (card). `id` is of the payment or document.
 */
export const openSettlements = `SELECT i.account_id, 'payment' AS kind, p.id FROM payment_item i JOIN payment p ON p.id = i.payment_id
    WHERE p.state = 'proposed' OR p.state = 'approved' AND NOT EXISTS (SELECT FROM archived_file f WHERE f.subject_kind = 'payment' AND f.subject_id = p.id)
  UNION ALL SELECT d.account_id, 'owed', min(d.id) FILTER (WHERE d.payable_minor > 0) FROM document d LEFT JOIN payment_standing y ON y.document_id = d.id
    WHERE d.state = 'issued' AND d.type IN (${owedTypes.map((type) => `'${type}'`).join(', ')}) AND NOT EXISTS (SELECT FROM payment_document p WHERE p.document_id = d.id AND NOT p.returned)
      AND EXISTS (SELECT FROM document_rules_version v CROSS JOIN LATERAL jsonb_array_elements(v.body->'authorities') r
        WHERE v.entity_id = d.entity_id AND v.version = (SELECT max(n.version) FROM document_rules_version n WHERE n.entity_id = d.entity_id)
          AND r->>'type' = d.type AND r->>'task' = 'outgoingPayment' AND r->>'authority' = 'wattledger')
    GROUP BY d.account_id, d.currency HAVING sum(${unsettledMinor}) > 0
  UNION ALL SELECT d.account_id, 'card', d.id FROM card_payment c JOIN document d ON d.id = c.document_id WHERE c.state = 'requested' AND c.origin = 'stored'`;
