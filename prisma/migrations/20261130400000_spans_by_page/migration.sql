-- Where sessions stood is written by the page: that their source is there is asked once a statement, where the foreign key asked for each row.
ALTER TABLE session_span DROP CONSTRAINT session_span_source_id_fkey;
CREATE FUNCTION refuse_unknown_source() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE named text[] := ARRAY(SELECT DISTINCT source_id FROM added); missing text;
BEGIN
  -- What is there stays until the commit.
  PERFORM FROM source WHERE id = ANY(named) ORDER BY id FOR KEY SHARE;
  SELECT n INTO missing FROM unnest(named) AS n WHERE NOT EXISTS (SELECT FROM source s WHERE s.id = n) LIMIT 1;
  IF FOUND THEN RAISE EXCEPTION 'there is no source % for a session', missing USING ERRCODE = 'foreign_key_violation'; END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER known_source AFTER INSERT ON session_span REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_unknown_source();
CREATE TRIGGER known_source_update AFTER UPDATE ON session_span REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_unknown_source();
CREATE FUNCTION refuse_leaving_spans() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM session_span s WHERE s.source_id = OLD.id AND NOT EXISTS (SELECT FROM source o WHERE o.id = OLD.id)) THEN RAISE EXCEPTION 'sessions of source % are still there', OLD.id USING ERRCODE = 'foreign_key_violation'; END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER spans_stay AFTER DELETE OR UPDATE OF id ON source FOR EACH ROW EXECUTE FUNCTION refuse_leaving_spans();
REVOKE ALL ON FUNCTION refuse_unknown_source(), refuse_leaving_spans() FROM PUBLIC;
