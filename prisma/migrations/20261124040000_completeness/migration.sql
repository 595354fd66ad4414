-- What is known to be missing: how far each source is complete, what it says it sent, and the sessions whose CDR has not come.

-- The day a session ended in its source's zone, and the energy as its source stated it where a signed correction differs: control totals are held against these.
ALTER TABLE record_head ADD COLUMN ended_on date, ADD COLUMN source_wh bigint;
UPDATE record_head h SET ended_on = (s.end_at AT TIME ZONE o.time_zone)::date FROM session_span s JOIN source o ON o.id = s.source_id WHERE s.record_id = h.record_id;

-- Everything that ended before it has been delivered, says the source; every statement is kept, `source.complete_until` is the one that holds.
CREATE TABLE source_watermark (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, source_id text NOT NULL REFERENCES source, complete_until timestamptz NOT NULL, origin text NOT NULL CHECK (origin IN ('partner', 'ops', 'poll', 'seed')),
  reason text, author text NOT NULL, stated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX source_watermark_source ON source_watermark (source_id, id);
SELECT seal_table('source_watermark');

-- A correction of a stated total is its next version: the newest holds.
ALTER TABLE control_total ADD COLUMN version integer NOT NULL DEFAULT 1, ADD COLUMN amount numeric(20, 4), ADD COLUMN currency char(3),
  ADD COLUMN author text NOT NULL DEFAULT 'unknown', ADD COLUMN received_at timestamptz NOT NULL DEFAULT now(), ADD CHECK ((amount IS NULL) = (currency IS NULL));
ALTER TABLE control_total ALTER COLUMN author DROP DEFAULT;
ALTER TABLE control_total DROP CONSTRAINT control_total_pkey, ADD PRIMARY KEY (source_id, on_date, origin, version);
SELECT seal_table('control_total');
REVOKE UPDATE ON control_total FROM wattledger_app;
-- Somebody signed for a difference; it holds while both sides stay as they were.
CREATE TABLE control_total_acceptance (
  source_id text NOT NULL, on_date date NOT NULL, origin text NOT NULL, version integer NOT NULL, received_count integer NOT NULL, received_wh bigint NOT NULL, received_amount numeric(20, 4),
  reason text NOT NULL CHECK (length(reason) >= 3), author text NOT NULL, made_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (source_id, on_date, origin, version, received_count, received_wh), FOREIGN KEY (source_id, on_date, origin, version) REFERENCES control_total
);
SELECT seal_table('control_total_acceptance');

ALTER TABLE expectation ADD COLUMN kind text NOT NULL DEFAULT 'session' CHECK (kind IN ('session', 'authorization', 'offline')), ADD COLUMN session_id text, ADD COLUMN authorization_id text, ADD COLUMN place text,
  ADD COLUMN site_id text, ADD COLUMN token_ref text, ADD COLUMN estimated_amount numeric(20, 4), ADD COLUMN currency char(3), ADD COLUMN author text NOT NULL DEFAULT 'unknown',
  ADD COLUMN stated_at timestamptz NOT NULL DEFAULT now(), ADD COLUMN resolution text CHECK (resolution IN ('matched', 'cancelled')), ADD COLUMN resolved_at timestamptz, ADD COLUMN resolved_actor text,
  ADD COLUMN resolution_reason text, ADD CHECK ((estimated_amount IS NULL) = (currency IS NULL)), ADD CHECK ((resolution IS NULL) = (resolved_at IS NULL)), ADD CHECK (resolution <> 'cancelled' OR length(resolution_reason) >= 3);
ALTER TABLE expectation ALTER COLUMN author DROP DEFAULT, ALTER COLUMN kind DROP DEFAULT;
CREATE INDEX expectation_open ON expectation (source_id, opened_at) WHERE resolution IS NULL;
CREATE INDEX expectation_resolved ON expectation (resolved_by) WHERE resolved_by IS NOT NULL;
ALTER TABLE session_span ADD COLUMN authorization_id text;
CREATE INDEX session_span_authorization ON session_span (authorization_id) WHERE authorization_id IS NOT NULL;

-- An expectation may be carried past a close, signed. Other subjects keep their place, whoever added them.
DO $$
DECLARE def text := (SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'decision'::regclass AND conname = 'decision_subject_kind_check');
BEGIN
  ALTER TABLE decision DROP CONSTRAINT decision_subject_kind_check;
  EXECUTE 'ALTER TABLE decision ADD CONSTRAINT decision_subject_kind_check ' || replace(def, 'ARRAY[', 'ARRAY[''expectation''::text, ');
END $$;

-- Automatic: the set closes as soon as every source is complete, at the latest at the cut-off.
ALTER TABLE billing_calendar ADD COLUMN cut_off text NOT NULL DEFAULT 'fixed' CHECK (cut_off IN ('fixed', 'automatic'));
ALTER TABLE billing_run ADD COLUMN cut_off text NOT NULL DEFAULT 'fixed' CHECK (cut_off IN ('fixed', 'automatic'));

-- Where energy and money of each source and service month stood when a run closed: the next run's opening.
CREATE TABLE run_closing (
  run_id text NOT NULL REFERENCES billing_run, source_id text NOT NULL, service_month text NOT NULL, unit text NOT NULL, figures jsonb NOT NULL, PRIMARY KEY (run_id, source_id, service_month, unit)
);
SELECT seal_table('run_closing');
-- What was handed over and what the ERP holds, per kind, account, cost center, VAT code and currency, as last compared.
CREATE TABLE erp_control_total (
  run_id text NOT NULL REFERENCES billing_run, key text NOT NULL, handed_over bigint NOT NULL, in_erp bigint NOT NULL, PRIMARY KEY (run_id, key)
);
GRANT SELECT, INSERT ON source_watermark, control_total_acceptance, run_closing TO wattledger_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON erp_control_total TO wattledger_app;
GRANT USAGE ON SEQUENCE source_watermark_id_seq TO wattledger_app;
