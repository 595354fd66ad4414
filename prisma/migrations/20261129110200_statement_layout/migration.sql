-- How the statement files of a source are to be read: hubs lay them out each in their own way.
CREATE TABLE statement_layout (
  source_id text PRIMARY KEY REFERENCES source, version integer NOT NULL DEFAULT 1, layout jsonb NOT NULL, author text NOT NULL, changed_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE ON statement_layout TO wattledger_app;
