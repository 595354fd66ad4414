-- Fees that a run leaves out, or bills since an earlier one left them out: they become charges only on a document, so nothing else tells that they wait or were written off.
-- `opening_minor`: what the run before carried under the key; `net_minor`, `gross_minor`: what it comes to now. `no`: of one key the latest says what became of it.
CREATE TABLE left_out_fee (
  no bigint GENERATED ALWAYS AS IDENTITY, run_id text NOT NULL REFERENCES billing_run, contract_id text NOT NULL REFERENCES contract, clause text NOT NULL, component text NOT NULL, split_no integer NOT NULL,
  service_month char(7) NOT NULL, account_id text NOT NULL REFERENCES account, currency char(3) NOT NULL, opening_minor bigint NOT NULL, net_minor bigint NOT NULL, gross_minor bigint NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('billed', 'carried', 'excluded')),
  cause text NOT NULL CHECK (cause IN ('standing', 'own', 'parked', 'none', 'late', 'minimum', 'zero', 'originalNotIssued', 'purchaseOrder')), rule_id text,
  first_run_id text, before_cause text, before_rule text, too_old boolean NOT NULL DEFAULT false, rivals text[],
  PRIMARY KEY (run_id, contract_id, clause, component, split_no, service_month),
  CHECK ((cause IN ('standing', 'own')) = (rule_id IS NOT NULL)), CHECK ((outcome = 'carried' OR before_cause IS NOT NULL) = (first_run_id IS NOT NULL)),
  CHECK (outcome <> 'billed' OR before_cause IS NOT NULL), CHECK (before_cause IS NOT NULL OR opening_minor = 0)
);
CREATE INDEX left_out_fee_account ON left_out_fee (account_id);
CREATE INDEX left_out_fee_contract ON left_out_fee (contract_id, service_month);
CREATE INDEX left_out_fee_rule ON left_out_fee (rule_id, run_id);
CREATE TRIGGER guard_fee_insert AFTER INSERT ON left_out_fee REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION guard_exclusion_hit();
CREATE TRIGGER guard_fee_update AFTER UPDATE ON left_out_fee REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION guard_exclusion_hit();
CREATE TRIGGER guard_fee_delete AFTER DELETE ON left_out_fee REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION guard_exclusion_hit();
CREATE TRIGGER sealed_truncate BEFORE TRUNCATE ON left_out_fee FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE VIEW dry.left_out_fee AS SELECT * FROM public.left_out_fee WHERE run_id <> ALL (current_setting('wattledger.unseen')::text[]);
GRANT SELECT, INSERT, UPDATE, DELETE ON left_out_fee, dry.left_out_fee TO wattledger_app;

-- An exclusion may leave out fees alone.
CREATE OR REPLACE FUNCTION guard_exclusion_rule() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN RAISE EXCEPTION 'exclusion % is kept: withdraw it', OLD.id USING ERRCODE = 'WL001'; END IF;
  IF TG_OP = 'UPDATE' THEN
    IF to_jsonb(NEW) - 'withdrawn_at' IS DISTINCT FROM to_jsonb(OLD) - 'withdrawn_at' OR OLD.withdrawn_at IS NOT NULL AND NEW.withdrawn_at IS DISTINCT FROM OLD.withdrawn_at THEN
      RAISE EXCEPTION 'exclusion % can be withdrawn, once, and nothing else', OLD.id USING ERRCODE = 'WL001';
    END IF;
    IF EXISTS (SELECT FROM exclusion_hit h WHERE h.run_id = OLD.run_id AND h.rule_id = OLD.id AND is_fixed(h.run_id, h.account_id))
      OR EXISTS (SELECT FROM left_out_fee f WHERE f.run_id = OLD.run_id AND f.rule_id = OLD.id AND is_fixed(f.run_id, f.account_id)) THEN
      RAISE EXCEPTION 'run % was approved with exclusion %', OLD.run_id, OLD.id USING ERRCODE = 'WL001';
    END IF;
  END IF;
  IF is_fixed(NEW.run_id, NULL) THEN RAISE EXCEPTION 'run % is approved: its exclusions are fixed', NEW.run_id USING ERRCODE = 'WL001'; END IF;
  RETURN NEW;
END $$;
