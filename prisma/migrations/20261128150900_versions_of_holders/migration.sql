-- Whose a site is has versions too, like all set-up.
ALTER TABLE set_up_version DROP CONSTRAINT set_up_version_kind_check;
ALTER TABLE set_up_version ADD CONSTRAINT set_up_version_kind_check
  CHECK (kind IN ('party', 'account', 'site', 'siteHolder', 'entity', 'fleetUnit', 'fleetAssignment', 'vatStatus', 'payeeBankAccount', 'glMapping', 'source'));
