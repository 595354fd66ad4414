-- Credit notes: what an issued document is corrected by (D13), how much of it is credited (invariant 8), and what is held back (D26, D42).
ALTER TABLE document ADD COLUMN credits_document_id text REFERENCES document, ADD COLUMN service_from date, ADD COLUMN service_to date;
-- Never a negative invoice (D13), and no credit note that asks for money.
ALTER TABLE document ADD CONSTRAINT document_sign CHECK (CASE WHEN type IN ('invoice', 'selfBilling') THEN payable_minor >= 0 WHEN type IN ('creditNote', 'selfBillingCredit') THEN payable_minor <= 0 ELSE true END);
ALTER TABLE document ADD CONSTRAINT document_credits CHECK (credits_document_id IS NULL OR type IN ('creditNote', 'selfBillingCredit') AND credits_document_id <> id);
CREATE INDEX document_credits ON document (credits_document_id) WHERE credits_document_id IS NOT NULL;
ALTER TABLE document_line ADD COLUMN credits_document_id text, ADD COLUMN credits_line_no integer,
  ADD FOREIGN KEY (credits_document_id) REFERENCES document;
CREATE INDEX document_line_credits ON document_line (credits_document_id, credits_line_no) WHERE credits_document_id IS NOT NULL;
CREATE INDEX document_line_crediting ON document_line (document_id) WHERE credits_document_id IS NOT NULL;
-- Why a run did not bill a charge yet, and the month of the first that did not.
ALTER TABLE claim ADD COLUMN held_since char(7), ADD COLUMN hold_reason text CHECK (hold_reason IN ('late', 'minimum', 'zero', 'originalNotIssued'));
-- Mirrors of an account, which are few.
CREATE INDEX rated_charge_mirrors ON rated_charge (payer_account_id) WHERE reversal_of IS NOT NULL;

-- How much of an issued line, and of an issued document per VAT code, is credited. Bounds are what was billed: the sum of its positive parts and of its negative ones.
CREATE TABLE document_credit (
  document_id text NOT NULL REFERENCES document, line_no integer NOT NULL, vat_code text NOT NULL, low_minor bigint NOT NULL, high_minor bigint NOT NULL, credited_minor bigint NOT NULL,
  PRIMARY KEY (document_id, line_no, vat_code), CONSTRAINT document_credit_limit CHECK (credited_minor BETWEEN low_minor AND high_minor)
);
-- Counts the lines of documents that are being issued against what they credit: line by line, and under line 0 per VAT code. Whoever comes second waits for the
-- first one's row, and is refused when nothing is left. Nobody else writes the table.
CREATE FUNCTION count_credits() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE bad record; own record;
BEGIN
  IF NOT EXISTS (SELECT FROM issued WHERE state = 'issued') THEN RETURN NULL; END IF;
  IF NOT EXISTS (SELECT FROM issued i JOIN document_line l ON l.document_id = i.id AND l.credits_document_id IS NOT NULL WHERE i.state = 'issued') THEN RETURN NULL; END IF;
  SELECT l.document_id, l.credits_document_id INTO bad FROM issued i JOIN document_line l ON l.document_id = i.id AND l.credits_document_id IS NOT NULL LEFT JOIN document o ON o.id = l.credits_document_id
  WHERE i.state = 'issued' AND (o.state, o.account_id, o.entity_id, o.currency) IS DISTINCT FROM ('issued', i.account_id, i.entity_id, i.currency) LIMIT 1;
  IF FOUND THEN RAISE EXCEPTION 'document % credits %, which is not an issued document of the same account and currency', bad.document_id, bad.credits_document_id USING ERRCODE = 'WL004'; END IF;
  -- In one order everywhere, so that two runs never wait for each other crosswise.
  FOR own IN SELECT l.credits_document_id AS document_id, g.line_no, l.vat_code, -sum(l.net_minor) AS credited
      FROM issued i JOIN document_line l ON l.document_id = i.id AND l.credits_document_id IS NOT NULL CROSS JOIN LATERAL (VALUES (l.credits_line_no), (0)) g (line_no)
      WHERE i.state = 'issued' AND g.line_no IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LOOP
    INSERT INTO document_credit (document_id, line_no, vat_code, low_minor, high_minor, credited_minor)
    SELECT own.document_id, own.line_no, own.vat_code, coalesce(sum(least(p.net, 0)), 0)::bigint, coalesce(sum(greatest(p.net, 0)), 0)::bigint, 0 FROM (
      SELECT c.net_minor AS net FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.document_id = own.document_id AND c.vat_code = own.vat_code AND own.line_no IN (0, k.line_no)
      UNION ALL SELECT a.net_minor FROM document_line a WHERE a.document_id = own.document_id AND a.kind = 'adjustment' AND a.vat_code = own.vat_code AND own.line_no IN (0, a.line_no)) p
    ON CONFLICT DO NOTHING;
    UPDATE document_credit SET credited_minor = credited_minor + own.credited WHERE document_id = own.document_id AND line_no = own.line_no AND vat_code = own.vat_code;
  END LOOP;
  RETURN NULL;
