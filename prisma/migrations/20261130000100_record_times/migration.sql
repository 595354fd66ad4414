-- Where and when a session was, and its energy, are asked of all records of a month, and a record's row is as long as what was sealed: two no longer fit a page. So the key's index tells them.
ALTER TABLE charge_record DROP CONSTRAINT charge_record_pkey;
ALTER TABLE charge_record ADD PRIMARY KEY (record_id, revision) INCLUDE (site_id, start_at, end_at, energy_wh);
