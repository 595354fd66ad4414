-- What an account came to in a preview, in each currency by itself: a site's owner has a document per currency.
ALTER TABLE preview_account DROP CONSTRAINT preview_account_pkey, ADD PRIMARY KEY (run_id, account_id, build, currency);
-- Cells of earlier builds count as their account's.
ALTER TABLE preview_cell ADD COLUMN currency char(3);
UPDATE preview_cell x SET currency = p.currency FROM preview_account p WHERE (p.run_id, p.account_id, p.build) = (x.run_id, x.account_id, x.build);
ALTER TABLE preview_cell ALTER COLUMN currency SET NOT NULL;
CREATE OR REPLACE FUNCTION refuse_unknown_preview() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad record;
BEGIN
  SELECT * INTO bad FROM (SELECT DISTINCT run_id, account_id, build, currency FROM added) a
  WHERE NOT EXISTS (SELECT FROM preview_account p WHERE (p.run_id, p.account_id, p.build, p.currency) = (a.run_id, a.account_id, a.build, a.currency)) LIMIT 1;
  IF FOUND THEN RAISE EXCEPTION 'build % of run % has no account % in % for its cells', bad.build, bad.run_id, bad.account_id, bad.currency USING ERRCODE = 'foreign_key_violation'; END IF;
  RETURN NULL;
END $$;
