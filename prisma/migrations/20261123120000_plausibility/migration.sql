-- A newer version that cannot pass waits beside the one that is booked: what was billed stands until somebody decides.
ALTER TABLE record_head ADD COLUMN waiting_hash bytea, ADD COLUMN waiting_updated_at timestamptz, ADD COLUMN waiting_since timestamptz,
  ADD COLUMN at_risk_minor bigint, ADD COLUMN at_risk_currency char(3), ADD COLUMN linked_to bigint;
CREATE INDEX record_head_decide ON record_head (waiting_since) WHERE waiting_raw_id IS NOT NULL;
ALTER TABLE raw_outcome DROP CONSTRAINT raw_outcome_outcome_check;
ALTER TABLE raw_outcome ADD CONSTRAINT raw_outcome_outcome_check CHECK (outcome IN ('accepted', 'revised', 'duplicate', 'superseded', 'conflict', 'quarantined', 'linked', 'refused'));

-- Where and when each session stood, for what only its neighbours tell. It says who was where: kept apart, with an expiry of its own.
CREATE TABLE session_span (
  record_id bigint PRIMARY KEY, entity_id text NOT NULL, source_id text NOT NULL REFERENCES source, raw_id bigint NOT NULL, cdr_key text NOT NULL, session_id text, place text, connector_id text, token_ref text NOT NULL,
  start_at timestamptz NOT NULL, end_at timestamptz NOT NULL, energy_wh bigint NOT NULL, meter_start_wh bigint, meter_end_wh bigint, linked_to bigint
);
CREATE INDEX session_span_place ON session_span (place, start_at) WHERE place IS NOT NULL;
CREATE INDEX session_span_token ON session_span (token_ref, start_at);
CREATE INDEX session_span_cdr ON session_span (cdr_key);
CREATE INDEX session_span_session ON session_span (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX session_span_linked ON session_span (linked_to) WHERE linked_to IS NOT NULL;

-- What a rule computed, what it allows, and the version of the source's profile it judged by.
ALTER TABLE finding ADD COLUMN computed text, ADD COLUMN allowed text, ADD COLUMN profile_version integer NOT NULL DEFAULT 0;
-- A decision is on the message a record waits on; needs_second: it takes effect when another person decides the same.
ALTER TABLE decision ADD COLUMN raw_id bigint, ADD COLUMN needs_second boolean NOT NULL DEFAULT false;
ALTER TABLE source ADD COLUMN rule_profile_version integer NOT NULL DEFAULT 0;
CREATE TABLE rule_profile_version (
  source_id text NOT NULL REFERENCES source, version integer NOT NULL, body jsonb NOT NULL, reason text NOT NULL CHECK (length(reason) >= 3), author text NOT NULL, made_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (source_id, version)
);
SELECT seal_table('rule_profile_version');
GRANT SELECT, INSERT, UPDATE, DELETE ON session_span TO wattledger_app;
GRANT SELECT, INSERT ON rule_profile_version TO wattledger_app;
