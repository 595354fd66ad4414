-- What the bank sent back of an approved payment, payee by payee, each once at most. What was paid by it is owed again, and may go with another payment.
CREATE TABLE payment_return (
  payment_id text NOT NULL, no integer NOT NULL, return_id text NOT NULL, amount_minor bigint NOT NULL, returned_on date NOT NULL, reason text NOT NULL CHECK (length(reason) >= 3), author text NOT NULL,
  stated_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (payment_id, no), FOREIGN KEY (payment_id, no) REFERENCES payment_item (payment_id, no)
);
CREATE INDEX payment_return_id ON payment_return (return_id);
SELECT seal_table('payment_return');

-- A document is in one payment that has not come back; those that have stay, since the hash that they were approved by is made of them.
ALTER TABLE payment_document ADD COLUMN returned boolean NOT NULL DEFAULT false;
ALTER TABLE payment_document DROP CONSTRAINT payment_document_pkey;
ALTER TABLE payment_document ADD PRIMARY KEY (document_id, payment_id);
CREATE UNIQUE INDEX payment_document_live ON payment_document (document_id) WHERE NOT returned;

CREATE FUNCTION guard_payment_return() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM payment p JOIN payment_item i ON i.payment_id = p.id WHERE p.id = NEW.payment_id AND p.state = 'approved' AND i.no = NEW.no AND i.amount_minor = NEW.amount_minor) THEN
    RAISE EXCEPTION 'payment % was not sent to payee % with that amount: nothing comes back of it', NEW.payment_id, NEW.no USING ERRCODE = 'WL001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_payment_return BEFORE INSERT ON payment_return FOR EACH ROW EXECUTE FUNCTION guard_payment_return();
-- The application has no right to say it of a document: it follows from what came back.
CREATE FUNCTION let_go_of_returned() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE payment_document d SET returned = true FROM payment_item i WHERE i.payment_id = NEW.payment_id AND i.no = NEW.no AND d.payment_id = i.payment_id AND d.account_id = i.account_id;
  RETURN NULL;
END $$;
CREATE TRIGGER let_go_of_returned AFTER INSERT ON payment_return FOR EACH ROW EXECUTE FUNCTION let_go_of_returned();
GRANT SELECT, INSERT ON payment_return TO wattledger_app;
