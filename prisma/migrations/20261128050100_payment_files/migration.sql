-- Payments to site owners that we send ourselves, where we are the authority for it: proposed by one, approved by another, handed out as one file.
CREATE TABLE payment (
  id text PRIMARY KEY, entity_id text NOT NULL REFERENCES legal_entity, currency char(3) NOT NULL, format text NOT NULL CHECK (format IN ('pain.001.001.03', 'pain.001.001.09')), execute_on date NOT NULL, due_until date NOT NULL,
  content_hash bytea NOT NULL, amount_minor bigint NOT NULL CHECK (amount_minor > 0), reason text NOT NULL CHECK (length(reason) >= 3), author text NOT NULL, proposed_at timestamptz NOT NULL DEFAULT now(),
  state text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'approved', 'rejected')), decided_by text, comment text, decided_at timestamptz,
  CHECK ((state = 'proposed') = (decided_by IS NULL)), CHECK (decided_by <> author)
);
CREATE INDEX payment_entity ON payment (entity_id, proposed_at);
-- One row per payee. The bank account is named by its version; the number itself stands in payee_bank_account alone.
CREATE TABLE payment_item (
  payment_id text NOT NULL REFERENCES payment, no integer NOT NULL, account_id text NOT NULL REFERENCES account, amount_minor bigint NOT NULL CHECK (amount_minor > 0), end_to_end_id text NOT NULL UNIQUE,
  bank_account_version integer NOT NULL, remittance text NOT NULL, PRIMARY KEY (payment_id, no), UNIQUE (payment_id, account_id),
  FOREIGN KEY (account_id, bank_account_version) REFERENCES payee_bank_account (account_id, version)
);
SELECT seal_table('payment_item');
-- What is paid, or set off: each document once. A rejected payment lets go of its documents.
CREATE TABLE payment_document (document_id text PRIMARY KEY REFERENCES document, payment_id text NOT NULL REFERENCES payment, account_id text NOT NULL);
CREATE INDEX payment_document_payment ON payment_document (payment_id);
CREATE FUNCTION guard_outgoing_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state <> 'proposed' OR to_jsonb(NEW) - '{state,decided_by,comment,decided_at}'::text[] IS DISTINCT FROM to_jsonb(OLD) - '{state,decided_by,comment,decided_at}'::text[] THEN
    RAISE EXCEPTION 'payment % is decided, and does not change', OLD.id USING ERRCODE = 'WL001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_outgoing_payment BEFORE UPDATE ON payment FOR EACH ROW EXECUTE FUNCTION guard_outgoing_payment();
CREATE FUNCTION guard_outgoing_payment_document() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM payment WHERE id = OLD.payment_id AND state = 'approved') THEN RAISE EXCEPTION 'document % is paid', OLD.document_id USING ERRCODE = 'WL001'; END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER guard_outgoing_payment_document BEFORE DELETE ON payment_document FOR EACH ROW EXECUTE FUNCTION guard_outgoing_payment_document();
GRANT SELECT, INSERT ON payment_item TO wattledger_app;
GRANT SELECT, INSERT, DELETE ON payment_document TO wattledger_app;
GRANT SELECT, INSERT, UPDATE ON payment TO wattledger_app;
