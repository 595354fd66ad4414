-- An ordered credit that its run did not bill waits where that run left it, as manual amounts do: run by run, why and since when.
CREATE TABLE credit_order_wait (
  credit_id text NOT NULL REFERENCES credit_order, run_id text NOT NULL REFERENCES billing_run, why text NOT NULL CHECK (length(why) >= 3), since timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (credit_id, run_id)
);
CREATE INDEX credit_order_wait_run ON credit_order_wait (run_id);
SELECT seal_table('credit_order_wait');
GRANT SELECT, INSERT ON credit_order_wait TO wattledger_app;

-- Whether an ordered credit is in no run that bills it: no run took it, or `run` left it behind.
CREATE FUNCTION credit_waits(credit text, run text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT run IS NULL OR EXISTS (SELECT FROM public.credit_order_wait w WHERE w.credit_id = credit AND w.run_id = run)
$$;
CREATE FUNCTION guard_credit_order_wait() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF manual_stands(NEW.credit_id) OR NOT EXISTS (
    SELECT FROM credit_order o JOIN billing_run r ON r.id = o.run_id AND r.state IN ('closed', 'cancelled') WHERE o.id = NEW.credit_id AND o.run_id = NEW.run_id AND o.withdrawn_at IS NULL) THEN
    RAISE EXCEPTION 'credit order % was not left behind by run %', NEW.credit_id, NEW.run_id USING ERRCODE = 'WL001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_credit_order_wait BEFORE INSERT ON credit_order_wait FOR EACH ROW EXECUTE FUNCTION guard_credit_order_wait();

-- What earlier runs left behind.
INSERT INTO credit_order_wait (credit_id, run_id, why)
SELECT o.id, r.id, CASE r.state WHEN 'cancelled' THEN 'its run was cancelled' ELSE 'its run closed without a document of it' END FROM credit_order o JOIN billing_run r ON r.id = o.run_id
WHERE o.withdrawn_at IS NULL AND r.state IN ('closed', 'cancelled') AND NOT manual_stands(o.id);

-- What a dry run shows of ordered credits: what the live run of its month took, also what it left behind, unless a run it sees has billed that since; and, where that is
-- closed or there is none, what waits for a run, as one would take it now. Of documents that it sees: what it does not see has not been issued there.
DO $$
DECLARE due text; own text; columns text; unseen CONSTANT text := '(current_setting(''wattledger.unseen'')::text[])';
BEGIN
  due := 's.withdrawn_at IS NULL AND public.credit_waits(s.id, s.run_id) AND NOT EXISTS (SELECT FROM public.billing_run b WHERE b.id = current_setting(''wattledger.base'') AND b.state <> ''closed'') AND EXISTS (
    SELECT FROM public.billing_run r JOIN public.account a ON a.entity_id = r.entity_id WHERE r.id = current_setting(''wattledger.run'') AND r.selection IS NULL AND a.id = s.account_id
      AND (r.takes_all OR r.calendar_id = coalesce(a.calendar_id, (SELECT k.id FROM public.billing_calendar k WHERE k.entity_id = a.entity_id AND a.strategy = ANY (k.strategies) ORDER BY k.id LIMIT 1),
        (SELECT k.id FROM public.billing_calendar k WHERE k.entity_id = a.entity_id ORDER BY k.cadence <> ''monthly'', k.id LIMIT 1))))';
  own := 's.run_id = current_setting(''wattledger.base'') OR EXISTS (SELECT FROM public.credit_order_wait w WHERE w.credit_id = s.id AND w.run_id = current_setting(''wattledger.base''))
    AND NOT EXISTS (SELECT FROM public.document_line l JOIN public.document d ON d.id = l.document_id AND d.state IN (''frozen'', ''approved'', ''awaitingNumber'', ''issued'') AND d.run_id <> ALL ' || unseen || ' WHERE l.adjustment_id = s.id)';
  SELECT string_agg(CASE attname WHEN 'run_id' THEN format('CASE WHEN (%s OR %s) AND NOT EXISTS (SELECT FROM public.document d WHERE d.id = s.document_id AND d.run_id = ANY %s) THEN current_setting(''wattledger.run'') ELSE s.run_id END AS run_id', own, due, unseen)
      ELSE 's.' || quote_ident(attname) END, ', ' ORDER BY attnum)
    INTO columns FROM pg_attribute WHERE attrelid = 'public.credit_order'::regclass AND attnum > 0 AND NOT attisdropped;
  EXECUTE format('CREATE OR REPLACE VIEW dry.credit_order AS SELECT %s FROM public.credit_order s', columns);
END $$;

-- Where what a run booked of a month is not seen, what takes it back is not either: else the month would owe twice.
DO $$
DECLARE columns text;
BEGIN
  SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute WHERE attrelid = 'public.rated_charge'::regclass AND attnum > 0 AND NOT attisdropped;
  EXECUTE format($v$CREATE OR REPLACE VIEW dry.rated_charge AS
    SELECT %1$s FROM public.rated_charge WHERE record_id IS NOT NULL
    UNION ALL
    SELECT %1$s FROM public.rated_charge c WHERE record_id IS NULL AND NOT EXISTS (SELECT FROM public.claim k WHERE k.charge_id = coalesce(c.reversal_of, c.charge_id) AND k.run_id = ANY (current_setting('wattledger.unseen')::text[]))
    UNION ALL
    SELECT %1$s FROM public.dry_charge WHERE run_id = current_setting('wattledger.run')$v$, columns);
END $$;
