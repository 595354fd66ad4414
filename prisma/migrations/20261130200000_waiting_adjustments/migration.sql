-- A manual amount that its run did not bill (its account was parked, its invoice held, the run cancelled) waits where that run left it, until one takes it over: run by run, why and since when.
CREATE TABLE adjustment_wait (
  adjustment_id text NOT NULL REFERENCES adjustment, run_id text NOT NULL REFERENCES billing_run, why text NOT NULL CHECK (length(why) >= 3), since timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (adjustment_id, run_id)
);
CREATE INDEX adjustment_wait_run ON adjustment_wait (run_id);
CREATE INDEX document_line_manual ON document_line (adjustment_id) WHERE adjustment_id IS NOT NULL;
SELECT seal_table('adjustment_wait');
GRANT SELECT, INSERT ON adjustment_wait TO wattledger_app;

-- Whether a manual amount stands on a document whose content is fixed.
CREATE FUNCTION manual_stands(manual text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM public.document_line l JOIN public.document d ON d.id = l.document_id WHERE l.adjustment_id = manual AND d.state IN ('frozen', 'approved', 'awaitingNumber', 'issued'))
$$;
-- Whether an adjustment is in no run that bills it: left behind by `run`, or the twin, in no run yet, of an `original` that is billed.
CREATE FUNCTION adjustment_waits(adjustment text, run text, original text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN run IS NULL THEN public.manual_stands(original) ELSE EXISTS (SELECT FROM public.adjustment_wait w WHERE w.adjustment_id = adjustment AND w.run_id = run) END
$$;
CREATE FUNCTION guard_adjustment_wait() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF manual_stands(NEW.adjustment_id) OR NOT EXISTS (
    SELECT FROM adjustment j JOIN billing_run r ON r.id = j.run_id AND r.state IN ('closed', 'cancelled') WHERE j.id = NEW.adjustment_id AND j.run_id = NEW.run_id AND j.withdrawn_at IS NULL) THEN
    RAISE EXCEPTION 'adjustment % was not left behind by run %', NEW.adjustment_id, NEW.run_id USING ERRCODE = 'WL001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_adjustment_wait BEFORE INSERT ON adjustment_wait FOR EACH ROW EXECUTE FUNCTION guard_adjustment_wait();

-- What was left behind is taken over by a run or withdrawn; what stands on a document stays as it was approved.
CREATE OR REPLACE FUNCTION guard_adjustment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  life CONSTANT text[] := ARRAY['withdrawn_at', 'signed_by', 'signed_at', 'run_id'];
  is_left boolean;
BEGIN
  IF TG_OP = 'DELETE' THEN RAISE EXCEPTION 'adjustment % is kept: withdraw it', OLD.id USING ERRCODE = 'WL001'; END IF;
  IF TG_OP = 'UPDATE' THEN
    IF to_jsonb(NEW) - life IS DISTINCT FROM to_jsonb(OLD) - life OR OLD.withdrawn_at IS NOT NULL OR OLD.signed_at IS NOT NULL AND (NEW.signed_by, NEW.signed_at) IS DISTINCT FROM (OLD.signed_by, OLD.signed_at) THEN
      RAISE EXCEPTION 'adjustment % can be signed and withdrawn, once, and nothing else', OLD.id USING ERRCODE = 'WL001';
    END IF;
    is_left := EXISTS (SELECT FROM adjustment_wait w WHERE w.adjustment_id = OLD.id AND w.run_id = OLD.run_id);
    IF NEW.run_id IS DISTINCT FROM OLD.run_id AND OLD.reversal_of IS NULL AND (NOT is_left OR NEW.run_id IS NULL) THEN RAISE EXCEPTION 'adjustment % stays in its run', OLD.id USING ERRCODE = 'WL001'; END IF;
    IF is_fixed(OLD.run_id, OLD.account_id) AND (NOT is_left OR NEW.signed_by IS DISTINCT FROM OLD.signed_by) THEN RAISE EXCEPTION 'adjustment % is approved with run %', OLD.id, OLD.run_id USING ERRCODE = 'WL001'; END IF;
    IF NEW.withdrawn_at IS NOT NULL AND OLD.reversal_of IS NOT NULL AND EXISTS (
      SELECT FROM adjustment o WHERE o.id = OLD.reversal_of AND is_fixed(o.run_id, o.account_id) AND NOT EXISTS (SELECT FROM adjustment_wait w WHERE w.adjustment_id = o.id AND w.run_id = o.run_id)) THEN
      RAISE EXCEPTION 'adjustment % was approved together with %', OLD.id, OLD.reversal_of USING ERRCODE = 'WL001';
    END IF;
    IF is_left AND NEW.run_id = OLD.run_id THEN RETURN NEW; END IF;
  END IF;
  IF is_fixed(NEW.run_id, NEW.account_id) THEN RAISE EXCEPTION 'run % is approved: its adjustments are fixed', NEW.run_id USING ERRCODE = 'WL001'; END IF;
  RETURN NEW;
END $$;

-- What a cancelled run left behind comes back, and counts against the line it is about meanwhile.
CREATE OR REPLACE FUNCTION credit_of_line(doc text, line integer, OUT worth bigint, OUT adjusted bigint, OUT mirrored bigint) LANGUAGE sql STABLE AS $$
  SELECT CASE a.rounding_mode WHEN 'grossFirst' THEN l.gross_minor ELSE l.net_minor END,
    (SELECT coalesce(sum(j.amount_minor), 0)::bigint FROM adjustment j LEFT JOIN billing_run r ON r.id = j.run_id
     WHERE j.document_id = doc AND j.line_no = line AND j.withdrawn_at IS NULL AND j.reversal_of IS NULL AND (r.state <> 'cancelled' OR adjustment_waits(j.id, j.run_id, NULL)) AND sign(j.amount_minor) = -sign(l.net_minor)),
    (SELECT coalesce(sum(CASE a.rounding_mode WHEN 'grossFirst' THEN m.gross_minor ELSE m.net_minor END), 0)::bigint
     FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id JOIN rated_charge m ON m.record_id = c.record_id AND m.reversal_of = c.charge_id WHERE k.document_id = doc AND k.line_no = line)
  FROM document_line l JOIN document d ON d.id = l.document_id JOIN account a ON a.id = d.account_id WHERE l.document_id = doc AND l.line_no = line
$$;

-- What earlier runs left behind. Of cancelled ones reversals alone: what else they held may have been entered again since.
INSERT INTO adjustment_wait (adjustment_id, run_id, why)
SELECT j.id, r.id, CASE r.state WHEN 'cancelled' THEN 'its run was cancelled' ELSE 'its run closed without a document of it' END FROM adjustment j JOIN billing_run r ON r.id = j.run_id
WHERE j.withdrawn_at IS NULL AND (r.state = 'closed' OR r.state = 'cancelled' AND j.reversal_of IS NOT NULL) AND NOT manual_stands(j.id);

-- What a dry run shows: of a month with a live run what that held, also what it left behind since; of one without what would be taken.
DO $$
DECLARE t text; due text; own text; columns text;
BEGIN
  FOREACH t IN ARRAY ARRAY['adjustment', 'credit_order'] LOOP
    due := CASE t WHEN 'adjustment' THEN 'public.adjustment_waits(s.id, s.run_id, s.reversal_of)' ELSE
      '(s.run_id IS NULL OR EXISTS (SELECT FROM public.billing_run c WHERE c.id = s.run_id AND (c.state = ''cancelled'' OR c.state = ''closed'' AND NOT public.manual_stands(s.id))))' END ||
      ' AND s.withdrawn_at IS NULL AND current_setting(''wattledger.base'') = '''' AND EXISTS (
      SELECT FROM public.billing_run r JOIN public.account a ON a.entity_id = r.entity_id WHERE r.id = current_setting(''wattledger.run'') AND r.selection IS NULL AND a.id = s.account_id
        AND (r.takes_all OR r.calendar_id = coalesce(a.calendar_id, (SELECT k.id FROM public.billing_calendar k WHERE k.entity_id = a.entity_id AND a.strategy = ANY (k.strategies) ORDER BY k.id LIMIT 1),
          (SELECT k.id FROM public.billing_calendar k WHERE k.entity_id = a.entity_id ORDER BY k.cadence <> ''monthly'', k.id LIMIT 1)))' ||
      CASE t WHEN 'adjustment' THEN ' AND coalesce(s.due_period, s.service_month, '''') <= r.period' ELSE '' END || ')';
    own := 's.run_id = current_setting(''wattledger.base'')' ||
      CASE t WHEN 'adjustment' THEN ' OR EXISTS (SELECT FROM public.adjustment_wait w WHERE w.adjustment_id = s.id AND w.run_id = current_setting(''wattledger.base''))' ELSE '' END;
    SELECT string_agg(CASE attname WHEN 'run_id' THEN format('CASE WHEN %s OR %s THEN current_setting(''wattledger.run'') ELSE s.run_id END AS run_id', own, due) ELSE 's.' || quote_ident(attname) END, ', ' ORDER BY attnum)
      INTO columns FROM pg_attribute WHERE attrelid = ('public.' || t)::regclass AND attnum > 0 AND NOT attisdropped;
    EXECUTE format('CREATE OR REPLACE VIEW dry.%I AS SELECT %s FROM public.%I s', t, columns, t);
  END LOOP;
END $$;
