-- When an OCPI peer was last asked how many CDRs it has of each day, up to which day, and how that went: {at, until, days, stated, problem}.
ALTER TABLE source_connection ADD COLUMN counts jsonb;
