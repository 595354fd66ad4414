-- Of a minimum that is written off: what its month lacks without the sessions that were left out with it, and with that is settled for good. `net_minor` says what it lacks beside them.
ALTER TABLE left_out_fee ADD COLUMN covers_net_minor bigint, ADD COLUMN covers_gross_minor bigint,
  ADD CHECK ((covers_net_minor IS NULL) = (covers_gross_minor IS NULL)), ADD CHECK (covers_net_minor IS NULL OR outcome = 'excluded');
CREATE OR REPLACE VIEW dry.left_out_fee AS SELECT * FROM public.left_out_fee WHERE run_id <> ALL (current_setting('wattledger.unseen')::text[]);
-- By the run too, of which an account's rows are written anew and read with each build.
DROP INDEX left_out_fee_account;
CREATE INDEX left_out_fee_account ON left_out_fee (account_id, run_id);
