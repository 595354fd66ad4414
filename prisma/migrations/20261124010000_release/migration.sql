-- Release groups: each group of a run is approved, tried by a canary, issued and handed over on its own.

-- What keeps a group from going on; `review` counts how often its review began anew, so that approvals of an earlier one no longer count.
ALTER TABLE release_group ADD COLUMN problem text, ADD COLUMN review integer NOT NULL DEFAULT 1;
-- Empty until documents are built: then the account's own group, unless somebody moved it to another one within the run.
ALTER TABLE run_account ALTER COLUMN group_name DROP NOT NULL, ALTER COLUMN group_name DROP DEFAULT, ADD COLUMN moved_by text;
CREATE INDEX document_group ON document (run_id, group_name);
-- `content_hash` is that of the group; `named_hash` the one whoever decided had looked at: the group's or the run's.
ALTER TABLE approval ADD COLUMN named_hash bytea, ADD COLUMN review integer NOT NULL DEFAULT 1, ADD COLUMN standing_approval_id text;
CREATE INDEX approval_run ON approval (run_id);
-- Hashes of the groups with each build of a preview, so that a hash that was looked at can be told what changed since.
CREATE TABLE preview_group (
  run_id text NOT NULL, build integer NOT NULL, name text NOT NULL, content_hash bytea NOT NULL, PRIMARY KEY (run_id, build, name), FOREIGN KEY (run_id, build) REFERENCES preview_build
);
-- The handful of a group that is issued first.
CREATE TABLE canary_document (
  document_id text PRIMARY KEY REFERENCES document, run_id text NOT NULL REFERENCES billing_run, group_name text NOT NULL
);
CREATE INDEX canary_document_group ON canary_document (run_id, group_name);
-- When two have to approve, and how the canary is chosen.
CREATE TABLE release_rules_version (
  entity_id text NOT NULL REFERENCES legal_entity, version integer NOT NULL, body jsonb NOT NULL, reason text NOT NULL CHECK (length(reason) >= 3), author text NOT NULL, made_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (entity_id, version)
);
SELECT seal_table('release_rules_version');
-- Two sign in advance for small documents of one strategy; whatever it approves names it.
CREATE TABLE standing_approval (
  id text PRIMARY KEY, entity_id text NOT NULL REFERENCES legal_entity, strategy text NOT NULL, currency char(3) NOT NULL, document_cap_minor bigint NOT NULL CHECK (document_cap_minor > 0),
  day_cap_minor bigint NOT NULL CHECK (day_cap_minor > 0), valid_from date NOT NULL, valid_to date NOT NULL CHECK (valid_to > valid_from), reason text NOT NULL CHECK (length(reason) >= 3),
  proposed_by text NOT NULL, proposed_at timestamptz NOT NULL DEFAULT now(), signed_by text, signed_at timestamptz, revoked_by text, revoked_at timestamptz,
  CHECK (signed_by <> proposed_by)
);
GRANT SELECT, INSERT ON preview_group, canary_document, release_rules_version TO wattledger_app;
GRANT SELECT, INSERT, UPDATE ON standing_approval TO wattledger_app;
GRANT DELETE ON release_group TO wattledger_app;
