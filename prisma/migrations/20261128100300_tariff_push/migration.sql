-- Which version of each tariff of ours a partner was told of, and what it answered. Without a row, or with another version, it is to be told; `withdrawn` is one that was taken back there.
CREATE TABLE ocpi_tariff_push (
  peer_id text NOT NULL REFERENCES ocpi_peer, tariff_id text NOT NULL, version integer NOT NULL, state text NOT NULL CHECK (state IN ('queued', 'sent', 'refused', 'withdrawn')),
  attempts integer NOT NULL DEFAULT 0, answer text, sent_at timestamptz, PRIMARY KEY (peer_id, tariff_id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON ocpi_tariff_push TO wattledger_app;
