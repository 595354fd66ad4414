-- Hand-over states complete: what is held says what it waits for, a document waits for the one it follows, and finance may decide not to send one.
ALTER TABLE erp_posting DROP CONSTRAINT erp_posting_state_check,
  ADD CONSTRAINT erp_posting_state_check CHECK (state IN ('queued', 'sending', 'unknown', 'drafted', 'posted', 'verified', 'refused', 'held', 'skipped')),
  ADD COLUMN after_key text,
  ADD COLUMN held_for text CHECK (held_for IN ('period', 'predecessor'));
CREATE INDEX erp_posting_after ON erp_posting (after_key);
UPDATE erp_posting SET after_key = convert_from(payload, 'UTF8')::jsonb -> 'credits' ->> 'key' WHERE kind = 'creditNote';
UPDATE erp_posting SET held_for = 'period' WHERE state = 'held';

CREATE OR REPLACE FUNCTION guard_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR (NEW.key, NEW.payload, NEW.payload_hash, NEW.control_minor, NEW.connection_id, NEW.after_key) IS DISTINCT FROM (OLD.key, OLD.payload, OLD.payload_hash, OLD.control_minor, OLD.connection_id, OLD.after_key) THEN
    RAISE EXCEPTION 'posting % is frozen', OLD.key USING ERRCODE = 'WL001';
  END IF;
  RETURN NEW;
END $$;
