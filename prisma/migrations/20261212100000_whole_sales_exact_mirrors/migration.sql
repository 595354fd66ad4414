-- What is sold or bought of a session has one payer, or one payee, and no parts: a second part would be the same session billed to somebody else.
-- Only what several share in has parts.
ALTER TABLE rated_charge ADD CONSTRAINT rated_charge_whole CHECK (split_no = 0 OR record_id IS NULL OR role IN ('siteShareEstimate', 'energyReimbursement'));

-- A mirror is alike in all that it says but its signs: on another service date it would take back in another month, for another cost center of a customer elsewhere.
CREATE OR REPLACE FUNCTION keep_identity() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE bad record; reversals bigint; freed bigint;
BEGIN
  SELECT count(*) INTO reversals FROM added WHERE reversal_of IS NOT NULL;
  IF reversals > 0 THEN
    SELECT a.reversal_of INTO bad FROM added a LEFT JOIN rated_charge o ON o.charge_id = a.reversal_of
    WHERE a.reversal_of IS NOT NULL AND (o.charge_id IS NULL OR o.reversal_of IS NOT NULL
      OR (o.net_minor, o.gross_minor, o.book_net_minor, o.energy_wh, o.quantity) IS DISTINCT FROM (-a.net_minor, -a.gross_minor, -a.book_net_minor, -a.energy_wh, -a.quantity)
      OR (o.record_id, o.revision, o.session_key, o.contract_id, o.clause, o.role, o.component, o.split_no, o.payer_account_id, o.payee_account_id, o.entity_id, o.currency, o.vat_code, o.gl_account, o.cost_center, o.site_id, o.service_month)
        IS DISTINCT FROM (a.record_id, a.revision, a.session_key, a.contract_id, a.clause, a.role, a.component, a.split_no, a.payer_account_id, a.payee_account_id, a.entity_id, a.currency, a.vat_code, a.gl_account, a.cost_center, a.site_id, a.service_month)
      OR (o.tariff_version_id, o.contract_version, o.unit_price, o.quantity_unit, o.rounding_mode, o.vat_rule, o.fx_rate, o.customer_cost_center, o.unit_id, o.service_on, o.mapping_version)
        IS DISTINCT FROM (a.tariff_version_id, a.contract_version, a.unit_price, a.quantity_unit, a.rounding_mode, a.vat_rule, a.fx_rate, a.customer_cost_center, a.unit_id, a.service_on, a.mapping_version))
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
