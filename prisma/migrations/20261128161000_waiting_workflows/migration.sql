-- The `waiting_since` for which the record's cdr/… workflow was started: where the two differ it waits without one. What waits already is looked at once more.
ALTER TABLE record_head ADD COLUMN workflow_since timestamptz;
CREATE INDEX record_head_unattended ON record_head (waiting_since, record_id) WHERE waiting_raw_id IS NOT NULL AND workflow_since IS DISTINCT FROM waiting_since;
