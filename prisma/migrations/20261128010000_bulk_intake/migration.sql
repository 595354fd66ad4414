-- A file of CDRs is written as fast as it can be read. Compressing a record's bytes cost more than writing them: they lie in the row, whole.
ALTER TABLE charge_record ALTER canonical SET STORAGE EXTERNAL;
CREATE OR REPLACE FUNCTION ensure_partitions(months_ahead integer DEFAULT 3) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  spec record; made integer := 0; child text; first_id bigint; newest bigint; month date; size constant bigint := 10000000;
BEGIN
  FOR spec IN SELECT * FROM (VALUES ('charge_record', 'record_id_seq', true, 8160), ('rated_charge', 'charge_id_seq', true, 2040),
      ('claim', 'charge_id_seq', false, 2040), ('ledger_entry', 'ledger_entry_id_seq', true, 2040)) AS t(parent, seq, sealed, inline_bytes) LOOP
    EXECUTE format('SELECT last_value FROM %I', spec.seq) INTO newest;
    FOR i IN 0 .. (newest / size + 1) LOOP
      child := format('%s_p%s', spec.parent, lpad(i::text, 4, '0'));
      IF to_regclass(child) IS NULL THEN
        first_id := i * size;
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%s) TO (%s) WITH (toast_tuple_target = %s)', child, spec.parent, first_id, first_id + size, spec.inline_bytes);
        IF spec.sealed THEN PERFORM seal_table(child::regclass); END IF;
        made := made + 1;
      END IF;
    END LOOP;
  END LOOP;
  FOR i IN -1 .. months_ahead LOOP
    month := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => i))::date;
    child := 'raw_body_' || to_char(month, 'YYYYMM');
    IF to_regclass(child) IS NULL THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF raw_body FOR VALUES FROM (%L) TO (%L)', child, month, (month + interval '1 month')::date);
      PERFORM seal_table(child::regclass);
      made := made + 1;
    END IF;
  END LOOP;
  RETURN made;
END $$;
DO $$
DECLARE child regclass;
BEGIN
  FOR child IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'charge_record'::regclass LOOP
    EXECUTE format('ALTER TABLE %s SET (toast_tuple_target = 8160)', child);
  END LOOP;
END $$;

-- Whether a session stands beside another is told by the index alone: nearly always none does, and no row is read.
DROP INDEX session_span_place, session_span_token;
CREATE INDEX session_span_place ON session_span (place, start_at, end_at) WHERE place IS NOT NULL;
CREATE INDEX session_span_token ON session_span (token_ref, start_at, end_at);
