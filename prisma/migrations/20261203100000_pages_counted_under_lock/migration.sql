-- How many pages other sources of its entity have written beside a source's; null while one of them has records and no count: it began when it was alone.
CREATE FUNCTION pages_beside(source_id text) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN bool_and(w.source_id IS NOT NULL OR NOT EXISTS (SELECT FROM record_head h WHERE h.source_id = o.id)) THEN coalesce(sum(w.pages), 0)::bigint END
  FROM source s JOIN source o ON o.entity_id = s.entity_id AND o.id <> s.id LEFT JOIN span_page w ON w.source_id = o.id WHERE s.id = pages_beside.source_id
$$;

-- Locks, until the commit, where the entities of sources look for records of the same session by other routes, counts a page of each source, and answers what was
-- beside it before. At once, since other pages wait meanwhile. Each statement sees what was committed before it began: who waited for the lock counts what the other wrote.
CREATE FUNCTION count_pages(sources text[]) RETURNS TABLE (id text, beside bigint) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('neighbours/' || e.entity_id, 0)) FROM (SELECT DISTINCT s.entity_id FROM source s WHERE s.id = ANY(sources) ORDER BY 1) e;
  RETURN QUERY SELECT s.id, pages_beside(s.id) FROM source s WHERE s.id = ANY(sources);
  INSERT INTO span_page AS p (source_id, pages) SELECT unnest(sources), 1 ON CONFLICT (source_id) DO UPDATE SET pages = p.pages + 1;
END $$;
