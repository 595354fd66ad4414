-- What customers paid of issued documents, as the ERP or somebody states it; a payment that is taken back is a negative one.
CREATE TABLE payment_fact (
  document_id text NOT NULL REFERENCES document, reference text NOT NULL, paid_on date NOT NULL, amount_minor bigint NOT NULL CHECK (amount_minor <> 0), origin text NOT NULL CHECK (origin IN ('erp', 'person')),
  author text NOT NULL, stated_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (document_id, reference)
);
SELECT seal_table('payment_fact');
CREATE FUNCTION guard_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM document WHERE id = NEW.document_id AND state = 'issued') THEN
    RAISE EXCEPTION 'document % is not issued: nothing is paid of it', NEW.document_id USING ERRCODE = 'WL001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_payment BEFORE INSERT ON payment_fact FOR EACH ROW EXECUTE FUNCTION guard_payment();

-- A partner's invoice, matched CDR by CDR against what we rated; each of our charges is on one at most.
CREATE TABLE partner_invoice (
  id text PRIMARY KEY, entity_id text NOT NULL REFERENCES legal_entity, account_id text NOT NULL REFERENCES account, number text NOT NULL, issued_on date NOT NULL, posted_on date NOT NULL, currency char(3) NOT NULL,
  net_minor bigint NOT NULL, vat_code text NOT NULL, vat_minor bigint NOT NULL, self_assessed_minor bigint NOT NULL, accrued_minor bigint NOT NULL, accepted_minor bigint NOT NULL, disputed_minor bigint NOT NULL,
  author text NOT NULL, stated_at timestamptz NOT NULL DEFAULT now(), UNIQUE (account_id, number), CHECK (net_minor = accrued_minor + accepted_minor + disputed_minor)
);
CREATE TABLE partner_invoice_line (
  invoice_id text NOT NULL REFERENCES partner_invoice, line_no integer NOT NULL, cdr_id text NOT NULL, record_id bigint, net_minor bigint NOT NULL, accrued_minor bigint NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('equal', 'accepted', 'disputed', 'unknown')), PRIMARY KEY (invoice_id, line_no), CHECK ((outcome = 'unknown') = (record_id IS NULL))
);
CREATE TABLE partner_invoice_charge (charge_id bigint PRIMARY KEY, invoice_id text NOT NULL REFERENCES partner_invoice);
CREATE INDEX partner_invoice_charge_invoice ON partner_invoice_charge (invoice_id);
SELECT seal_table('partner_invoice');
SELECT seal_table('partner_invoice_line');
SELECT seal_table('partner_invoice_charge');
GRANT SELECT, INSERT ON payment_fact, partner_invoice, partner_invoice_line, partner_invoice_charge TO wattledger_app;
