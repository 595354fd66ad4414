-- What a dry run of a month without a live run would take, as a live one does: of the accounts that are on its calendar, also what a cancelled run held.
DO $$
DECLARE t text; due text; columns text;
BEGIN
  FOREACH t IN ARRAY ARRAY['adjustment', 'credit_order'] LOOP
    due := '(s.run_id IS NULL OR EXISTS (SELECT FROM public.billing_run c WHERE c.id = s.run_id AND c.state = ''cancelled'')) AND s.withdrawn_at IS NULL AND current_setting(''wattledger.base'') = '''' AND EXISTS (
      SELECT FROM public.billing_run r JOIN public.account a ON a.entity_id = r.entity_id WHERE r.id = current_setting(''wattledger.run'') AND r.selection IS NULL AND a.id = s.account_id
        AND (r.takes_all OR r.calendar_id = coalesce(a.calendar_id, (SELECT k.id FROM public.billing_calendar k WHERE k.entity_id = a.entity_id AND a.strategy = ANY (k.strategies) ORDER BY k.id LIMIT 1),
          (SELECT k.id FROM public.billing_calendar k WHERE k.entity_id = a.entity_id ORDER BY k.cadence <> ''monthly'', k.id LIMIT 1)))' ||
      CASE t WHEN 'adjustment' THEN ' AND s.due_period <= r.period AND EXISTS (SELECT FROM public.adjustment o WHERE o.id = s.reversal_of AND public.is_fixed(o.run_id, o.account_id))' ELSE '' END || ')';
    SELECT string_agg(CASE attname WHEN 'run_id' THEN format('CASE WHEN s.run_id = current_setting(''wattledger.base'') OR %s THEN current_setting(''wattledger.run'') ELSE s.run_id END AS run_id', due) ELSE 's.' || quote_ident(attname) END, ', ' ORDER BY attnum)
      INTO columns FROM pg_attribute WHERE attrelid = ('public.' || t)::regclass AND attnum > 0 AND NOT attisdropped;
    EXECUTE format('CREATE OR REPLACE VIEW dry.%I AS SELECT %s FROM public.%I s', t, columns, t);
  END LOOP;
END $$;
