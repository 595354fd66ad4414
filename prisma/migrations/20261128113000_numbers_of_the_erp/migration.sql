-- Where the ERP is the authority for the number, a document is handed over without one, and is issued under what the ERP called it.
ALTER TABLE issue_stamp ALTER COLUMN series_id DROP NOT NULL, ALTER COLUMN number DROP NOT NULL, ADD CONSTRAINT issue_stamp_series_or_erp CHECK ((series_id IS NULL) = (number IS NULL));
-- As the ERP answered when it was read back.
ALTER TABLE erp_posting ADD COLUMN erp_number text;
