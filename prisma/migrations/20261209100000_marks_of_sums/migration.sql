-- How many charges were summed of an account, and 128 bits of their ids: whether all that is open of it still is what was summed is told by these, without comparing
-- half a million ids; and whether they are shares, which are claimed after the sales. Sums made before have no marks, and are made anew.
ALTER TABLE sum_ahead ADD COLUMN of_shares boolean NOT NULL DEFAULT false, ADD COLUMN charges integer, ADD COLUMN mark bigint, ADD COLUMN mark_too bigint;
-- Who has no sums any more is not on the list.
CREATE OR REPLACE FUNCTION forget_sums() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    WITH touched AS MATERIALIZED (SELECT DISTINCT run_id, account_id FROM old_parts),
      unsummed AS (DELETE FROM claim_sum s USING touched k WHERE s.run_id = k.run_id AND s.account_id = k.account_id)
    DELETE FROM sum_ahead a USING touched k WHERE a.run_id = k.run_id AND a.account_id = k.account_id;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    WITH touched AS MATERIALIZED (SELECT DISTINCT run_id, account_id FROM new_parts),
      unsummed AS (DELETE FROM claim_sum s USING touched k WHERE s.run_id = k.run_id AND s.account_id = k.account_id)
    DELETE FROM sum_ahead a USING touched k WHERE a.run_id = k.run_id AND a.account_id = k.account_id;
  ELSIF TG_OP = 'INSERT' THEN
    -- What comes with the closing of the set is in the sums.
    WITH touched AS MATERIALIZED (SELECT DISTINCT run_id, account_id FROM new_parts WHERE pulled_in_by IS NOT NULL),
      unsummed AS (DELETE FROM claim_sum s USING touched k WHERE s.run_id = k.run_id AND s.account_id = k.account_id)
    DELETE FROM sum_ahead a USING touched k WHERE a.run_id = k.run_id AND a.account_id = k.account_id;
  END IF;
  RETURN NULL;
END $$;
