-- What an ERP holds otherwise blocks a close until it is as it was sent, or somebody has signed that it may stay so.
ALTER TABLE erp_drift ADD COLUMN signed_by text, ADD COLUMN signed_reason text, ADD COLUMN signed_at timestamptz,
  ADD CONSTRAINT erp_drift_signed CHECK ((signed_by IS NULL) = (signed_at IS NULL) AND (signed_by IS NULL) = (signed_reason IS NULL));
