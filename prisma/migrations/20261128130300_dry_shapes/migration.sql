-- What a dry run of a month without a live run would take: adjustments that are due to be taken back, and credits that were ordered, and that no run holds.
DO $$
DECLARE t text; due text; columns text;
BEGIN
  FOREACH t IN ARRAY ARRAY['adjustment', 'credit_order'] LOOP
    due := 's.run_id IS NULL AND s.withdrawn_at IS NULL AND current_setting(''wattledger.base'') = '''' AND EXISTS (SELECT FROM public.billing_run r JOIN public.account a ON a.entity_id = r.entity_id
      WHERE r.id = current_setting(''wattledger.run'') AND r.selection IS NULL AND a.id = s.account_id' ||
      CASE t WHEN 'adjustment' THEN ' AND s.due_period <= r.period AND EXISTS (SELECT FROM public.adjustment o WHERE o.id = s.reversal_of AND public.is_fixed(o.run_id, o.account_id))' ELSE '' END || ')';
    SELECT string_agg(CASE attname WHEN 'run_id' THEN format('CASE WHEN s.run_id = current_setting(''wattledger.base'') OR %s THEN current_setting(''wattledger.run'') ELSE s.run_id END AS run_id', due) ELSE 's.' || quote_ident(attname) END, ', ' ORDER BY attnum)
      INTO columns FROM pg_attribute WHERE attrelid = ('public.' || t)::regclass AND attnum > 0 AND NOT attisdropped;
    EXECUTE format('CREATE OR REPLACE VIEW dry.%I AS SELECT %s FROM public.%I s', t, columns, t);
  END LOOP;
END $$;

-- What was credited by runs that a dry run does not see is not credited yet.
CREATE VIEW dry.document_credit AS SELECT c.document_id, c.line_no, c.vat_code, c.low_minor, c.high_minor, (c.credited_minor + coalesce((
    SELECT sum(l.net_minor) FROM public.document_line l JOIN public.document d ON d.id = l.document_id AND d.state = 'issued' AND d.run_id = ANY (current_setting('wattledger.unseen')::text[])
    WHERE l.credits_document_id = c.document_id AND l.vat_code = c.vat_code AND c.line_no IN (0, l.credits_line_no)), 0))::bigint AS credited_minor
  FROM public.document_credit c;
GRANT SELECT ON dry.document_credit TO wattledger_app;
