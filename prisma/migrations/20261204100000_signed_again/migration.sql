-- The difference of a total is signed for what came, its amount too: where that alone has changed it is signed again, under the next number.
ALTER TABLE control_total_acceptance DROP CONSTRAINT control_total_acceptance_pkey, ADD COLUMN n integer NOT NULL DEFAULT 1;
ALTER TABLE control_total_acceptance ADD PRIMARY KEY (source_id, on_date, span, origin, party, version, received_count, received_wh, n);
