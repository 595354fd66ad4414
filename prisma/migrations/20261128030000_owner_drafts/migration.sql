-- What a run was told to pull in is few beside what it claims, and is asked for with each build of a site owner's statement.
CREATE INDEX claim_pulled_in ON claim (run_id) WHERE pulled_in_by IS NOT NULL;
