-- Several calendars of an entity: whom each bills, and what a run's period is called. `period` stays the last month that a run bills of.
ALTER TABLE billing_calendar ADD COLUMN strategies text[] NOT NULL DEFAULT '{}';
ALTER TABLE account ADD COLUMN calendar_id text REFERENCES billing_calendar (id);
CREATE INDEX account_calendar ON account (calendar_id) WHERE calendar_id IS NOT NULL;

-- `label` as people and ids say it: 2019-12, 2019-W50, 2019-Q4. `first_month`, `full_month`: the month it begins in, and the last one that has
-- ended with it. `takes_all`: nobody is on another calendar.
ALTER TABLE billing_run ADD COLUMN label text, ADD COLUMN first_month text, ADD COLUMN full_month text, ADD COLUMN takes_all boolean NOT NULL DEFAULT true;
UPDATE billing_run SET label = period, first_month = period, full_month = period;
ALTER TABLE billing_run ALTER COLUMN label SET NOT NULL, ALTER COLUMN first_month SET NOT NULL, ALTER COLUMN full_month SET NOT NULL;
DROP INDEX billing_run_one_live;
CREATE UNIQUE INDEX billing_run_one_live ON billing_run (entity_id, calendar_id, label) WHERE kind = 'live' AND state <> 'cancelled' AND selection IS NULL;
ALTER TABLE billing_run DROP CONSTRAINT billing_run_entity_id_period_kind_n_key, ADD CONSTRAINT billing_run_entity_id_label_kind_n_key UNIQUE (entity_id, label, kind, n);