END $$;
CREATE TRIGGER count_credits AFTER UPDATE ON document REFERENCING NEW TABLE AS issued FOR EACH STATEMENT EXECUTE FUNCTION count_credits();
REVOKE ALL ON FUNCTION count_credits() FROM PUBLIC;

-- A credit that somebody orders against a line of an issued document; the next run of its account makes it a line of a credit note.
CREATE TABLE credit_order (
  id text PRIMARY KEY, document_id text NOT NULL REFERENCES document, line_no integer NOT NULL, account_id text NOT NULL REFERENCES account, amount_minor bigint NOT NULL, net_minor bigint NOT NULL,
  currency char(3) NOT NULL, vat_code text NOT NULL, gl_account text NOT NULL, cost_center text NOT NULL, description text NOT NULL, reason text NOT NULL CHECK (length(reason) >= 3), author text NOT NULL,
  ordered_at timestamptz NOT NULL DEFAULT now(), run_id text REFERENCES billing_run, withdrawn_at timestamptz, CHECK (amount_minor <> 0 OR net_minor <> 0)
);
CREATE INDEX credit_order_account ON credit_order (account_id);
CREATE FUNCTION guard_credit_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF to_jsonb(NEW) - '{run_id,withdrawn_at}'::text[] IS DISTINCT FROM to_jsonb(OLD) - '{run_id,withdrawn_at}'::text[] OR OLD.withdrawn_at IS NOT NULL THEN
    RAISE EXCEPTION 'credit order % does not change', OLD.id USING ERRCODE = 'WL001';
  END IF;
  IF EXISTS (SELECT FROM document_line l JOIN document d ON d.id = l.document_id WHERE l.adjustment_id = OLD.id AND d.run_id = OLD.run_id AND d.state IN ('frozen', 'approved', 'awaitingNumber', 'issued')) THEN
    RAISE EXCEPTION 'credit order % stands on a document whose content is fixed', OLD.id USING ERRCODE = 'WL001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_credit_order BEFORE UPDATE ON credit_order FOR EACH ROW EXECUTE FUNCTION guard_credit_order();

-- Credit and rebill: what of an issued document is looked at again, with the set-up as it is then.
CREATE TABLE rebill_order (
  id text PRIMARY KEY, document_id text NOT NULL REFERENCES document, kind text NOT NULL CHECK (kind IN ('rebill', 'credit')), record_ids bigint[] NOT NULL, outcome text NOT NULL CHECK (outcome IN ('bill', 'writeOff')),
  reason text NOT NULL CHECK (length(reason) >= 3), author text NOT NULL, ordered_at timestamptz NOT NULL DEFAULT now(),
  state text NOT NULL DEFAULT 'ordered' CHECK (state IN ('ordered', 'done', 'failed')), problem text, records integer, ended_at timestamptz
);
CREATE INDEX rebill_order_document ON rebill_order (document_id);
-- Revisions that an order made: what they are for.
CREATE TABLE rebilled_record (
  record_id bigint NOT NULL, revision integer NOT NULL, order_id text NOT NULL REFERENCES rebill_order, made_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (record_id, revision)
);
SELECT seal_table('rebilled_record');
CREATE TABLE document_rules_version (
  entity_id text NOT NULL REFERENCES legal_entity, version integer NOT NULL, body jsonb NOT NULL, reason text NOT NULL CHECK (length(reason) >= 3), author text NOT NULL, made_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (entity_id, version)
);
SELECT seal_table('document_rules_version');
GRANT SELECT ON document_credit TO wattledger_app;
GRANT SELECT, INSERT ON credit_order, rebill_order, rebilled_record, document_rules_version TO wattledger_app;
GRANT UPDATE (run_id, withdrawn_at) ON credit_order TO wattledger_app;
GRANT UPDATE (state, problem, records, ended_at) ON rebill_order TO wattledger_app;
CREATE INDEX claim_held ON claim (run_id, account_id) WHERE hold_reason IS NOT NULL;
