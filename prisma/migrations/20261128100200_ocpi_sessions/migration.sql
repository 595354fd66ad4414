-- Sessions of peers as they go on, each as it was last told: what their CDRs are expected from. The token stands by its reference.
CREATE TABLE ocpi_session (
  peer_id text NOT NULL REFERENCES ocpi_peer, country_code char(2) NOT NULL, party_id text NOT NULL, session_id text NOT NULL, body jsonb NOT NULL, token_ref text,
  last_updated timestamptz NOT NULL, received_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (peer_id, country_code, party_id, session_id)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON ocpi_session TO wattledger_app;
