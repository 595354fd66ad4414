-- One index on claims for both that look for them, by run and account and by document: a claim bears the run and the account of its document, which say where in the
-- index it is. Each index costs a run a fifth of the time in which it writes its claims.
DROP INDEX claim_document;
DROP INDEX claim_run;
CREATE INDEX claim_account ON claim (run_id, account_id, document_id);

CREATE VIEW document_claim AS
  SELECT k.charge_id, k.run_id, k.account_id, d.id AS document_id, k.line_no, k.disposition, k.pulled_in_by, k.held_since, k.hold_reason
  FROM document d JOIN claim k ON k.run_id = d.run_id AND k.account_id = d.account_id AND k.document_id = d.id;
CREATE VIEW dry.document_claim AS
  SELECT k.charge_id, k.run_id, k.account_id, d.id AS document_id, k.line_no, k.disposition, k.pulled_in_by, k.held_since, k.hold_reason
  FROM dry.document d JOIN dry.claim k ON k.run_id = d.run_id AND k.account_id = d.account_id AND k.document_id = d.id;
GRANT SELECT ON document_claim, dry.document_claim TO wattledger_app;

CREATE OR REPLACE FUNCTION credit_of_line(doc text, line integer, OUT worth bigint, OUT adjusted bigint, OUT mirrored bigint) LANGUAGE sql STABLE AS $$
  SELECT CASE a.rounding_mode WHEN 'grossFirst' THEN l.gross_minor ELSE l.net_minor END,
    adjusted_of_line(doc, line) + (SELECT coalesce(sum(o.amount_minor), 0)::bigint FROM credit_order o WHERE o.document_id = doc AND o.line_no = line AND o.withdrawn_at IS NULL),
    (SELECT coalesce(sum(CASE a.rounding_mode WHEN 'grossFirst' THEN m.gross_minor ELSE m.net_minor END), 0)::bigint
     FROM document_claim k JOIN rated_charge c ON c.charge_id = k.charge_id JOIN rated_charge m ON m.record_id = c.record_id AND m.reversal_of = c.charge_id WHERE k.document_id = doc AND k.line_no = line)
  FROM document_line l JOIN document d ON d.id = l.document_id JOIN account a ON a.id = d.account_id WHERE l.document_id = doc AND l.line_no = line
$$;
CREATE OR REPLACE FUNCTION count_credits() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
      SELECT c.net_minor AS net FROM document_claim k JOIN rated_charge c ON c.charge_id = k.charge_id WHERE k.document_id = own.document_id AND c.vat_code = own.vat_code AND own.line_no IN (0, k.line_no)
      UNION ALL SELECT a.net_minor FROM document_line a WHERE a.document_id = own.document_id AND a.kind = 'adjustment' AND a.vat_code = own.vat_code AND own.line_no IN (0, a.line_no)) p
    ON CONFLICT DO NOTHING;
    UPDATE document_credit SET credited_minor = credited_minor + own.credited WHERE document_id = own.document_id AND line_no = own.line_no AND vat_code = own.vat_code;
  END LOOP;
  RETURN NULL;
END $$;
