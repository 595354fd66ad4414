-- A run reads the charges of an account once, summed to lines: what it decides is decided of accounts that have something to decide.

-- Set as the set closes, for an account of which nothing was corrected, left out or held, and nothing is too small to be billed; gone with whatever touches it.
ALTER TABLE run_account ADD COLUMN plain boolean NOT NULL DEFAULT false;

-- Cells come with their accounts, by the ten thousand, and both are kept as they are: that the account is there is asked once a statement.
ALTER TABLE preview_cell DROP CONSTRAINT preview_cell_run_id_account_id_build_fkey;
CREATE FUNCTION refuse_unknown_preview() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad record;
BEGIN
  SELECT * INTO bad FROM (SELECT DISTINCT run_id, account_id, build FROM added) a
  WHERE NOT EXISTS (SELECT FROM preview_account p WHERE (p.run_id, p.account_id, p.build) = (a.run_id, a.account_id, a.build)) LIMIT 1;
  IF FOUND THEN RAISE EXCEPTION 'build % of run % has no account % for its cells', bad.build, bad.run_id, bad.account_id USING ERRCODE = 'foreign_key_violation'; END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER known_preview AFTER INSERT ON preview_cell REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_unknown_preview();
