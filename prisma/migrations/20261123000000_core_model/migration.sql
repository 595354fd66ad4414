-- The whole core model. Money is bigint minor units, energy bigint Wh, instants timestamptz (UTC).
-- Rule of thumb: what is sealed is insert-only; state lives in heads, claims and run rows.

-- ---------------------------------------------------------------- set-up
CREATE TABLE legal_entity (
  id text PRIMARY KEY, name text NOT NULL, country char(2) NOT NULL, currency char(3) NOT NULL,
  time_zone text NOT NULL, org_number text NOT NULL, version integer NOT NULL DEFAULT 1
);
CREATE TABLE vat_registration (
  entity_id text NOT NULL REFERENCES legal_entity, country char(2) NOT NULL, number text NOT NULL,
  valid_from date NOT NULL, valid_to date, PRIMARY KEY (entity_id, country, valid_from)
);
CREATE TABLE billing_calendar (
  id text PRIMARY KEY, entity_id text NOT NULL REFERENCES legal_entity,
  cadence text NOT NULL CHECK (cadence IN ('monthly', 'weekly', 'quarterly'))
);
CREATE TABLE source (
  id text PRIMARY KEY, entity_id text NOT NULL REFERENCES legal_entity, name text NOT NULL,
  route text NOT NULL CHECK (route IN ('ownCsms', 'proprietary', 'ocpiPeer', 'ocpiHub', 'file')),
  format text NOT NULL, owner_country char(2) NOT NULL, owner_party text NOT NULL, time_zone text NOT NULL,
  repeat_profile text NOT NULL CHECK (repeat_profile IN ('revise', 'conflict')),
  correction_channel text NOT NULL CHECK (correction_channel IN ('inBand', 'byDocument', 'none')),
  rule_profile jsonb NOT NULL DEFAULT '{}', complete_until timestamptz
);
CREATE TABLE party (
  id text PRIMARY KEY, name text NOT NULL, country char(2) NOT NULL, vat_number text, org_number text,
  address jsonb NOT NULL DEFAULT '{}', version integer NOT NULL DEFAULT 1
);
CREATE TABLE account (
  id text PRIMARY KEY, entity_id text NOT NULL REFERENCES legal_entity, party_id text NOT NULL REFERENCES party,
  category text NOT NULL CHECK (category IN ('driver', 'fleet', 'eMSP', 'siteOwner', 'partner')),
  strategy text NOT NULL CHECK (strategy IN ('cardReceipt', 'driverInvoice', 'fleetInvoice', 'emspSettlement', 'selfBilling')),
  rounding_mode text NOT NULL CHECK (rounding_mode IN ('grossFirst', 'netFirst')),
  currency char(3) NOT NULL, payment_terms_days integer NOT NULL DEFAULT 30, release_group text NOT NULL DEFAULT 'all',
  version integer NOT NULL DEFAULT 1
);
CREATE TABLE site (
  id text PRIMARY KEY, entity_id text NOT NULL REFERENCES legal_entity, name text NOT NULL, country char(2) NOT NULL,
  time_zone text NOT NULL, owner_account_id text REFERENCES account, cost_center text NOT NULL,
  connector_power_w bigint NOT NULL
);
-- External keys of a source (site codes, tokens) to ours, effective-dated.
CREATE TABLE mapping (
  source_id text NOT NULL REFERENCES source, kind text NOT NULL CHECK (kind IN ('site', 'token')), external_key text NOT NULL,
  internal_id text NOT NULL, cost_center text, valid_from timestamptz NOT NULL DEFAULT '-infinity', valid_to timestamptz NOT NULL DEFAULT 'infinity',
  author text NOT NULL, PRIMARY KEY (source_id, kind, external_key, valid_from)
);
CREATE TABLE contract (
  id text PRIMARY KEY, account_id text NOT NULL REFERENCES account,
  kind text NOT NULL CHECK (kind IN ('supply', 'roaming', 'revenueShare'))
);
CREATE TABLE contract_version (
  contract_id text NOT NULL REFERENCES contract, version integer NOT NULL, valid_from timestamptz NOT NULL, valid_to timestamptz NOT NULL DEFAULT 'infinity',
  clauses jsonb NOT NULL, author text NOT NULL, second_person text, PRIMARY KEY (contract_id, version)
);
CREATE TABLE tariff_version (
  id text PRIMARY KEY, tariff_id text NOT NULL, version integer NOT NULL, currency char(3) NOT NULL,
  valid_from timestamptz NOT NULL, valid_to timestamptz NOT NULL DEFAULT 'infinity', body jsonb NOT NULL, body_hash bytea NOT NULL,
  author text NOT NULL, second_person text, UNIQUE (tariff_id, version)
);
CREATE TABLE price_assignment (
  id text PRIMARY KEY, entity_id text NOT NULL REFERENCES legal_entity, tariff_id text NOT NULL,
  segment text NOT NULL CHECK (segment IN ('driver', 'fleet', 'eMSP')), site_id text REFERENCES site,
  valid_from timestamptz NOT NULL DEFAULT '-infinity', valid_to timestamptz NOT NULL DEFAULT 'infinity', author text NOT NULL
);
CREATE TABLE gl_mapping (
  entity_id text NOT NULL REFERENCES legal_entity, version integer NOT NULL, key text NOT NULL,
  gl_account text NOT NULL, PRIMARY KEY (entity_id, version, key)
);
CREATE TABLE vat_rule (
  code text PRIMARY KEY, country char(2) NOT NULL, percent numeric(5, 2), category char(2) NOT NULL, valid_from date NOT NULL, valid_to date
);
CREATE TABLE fx_rate (
  source text NOT NULL, rate_on date NOT NULL, currency char(3) NOT NULL, sek numeric(18, 8) NOT NULL, PRIMARY KEY (source, rate_on, currency)
);
CREATE TABLE api_key (
  id text PRIMARY KEY, actor text NOT NULL, key_hash bytea NOT NULL UNIQUE, roles text[] NOT NULL, source_id text REFERENCES source,
  sample boolean NOT NULL DEFAULT false, revoked_at timestamptz
);

