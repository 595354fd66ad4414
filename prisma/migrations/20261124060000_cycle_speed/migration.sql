-- What a run of some hundred thousand charges asks of the database, asked once a statement instead of once a row.

-- Claims and lines are looked at as a whole: the documents that a statement touches, each once. The application writes them through the parent only.
DROP TRIGGER guard_claim ON claim;
DROP TRIGGER guard_line ON document_line;
DROP FUNCTION guard_claim();
CREATE FUNCTION guard_parts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad record;
BEGIN
  IF TG_OP <> 'INSERT' THEN
    SELECT d.id, d.state INTO bad FROM (SELECT DISTINCT document_id FROM old_parts WHERE document_id IS NOT NULL) p JOIN document d ON d.id = p.document_id
    WHERE d.state IN ('frozen', 'approved', 'awaitingNumber', 'issued') LIMIT 1;
    IF FOUND THEN RAISE EXCEPTION 'document % is %; its parts are fixed', bad.id, bad.state USING ERRCODE = 'WL001'; END IF;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    SELECT d.id, d.state INTO bad FROM (SELECT DISTINCT document_id FROM new_parts WHERE document_id IS NOT NULL) p JOIN document d ON d.id = p.document_id
    WHERE d.state IN ('frozen', 'approved', 'awaitingNumber', 'issued') LIMIT 1;
    IF FOUND THEN RAISE EXCEPTION 'document % is %; its parts are fixed', bad.id, bad.state USING ERRCODE = 'WL001'; END IF;
  END IF;
  RETURN NULL;
END $$;
-- An approved document takes the claims of its own drafts, once they are charges of the very same content, and nothing else.
CREATE FUNCTION guard_new_claims() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad record;
BEGIN
  SELECT d.id, d.state INTO bad FROM (SELECT DISTINCT document_id FROM new_parts WHERE document_id IS NOT NULL) p JOIN document d ON d.id = p.document_id
  WHERE d.state IN ('frozen', 'awaitingNumber', 'issued') OR d.state = 'approved' AND EXISTS (
    SELECT FROM new_parts k WHERE k.document_id = d.id AND NOT EXISTS (
      SELECT FROM period_charge p JOIN rated_charge c ON c.charge_hash = p.charge_hash WHERE p.document_id = d.id AND p.line_no = k.line_no AND p.run_id = k.run_id AND c.charge_id = k.charge_id)) LIMIT 1;
  IF FOUND THEN RAISE EXCEPTION 'document % is %; its parts are fixed', bad.id, bad.state USING ERRCODE = 'WL001'; END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER guard_claim AFTER INSERT ON claim REFERENCING NEW TABLE AS new_parts FOR EACH STATEMENT EXECUTE FUNCTION guard_new_claims();
CREATE TRIGGER guard_claim_update AFTER UPDATE ON claim REFERENCING OLD TABLE AS old_parts NEW TABLE AS new_parts FOR EACH STATEMENT EXECUTE FUNCTION guard_parts();
CREATE TRIGGER guard_claim_delete AFTER DELETE ON claim REFERENCING OLD TABLE AS old_parts FOR EACH STATEMENT EXECUTE FUNCTION guard_parts();
CREATE TRIGGER guard_line AFTER INSERT ON document_line REFERENCING NEW TABLE AS new_parts FOR EACH STATEMENT EXECUTE FUNCTION guard_parts();
CREATE TRIGGER guard_line_update AFTER UPDATE ON document_line REFERENCING OLD TABLE AS old_parts NEW TABLE AS new_parts FOR EACH STATEMENT EXECUTE FUNCTION guard_parts();
CREATE TRIGGER guard_line_delete AFTER DELETE ON document_line REFERENCING OLD TABLE AS old_parts FOR EACH STATEMENT EXECUTE FUNCTION guard_parts();

-- Sales of the cell whose session nobody earns a share of: what a rule on a site's sum would else look for in all charges of the month.
ALTER TABLE preview_cell ADD COLUMN unshared_minor bigint NOT NULL DEFAULT 0;
-- Charges of a month without a session, which are few beside the others.
CREATE INDEX rated_charge_period ON rated_charge (entity_id, service_month) WHERE record_id IS NULL;
-- A document's bytes lie apart: what is listed, summed and moved from state to state are its figures.
ALTER TABLE document ALTER COLUMN canonical SET STORAGE EXTERNAL, SET (toast_tuple_target = 256);

