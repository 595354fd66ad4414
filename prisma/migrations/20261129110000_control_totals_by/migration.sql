-- A control total may be of a month, of one party behind a hub, or of what was last updated on a day, which a peer counts without its energy.
ALTER TABLE control_total_acceptance DROP CONSTRAINT control_total_acceptance_source_id_on_date_origin_version_fkey, DROP CONSTRAINT control_total_acceptance_pkey;
ALTER TABLE control_total DROP CONSTRAINT control_total_pkey, ALTER COLUMN stated_wh DROP NOT NULL,
  -- `CC*PID`, upper case; empty: of all parties.
  ADD COLUMN party text NOT NULL DEFAULT '' CHECK (party = upper(party)),
  -- `on_date` is the day, or the first of the month.
  ADD COLUMN span text NOT NULL DEFAULT 'day' CHECK (span IN ('day', 'month') AND (span = 'day' OR extract(day FROM on_date) = 1)),
  ADD COLUMN counted_by text NOT NULL DEFAULT 'sessionEnd' CHECK (counted_by IN ('sessionEnd', 'lastUpdated')),
  ADD CHECK (counted_by = 'lastUpdated' OR stated_wh IS NOT NULL), ADD PRIMARY KEY (source_id, on_date, span, origin, party, version);
ALTER TABLE control_total_acceptance ADD COLUMN party text NOT NULL DEFAULT '', ADD COLUMN span text NOT NULL DEFAULT 'day',
  ADD PRIMARY KEY (source_id, on_date, span, origin, party, version, received_count, received_wh),
  ADD FOREIGN KEY (source_id, on_date, span, origin, party, version) REFERENCES control_total;
