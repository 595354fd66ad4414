-- What a partner is known to refuse of the CDRs that we send it; every version is kept, the newest holds.
CREATE TABLE partner_rules_version (
  account_id text NOT NULL REFERENCES account, version integer NOT NULL, body jsonb NOT NULL, reason text NOT NULL CHECK (length(reason) >= 3), author text NOT NULL, made_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, version)
);
SELECT seal_table('partner_rules_version');
GRANT SELECT, INSERT ON partner_rules_version TO wattledger_app;
