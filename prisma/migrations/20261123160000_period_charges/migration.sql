-- What of an account a month decides, and no session: drafts beside the closed set, which become charges when their document is issued.

-- Earns what is billed without a site: fees, and a minimum of a month without sessions.
ALTER TABLE legal_entity ADD COLUMN cost_center text;

CREATE TABLE period_charge (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run_id text NOT NULL, account_id text NOT NULL, document_id text, line_no integer,
  contract_id text NOT NULL, contract_version integer NOT NULL, clause text NOT NULL, role text NOT NULL, component text NOT NULL, split_no integer NOT NULL,
  currency char(3) NOT NULL, net_minor bigint NOT NULL, gross_minor bigint NOT NULL, book_net_minor bigint NOT NULL, fx_rate text, vat_code text NOT NULL, vat_rule text NOT NULL, rounding_mode text NOT NULL,
  exact_net text NOT NULL, unit_price text NOT NULL, energy_wh bigint NOT NULL CHECK (energy_wh = 0), quantity bigint NOT NULL, quantity_unit text NOT NULL, gl_account text NOT NULL, cost_center text NOT NULL,
  customer_cost_center text, site_id text, service_on date NOT NULL, service_month char(7) NOT NULL, mapping_version integer NOT NULL, charge_hash bytea NOT NULL
);
CREATE UNIQUE INDEX period_charge_once ON period_charge (run_id, contract_id, clause, service_month, component, split_no);
CREATE INDEX period_charge_run ON period_charge (run_id, account_id);
CREATE INDEX period_charge_document ON period_charge (document_id);
CREATE TRIGGER guard_period_charge BEFORE INSERT OR UPDATE OR DELETE ON period_charge FOR EACH ROW EXECUTE FUNCTION guard_document_part();
CREATE TRIGGER sealed_truncate BEFORE TRUNCATE ON period_charge FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- An approved document takes the claims of its own drafts, once they are charges of the very same content, and nothing else.
CREATE FUNCTION guard_claim() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE doc text; held text;
BEGIN
  FOREACH doc IN ARRAY array_remove(ARRAY[CASE WHEN TG_OP <> 'INSERT' THEN OLD.document_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.document_id END], NULL) LOOP
    SELECT state INTO held FROM document WHERE id = doc;
    IF TG_OP = 'INSERT' AND held = 'approved' THEN
      IF EXISTS (SELECT FROM period_charge p JOIN rated_charge c ON c.charge_hash = p.charge_hash WHERE p.document_id = doc AND p.line_no = NEW.line_no AND p.run_id = NEW.run_id AND c.charge_id = NEW.charge_id) THEN CONTINUE; END IF;
    END IF;
    IF held IN ('frozen', 'approved', 'awaitingNumber', 'issued') THEN RAISE EXCEPTION 'document % is %; its parts are fixed', doc, held USING ERRCODE = 'WL001'; END IF;
  END LOOP;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER guard_claim BEFORE INSERT OR UPDATE OR DELETE ON claim FOR EACH ROW EXECUTE FUNCTION guard_claim();

GRANT SELECT, INSERT, UPDATE, DELETE ON period_charge TO wattledger_app;
