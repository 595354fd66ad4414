-- Why an account is parked, and nothing else: what its invoices wait for stands in held_document.
UPDATE run_account SET reason = NULL WHERE state <> 'parked' AND reason IS NOT NULL;
ALTER TABLE run_account ADD CONSTRAINT run_account_reason_check CHECK (reason IS NULL OR state = 'parked');