-- The list of charges that no live run has claimed: what a run may claim, and what came late, is asked of it, not of all charges there ever were. A charge
-- and its mirror that no run has claimed cancel out and are not on it. Kept by triggers alone.
CREATE TABLE open_charge (
  charge_id bigint PRIMARY KEY, entity_id text NOT NULL, service_month char(7) NOT NULL, account_id text NOT NULL
);
CREATE INDEX open_charge_month ON open_charge (entity_id, service_month, account_id);
CREATE INDEX rated_charge_reversal ON rated_charge (reversal_of) WHERE reversal_of IS NOT NULL;
CREATE INDEX claim_carried ON claim (run_id) WHERE disposition = 'carried';

CREATE FUNCTION open_charges() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM added WHERE reversal_of IS NOT NULL) THEN
    INSERT INTO open_charge (charge_id, entity_id, service_month, account_id)
    SELECT charge_id, entity_id, service_month, coalesce(payer_account_id, payee_account_id) FROM added a
    WHERE coalesce(payer_account_id, payee_account_id) IS NOT NULL AND NOT EXISTS (SELECT FROM open_charge o WHERE o.charge_id = a.reversal_of);
    DELETE FROM open_charge o USING added a WHERE o.charge_id = a.reversal_of;
  ELSE
    INSERT INTO open_charge (charge_id, entity_id, service_month, account_id)
    SELECT charge_id, entity_id, service_month, coalesce(payer_account_id, payee_account_id) FROM added WHERE coalesce(payer_account_id, payee_account_id) IS NOT NULL;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER open_charges AFTER INSERT ON rated_charge REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION open_charges();

CREATE FUNCTION take_open_charges() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  DELETE FROM open_charge o USING claimed k WHERE o.charge_id = k.charge_id;
  RETURN NULL;
END $$;
CREATE TRIGGER take_open_charges AFTER INSERT ON claim REFERENCING NEW TABLE AS claimed FOR EACH STATEMENT EXECUTE FUNCTION take_open_charges();

-- What is freed is open again, unless it and its mirror cancel out now.
CREATE FUNCTION free_open_charges() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  DELETE FROM open_charge o USING freed f, rated_charge m WHERE m.reversal_of = f.charge_id AND o.charge_id = m.charge_id;
  INSERT INTO open_charge (charge_id, entity_id, service_month, account_id)
  SELECT c.charge_id, c.entity_id, c.service_month, coalesce(c.payer_account_id, c.payee_account_id) FROM freed f JOIN rated_charge c ON c.charge_id = f.charge_id
  WHERE coalesce(c.payer_account_id, c.payee_account_id) IS NOT NULL AND CASE WHEN c.reversal_of IS NULL THEN NOT EXISTS (SELECT FROM rated_charge m WHERE m.reversal_of = c.charge_id)
    ELSE EXISTS (SELECT FROM claim k WHERE k.charge_id = c.reversal_of) END ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER free_open_charges AFTER DELETE ON claim REFERENCING OLD TABLE AS freed FOR EACH STATEMENT EXECUTE FUNCTION free_open_charges();
REVOKE ALL ON FUNCTION open_charges(), take_open_charges(), free_open_charges() FROM PUBLIC;

INSERT INTO open_charge (charge_id, entity_id, service_month, account_id)
SELECT c.charge_id, c.entity_id, c.service_month, coalesce(c.payer_account_id, c.payee_account_id) FROM rated_charge c LEFT JOIN claim k ON k.charge_id = c.charge_id
  LEFT JOIN rated_charge m ON m.reversal_of = c.charge_id LEFT JOIN claim o ON o.charge_id = c.reversal_of
WHERE coalesce(c.payer_account_id, c.payee_account_id) IS NOT NULL AND k.charge_id IS NULL AND m.charge_id IS NULL AND (c.reversal_of IS NULL OR o.charge_id IS NOT NULL);
GRANT SELECT ON open_charge TO wattledger_app;

-- A page of a run's documents is read in its order.
CREATE INDEX document_page ON document (run_id, (account_id || '|' || id));
