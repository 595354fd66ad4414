-- Privacy: a driver can be erased, and what names or places people goes by itself when its time is over.
ALTER TABLE party ADD COLUMN erased_at timestamptz;
-- The records of a token, and what of a month, or of a day's requests, is still there.
CREATE INDEX record_head_token ON record_head (token_ref);
CREATE INDEX raw_body_kept ON raw_body (received_month) WHERE bytes IS NOT NULL;
CREATE INDEX idempotency_key_created ON idempotency_key (created_at);
GRANT DELETE ON idempotency_key TO wattledger_app;

-- How long each class is kept, and the least that law or work needs.
CREATE TABLE retention_policy (
  class text PRIMARY KEY, keep integer NOT NULL, unit text NOT NULL CHECK (unit IN ('months', 'days')), counted_from text NOT NULL,
  floor integer NOT NULL, floor_reason text NOT NULL, changed_by text, changed_at timestamptz, CONSTRAINT retention_policy_floor CHECK (keep >= floor)
);
INSERT INTO retention_policy (class, keep, unit, counted_from, floor, floor_reason) VALUES
  ('sessionTrail', 13, 'months', 'the end of the session and its receipt', 3, 'a session may come by another route, or be doubted, months later'),
  ('rawBody', 26, 'months', 'the month of receipt', 3, 'records are tried again, decided on and disputed from what was received'),
  ('tokenUid', 26, 'months', 'the day it was last seen', 3, 'open sessions are told apart and disputed by it'),
  ('idempotencyKey', 30, 'days', 'the request', 1, 'a client may repeat a request for a day'),
  ('driverIdentity', 84, 'months', 'the end of the calendar year of the last document', 84, 'bookkeeping law keeps until the seventh year after the calendar year has ended');
GRANT SELECT ON retention_policy TO wattledger_app;
-- The floor is not the application's to move.
GRANT UPDATE (keep, changed_by, changed_at) ON retention_policy TO wattledger_app;

-- What was removed, by class and run; a run that found nothing too.
CREATE TABLE retention_run (
  run_id text NOT NULL, class text NOT NULL REFERENCES retention_policy, dry_run boolean NOT NULL, keep integer NOT NULL, due bigint NOT NULL, removed bigint NOT NULL, oldest timestamptz,
  actor text NOT NULL, started_at timestamptz NOT NULL, ended_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (run_id, class), CHECK (NOT dry_run OR removed = 0)
);
CREATE INDEX retention_run_ended ON retention_run (ended_at);
SELECT seal_table('retention_run');
GRANT SELECT, INSERT ON retention_run TO wattledger_app;
-- How far a run is with a class, so that another worker goes on where one was killed. Gone when it is done.
CREATE TABLE retention_progress (
  run_id text NOT NULL, class text NOT NULL REFERENCES retention_policy, keep integer NOT NULL, due bigint NOT NULL, removed bigint NOT NULL DEFAULT 0, oldest timestamptz,
  actor text NOT NULL, started_at timestamptz NOT NULL, PRIMARY KEY (run_id, class)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON retention_progress TO wattledger_app;
