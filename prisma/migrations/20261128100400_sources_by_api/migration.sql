-- Sources are created and changed by the API, each change a version with who and why.
ALTER TABLE set_up_version DROP CONSTRAINT set_up_version_kind_check;
ALTER TABLE set_up_version ADD CONSTRAINT set_up_version_kind_check CHECK (kind IN ('party', 'account', 'site', 'entity', 'fleetUnit', 'fleetAssignment', 'vatStatus', 'payeeBankAccount', 'glMapping', 'source'));
ALTER TABLE source ADD COLUMN version integer NOT NULL DEFAULT 1;
