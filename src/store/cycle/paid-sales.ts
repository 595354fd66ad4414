/** SQL: what issued credit notes of document `pd` take off it, less what was paid back of them. */
const setOff = `(SELECT coalesce(-sum(coalesce(ns.open_minor, n.payable_minor)), 0) FROM document n LEFT JOIN payment_standing ns ON ns.document_id = n.id WHERE n.credits_document_id = pd.id AND n.state = 'issued')`;

/**
 * SQL that holds for a claim `k` of which nothing is left to be paid: its document is issued and paid in full (`payment_standing`), by payments and what is credited of it, or
 * asks for nothing, or it is on none because it was left out. A document counts as paid with all of it, since a payment names no line.
 */
export const isPaid = `(k.disposition = 'excluded' OR EXISTS (SELECT FROM document pd LEFT JOIN payment_standing ps ON ps.document_id = pd.id WHERE pd.id = k.document_id AND pd.state = 'issued'
  AND (pd.payable_minor <= 0 OR CASE ps.state WHEN 'paid' THEN true WHEN 'writtenOff' THEN false ELSE coalesce(ps.open_minor, pd.payable_minor) <= ${setOff} END)))`;
