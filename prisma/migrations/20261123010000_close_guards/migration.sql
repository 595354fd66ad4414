-- Closes holes in the guards of the first migration.

-- Lines and claims may not join a document whose content is fixed: the first guard looked at UPDATE and DELETE, and at OLD only.
CREATE OR REPLACE FUNCTION guard_document_part() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE doc text; held text;
BEGIN
  FOREACH doc IN ARRAY array_remove(ARRAY[CASE WHEN TG_OP <> 'INSERT' THEN OLD.document_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.document_id END], NULL) LOOP
    SELECT state INTO held FROM document WHERE id = doc;
    IF held IN ('frozen', 'approved', 'awaitingNumber', 'issued') THEN RAISE EXCEPTION 'document % is %; its parts are fixed', doc, held USING ERRCODE = 'WL001'; END IF;
  END LOOP;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER guard_line BEFORE INSERT OR UPDATE OR DELETE ON document_line FOR EACH ROW EXECUTE FUNCTION guard_document_part();
CREATE OR REPLACE TRIGGER guard_claim BEFORE INSERT OR UPDATE OR DELETE ON claim FOR EACH ROW EXECUTE FUNCTION guard_document_part();

-- A fixed document keeps every column but its state.
CREATE OR REPLACE FUNCTION guard_document() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state = 'issued' THEN RAISE EXCEPTION 'document % is issued; correct it by a credit note', OLD.id USING ERRCODE = 'WL001'; END IF;
  IF TG_OP = 'DELETE' THEN
    IF OLD.state <> 'draft' THEN RAISE EXCEPTION 'document % is %; reopen it first', OLD.id, OLD.state USING ERRCODE = 'WL001'; END IF;
    RETURN OLD;
  END IF;
  IF OLD.state <> 'draft' AND to_jsonb(NEW) - 'state' IS DISTINCT FROM to_jsonb(OLD) - 'state' THEN
    RAISE EXCEPTION 'document % is %; its content is fixed', OLD.id, OLD.state USING ERRCODE = 'WL001';
  END IF;
  RETURN NEW;
END $$;

-- A statement trigger of the parent does not fire for an INSERT into a partition: the application writes through parents only.
DO $$
DECLARE child regclass;
BEGIN
  FOR child IN SELECT oid FROM pg_class WHERE relispartition AND relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
    EXECUTE format('REVOKE ALL ON %s FROM wattledger_app', child);
  END LOOP;
END $$;

-- The deferred balance check can be made immediate by the session (SET CONSTRAINTS) and then looks before the entries come.
-- So entries are written in one statement that balances by itself, which nothing can postpone or bring forward.
CREATE OR REPLACE FUNCTION guard_entry_insert() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad record;
BEGIN
  IF EXISTS (SELECT FROM new_entries e JOIN ledger_transaction t ON t.key = e.transaction_key WHERE t.xmin <> pg_current_xact_id()::xid) THEN
    RAISE EXCEPTION 'ledger entries may join only the transaction being written' USING ERRCODE = 'WL002';
  END IF;
  SELECT transaction_key, unit, sum(amount) AS rest INTO bad FROM new_entries GROUP BY transaction_key, unit HAVING sum(amount) <> 0 LIMIT 1;
  IF FOUND THEN RAISE EXCEPTION 'entries of ledger transaction % are off by % %', bad.transaction_key, bad.rest, bad.unit USING ERRCODE = 'WL002'; END IF;
  RETURN NULL;
END $$;
