-- A tariff version is proposed by one person and published by another; what is published is write-once.
CREATE TABLE tariff_proposal (
  id text PRIMARY KEY, tariff_id text NOT NULL, currency char(3) NOT NULL, valid_from timestamptz NOT NULL, body jsonb NOT NULL, findings jsonb NOT NULL DEFAULT '[]',
  state text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'published', 'refused')), author text NOT NULL, reason text NOT NULL, proposed_at timestamptz NOT NULL DEFAULT now(),
  decided_by text, decided_at timestamptz, comment text, tariff_version_id text REFERENCES tariff_version, CHECK (decided_by IS NULL OR state = 'refused' OR decided_by <> author)
);
CREATE INDEX tariff_proposal_state ON tariff_proposal (state, proposed_at);
GRANT SELECT, INSERT, UPDATE ON tariff_proposal TO wattledger_app;
