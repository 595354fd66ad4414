-- Who pays by card: a receipt per session, or an invoice a month. What asks a provider to charge stands here; a card's number nowhere.
ALTER TABLE account DROP CONSTRAINT account_strategy_check;
ALTER TABLE account ADD CONSTRAINT account_strategy_check CHECK (strategy IN ('cardReceipt', 'cardInvoice', 'driverInvoice', 'fleetInvoice', 'emspSettlement', 'selfBilling', 'partnerPurchase', 'reimbursement'));
ALTER TABLE document DROP CONSTRAINT document_sign;
ALTER TABLE document ADD CONSTRAINT document_sign CHECK (CASE WHEN type IN ('invoice', 'receipt', 'selfBilling') THEN payable_minor >= 0 WHEN type IN ('creditNote', 'selfBillingCredit') THEN payable_minor <= 0 ELSE true END);

-- Whether 13 to 19 digits in a row, as cards are numbered (ISO/IEC 7812: issuers 2 to 6, Luhn), stand in words; as core/payment/card-number.ts has it.
CREATE FUNCTION holds_card_number(words text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT coalesce(bool_or(length(d) <= 19 AND d ~ '^([3-6]|2[2-7])'
    AND (SELECT sum(CASE WHEN i % 2 = 1 THEN n WHEN n > 4 THEN n * 2 - 9 ELSE n * 2 END) FROM (SELECT i, substr(reverse(d), i, 1)::integer AS n FROM generate_series(1, length(d)) i) t) % 10 = 0), false)
  FROM (SELECT regexp_replace(m[1], '[ -]', '', 'g') AS d FROM regexp_matches(words, '([0-9](?:[ -]?[0-9]){12,})', 'g') m) s
$$;

-- By what name a provider knows the card that an account pays with.
CREATE TABLE payer_card (account_id text PRIMARY KEY REFERENCES account, reference text NOT NULL CHECK (NOT holds_card_number(reference)), author text NOT NULL, set_at timestamptz NOT NULL DEFAULT now());
-- One row per attempt to charge the card for a document, or to pay it back for a credit note. Of a stored card the reference stands in payer_card alone; of a terminal it is the session's authorization.
CREATE TABLE card_payment (
  key text PRIMARY KEY, document_id text NOT NULL REFERENCES document, entity_id text NOT NULL REFERENCES legal_entity, attempt integer NOT NULL, kind text NOT NULL CHECK (kind IN ('capture', 'refund')),
  origin text NOT NULL CHECK (origin IN ('stored', 'terminal')), authorization_id text CHECK (NOT holds_card_number(authorization_id)), amount_minor bigint NOT NULL CHECK (amount_minor > 0), currency char(3) NOT NULL,
  state text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'captured', 'failed')), captured_minor bigint CHECK (captured_minor > 0), settled_on date, provider_reference text CHECK (NOT holds_card_number(provider_reference)),
  words text CHECK (NOT holds_card_number(words)), requested_at timestamptz NOT NULL DEFAULT now(), answered_by text, answered_at timestamptz,
  UNIQUE (document_id, attempt), CHECK ((state = 'captured') = (captured_minor IS NOT NULL AND settled_on IS NOT NULL)), CHECK ((state = 'requested') = (answered_by IS NULL))
);
-- Nobody is charged twice: while one attempt is under way or has succeeded there is no other.
CREATE UNIQUE INDEX card_payment_live ON card_payment (document_id) WHERE state <> 'failed';
CREATE INDEX card_payment_work ON card_payment (entity_id, key) WHERE state <> 'captured';
CREATE INDEX card_payment_authorization ON card_payment (authorization_id) WHERE authorization_id IS NOT NULL;
CREATE FUNCTION guard_card_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE answer constant text[] := '{state,captured_minor,settled_on,provider_reference,words,answered_by,answered_at}';
BEGIN
  IF TG_OP = 'DELETE' OR OLD.state <> 'requested' OR to_jsonb(NEW) - answer IS DISTINCT FROM to_jsonb(OLD) - answer THEN
    RAISE EXCEPTION 'card payment % is answered, or asks for what it asks', OLD.key USING ERRCODE = 'WL001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_card_payment BEFORE UPDATE OR DELETE ON card_payment FOR EACH ROW EXECUTE FUNCTION guard_card_payment();
CREATE TRIGGER sealed_truncate BEFORE TRUNCATE ON card_payment FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER only_live AFTER INSERT ON card_payment REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION only_live();

ALTER TABLE payment_fact DROP CONSTRAINT payment_fact_origin_check;
ALTER TABLE payment_fact ADD CONSTRAINT payment_fact_origin_check CHECK (origin IN ('erp', 'person', 'card'));
-- Where a document stands with its payment: the payments stated of it and the ERP's word, whichever says that more of it is paid. One row per document of which anything was said.
CREATE VIEW payment_standing AS
  SELECT d.id AS document_id, CASE WHEN e.state = 'writtenOff' THEN 'writtenOff' WHEN e.state = 'paid' OR coalesce(f.paid, 0) >= d.payable_minor AND d.payable_minor > 0 THEN 'paid'
      WHEN e.state = 'part' OR coalesce(f.paid, 0) <> 0 THEN 'part' ELSE 'unpaid' END AS state,
    CASE WHEN e.state = 'paid' THEN 0 WHEN d.payable_minor > 0 THEN greatest(0, least(coalesce(e.open_minor, d.payable_minor), d.payable_minor - coalesce(f.paid, 0))) ELSE least(0, greatest(coalesce(e.open_minor, d.payable_minor), d.payable_minor - coalesce(f.paid, 0))) END AS open_minor,
    greatest(e.told_at, f.stated_at) AS told_at
  FROM document d
  LEFT JOIN LATERAL (SELECT state, open_minor, told_at FROM document_payment p WHERE p.document_id = d.id ORDER BY told_at DESC LIMIT 1) e ON true
  LEFT JOIN LATERAL (SELECT sum(amount_minor) AS paid, max(stated_at) AS stated_at FROM payment_fact p WHERE p.document_id = d.id HAVING count(*) > 0) f ON true
  WHERE e.told_at IS NOT NULL OR f.stated_at IS NOT NULL;
GRANT SELECT ON payment_standing TO wattledger_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON payer_card TO wattledger_app;
GRANT SELECT, INSERT, UPDATE ON card_payment TO wattledger_app;
