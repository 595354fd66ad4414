-- Records sealed before this named the token itself, and sealed bytes never change.
DO $$
BEGIN
  IF EXISTS (SELECT FROM charge_record) THEN RAISE EXCEPTION 'this state was made by a development version that sealed tokens by their UID: delete it with "npm run reset" and start anew'; END IF;
END $$;
-- Sealed records name a token by a reference. The UID lies apart, so that erasing it leaves every record as it was sealed.
CREATE TABLE token_secret (
  id boolean PRIMARY KEY DEFAULT true CHECK (id), secret bytea NOT NULL CHECK (length(secret) = 32)
);
INSERT INTO token_secret (secret) VALUES (sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));
CREATE TABLE token (
  source_id text NOT NULL REFERENCES source, ref text NOT NULL, uid text NOT NULL, last_seen_on date NOT NULL DEFAULT CURRENT_DATE, PRIMARY KEY (source_id, ref)
);
CREATE INDEX token_uid ON token (source_id, uid);
ALTER TABLE record_head ADD COLUMN token_ref text;
GRANT SELECT ON token_secret TO wattledger_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON token TO wattledger_app;
