/**
 * SQL that holds for a claim `k` of which nothing is left to be paid: its document is issued and paid in full (`payment_standing`), or asks for nothing, or it is on
 * none because it was left out. A document counts as paid with all of it, since a payment names no line.
 */
export const isPaid = `(k.disposition = 'excluded' OR EXISTS (SELECT FROM document pd WHERE pd.id = k.document_id AND pd.state = 'issued'
  AND (pd.payable_minor <= 0 OR EXISTS (SELECT FROM payment_standing ps WHERE ps.document_id = pd.id AND ps.state = 'paid'))))`;
