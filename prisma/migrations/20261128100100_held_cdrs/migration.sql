-- A CDR of ours that its partner is known to refuse is held with the reasons, by a version of the partner's rules; one that never left and was corrected is withdrawn.
ALTER TABLE ocpi_delivery DROP CONSTRAINT ocpi_delivery_state_check;
ALTER TABLE ocpi_delivery ADD CONSTRAINT ocpi_delivery_state_check CHECK (state IN ('queued', 'sent', 'refused', 'withheld', 'pullOnly', 'held', 'withdrawn'));
ALTER TABLE ocpi_delivery ADD COLUMN issues jsonb, ADD COLUMN rules_version integer;
ALTER TABLE ocpi_delivery ADD CONSTRAINT ocpi_delivery_held CHECK ((state = 'held') = (issues IS NOT NULL) AND (state = 'held') = (rules_version IS NOT NULL));
DROP INDEX ocpi_delivery_work;
CREATE INDEX ocpi_delivery_work ON ocpi_delivery (peer_id, sale_id) WHERE state IN ('queued', 'refused', 'held');
