/**
 * SQL that holds for a `rated_charge c` of a payer that is not settled: no run has claimed it (a charge and its mirror that were both never
 * claimed cancel out), or its document is not issued, or what was left out of one is not written off: by a closed run, or in the ledger, where it is before the run closes.
 */
export const openChargeSql = `c.payer_account_id IS NOT NULL AND CASE
  WHEN NOT EXISTS (SELECT FROM claim k WHERE k.charge_id = c.charge_id) THEN
    NOT EXISTS (SELECT FROM rated_charge mirror WHERE mirror.record_id = c.record_id AND mirror.reversal_of = c.charge_id)
    AND (c.reversal_of IS NULL OR EXISTS (SELECT FROM claim k WHERE k.charge_id = c.reversal_of))
  ELSE NOT EXISTS (
    SELECT FROM claim k JOIN billing_run r ON r.id = k.run_id LEFT JOIN document d ON d.id = k.document_id
    WHERE k.charge_id = c.charge_id AND (d.state = 'issued' OR k.disposition = 'excluded' AND (r.state = 'closed' OR EXISTS (SELECT FROM ledger_transaction w WHERE w.key = 'writeOff/' || r.id)))) END`;
