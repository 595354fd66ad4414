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
