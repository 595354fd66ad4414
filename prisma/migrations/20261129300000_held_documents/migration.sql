-- An invoice waits by itself for the purchase order its customer wants on it; the account's other documents go on.
ALTER TABLE claim DROP CONSTRAINT claim_hold_reason_check, ADD CONSTRAINT claim_hold_reason_check CHECK (hold_reason IN ('late', 'minimum', 'zero', 'originalNotIssued', 'purchaseOrder'));
-- What is held back is left out of a run as well, until it is billed.
ALTER TABLE exclusion_hit DROP CONSTRAINT exclusion_hit_cause_check,
  ADD CONSTRAINT exclusion_hit_cause_check CHECK (cause IN ('standing', 'own', 'parked', 'smallSession', 'none', 'late', 'minimum', 'zero', 'originalNotIssued', 'purchaseOrder'));
