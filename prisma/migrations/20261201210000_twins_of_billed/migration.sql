-- What takes a manual amount back is due once that is issued, not before: what is only approved can be reopened, and withdrawn, and a later run would bill what takes back nothing.
CREATE FUNCTION manual_is_billed(manual text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM public.document_line l JOIN public.document d ON d.id = l.document_id WHERE l.adjustment_id = manual AND d.state IN ('awaitingNumber', 'issued'))
$$;
CREATE OR REPLACE FUNCTION adjustment_waits(adjustment text, run text, original text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN run IS NULL THEN public.manual_is_billed(original) ELSE EXISTS (SELECT FROM public.adjustment_wait w WHERE w.adjustment_id = adjustment AND w.run_id = run) END
$$;
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
    IF NEW.run_id IS NOT NULL AND NEW.run_id IS DISTINCT FROM OLD.run_id AND OLD.reversal_of IS NOT NULL AND NOT manual_is_billed(OLD.reversal_of) THEN
      RAISE EXCEPTION 'adjustment % takes back %, which is not issued yet', OLD.id, OLD.reversal_of USING ERRCODE = 'WL001';
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
