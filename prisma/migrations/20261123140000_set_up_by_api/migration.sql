-- Who pays and who earns is administered through the API: every change is a version, with who and why.
ALTER TABLE site ADD COLUMN version integer NOT NULL DEFAULT 1;
-- The person who drives, where that is known: erasing that party takes the label too.
ALTER TABLE fleet_unit ADD COLUMN version integer NOT NULL DEFAULT 1, ADD COLUMN party_id text REFERENCES party;
CREATE INDEX fleet_unit_party ON fleet_unit (party_id) WHERE party_id IS NOT NULL;
ALTER TABLE party ADD COLUMN email text;
ALTER TABLE mapping ADD CONSTRAINT mapping_times CHECK (valid_from < valid_to);

CREATE TABLE set_up_version (
  kind text NOT NULL CHECK (kind IN ('party', 'account', 'site', 'entity', 'fleetUnit', 'fleetAssignment', 'vatStatus', 'payeeBankAccount', 'glMapping')), id text NOT NULL, version integer NOT NULL,
  body jsonb NOT NULL, changed text[] NOT NULL, author text NOT NULL, second_person text, reason text NOT NULL CHECK (length(reason) >= 3), made_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (kind, id, version)
);
SELECT seal_table('set_up_version');
-- What of a version names or places people, beside it and not in it: an erasure takes these rows, and the version stays.
CREATE TABLE set_up_words (
  kind text NOT NULL, id text NOT NULL, version integer NOT NULL, words jsonb NOT NULL, PRIMARY KEY (kind, id, version), FOREIGN KEY (kind, id, version) REFERENCES set_up_version
);

-- What a second person has to publish. `words` names people, and goes with them.
CREATE TABLE set_up_proposal (
  id text PRIMARY KEY, kind text NOT NULL CHECK (kind IN ('contract', 'vatStatus', 'vatTable', 'payeeBankAccount')), subject_id text NOT NULL, body jsonb NOT NULL, words jsonb NOT NULL DEFAULT '{}',
  findings jsonb NOT NULL DEFAULT '[]', state text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'published', 'refused')), author text NOT NULL, reason text NOT NULL CHECK (length(reason) >= 3),
  proposed_at timestamptz NOT NULL DEFAULT now(), decided_by text, decided_at timestamptz, comment text, published_as text, CHECK (state <> 'published' OR decided_by <> author)
);
CREATE INDEX set_up_proposal_subject ON set_up_proposal (kind, subject_id);
CREATE INDEX set_up_proposal_state ON set_up_proposal (state, id);

-- Where a payee is paid. The number itself can be erased; its last four stay.
CREATE TABLE payee_bank_account (
  account_id text NOT NULL REFERENCES account, version integer NOT NULL, scheme text NOT NULL CHECK (scheme IN ('iban', 'bankgiro')), number text, last_four text NOT NULL CHECK (length(last_four) = 4),
  author text NOT NULL, second_person text NOT NULL, published_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (account_id, version), CHECK (author <> second_person)
);

-- A file or body of set-up, previewed before it is applied. It holds names: body and plan go when it is applied, withdrawn or over.
CREATE TABLE set_up_load (
  id text PRIMARY KEY, state text NOT NULL CHECK (state IN ('previewed', 'applied', 'expired', 'withdrawn')), body jsonb, plan jsonb, totals jsonb NOT NULL, author text NOT NULL, made_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL, applied_by text, applied_at timestamptz, reason text, CHECK ((state = 'previewed') = (body IS NOT NULL)), CHECK ((body IS NULL) = (plan IS NULL))
);
CREATE INDEX set_up_load_open ON set_up_load (expires_at) WHERE body IS NOT NULL;

GRANT SELECT, INSERT ON set_up_version TO wattledger_app;
GRANT SELECT, INSERT, DELETE ON set_up_words TO wattledger_app;
GRANT SELECT, INSERT, UPDATE ON set_up_proposal, set_up_load TO wattledger_app;
GRANT SELECT, INSERT ON payee_bank_account TO wattledger_app;
GRANT UPDATE (number) ON payee_bank_account TO wattledger_app;
