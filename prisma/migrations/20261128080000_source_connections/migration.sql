-- How CDRs of a source are fetched, how far that went, and the secrets its webhook signs with.

-- Settings hold no password: a token stands in a file that only the worker reads.
CREATE TABLE source_connection (
  source_id text PRIMARY KEY REFERENCES source, version integer NOT NULL DEFAULT 1, settings jsonb NOT NULL,
  -- Everything the other side changed before it was looked at; the next sweep begins an overlap earlier.
  swept_until timestamptz, author text NOT NULL, changed_at timestamptz NOT NULL DEFAULT now()
);

-- One look at a source: its window, how far it is, what it brought.
CREATE TABLE sweep (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, source_id text NOT NULL REFERENCES source, workflow_id text NOT NULL, from_at timestamptz NOT NULL, to_at timestamptz NOT NULL, cursor text,
  pages integer NOT NULL DEFAULT 0, pulled integer NOT NULL DEFAULT 0, fresh integer NOT NULL DEFAULT 0, stated integer, state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'failed')), problem text,
  started_at timestamptz NOT NULL DEFAULT now(), touched_at timestamptz NOT NULL DEFAULT now(), finished_at timestamptz, CHECK (from_at < to_at), CHECK ((state = 'running') = (finished_at IS NULL)), CHECK (state <> 'failed' OR problem IS NOT NULL)
);
CREATE UNIQUE INDEX sweep_running ON sweep (source_id) WHERE state = 'running';
CREATE INDEX sweep_source ON sweep (source_id, id);

-- The sender signs each call with one of these; while one is replaced both hold.
CREATE TABLE webhook_secret (
  id text PRIMARY KEY, source_id text NOT NULL REFERENCES source, secret text NOT NULL CHECK (length(secret) >= 32), valid_until timestamptz, author text NOT NULL, made_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhook_secret_source ON webhook_secret (source_id);

GRANT SELECT, INSERT, UPDATE ON source_connection, sweep, webhook_secret TO wattledger_app;
GRANT USAGE ON SEQUENCE sweep_id_seq TO wattledger_app;
