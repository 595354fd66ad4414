-- What sealed records are not in a block yet. A work list, because ids are not commit order: a record that commits after one with a
-- higher id was put into a block stands here like any other. Filled by the insert itself, so that no write path can forget it.
CREATE TABLE block_pending (record_id bigint NOT NULL, revision integer NOT NULL, PRIMARY KEY (record_id, revision));
CREATE FUNCTION list_for_block() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO block_pending (record_id, revision) SELECT record_id, revision FROM sealed_records;
  RETURN NULL;
END $$;
CREATE TRIGGER list_for_block AFTER INSERT ON charge_record REFERENCING NEW TABLE AS sealed_records FOR EACH STATEMENT EXECUTE FUNCTION list_for_block();
INSERT INTO block_pending (record_id, revision)
  SELECT r.record_id, r.revision FROM charge_record r WHERE NOT EXISTS (SELECT FROM record_block_member m WHERE m.record_id = r.record_id AND m.revision = r.revision);
-- The leaves of a block in their order, for proofs; one record a place.
CREATE UNIQUE INDEX record_block_member_leaf ON record_block_member (height, position);
GRANT SELECT, INSERT, DELETE ON block_pending TO wattledger_app;
