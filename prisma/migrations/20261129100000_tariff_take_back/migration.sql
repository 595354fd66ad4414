-- What may stand at the partner of a tariff of ours: the version it last took, or was last told without an answer; null once it was taken back. `notTakenBack`: it refused the DELETE.
ALTER TABLE ocpi_tariff_push ADD COLUMN there_version integer, DROP CONSTRAINT ocpi_tariff_push_state_check,
  ADD CONSTRAINT ocpi_tariff_push_state_check CHECK (state IN ('queued', 'sent', 'refused', 'withdrawn', 'notTakenBack'));
-- A refused row says nothing of what was taken before it, only that something was: taking back what is gone is harmless.
UPDATE ocpi_tariff_push SET there_version = version WHERE state IN ('sent', 'queued') OR state = 'refused' AND sent_at IS NOT NULL;
