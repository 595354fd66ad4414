-- OCPI connections: who they are, how they sign in, what they sent of tariffs, and what we send of sales.

-- A platform on the other side. `their_token` is sealed under a key that lies outside the database; theirs to us is kept as a hash only.
CREATE TABLE ocpi_peer (
  id text PRIMARY KEY, entity_id text NOT NULL REFERENCES legal_entity, name text NOT NULL, kind text NOT NULL CHECK (kind IN ('peer', 'hub')),
  our_country char(2) NOT NULL, our_party text NOT NULL, country_code char(2) NOT NULL, party_id text NOT NULL, source_id text UNIQUE REFERENCES source,
  correction_channel text NOT NULL CHECK (correction_channel IN ('inBand', 'byDocument')), push boolean NOT NULL DEFAULT true,
  state text NOT NULL DEFAULT 'prepared' CHECK (state IN ('prepared', 'invited', 'registered', 'unregistered')),
  version text CHECK (version IN ('2.1.1', '2.2.1', '2.3.0')), versions_url text, token_coding text CHECK (token_coding IN ('base64', 'plain')), their_token bytea,
  endpoints jsonb NOT NULL DEFAULT '[]', roles jsonb NOT NULL DEFAULT '[]', registered_at timestamptz, tariffs_pulled_at timestamptz, problem text,
  CHECK ((state = 'registered') = (their_token IS NOT NULL)), CHECK (their_token IS NULL OR version IS NOT NULL AND versions_url IS NOT NULL AND token_coding IS NOT NULL)
);
-- Tokens with which a peer calls us, by SHA-256: an invitation opens versions and credentials alone, a pending one the same while we register there.
CREATE TABLE ocpi_token (
  hash bytea PRIMARY KEY, peer_id text NOT NULL REFERENCES ocpi_peer, state text NOT NULL CHECK (state IN ('invited', 'pending', 'live')), made_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX ocpi_token_state ON ocpi_token (peer_id, state);
-- Whose sales go over which connection, and who that partner is in OCPI: behind a hub there are several.
CREATE TABLE ocpi_partner (
  account_id text PRIMARY KEY REFERENCES account, peer_id text NOT NULL REFERENCES ocpi_peer, country_code char(2) NOT NULL, party_id text NOT NULL, send_from date NOT NULL
);
-- What a CDR says of a site beyond our own set-up: address, place, connector.
CREATE TABLE ocpi_location (site_id text PRIMARY KEY REFERENCES site, body jsonb NOT NULL);

-- Sales to look at: filled by the insert of charges itself, so that no write path can forget it. The same sale may stand here several times.
CREATE TABLE ocpi_sale_pending (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, peer_id text NOT NULL, account_id text NOT NULL, record_id bigint NOT NULL, waiting_for text
);
CREATE INDEX ocpi_sale_pending_peer ON ocpi_sale_pending (peer_id, id);
CREATE FUNCTION list_for_ocpi() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM ocpi_partner) THEN RETURN NULL; END IF;
  INSERT INTO ocpi_sale_pending (peer_id, account_id, record_id)
  SELECT DISTINCT p.peer_id, p.account_id, a.record_id FROM added a JOIN ocpi_partner p ON p.account_id = a.payer_account_id
  WHERE a.role = 'emspSale' AND a.record_id IS NOT NULL AND a.service_on >= p.send_from ORDER BY a.record_id;
  RETURN NULL;
END $$;
CREATE TRIGGER list_for_ocpi AFTER INSERT ON rated_charge REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION list_for_ocpi();

-- A CDR of ours as it was made: it never changes, a correction is a credit and another one. It names the token by reference.
CREATE TABLE ocpi_sale (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, peer_id text NOT NULL REFERENCES ocpi_peer, account_id text NOT NULL REFERENCES account, record_id bigint NOT NULL, revision integer NOT NULL,
  kind text NOT NULL CHECK (kind IN ('cdr', 'credit')), cdr_id text NOT NULL, credit_of bigint UNIQUE REFERENCES ocpi_sale, body jsonb NOT NULL, made_at timestamptz NOT NULL,
  UNIQUE (peer_id, cdr_id), CHECK ((kind = 'credit') = (credit_of IS NOT NULL))
);
CREATE INDEX ocpi_sale_page ON ocpi_sale (peer_id, made_at, id);
CREATE INDEX ocpi_sale_record ON ocpi_sale (record_id, account_id);
SELECT seal_table('ocpi_sale');
-- How far each has come: sent, acknowledged by the hub, seen by the partner, agreed are apart.
CREATE TABLE ocpi_delivery (
  sale_id bigint PRIMARY KEY REFERENCES ocpi_sale, peer_id text NOT NULL, record_id bigint NOT NULL, state text NOT NULL CHECK (state IN ('queued', 'sent', 'refused', 'withheld', 'pullOnly')),
  attempts integer NOT NULL DEFAULT 0, answer text, location text, sent_at timestamptz, hub_acknowledged_at timestamptz, seen_at timestamptz, agreed_at timestamptz, agreed_by text,
  CHECK ((agreed_at IS NULL) = (agreed_by IS NULL))
);
CREATE INDEX ocpi_delivery_work ON ocpi_delivery (peer_id, sale_id) WHERE state IN ('queued', 'refused');

-- Tariffs of peers, every version as it came; without a body the peer took it back.
CREATE TABLE ocpi_tariff (
  peer_id text NOT NULL REFERENCES ocpi_peer, country_code char(2) NOT NULL, party_id text NOT NULL, tariff_id text NOT NULL, version integer NOT NULL,
  body jsonb, last_updated timestamptz NOT NULL, received_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (peer_id, country_code, party_id, tariff_id, version)
);
SELECT seal_table('ocpi_tariff');

GRANT SELECT, INSERT, UPDATE ON ocpi_peer, ocpi_partner, ocpi_location, ocpi_delivery TO wattledger_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ocpi_token, ocpi_sale_pending TO wattledger_app;
GRANT DELETE ON ocpi_partner TO wattledger_app;
GRANT SELECT, INSERT ON ocpi_sale, ocpi_tariff TO wattledger_app;
GRANT USAGE ON SEQUENCE ocpi_sale_pending_id_seq, ocpi_sale_id_seq TO wattledger_app;
