-- When the source last changed the CDR it sent, where its format says so: an older version that comes later changes nothing.
ALTER TABLE record_head ADD COLUMN source_updated_at timestamptz;
ALTER TABLE raw_outcome DROP CONSTRAINT raw_outcome_outcome_check;
ALTER TABLE raw_outcome ADD CONSTRAINT raw_outcome_outcome_check CHECK (outcome IN ('accepted', 'revised', 'duplicate', 'superseded', 'conflict', 'quarantined', 'refused'));
