-- Lines come with their documents, by the hundred thousand: that these, and what lines credit, are there is asked once a statement.
ALTER TABLE document_line DROP CONSTRAINT document_line_document_id_fkey, DROP CONSTRAINT document_line_credits_document_id_fkey;
CREATE FUNCTION refuse_unknown_document() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE missing text;
BEGIN
  SELECT a.id INTO missing FROM (SELECT document_id AS id FROM added UNION SELECT credits_document_id FROM added WHERE credits_document_id IS NOT NULL) a
  WHERE NOT EXISTS (SELECT FROM public.document d WHERE d.id = a.id) LIMIT 1;
  IF FOUND THEN RAISE EXCEPTION 'there is no document % for a line', missing USING ERRCODE = 'foreign_key_violation'; END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER known_document AFTER INSERT ON document_line REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_unknown_document();
CREATE TRIGGER known_document_update AFTER UPDATE ON document_line REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_unknown_document();

-- A document goes with its lines, and not while a line of another one credits it.
CREATE FUNCTION drop_lines() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE credited text;
BEGIN
  IF NOT EXISTS (SELECT FROM gone) THEN RETURN NULL; END IF;
  DELETE FROM document_line l USING gone g WHERE l.document_id = g.id;
  SELECT g.id INTO credited FROM gone g JOIN document_line l ON l.credits_document_id = g.id LIMIT 1;
  IF FOUND THEN RAISE EXCEPTION 'document % is credited by a line', credited USING ERRCODE = 'foreign_key_violation'; END IF;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION drop_lines() FROM PUBLIC;
CREATE TRIGGER drop_lines AFTER DELETE ON document REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION drop_lines();
