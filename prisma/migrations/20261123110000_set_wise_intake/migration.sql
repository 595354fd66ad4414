-- Intake writes by the page. What was looked up for each row is looked up for each statement: a foreign key costs a query a row, and the
-- rows it guards here are insert-only on both sides, so that the insert is the only moment that can break it.

-- The work list says itself which import a message came with: reading a page of it touches nothing else.
ALTER TABLE raw_pending ADD COLUMN batch_id text;
UPDATE raw_pending p SET batch_id = m.batch_id FROM raw_message m WHERE m.id = p.raw_id AND m.batch_id IS NOT NULL;

ALTER TABLE raw_message DROP CONSTRAINT raw_message_source_id_fkey, DROP CONSTRAINT raw_message_batch_id_fkey;
CREATE FUNCTION refuse_unknown_origin() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE missing text;
BEGIN
  SELECT 'source ' || a.source_id INTO missing FROM (SELECT DISTINCT source_id FROM added) a WHERE NOT EXISTS (SELECT FROM source s WHERE s.id = a.source_id);
  IF missing IS NULL THEN
    SELECT 'import ' || a.batch_id INTO missing FROM (SELECT DISTINCT batch_id FROM added WHERE batch_id IS NOT NULL) a WHERE NOT EXISTS (SELECT FROM import_batch b WHERE b.id = a.batch_id);
  END IF;
  IF missing IS NOT NULL THEN RAISE EXCEPTION 'a message came from %, which does not exist', missing USING ERRCODE = 'foreign_key_violation'; END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER known_origin AFTER INSERT ON raw_message REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_unknown_origin();

ALTER TABLE raw_pending DROP CONSTRAINT raw_pending_raw_id_fkey;
ALTER TABLE raw_outcome DROP CONSTRAINT raw_outcome_raw_id_fkey;
-- By the key of each message, however large the table is: nothing is known of the size of what was added.
CREATE FUNCTION refuse_unknown_message() RETURNS trigger LANGUAGE plpgsql SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE missing bigint;
BEGIN
  SELECT a.raw_id INTO missing FROM added a WHERE NOT EXISTS (SELECT FROM raw_message m WHERE m.id = a.raw_id) LIMIT 1;
  IF FOUND THEN RAISE EXCEPTION 'there is no message % for %', missing, TG_TABLE_NAME USING ERRCODE = 'foreign_key_violation'; END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER known_message AFTER INSERT ON raw_pending REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_unknown_message();
CREATE TRIGGER known_message AFTER INSERT ON raw_outcome REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION refuse_unknown_message();

-- Entries are looked at as a whole already: that their transaction exists is one condition more.
ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_transaction_key_fkey;
CREATE OR REPLACE FUNCTION guard_entry_insert() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad record;
BEGIN
  SELECT k.transaction_key INTO bad FROM (SELECT DISTINCT transaction_key FROM new_entries) k LEFT JOIN ledger_transaction t ON t.key = k.transaction_key WHERE t.key IS NULL LIMIT 1;
  IF FOUND THEN RAISE EXCEPTION 'there is no ledger transaction % for its entries', bad.transaction_key USING ERRCODE = 'foreign_key_violation'; END IF;
  IF EXISTS (SELECT FROM (SELECT DISTINCT transaction_key FROM new_entries) k JOIN ledger_transaction t ON t.key = k.transaction_key WHERE t.xmin <> pg_current_xact_id()::xid) THEN
    RAISE EXCEPTION 'ledger entries may join only the transaction being written' USING ERRCODE = 'WL002';
  END IF;
  SELECT transaction_key, unit, sum(amount) AS rest INTO bad FROM new_entries GROUP BY transaction_key, unit HAVING sum(amount) <> 0 LIMIT 1;
  IF FOUND THEN RAISE EXCEPTION 'entries of ledger transaction % are off by % %', bad.transaction_key, bad.rest, bad.unit USING ERRCODE = 'WL002'; END IF;
  RETURN NULL;
END $$;
