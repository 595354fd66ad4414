-- Whose a site is from an instant on: who owns its ground or lives at the home, and which operator is paid. Before the first of them the site's own
-- entry says it. A session goes by what held at its start (D06).
CREATE TABLE site_holder (
  site_id text NOT NULL REFERENCES site, valid_from timestamptz NOT NULL, valid_to timestamptz NOT NULL DEFAULT 'infinity', owner_account_id text REFERENCES account, operator_account_id text REFERENCES account,
  author text NOT NULL, PRIMARY KEY (site_id, valid_from), CHECK (valid_from < valid_to)
);
CREATE INDEX site_holder_owner ON site_holder (owner_account_id) WHERE owner_account_id IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON site_holder TO wattledger_app;