-- ---------------------------------------------------------------- intake
CREATE TABLE import_batch (
  id text PRIMARY KEY, source_id text NOT NULL REFERENCES source, file_name text NOT NULL, file_hash bytea NOT NULL,
  line_count integer NOT NULL, received_at timestamptz NOT NULL DEFAULT now(), author text NOT NULL,
  UNIQUE (source_id, file_hash)
);
CREATE TABLE raw_body (
  received_month date NOT NULL, hash bytea NOT NULL, bytes bytea, length integer NOT NULL,
  expunged_at timestamptz, expunged_by text, expunge_reason text,
  PRIMARY KEY (received_month, hash), CHECK (bytes IS NOT NULL OR expunge_reason IS NOT NULL)
) PARTITION BY RANGE (received_month);
CREATE TABLE raw_message (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, source_id text NOT NULL REFERENCES source,
  batch_id text REFERENCES import_batch, line_no integer, received_at timestamptz NOT NULL,
  received_month date NOT NULL, body_hash bytea NOT NULL, headers jsonb NOT NULL DEFAULT '{}', record_key text NOT NULL,
  UNIQUE (batch_id, line_no)
);
CREATE INDEX raw_message_key ON raw_message (source_id, record_key);
-- The work list: a row until the message is processed, so a sweep finds what no workflow took.
CREATE TABLE raw_pending (raw_id bigint PRIMARY KEY REFERENCES raw_message, source_id text NOT NULL, record_key text NOT NULL, received_at timestamptz NOT NULL);
CREATE INDEX raw_pending_key ON raw_pending (source_id, record_key);
CREATE TABLE raw_outcome (
  raw_id bigint PRIMARY KEY REFERENCES raw_message, record_id bigint, revision integer,
  outcome text NOT NULL CHECK (outcome IN ('accepted', 'revised', 'duplicate', 'conflict', 'quarantined', 'refused')),
  issues jsonb NOT NULL DEFAULT '[]', processed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX raw_outcome_record ON raw_outcome (record_id);

CREATE SEQUENCE record_id_seq;
-- The one mutable row per CDR and the lock for its revisions.
CREATE TABLE record_head (
  source_id text NOT NULL, owner_country char(2) NOT NULL, owner_party text NOT NULL, cdr_id text NOT NULL,
  record_id bigint NOT NULL DEFAULT nextval('record_id_seq'), revision integer NOT NULL DEFAULT 0, facts_hash bytea,
  state text NOT NULL CHECK (state IN ('received', 'quarantined', 'rejected', 'parked', 'booked')),
  session_key text NOT NULL, site_id text, account_id text, service_month char(7), energy_wh bigint NOT NULL DEFAULT 0,
  owner text, waiting_for text, waiting_raw_id bigint, issues jsonb NOT NULL DEFAULT '[]', updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (source_id, owner_country, owner_party, cdr_id)
) PARTITION BY HASH (source_id, owner_country, owner_party, cdr_id);
CREATE INDEX record_head_record ON record_head (record_id);
CREATE INDEX record_head_waiting ON record_head (state, service_month) WHERE state IN ('received', 'quarantined', 'parked');

CREATE TABLE charge_record (
  record_id bigint NOT NULL, revision integer NOT NULL, raw_id bigint NOT NULL, source_id text NOT NULL, session_key text NOT NULL,
  site_id text NOT NULL, account_id text NOT NULL, start_at timestamptz NOT NULL, end_at timestamptz NOT NULL, service_month char(7) NOT NULL,
  energy_wh bigint NOT NULL, canonical bytea NOT NULL, facts_hash bytea NOT NULL, rating_hash bytea NOT NULL, allocation_hash bytea NOT NULL,
  record_hash bytea NOT NULL, sealed_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (record_id, revision)
) PARTITION BY RANGE (record_id);
CREATE TABLE record_block (
  height bigint PRIMARY KEY, record_count integer NOT NULL, merkle_root bytea NOT NULL, previous_hash bytea NOT NULL, header_hash bytea NOT NULL,
  sealed_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE record_block_member (
  record_id bigint NOT NULL, revision integer NOT NULL, height bigint NOT NULL REFERENCES record_block, position integer NOT NULL, PRIMARY KEY (record_id, revision)
);

CREATE SEQUENCE charge_id_seq;
-- The sub-ledger: one row per charge component; never changes. Its life is derived from claim, document and reversal.
CREATE TABLE rated_charge (
  charge_id bigint NOT NULL DEFAULT nextval('charge_id_seq') PRIMARY KEY, record_id bigint, revision integer, session_key text, contract_id text, clause text,
  role text NOT NULL CHECK (role IN ('driverSale', 'fleetSale', 'emspSale', 'roamingPurchase', 'siteShareEstimate', 'energyReimbursement',
    'homeReimbursement', 'homeRecharge', 'subscriptionFee', 'allowance', 'minimumTrueUp', 'idleFee', 'goodwill', 'platformFee', 'statement')),
  component text NOT NULL, split_no integer NOT NULL DEFAULT 0, payer_account_id text, payee_account_id text, entity_id text NOT NULL,
  tariff_version_id text, currency char(3) NOT NULL, net_minor bigint NOT NULL, gross_minor bigint NOT NULL, vat_code text NOT NULL, rounding_mode text NOT NULL,
  exact_net text NOT NULL, unit_price text NOT NULL, energy_wh bigint NOT NULL, quantity bigint NOT NULL, quantity_unit text NOT NULL,
  gl_account text NOT NULL, cost_center text NOT NULL, site_id text, service_on date NOT NULL, service_month char(7) NOT NULL, mapping_version integer NOT NULL,
  reversal_of bigint, page_id text NOT NULL, charge_hash bytea NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
  CHECK (record_id IS NOT NULL AND session_key IS NOT NULL OR contract_id IS NOT NULL AND clause IS NOT NULL)
) PARTITION BY RANGE (charge_id);
CREATE INDEX rated_charge_record ON rated_charge (record_id, revision);
CREATE INDEX rated_charge_open ON rated_charge (entity_id, service_month, payer_account_id);
-- Invariant 2: one live charge per session, role, component and split, or per clause, period and component.
CREATE TABLE charge_identity (identity_key text PRIMARY KEY, charge_id bigint NOT NULL) PARTITION BY HASH (identity_key);
CREATE TABLE finding (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, raw_id bigint, record_id bigint, run_id text, document_id text,
  code text NOT NULL, rule_version integer NOT NULL DEFAULT 1, severity text NOT NULL CHECK (severity IN ('blocks', 'warns', 'info')),
  subject text NOT NULL, params jsonb NOT NULL, found_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX finding_record ON finding (record_id);
CREATE TABLE decision (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, subject_kind text NOT NULL CHECK (subject_kind IN ('record', 'account', 'posting')), subject_id text NOT NULL, run_id text,
  action text NOT NULL CHECK (action IN ('accept', 'correct', 'hold', 'reject', 'carry', 'retry', 'skip')), correction jsonb,
  reason text NOT NULL CHECK (length(reason) >= 3), actor text NOT NULL, decided_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX decision_subject ON decision (subject_kind, subject_id);
CREATE TABLE expectation (
  source_id text NOT NULL REFERENCES source, key text NOT NULL, opened_at timestamptz NOT NULL, estimated_wh bigint, resolved_by bigint, PRIMARY KEY (source_id, key)
);
CREATE TABLE control_total (
  source_id text NOT NULL REFERENCES source, on_date date NOT NULL, stated_count integer NOT NULL, stated_wh bigint NOT NULL, origin text NOT NULL, PRIMARY KEY (source_id, on_date, origin)
);

-- ---------------------------------------------------------------- cycle
CREATE TABLE billing_run (
  id text PRIMARY KEY, entity_id text NOT NULL REFERENCES legal_entity, calendar_id text NOT NULL REFERENCES billing_calendar, period text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('live', 'dry', 'shadow')), n integer NOT NULL DEFAULT 1, selection jsonb,
  state text NOT NULL CHECK (state IN ('planned', 'collecting', 'previewing', 'inReview', 'approved', 'canary', 'issuing', 'handingOver', 'reconciled', 'closed', 'cancelled')),
  workflow_id text NOT NULL UNIQUE, period_start timestamptz NOT NULL, period_end timestamptz NOT NULL, cut_off_at timestamptz NOT NULL,
  set_closed_at timestamptz, content_hash bytea, problem text, issue_on date, author text NOT NULL, planned_at timestamptz NOT NULL DEFAULT now(), closed_at timestamptz, report jsonb,
  UNIQUE (entity_id, period, kind, n)
);
CREATE UNIQUE INDEX billing_run_one_live ON billing_run (entity_id, calendar_id, period) WHERE kind = 'live' AND state <> 'cancelled' AND selection IS NULL;
CREATE TABLE release_group (
  run_id text NOT NULL REFERENCES billing_run, name text NOT NULL, state text NOT NULL, content_hash bytea, PRIMARY KEY (run_id, name)
);
CREATE TABLE run_account (
  run_id text NOT NULL REFERENCES billing_run, account_id text NOT NULL REFERENCES account, group_name text NOT NULL DEFAULT 'all',
  state text NOT NULL CHECK (state IN ('pending', 'ready', 'parked', 'done')), reason text, PRIMARY KEY (run_id, account_id)
);
CREATE TABLE document (
  id text PRIMARY KEY, run_id text NOT NULL REFERENCES billing_run, group_name text NOT NULL, account_id text NOT NULL REFERENCES account, entity_id text NOT NULL,
  type text NOT NULL CHECK (type IN ('invoice', 'creditNote', 'receipt', 'selfBilling', 'selfBillingCredit', 'settlementStatement')),
  state text NOT NULL CHECK (state IN ('draft', 'frozen', 'approved', 'awaitingNumber', 'issued', 'discarded')),
  currency char(3) NOT NULL, net_minor bigint NOT NULL, vat_minor bigint NOT NULL, rounding_minor bigint NOT NULL, payable_minor bigint NOT NULL, energy_wh bigint NOT NULL,
  charge_count integer NOT NULL, canonical bytea, content_hash bytea NOT NULL, built_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX document_run ON document (run_id, account_id);
CREATE TABLE document_line (
  document_id text NOT NULL REFERENCES document ON DELETE CASCADE, line_no integer NOT NULL, kind text NOT NULL, description text NOT NULL, quantity bigint NOT NULL, quantity_unit text NOT NULL,
  unit_price text, net_minor bigint NOT NULL, gross_minor bigint NOT NULL, vat_code text NOT NULL, gl_account text NOT NULL, cost_center text NOT NULL, site_id text,
  service_month char(7) NOT NULL, energy_wh bigint NOT NULL, charge_count integer NOT NULL, adjustment_id text, mapping_version integer NOT NULL, PRIMARY KEY (document_id, line_no)
);
-- The closed record set of a live run: one row per charge. document_id is empty for what is excluded or parked.
CREATE TABLE claim (
  charge_id bigint NOT NULL PRIMARY KEY, run_id text NOT NULL, account_id text NOT NULL, document_id text, line_no integer,
  disposition text NOT NULL CHECK (disposition IN ('document', 'excluded', 'carried'))
) PARTITION BY RANGE (charge_id);
CREATE INDEX claim_run ON claim (run_id, account_id);
CREATE INDEX claim_document ON claim (document_id);
CREATE TABLE exclusion_rule (
  id text PRIMARY KEY, run_id text REFERENCES billing_run, scope text NOT NULL CHECK (scope IN ('account', 'site', 'record', 'tariff')), subject_id text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('bill', 'writeOff', 'carry')), reason text NOT NULL CHECK (length(reason) >= 3), author text NOT NULL, valid_until date, created_at timestamptz NOT NULL DEFAULT now(), withdrawn_at timestamptz
);
CREATE TABLE adjustment (
  id text PRIMARY KEY, run_id text NOT NULL REFERENCES billing_run, account_id text NOT NULL REFERENCES account, charge_id bigint, amount_minor bigint NOT NULL CHECK (amount_minor <> 0), currency char(3) NOT NULL,
  vat_code text NOT NULL REFERENCES vat_rule, gl_account text NOT NULL, cost_center text NOT NULL, description text NOT NULL, reason text NOT NULL CHECK (length(reason) >= 3),
  author text NOT NULL, reversal_of text, created_at timestamptz NOT NULL DEFAULT now(), withdrawn_at timestamptz
);
CREATE TABLE approval (
  id text PRIMARY KEY, run_id text NOT NULL REFERENCES billing_run, group_name text NOT NULL, content_hash bytea NOT NULL, decision text NOT NULL CHECK (decision IN ('approve', 'reject')),
  actor text NOT NULL, comment text NOT NULL, decided_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE number_series (
  id text PRIMARY KEY, entity_id text NOT NULL REFERENCES legal_entity, document_type text NOT NULL, counterparty_id text NOT NULL DEFAULT '', year integer NOT NULL, prefix text NOT NULL, next bigint NOT NULL DEFAULT 1,
  UNIQUE (entity_id, document_type, counterparty_id, year)
);
CREATE TABLE issue_stamp (
  document_id text PRIMARY KEY REFERENCES document, series_id text NOT NULL REFERENCES number_series, number bigint NOT NULL, legal_number text NOT NULL,
  issued_on date NOT NULL, due_on date NOT NULL, ocr text, issued_at timestamptz NOT NULL DEFAULT now(), UNIQUE (series_id, number)
);
CREATE TABLE accounting_period (
  entity_id text NOT NULL REFERENCES legal_entity, month char(7) NOT NULL, state text NOT NULL CHECK (state IN ('open', 'softClosed', 'closed')), PRIMARY KEY (entity_id, month)
);

-- ---------------------------------------------------------------- ledger and hand-over
CREATE TABLE ledger_transaction (
  key text PRIMARY KEY, entity_id text NOT NULL REFERENCES legal_entity, kind text NOT NULL, posted_at timestamptz NOT NULL DEFAULT now(), effective_on date NOT NULL, source_ref text NOT NULL, reversal_of text REFERENCES ledger_transaction
);
CREATE SEQUENCE ledger_entry_id_seq;
-- amount is signed: debit positive, credit negative; unit is a currency or Wh.
CREATE TABLE ledger_entry (
  id bigint NOT NULL DEFAULT nextval('ledger_entry_id_seq') PRIMARY KEY, transaction_key text NOT NULL REFERENCES ledger_transaction, ledger_account text NOT NULL, unit text NOT NULL, amount bigint NOT NULL,
  gl_account text, cost_center text, account_id text, site_id text, vat_code text, service_month char(7), source_id text, charge_count integer NOT NULL DEFAULT 0
) PARTITION BY RANGE (id);
CREATE INDEX ledger_entry_transaction ON ledger_entry (transaction_key);
CREATE INDEX ledger_entry_account ON ledger_entry (ledger_account, unit, service_month);
CREATE TABLE erp_connection (
  id text PRIMARY KEY, entity_id text NOT NULL REFERENCES legal_entity, adapter text NOT NULL, settings jsonb NOT NULL DEFAULT '{}', production boolean NOT NULL DEFAULT false, valid_from date NOT NULL, valid_to date
);
CREATE TABLE erp_posting (
  key text PRIMARY KEY, connection_id text NOT NULL REFERENCES erp_connection, run_id text REFERENCES billing_run, document_id text REFERENCES document, kind text NOT NULL CHECK (kind IN ('invoice', 'creditNote', 'vendorBill', 'journal')),
  payload bytea NOT NULL, payload_hash bytea NOT NULL, control_minor bigint NOT NULL, currency char(3) NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
  state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sending', 'unknown', 'drafted', 'posted', 'verified', 'refused', 'held')),
  attempt integer NOT NULL DEFAULT 0, external_id text, answer text, updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX erp_posting_work ON erp_posting (connection_id, state);
CREATE INDEX erp_posting_run ON erp_posting (run_id);
CREATE TABLE payout (
  id text PRIMARY KEY, account_id text NOT NULL REFERENCES account, currency char(3) NOT NULL, amount_minor bigint NOT NULL, state text NOT NULL, document_id text REFERENCES document
);
CREATE TABLE audit_event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), actor text NOT NULL, action text NOT NULL, subject text NOT NULL, reason text, before jsonb, after jsonb, request_id text
);
CREATE TABLE idempotency_key (
  actor text NOT NULL, key text NOT NULL, route text NOT NULL, request_hash bytea NOT NULL, status integer NOT NULL, answer jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (actor, key)
);

-- ---------------------------------------------------------------- immutability
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on sealed table % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'WL001';
END $$;
CREATE FUNCTION seal_table(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE OR REPLACE TRIGGER sealed_row BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION refuse_change()', target);
  EXECUTE format('CREATE OR REPLACE TRIGGER sealed_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', target);
END $$;

-- Partitions ahead, with what the parent's triggers do not reach. Called by migrate and by the hourly activity, as the owner.
CREATE FUNCTION ensure_partitions(months_ahead integer DEFAULT 3) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  spec record; made integer := 0; child text; first_id bigint; newest bigint; month date; size constant bigint := 10000000;
BEGIN
  FOR spec IN SELECT * FROM (VALUES ('charge_record', 'record_id_seq', true), ('rated_charge', 'charge_id_seq', true),
      ('claim', 'charge_id_seq', false), ('ledger_entry', 'ledger_entry_id_seq', true)) AS t(parent, seq, sealed) LOOP
    EXECUTE format('SELECT last_value FROM %I', spec.seq) INTO newest;
    FOR i IN 0 .. (newest / size + 1) LOOP
      child := format('%s_p%s', spec.parent, lpad(i::text, 4, '0'));
      IF to_regclass(child) IS NULL THEN
        first_id := i * size;
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%s) TO (%s)', child, spec.parent, first_id, first_id + size);
        IF spec.sealed THEN PERFORM seal_table(child::regclass); END IF;
        made := made + 1;
      END IF;
    END LOOP;
  END LOOP;
  FOR i IN -1 .. months_ahead LOOP
    month := (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => i))::date;
    child := 'raw_body_' || to_char(month, 'YYYYMM');
    IF to_regclass(child) IS NULL THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF raw_body FOR VALUES FROM (%L) TO (%L)', child, month, (month + interval '1 month')::date);
      PERFORM seal_table(child::regclass);
      made := made + 1;
    END IF;
  END LOOP;
  RETURN made;
END $$;
DO $$
DECLARE t text;
BEGIN
  FOR i IN 0 .. 7 LOOP
    EXECUTE format('CREATE TABLE record_head_h%s PARTITION OF record_head FOR VALUES WITH (MODULUS 8, REMAINDER %s)', i, i);
    EXECUTE format('CREATE TABLE charge_identity_h%s PARTITION OF charge_identity FOR VALUES WITH (MODULUS 8, REMAINDER %s)', i, i);
  END LOOP;
  FOREACH t IN ARRAY ARRAY['raw_message', 'raw_outcome', 'import_batch', 'record_block', 'record_block_member', 'finding', 'decision', 'tariff_version', 'contract_version', 'approval', 'issue_stamp', 'ledger_transaction', 'audit_event'] LOOP
    PERFORM seal_table(t::regclass);
  END LOOP;
  -- Sealed parents: a TRUNCATE of the parent fires the parent's statement trigger.
  FOREACH t IN ARRAY ARRAY['charge_record', 'rated_charge', 'ledger_entry', 'raw_body'] LOOP
    EXECUTE format('CREATE TRIGGER sealed_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', t);
  END LOOP;
END $$;
SELECT ensure_partitions();

-- An issued document changes no more; a frozen or approved one may only change its state.
CREATE FUNCTION guard_document() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state = 'issued' THEN RAISE EXCEPTION 'document % is issued; correct it by a credit note', OLD.id USING ERRCODE = 'WL001'; END IF;
  IF TG_OP = 'DELETE' THEN
    IF OLD.state <> 'draft' THEN RAISE EXCEPTION 'document % is %; reopen it first', OLD.id, OLD.state USING ERRCODE = 'WL001'; END IF;
    RETURN OLD;
  END IF;
  IF OLD.state <> 'draft' AND (NEW.content_hash, NEW.canonical, NEW.payable_minor, NEW.net_minor, NEW.vat_minor, NEW.energy_wh, NEW.account_id, NEW.run_id)
      IS DISTINCT FROM (OLD.content_hash, OLD.canonical, OLD.payable_minor, OLD.net_minor, OLD.vat_minor, OLD.energy_wh, OLD.account_id, OLD.run_id) THEN
    RAISE EXCEPTION 'document % is %; its content is fixed', OLD.id, OLD.state USING ERRCODE = 'WL001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_document BEFORE UPDATE OR DELETE ON document FOR EACH ROW EXECUTE FUNCTION guard_document();
CREATE TRIGGER sealed_truncate BEFORE TRUNCATE ON document FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE FUNCTION guard_document_part() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE doc text := OLD.document_id; held text;
BEGIN
  IF doc IS NOT NULL THEN
    SELECT state INTO held FROM document WHERE id = doc;
    IF held IN ('frozen', 'approved', 'awaitingNumber', 'issued') THEN RAISE EXCEPTION 'document % is %; its parts are fixed', doc, held USING ERRCODE = 'WL001'; END IF;
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_line BEFORE UPDATE OR DELETE ON document_line FOR EACH ROW EXECUTE FUNCTION guard_document_part();
CREATE TRIGGER guard_claim BEFORE UPDATE OR DELETE ON claim FOR EACH ROW EXECUTE FUNCTION guard_document_part();
CREATE TRIGGER sealed_truncate BEFORE TRUNCATE ON document_line FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER sealed_truncate BEFORE TRUNCATE ON claim FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- The outbox: state and the ERP's answer move, key and payload never do.
CREATE FUNCTION guard_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR (NEW.key, NEW.payload, NEW.payload_hash, NEW.control_minor, NEW.connection_id) IS DISTINCT FROM (OLD.key, OLD.payload, OLD.payload_hash, OLD.control_minor, OLD.connection_id) THEN
    RAISE EXCEPTION 'posting % is frozen', OLD.key USING ERRCODE = 'WL001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_posting BEFORE UPDATE OR DELETE ON erp_posting FOR EACH ROW EXECUTE FUNCTION guard_posting();
CREATE TRIGGER sealed_truncate BEFORE TRUNCATE ON erp_posting FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Invariant 8: a transaction sums to zero per unit (each currency, and Wh), checked at commit.
CREATE FUNCTION check_transaction_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad record;
BEGIN
  SELECT unit, sum(amount) AS rest INTO bad FROM ledger_entry WHERE transaction_key = NEW.key GROUP BY unit HAVING sum(amount) <> 0 LIMIT 1;
  IF FOUND THEN RAISE EXCEPTION 'ledger transaction % is off by % %', NEW.key, bad.rest, bad.unit USING ERRCODE = 'WL002'; END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON ledger_transaction DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_transaction_balance();
-- Entries join only the transaction being written: otherwise a later insert would slip past the check above.
CREATE FUNCTION guard_entry_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM new_entries e JOIN ledger_transaction t ON t.key = e.transaction_key WHERE t.xmin <> pg_current_xact_id()::xid) THEN
    RAISE EXCEPTION 'ledger entries may join only the transaction being written' USING ERRCODE = 'WL002';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER guard_entry_insert AFTER INSERT ON ledger_entry REFERENCING NEW TABLE AS new_entries FOR EACH STATEMENT EXECUTE FUNCTION guard_entry_insert();

-- ---------------------------------------------------------------- grants: the application owns nothing and has no DDL
GRANT USAGE ON SCHEMA public TO wattledger_app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO wattledger_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO wattledger_app;
GRANT UPDATE ON legal_entity, vat_registration, billing_calendar, source, party, account, site, mapping, contract, price_assignment, gl_mapping, vat_rule, api_key, expectation, control_total,
  raw_pending, record_head, charge_identity, billing_run, release_group, run_account, document, claim, exclusion_rule, adjustment, number_series, accounting_period, erp_connection, erp_posting, payout TO wattledger_app;
GRANT DELETE ON raw_pending, charge_identity, document, document_line, claim, run_account, mapping, price_assignment TO wattledger_app;
REVOKE ALL ON FUNCTION ensure_partitions(integer), seal_table(regclass) FROM PUBLIC;
