-- Whether an approved document takes the claims of its own drafts is asked of each claim by its charge's id. Joined by the charges' hash, of which there is no
-- index, it read every charge there ever was with each batch that is issued.
CREATE OR REPLACE FUNCTION guard_new_claims() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad record;
BEGIN
  SELECT d.id, d.state INTO bad FROM new_parts k JOIN document d ON d.id = k.document_id
  WHERE d.state IN ('frozen', 'awaitingNumber', 'issued') OR d.state = 'approved' AND (
    SELECT true FROM period_charge p WHERE p.document_id = k.document_id AND p.line_no = k.line_no AND p.run_id = k.run_id
      AND p.charge_hash = (SELECT c.charge_hash FROM rated_charge c WHERE c.charge_id = k.charge_id) LIMIT 1) IS NULL LIMIT 1;
  IF FOUND THEN RAISE EXCEPTION 'document % is %; its parts are fixed', bad.id, bad.state USING ERRCODE = 'WL001'; END IF;
  RETURN NULL;
END $$;
