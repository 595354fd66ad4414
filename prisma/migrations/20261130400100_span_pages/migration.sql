-- How many pages of a source have written where sessions stood, each counted before its commit under the lock of its entity's neighbourhood: a page
-- that finds the other sources where they were when it began need not look beside its sessions once more.
CREATE TABLE span_page (source_id text PRIMARY KEY, pages bigint NOT NULL);
INSERT INTO span_page (source_id, pages) SELECT id, 0 FROM source;
GRANT SELECT, INSERT, UPDATE ON span_page TO wattledger_app;
