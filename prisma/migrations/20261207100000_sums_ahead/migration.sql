-- What a run would claim is summed while it collects, under the same rows that building takes, so that closing the set sums only what moved since. This is the list
-- of accounts whose sums are such: closing takes each off it, with its sums unless they are of exactly what it claims.
CREATE TABLE sum_ahead (
  run_id text NOT NULL, account_id text NOT NULL, PRIMARY KEY (run_id, account_id)
);
GRANT SELECT, INSERT, DELETE ON sum_ahead TO wattledger_app;
-- Two runs that collect may both have summed a charge.
ALTER TABLE claim_sum DROP CONSTRAINT claim_sum_pkey, ADD PRIMARY KEY (run_id, account_id, charge_id);
DROP INDEX claim_sum_account;
