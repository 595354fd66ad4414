-- A price may hold for one EVSE (its eMI3 id): it goes before its site's, which goes before the general one.
ALTER TABLE price_assignment ADD COLUMN evse_id text;
