-- An order that does not wait for the month: the off-cycle run that makes its documents, planned when the order is carried out. What it
-- corrects is signed in the transaction that carries it out, so that an order that fails leaves nothing.
ALTER TABLE rebill_order ADD COLUMN now boolean NOT NULL DEFAULT false, ADD COLUMN run_id text REFERENCES billing_run, ADD COLUMN corrections jsonb;
GRANT UPDATE (run_id) ON rebill_order TO wattledger_app;
