-- Which contract the claims of a sum are of, so that what a run takes in of it is known without its charges. What was summed before is summed anew.
DELETE FROM claim_sum;
ALTER TABLE claim_sum ADD COLUMN contract_id text;
