-- The environment a database is of: said by the first process that runs on it, and changed by its owner alone.
CREATE TABLE database_environment (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  environment text NOT NULL CHECK (environment IN ('production', 'staging', 'test', 'development')),
  since timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT ON database_environment TO wattledger_app;
