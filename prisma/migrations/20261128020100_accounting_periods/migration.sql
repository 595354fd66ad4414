-- The accounting period that a ledger transaction counts for: its own month, or the first open one after it.
ALTER TABLE ledger_transaction ADD COLUMN period char(7);
ALTER TABLE ledger_transaction DISABLE TRIGGER sealed_row;
UPDATE ledger_transaction SET period = CASE kind WHEN 'rated' THEN right(key, 7) ELSE to_char(effective_on, 'YYYY-MM') END;
ALTER TABLE ledger_transaction ENABLE TRIGGER sealed_row;
ALTER TABLE ledger_transaction ALTER COLUMN period SET NOT NULL;
CREATE INDEX ledger_transaction_period ON ledger_transaction (entity_id, period);

-- Who closed or reopened a month, and why; accounting_period holds what it is now.
CREATE TABLE accounting_period_event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, entity_id text NOT NULL REFERENCES legal_entity, month char(7) NOT NULL CHECK (month ~ '^\d{4}-(0[1-9]|1[0-2])$'),
  action text NOT NULL CHECK (action IN ('softClose', 'close', 'askReopen', 'reopen')), actor text NOT NULL, reason text NOT NULL CHECK (length(reason) >= 3), at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX accounting_period_event_month ON accounting_period_event (entity_id, month, id);
SELECT seal_table('accounting_period_event');

-- Nothing is posted into a month that is not open. A document has its posting date on it, so it is refused; all else goes on to the next
-- open month. Whoever closes holds the same lock alone.
CREATE FUNCTION keep_posting_period() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE closed_through text; wanted char(7) := NEW.period;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('period/' || NEW.entity_id, 0));
  SELECT max(month) INTO closed_through FROM accounting_period WHERE entity_id = NEW.entity_id AND state = 'closed';
  WHILE NEW.period <= closed_through OR EXISTS (SELECT FROM accounting_period WHERE entity_id = NEW.entity_id AND month = NEW.period AND state = 'softClosed') LOOP
    NEW.period := to_char((greatest(NEW.period, coalesce(closed_through, NEW.period)) || '-01')::date + interval '1 month', 'YYYY-MM');
  END LOOP;
  IF NEW.period <> wanted AND NEW.kind IN ('invoiced', 'credited', 'stated', 'matched', 'reimbursed') THEN
    RAISE EXCEPTION 'accounting period % of % is not open: issue by a date in an open one, or have it reopened', wanted, NEW.entity_id USING ERRCODE = 'WL010';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER keep_posting_period BEFORE INSERT ON ledger_transaction FOR EACH ROW EXECUTE FUNCTION keep_posting_period();

-- What a month-end accrual brought into the ERP, and that the next month takes back on its first day.
CREATE TABLE accrual (
  id text PRIMARY KEY, entity_id text NOT NULL REFERENCES legal_entity, month char(7) NOT NULL, n integer NOT NULL, author text NOT NULL, reason text, made_at timestamptz NOT NULL DEFAULT now(), UNIQUE (entity_id, month, n)
);
CREATE TABLE accrual_line (
  accrual_id text NOT NULL REFERENCES accrual, line_no integer NOT NULL, kind text NOT NULL CHECK (kind IN ('sale', 'advanceFee', 'share', 'roaming', 'home', 'estimate')), currency char(3) NOT NULL, gl_account text NOT NULL, cost_center text,
  amount_minor bigint NOT NULL CHECK (amount_minor <> 0), PRIMARY KEY (accrual_id, line_no)
);
-- The sessions without a CDR that an estimate stands for, to be held against what came of them.
CREATE TABLE accrual_expectation (
  accrual_id text NOT NULL REFERENCES accrual, source_id text NOT NULL, key text NOT NULL, cost_center text NOT NULL, currency char(3) NOT NULL, amount_minor bigint NOT NULL, estimated_wh bigint, PRIMARY KEY (accrual_id, source_id, key)
);
SELECT seal_table('accrual');
SELECT seal_table('accrual_line');
SELECT seal_table('accrual_expectation');
GRANT SELECT, INSERT ON accounting_period_event, accrual, accrual_line, accrual_expectation TO wattledger_app;
