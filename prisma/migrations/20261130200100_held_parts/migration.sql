-- Invoices of an account that a run holds, by what for: what they come to without VAT, and how much of that the month decided (`fees_minor`), which no claim says.
CREATE TABLE held_document (
  run_id text NOT NULL REFERENCES billing_run, account_id text NOT NULL REFERENCES account, reason text NOT NULL CHECK (reason IN ('minimum', 'zero', 'purchaseOrder')), currency char(3) NOT NULL,
  net_minor bigint NOT NULL, energy_wh bigint NOT NULL, charge_count integer NOT NULL, fees_minor bigint NOT NULL, PRIMARY KEY (run_id, account_id, reason, currency)
);
GRANT SELECT, INSERT, DELETE ON held_document TO wattledger_app;
