/**
 * SQL that holds for a claim `k` of which nothing is left to be paid: its document is issued and paid in full, by the payments stated of it or by the ERP's word, or asks for nothing, or it is on
 * none because it was left out. A document counts as paid with all of it, since a payment names no line.
 */
export const isPaid = `(k.disposition = 'excluded' OR EXISTS (SELECT FROM document pd WHERE pd.id = k.document_id AND pd.state = 'issued'
  AND ((SELECT told.state FROM document_payment told WHERE told.document_id = pd.id ORDER BY told.told_at DESC LIMIT 1) = 'paid' OR pd.payable_minor <= greatest(0, (SELECT coalesce(sum(pf.amount_minor), 0) FROM payment_fact pf WHERE pf.document_id = pd.id)))))`;
