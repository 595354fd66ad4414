-- Months that an ERP has closed and we have not, or the other way, as seen before each hand-over and each night; a row goes when both are the same again.
CREATE TABLE erp_period_difference (
  connection_id text NOT NULL REFERENCES erp_connection, month text NOT NULL, here text NOT NULL CHECK (here IN ('open', 'softClosed', 'closed')), there text NOT NULL CHECK (there IN ('open', 'closed')), words text,
  found_at timestamptz NOT NULL DEFAULT now(), seen_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (connection_id, month), CHECK ((here = 'closed') <> (there = 'closed'))
);
GRANT SELECT, INSERT, UPDATE, DELETE ON erp_period_difference TO wattledger_app;
