-- Versions of set-up that sealed records name, and payments that issued statements rest on: each row keeps a hash of what it says, made as it is written, so that `verify` names
-- one that was changed. One that is restored keeps the hash it came with. Nulls are no part of it: a column added later leaves the hashes of older rows alone.
CREATE FUNCTION content_hash_of(kept anyelement) RETURNS bytea LANGUAGE sql STABLE SET timezone = 'UTC' AS $$
  SELECT sha256(convert_to(jsonb_object_agg(key, value)::text, 'UTF8')) FROM jsonb_each(to_jsonb(kept) - 'content_hash') WHERE value <> 'null'
$$;
CREATE FUNCTION keep_content_hash() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.content_hash := coalesce(NEW.content_hash, content_hash_of(NEW));
  RETURN NEW;
END $$;
DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['contract_version', 'tariff_version', 'vat_table', 'gl_mapping', 'fx_rate', 'price_series', 'price_load', 'price_point', 'erp_mapping', 'payment_fact', 'document_payment'] LOOP
    EXECUTE format('ALTER TABLE %I ADD COLUMN content_hash bytea', t);
    EXECUTE format('ALTER TABLE %I DISABLE TRIGGER USER', t);
    EXECUTE format('UPDATE %1$I SET content_hash = content_hash_of(%1$I)', t);
    EXECUTE format('ALTER TABLE %I ENABLE TRIGGER USER', t);
    EXECUTE format('ALTER TABLE %I ALTER COLUMN content_hash SET NOT NULL', t);
    EXECUTE format('CREATE TRIGGER keep_content_hash BEFORE INSERT ON %I FOR EACH ROW EXECUTE FUNCTION keep_content_hash()', t);
  END LOOP;
END $$;
