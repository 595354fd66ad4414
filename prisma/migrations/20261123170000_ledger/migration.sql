-- The ledger in the currency of the books beside that of the document, and the database itself as keeper of invariant 2.
DO $$
BEGIN
  IF EXISTS (SELECT FROM ledger_entry) THEN RAISE EXCEPTION 'this state was made by a development version that booked no amounts in the currency of the books: delete it with "npm run reset" and start anew'; END IF;
END $$;
ALTER TABLE ledger_entry ADD COLUMN book_minor bigint NOT NULL, ADD CONSTRAINT ledger_entry_energy_book CHECK (unit <> 'Wh' OR book_minor = 0);
-- By which rate a document in another currency came into the books at issue.
ALTER TABLE ledger_transaction ADD COLUMN fx_rate text;

CREATE OR REPLACE FUNCTION guard_entry_insert() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad record;
BEGIN
  SELECT k.transaction_key INTO bad FROM (SELECT DISTINCT transaction_key FROM new_entries) k LEFT JOIN ledger_transaction t ON t.key = k.transaction_key WHERE t.key IS NULL LIMIT 1;
  IF FOUND THEN RAISE EXCEPTION 'there is no ledger transaction % for its entries', bad.transaction_key USING ERRCODE = 'foreign_key_violation'; END IF;
  IF EXISTS (SELECT FROM (SELECT DISTINCT transaction_key FROM new_entries) k JOIN ledger_transaction t ON t.key = k.transaction_key WHERE t.xmin <> pg_current_xact_id()::xid) THEN
    RAISE EXCEPTION 'ledger entries may join only the transaction being written' USING ERRCODE = 'WL002';
  END IF;
  SELECT transaction_key, unit, sum(amount) AS rest INTO bad FROM new_entries GROUP BY transaction_key, unit HAVING sum(amount) <> 0 LIMIT 1;
  IF FOUND THEN RAISE EXCEPTION 'entries of ledger transaction % are off by % %', bad.transaction_key, bad.rest, bad.unit USING ERRCODE = 'WL002'; END IF;
  SELECT transaction_key, sum(book_minor) AS rest INTO bad FROM new_entries GROUP BY transaction_key HAVING sum(book_minor) <> 0 LIMIT 1;
  IF FOUND THEN RAISE EXCEPTION 'entries of ledger transaction % are off by % in the books', bad.transaction_key, bad.rest USING ERRCODE = 'WL002'; END IF;
  RETURN NULL;
END $$;

-- Each Wh is counted once: on the sale, or at home on the fleet's side (invariant 9).
ALTER TABLE rated_charge ADD CONSTRAINT rated_charge_bearer CHECK (energy_wh = 0 OR record_id IS NOT NULL AND role IN ('driverSale', 'fleetSale', 'emspSale', 'homeRecharge', 'homeSale'));

-- What there is to charge only once (invariant 2). The payer is no part of it, and what a session is sold as neither: it is sold once.
CREATE FUNCTION identity_of_charge(session_key text, role text, contract_id text, clause text, service_month text, component text, split_no integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN session_key IS NOT NULL THEN session_key || '|' || CASE WHEN role IN ('driverSale', 'fleetSale', 'emspSale', 'homeRecharge', 'homeSale') THEN 'sale' ELSE role END
    ELSE contract_id || '|' || clause || '|' || service_month END || '|' || component || '|' || split_no::text
$$;

-- Nobody else writes identities, so that none is forgotten, forged or freed. One statement frees what it reverses before it takes.
CREATE FUNCTION keep_identity() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE bad record; reversals bigint; freed bigint;
BEGIN
  SELECT count(*) INTO reversals FROM added WHERE reversal_of IS NOT NULL;
  IF reversals > 0 THEN
    SELECT a.reversal_of INTO bad FROM added a LEFT JOIN rated_charge o ON o.charge_id = a.reversal_of
    WHERE a.reversal_of IS NOT NULL AND (o.charge_id IS NULL OR o.reversal_of IS NOT NULL
      OR (o.net_minor, o.gross_minor, o.book_net_minor, o.energy_wh, o.quantity) IS DISTINCT FROM (-a.net_minor, -a.gross_minor, -a.book_net_minor, -a.energy_wh, -a.quantity)
      OR (o.record_id, o.revision, o.session_key, o.contract_id, o.clause, o.role, o.component, o.split_no, o.payer_account_id, o.payee_account_id, o.entity_id, o.currency, o.vat_code, o.gl_account, o.cost_center, o.site_id, o.service_month)
        IS DISTINCT FROM (a.record_id, a.revision, a.session_key, a.contract_id, a.clause, a.role, a.component, a.split_no, a.payer_account_id, a.payee_account_id, a.entity_id, a.currency, a.vat_code, a.gl_account, a.cost_center, a.site_id, a.service_month))
    LIMIT 1;
    IF FOUND THEN RAISE EXCEPTION 'a reversal of charge % is not its exact mirror', bad.reversal_of USING ERRCODE = 'WL003'; END IF;
    DELETE FROM charge_identity i USING added a WHERE a.reversal_of IS NOT NULL AND i.charge_id = a.reversal_of
      AND i.identity_key = identity_of_charge(a.session_key, a.role, a.contract_id, a.clause, a.service_month, a.component, a.split_no);
    GET DIAGNOSTICS freed = ROW_COUNT;
    IF freed <> reversals THEN RAISE EXCEPTION 'a charge is reversed already: of % reversals % are the first', reversals, freed USING ERRCODE = 'WL003'; END IF;
    IF reversals = (SELECT count(*) FROM added) THEN RETURN NULL; END IF;
  END IF;
  INSERT INTO charge_identity (identity_key, charge_id)
  SELECT identity_of_charge(session_key, role, contract_id, clause, service_month, component, split_no), charge_id FROM added WHERE reversal_of IS NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER keep_identity AFTER INSERT ON rated_charge REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION keep_identity();
REVOKE ALL ON FUNCTION keep_identity() FROM PUBLIC;
REVOKE INSERT, UPDATE, DELETE ON charge_identity FROM wattledger_app;
