-- What steering a run through the API needs.
ALTER TABLE billing_run ADD COLUMN paused boolean NOT NULL DEFAULT false;
-- Who took a late charge into a closed set; empty for what the closing itself claimed.
ALTER TABLE claim ADD COLUMN pulled_in_by text;
CREATE INDEX finding_run ON finding (run_id);
CREATE INDEX audit_event_subject ON audit_event (subject, id);
CREATE INDEX decision_run ON decision (run_id);
