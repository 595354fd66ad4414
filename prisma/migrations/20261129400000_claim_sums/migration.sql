-- What the claims of an account come to by line, summed as the set closes, so that the charges of a month are read once. Whatever touches a claim of an
-- account takes its sums away, and it is summed anew.
CREATE TABLE claim_sum (
  charge_id bigint PRIMARY KEY, run_id text NOT NULL, account_id text NOT NULL, document_id text NOT NULL, line_no integer NOT NULL, role text NOT NULL, component text NOT NULL, unit_price text NOT NULL,
  quantity_unit text NOT NULL, currency char(3) NOT NULL, rounding_mode text NOT NULL, vat_code text NOT NULL, gl_account text NOT NULL, cost_center text NOT NULL, customer_cost_center text, site_id text,
  service_month char(7) NOT NULL, mapping_version integer NOT NULL, tariff_version_id text, of_month boolean NOT NULL, is_unshared boolean NOT NULL, quantity bigint NOT NULL, net_minor bigint NOT NULL,
  gross_minor bigint NOT NULL, energy_wh bigint NOT NULL, service_from date NOT NULL, service_on date NOT NULL, charge_ids bigint[] NOT NULL, record_ids bigint[] NOT NULL, hashes bytea NOT NULL
);
-- Hashes do not compress, and what is long is written and read once.
ALTER TABLE claim_sum ALTER COLUMN hashes SET STORAGE EXTERNAL, ALTER COLUMN charge_ids SET STORAGE EXTERNAL, ALTER COLUMN record_ids SET STORAGE EXTERNAL;
CREATE INDEX claim_sum_account ON claim_sum (run_id, account_id);
GRANT SELECT, INSERT, DELETE ON claim_sum TO wattledger_app;

CREATE FUNCTION forget_sums() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM claim_sum s USING (SELECT DISTINCT run_id, account_id FROM old_parts) k WHERE s.run_id = k.run_id AND s.account_id = k.account_id;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    DELETE FROM claim_sum s USING (SELECT DISTINCT run_id, account_id FROM new_parts) k WHERE s.run_id = k.run_id AND s.account_id = k.account_id;
  ELSIF TG_OP = 'INSERT' THEN
    -- What comes with the closing of the set is in the sums.
    DELETE FROM claim_sum s USING (SELECT DISTINCT run_id, account_id FROM new_parts WHERE pulled_in_by IS NOT NULL) k WHERE s.run_id = k.run_id AND s.account_id = k.account_id;
  END IF;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION forget_sums() FROM PUBLIC;
CREATE TRIGGER forget_sums AFTER INSERT ON claim REFERENCING NEW TABLE AS new_parts FOR EACH STATEMENT EXECUTE FUNCTION forget_sums();
CREATE TRIGGER forget_sums_update AFTER UPDATE ON claim REFERENCING OLD TABLE AS old_parts NEW TABLE AS new_parts FOR EACH STATEMENT EXECUTE FUNCTION forget_sums();
CREATE TRIGGER forget_sums_delete AFTER DELETE ON claim REFERENCING OLD TABLE AS old_parts FOR EACH STATEMENT EXECUTE FUNCTION forget_sums();

-- A correction that is booked while a set closes: whichever of the two comes second waits for the other, and what takes a claimed charge back is open.
CREATE OR REPLACE FUNCTION open_charges() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM added WHERE reversal_of IS NOT NULL) THEN
    WITH cancelled AS (DELETE FROM open_charge o USING added a WHERE o.charge_id = a.reversal_of RETURNING o.charge_id)
    INSERT INTO open_charge (charge_id, entity_id, service_month, account_id)
    SELECT charge_id, entity_id, service_month, coalesce(payer_account_id, payee_account_id) FROM added a
    WHERE coalesce(payer_account_id, payee_account_id) IS NOT NULL AND NOT EXISTS (SELECT FROM cancelled o WHERE o.charge_id = a.reversal_of);
    DELETE FROM open_charge o USING added a WHERE o.charge_id = a.reversal_of;
  ELSE
    INSERT INTO open_charge (charge_id, entity_id, service_month, account_id)
    SELECT charge_id, entity_id, service_month, coalesce(payer_account_id, payee_account_id) FROM added WHERE coalesce(payer_account_id, payee_account_id) IS NOT NULL;
  END IF;
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION take_open_charges() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  DELETE FROM open_charge o USING claimed k WHERE o.charge_id = k.charge_id;
  INSERT INTO open_charge (charge_id, entity_id, service_month, account_id)
  SELECT m.charge_id, m.entity_id, m.service_month, coalesce(m.payer_account_id, m.payee_account_id) FROM rated_charge m JOIN claimed k ON k.charge_id = m.reversal_of
  WHERE m.reversal_of IS NOT NULL AND coalesce(m.payer_account_id, m.payee_account_id) IS NOT NULL AND NOT EXISTS (SELECT FROM claim c WHERE c.charge_id = m.charge_id) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
