-- Erasure: the bytes of a stored message may go, its hash, length, reason and actor stay. Only through the procedure below.
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND starts_with(TG_TABLE_NAME, 'raw_body_') THEN
    IF current_setting('wattledger.expunging', true) = encode(OLD.hash, 'hex') AND OLD.bytes IS NOT NULL AND NEW.bytes IS NULL AND NEW.expunge_reason IS NOT NULL AND NEW.expunged_by IS NOT NULL
        AND (NEW.received_month, NEW.hash, NEW.length) IS NOT DISTINCT FROM (OLD.received_month, OLD.hash, OLD.length) THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION '% on sealed table % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'WL001';
END $$;
-- Runs as the owner: the application has no UPDATE on the table. Answers whether there were bytes to expunge.
CREATE FUNCTION expunge_raw_body(of_month date, of_hash bytea, why text, who text) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE gone boolean;
BEGIN
  IF length(trim(coalesce(why, ''))) < 3 OR coalesce(who, '') = '' THEN RAISE EXCEPTION 'expunging needs a reason and an actor' USING ERRCODE = 'WL003'; END IF;
  PERFORM set_config('wattledger.expunging', encode(of_hash, 'hex'), true);
  UPDATE raw_body SET bytes = NULL, expunged_at = now(), expunged_by = who, expunge_reason = why WHERE received_month = of_month AND hash = of_hash AND bytes IS NOT NULL;
  gone := FOUND;
  PERFORM set_config('wattledger.expunging', '', true);
  RETURN gone;
END $$;
REVOKE ALL ON FUNCTION expunge_raw_body(date, bytea, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION expunge_raw_body(date, bytea, text, text) TO wattledger_app;
