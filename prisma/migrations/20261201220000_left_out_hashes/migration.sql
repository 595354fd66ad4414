-- What a group leaves out is part of what is approved: beside the group's hash, the part of it that is over that. Empty: nothing is left out; null: built before it was part.
ALTER TABLE release_group ADD COLUMN left_out_hash bytea;
ALTER TABLE preview_group ADD COLUMN left_out_hash bytea;
CREATE INDEX claim_excluded ON claim (run_id) WHERE disposition = 'excluded';
-- What nobody has approved yet is built, and looked at, once more; an approval that was given holds for what it covered.
UPDATE release_group SET content_hash = NULL WHERE state IN ('previewing', 'inReview') AND content_hash IS NOT NULL;
UPDATE run_account x SET state = 'pending' FROM release_group g WHERE g.run_id = x.run_id AND g.name = x.group_name AND g.content_hash IS NULL AND g.state IN ('previewing', 'inReview') AND x.state = 'ready';
UPDATE billing_run SET content_hash = NULL WHERE state IN ('previewing', 'inReview');
