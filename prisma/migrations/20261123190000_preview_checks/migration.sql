-- What each build of a preview came to, so that two of them, or two months, can be compared without their charges; and what looks wrong in it.
CREATE TABLE preview_build (
  run_id text NOT NULL REFERENCES billing_run, build integer NOT NULL, content_hash bytea NOT NULL, built_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (run_id, build)
);
-- One row per account that was built anew; the newest up to a build is what that build holds.
CREATE TABLE preview_account (
  run_id text NOT NULL REFERENCES billing_run, account_id text NOT NULL REFERENCES account, build integer NOT NULL, currency char(3) NOT NULL, documents integer NOT NULL, net_minor bigint NOT NULL,
  vat_minor bigint NOT NULL, rounding_minor bigint NOT NULL, energy_wh bigint NOT NULL, lines integer NOT NULL, sessions integer NOT NULL, PRIMARY KEY (run_id, account_id, build)
);
-- Its charges and adjustments, summed by what a comparison or a rule tells apart.
CREATE TABLE preview_cell (
  run_id text NOT NULL, account_id text NOT NULL, build integer NOT NULL, cell_no integer NOT NULL, nature text NOT NULL CHECK (nature IN ('sale', 'late', 'correction', 'period', 'manual')),
  excluded boolean NOT NULL, role text NOT NULL, component text NOT NULL, unit_price text NOT NULL, tariff_version_id text, site_id text, vat_code text NOT NULL, quantity bigint NOT NULL,
  net_minor bigint NOT NULL, energy_wh bigint NOT NULL, charges integer NOT NULL, PRIMARY KEY (run_id, account_id, build, cell_no), FOREIGN KEY (run_id, account_id, build) REFERENCES preview_account
);
-- Findings that hold for the preview as it stands; the findings themselves are kept.
CREATE TABLE run_finding (
  finding_id bigint PRIMARY KEY REFERENCES finding, run_id text NOT NULL REFERENCES billing_run, account_id text
);
CREATE INDEX run_finding_run ON run_finding (run_id);
CREATE TABLE preview_rules_version (
  entity_id text NOT NULL REFERENCES legal_entity, version integer NOT NULL, body jsonb NOT NULL, reason text NOT NULL CHECK (length(reason) >= 3), author text NOT NULL, made_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (entity_id, version)
);
SELECT seal_table('preview_rules_version');
-- Approving over a blocking finding needs it signed.
ALTER TABLE decision DROP CONSTRAINT decision_subject_kind_check;
ALTER TABLE decision ADD CONSTRAINT decision_subject_kind_check CHECK (subject_kind IN ('record', 'account', 'posting', 'finding'));
GRANT SELECT, INSERT ON preview_build, preview_account, preview_cell, preview_rules_version TO wattledger_app;
GRANT SELECT, INSERT, DELETE ON run_finding TO wattledger_app;
