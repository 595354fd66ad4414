-- Standing rules on what is left out of billing, what they and a run's own exclusions hit, and adjustments with all that finance says of them.

-- What a rule says never changes: another version takes its place. It holds from its signature by a second person until it is ended or its time is over.
CREATE TABLE standing_exclusion (
  id text PRIMARY KEY, entity_id text NOT NULL REFERENCES legal_entity, version integer NOT NULL CHECK (version > 0), replaces text REFERENCES standing_exclusion,
  scope text NOT NULL CHECK (scope IN ('record', 'account', 'customer', 'site', 'tariff')), subject_id text NOT NULL, predicate jsonb NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('bill', 'writeOff', 'carry')), max_age_months integer CHECK (max_age_months BETWEEN 1 AND 36), at_our_cost boolean NOT NULL,
  valid_from date NOT NULL, valid_to date, review_on date NOT NULL, reason text NOT NULL CHECK (length(reason) >= 3), author text NOT NULL, proposed_at timestamptz NOT NULL DEFAULT now(),
  signed_by text, signed_at timestamptz, ended_by text, ended_at timestamptz, end_reason text,
  CHECK ((outcome = 'carry') = (max_age_months IS NOT NULL)), CHECK (outcome = 'writeOff' OR NOT at_our_cost), CHECK (valid_to > valid_from), CHECK (signed_by <> author),
  CHECK ((signed_by IS NULL) = (signed_at IS NULL)), CHECK ((ended_by IS NULL) = (ended_at IS NULL)), CHECK ((ended_by IS NULL) = (end_reason IS NULL))
);
CREATE INDEX standing_exclusion_entity ON standing_exclusion (entity_id, proposed_at);
CREATE FUNCTION guard_standing_exclusion() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE life CONSTANT text[] := ARRAY['signed_by', 'signed_at', 'ended_by', 'ended_at', 'end_reason'];
BEGIN
  IF TG_OP = 'DELETE' THEN RAISE EXCEPTION 'exclusion rule % is kept: end it', OLD.id USING ERRCODE = 'WL001'; END IF;
  IF to_jsonb(NEW) - life IS DISTINCT FROM to_jsonb(OLD) - life THEN RAISE EXCEPTION 'what exclusion rule % says is fixed: propose a version that replaces it', OLD.id USING ERRCODE = 'WL001'; END IF;
  IF OLD.ended_at IS NOT NULL THEN RAISE EXCEPTION 'exclusion rule % is ended', OLD.id USING ERRCODE = 'WL001'; END IF;
  IF OLD.signed_at IS NOT NULL AND (NEW.signed_by, NEW.signed_at) IS DISTINCT FROM (OLD.signed_by, OLD.signed_at) THEN RAISE EXCEPTION 'exclusion rule % is signed', OLD.id USING ERRCODE = 'WL001'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_standing_exclusion BEFORE UPDATE OR DELETE ON standing_exclusion FOR EACH ROW EXECUTE FUNCTION guard_standing_exclusion();
CREATE TRIGGER sealed_truncate BEFORE TRUNCATE ON standing_exclusion FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What a run was approved with stays as it was: nobody adds, changes or takes back anything of it, nor of accounts in a group that is approved before the rest.
CREATE FUNCTION is_fixed(run text, account text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM billing_run WHERE id = run AND state IN ('approved', 'canary', 'issuing', 'handingOver', 'reconciled', 'closed'))
    OR EXISTS (SELECT FROM run_account x JOIN release_group g ON g.run_id = x.run_id AND g.name = x.group_name
      WHERE x.run_id = run AND x.account_id = account AND g.state IN ('approved', 'canary', 'issuing', 'handingOver', 'reconciled', 'closed'))
$$;

-- Each charge of a run that is left out, or was until then: by what, what becomes of it, and since when it was carried. `rivals`: rules of the same rank that want otherwise.
CREATE TABLE exclusion_hit (
  run_id text NOT NULL REFERENCES billing_run, charge_id bigint NOT NULL, account_id text NOT NULL REFERENCES account,
  cause text NOT NULL CHECK (cause IN ('standing', 'own', 'parked', 'smallSession', 'none')), rule_id text, outcome text NOT NULL CHECK (outcome IN ('billed', 'carried', 'excluded')),
  was_carried boolean NOT NULL, first_run_id text, before_cause text, before_rule text, too_old boolean NOT NULL DEFAULT false, rivals text[], PRIMARY KEY (run_id, charge_id),
  CHECK ((cause IN ('standing', 'own')) = (rule_id IS NOT NULL)), CHECK ((outcome = 'carried' OR was_carried) = (first_run_id IS NOT NULL))
);
CREATE INDEX exclusion_hit_charge ON exclusion_hit (charge_id);
CREATE INDEX exclusion_hit_rule ON exclusion_hit (rule_id, run_id);
CREATE FUNCTION guard_exclusion_hit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad record;
BEGIN
  SELECT run_id, account_id INTO bad FROM (SELECT DISTINCT run_id, account_id FROM touched) t WHERE is_fixed(run_id, account_id) LIMIT 1;
  IF FOUND THEN RAISE EXCEPTION 'what run % leaves out of account % is fixed', bad.run_id, bad.account_id USING ERRCODE = 'WL001'; END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER guard_hit_insert AFTER INSERT ON exclusion_hit REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION guard_exclusion_hit();
CREATE TRIGGER guard_hit_update AFTER UPDATE ON exclusion_hit REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION guard_exclusion_hit();
CREATE TRIGGER guard_hit_delete AFTER DELETE ON exclusion_hit REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION guard_exclusion_hit();
CREATE TRIGGER sealed_truncate BEFORE TRUNCATE ON exclusion_hit FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION guard_exclusion_rule() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN RAISE EXCEPTION 'exclusion % is kept: withdraw it', OLD.id USING ERRCODE = 'WL001'; END IF;
  IF TG_OP = 'UPDATE' THEN
    IF to_jsonb(NEW) - 'withdrawn_at' IS DISTINCT FROM to_jsonb(OLD) - 'withdrawn_at' OR OLD.withdrawn_at IS NOT NULL AND NEW.withdrawn_at IS DISTINCT FROM OLD.withdrawn_at THEN
      RAISE EXCEPTION 'exclusion % can be withdrawn, once, and nothing else', OLD.id USING ERRCODE = 'WL001';
    END IF;
    IF EXISTS (SELECT FROM exclusion_hit h WHERE h.run_id = OLD.run_id AND h.rule_id = OLD.id AND is_fixed(h.run_id, h.account_id)) THEN
      RAISE EXCEPTION 'run % was approved with exclusion %', OLD.run_id, OLD.id USING ERRCODE = 'WL001';
    END IF;
  END IF;
  IF is_fixed(NEW.run_id, NULL) THEN RAISE EXCEPTION 'run % is approved: its exclusions are fixed', NEW.run_id USING ERRCODE = 'WL001'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_exclusion_rule BEFORE INSERT OR UPDATE OR DELETE ON exclusion_rule FOR EACH ROW EXECUTE FUNCTION guard_exclusion_rule();
CREATE TRIGGER sealed_truncate BEFORE TRUNCATE ON exclusion_rule FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A reversing twin (D28) waits without a run until one of its period, or a later one, takes it.
ALTER TABLE adjustment ALTER COLUMN run_id DROP NOT NULL, ADD COLUMN service_month char(7), ADD COLUMN gl_key text, ADD COLUMN document_id text, ADD COLUMN line_no integer,
  ADD COLUMN attachment_ref text, ADD COLUMN attachment_sha256 char(64) CHECK (attachment_sha256 ~ '^[0-9a-f]{64}$'), ADD COLUMN due_period text, ADD COLUMN signed_by text, ADD COLUMN signed_at timestamptz,
  ADD CONSTRAINT adjustment_twin FOREIGN KEY (reversal_of) REFERENCES adjustment,
  ADD CONSTRAINT adjustment_in_run CHECK (run_id IS NOT NULL OR reversal_of IS NOT NULL), ADD CONSTRAINT adjustment_due CHECK ((reversal_of IS NULL) = (due_period IS NULL)),
  ADD CONSTRAINT adjustment_of_line CHECK ((document_id IS NULL) = (line_no IS NULL)), ADD CONSTRAINT adjustment_attachment CHECK ((attachment_ref IS NULL) = (attachment_sha256 IS NULL)),
  ADD CONSTRAINT adjustment_second CHECK (signed_by <> author AND (signed_by IS NULL) = (signed_at IS NULL));
CREATE UNIQUE INDEX adjustment_one_twin ON adjustment (reversal_of);
CREATE INDEX adjustment_run ON adjustment (run_id, account_id);
CREATE INDEX adjustment_credits ON adjustment (document_id, line_no);
CREATE FUNCTION guard_adjustment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE life CONSTANT text[] := ARRAY['withdrawn_at', 'signed_by', 'signed_at', 'run_id'];
BEGIN
  IF TG_OP = 'DELETE' THEN RAISE EXCEPTION 'adjustment % is kept: withdraw it', OLD.id USING ERRCODE = 'WL001'; END IF;
  IF TG_OP = 'UPDATE' THEN
    IF to_jsonb(NEW) - life IS DISTINCT FROM to_jsonb(OLD) - life OR OLD.withdrawn_at IS NOT NULL OR OLD.signed_at IS NOT NULL AND (NEW.signed_by, NEW.signed_at) IS DISTINCT FROM (OLD.signed_by, OLD.signed_at) THEN
      RAISE EXCEPTION 'adjustment % can be signed and withdrawn, once, and nothing else', OLD.id USING ERRCODE = 'WL001';
    END IF;
    IF NEW.run_id IS DISTINCT FROM OLD.run_id AND OLD.reversal_of IS NULL THEN RAISE EXCEPTION 'adjustment % stays in its run', OLD.id USING ERRCODE = 'WL001'; END IF;
    IF is_fixed(OLD.run_id, OLD.account_id) THEN RAISE EXCEPTION 'adjustment % is approved with run %', OLD.id, OLD.run_id USING ERRCODE = 'WL001'; END IF;
    IF NEW.withdrawn_at IS NOT NULL AND OLD.reversal_of IS NOT NULL AND EXISTS (SELECT FROM adjustment o WHERE o.id = OLD.reversal_of AND is_fixed(o.run_id, o.account_id)) THEN
      RAISE EXCEPTION 'adjustment % was approved together with %', OLD.id, OLD.reversal_of USING ERRCODE = 'WL001';
    END IF;
  END IF;
  IF is_fixed(NEW.run_id, NEW.account_id) THEN RAISE EXCEPTION 'run % is approved: its adjustments are fixed', NEW.run_id USING ERRCODE = 'WL001'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_adjustment BEFORE INSERT OR UPDATE OR DELETE ON adjustment FOR EACH ROW EXECUTE FUNCTION guard_adjustment();
CREATE TRIGGER sealed_truncate BEFORE TRUNCATE ON adjustment FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What an issued line is worth in the amounts adjustments are given in, and how much of it adjustments and mirrors of its charges have taken back. A twin gives nothing back before it is due, so it frees nothing.
CREATE FUNCTION credit_of_line(doc text, line integer, OUT worth bigint, OUT adjusted bigint, OUT mirrored bigint) LANGUAGE sql STABLE AS $$
  SELECT CASE a.rounding_mode WHEN 'grossFirst' THEN l.gross_minor ELSE l.net_minor END,
    (SELECT coalesce(sum(j.amount_minor), 0)::bigint FROM adjustment j LEFT JOIN billing_run r ON r.id = j.run_id
     WHERE j.document_id = doc AND j.line_no = line AND j.withdrawn_at IS NULL AND j.reversal_of IS NULL AND r.state <> 'cancelled' AND sign(j.amount_minor) = -sign(l.net_minor)),
    (SELECT coalesce(sum(CASE a.rounding_mode WHEN 'grossFirst' THEN m.gross_minor ELSE m.net_minor END), 0)::bigint
     FROM claim k JOIN rated_charge c ON c.charge_id = k.charge_id JOIN rated_charge m ON m.record_id = c.record_id AND m.reversal_of = c.charge_id WHERE k.document_id = doc AND k.line_no = line)
  FROM document_line l JOIN document d ON d.id = l.document_id JOIN account a ON a.id = d.account_id WHERE l.document_id = doc AND l.line_no = line
$$;
-- Invariant 8: credits against an issued line never exceed it; a line has one VAT code, and its credits have the same.
CREATE FUNCTION check_credit_limit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE line record; credit record;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('credit ' || NEW.document_id || '/' || NEW.line_no, 0));
  SELECT d.state, d.account_id, l.vat_code INTO line FROM document d JOIN document_line l ON l.document_id = d.id WHERE d.id = NEW.document_id AND l.line_no = NEW.line_no;
  IF line.state <> 'issued' OR line.account_id <> NEW.account_id OR line.vat_code <> NEW.vat_code THEN
    RAISE EXCEPTION 'line % of document % is not an issued line of account % with VAT code %', NEW.line_no, NEW.document_id, NEW.account_id, NEW.vat_code USING ERRCODE = 'WL004';
  END IF;
  SELECT * INTO credit FROM credit_of_line(NEW.document_id, NEW.line_no);
  IF abs(credit.adjusted + credit.mirrored) > abs(credit.worth) THEN
    RAISE EXCEPTION 'credits of % against line % of document % exceed its %', abs(credit.adjusted + credit.mirrored), NEW.line_no, NEW.document_id, abs(credit.worth) USING ERRCODE = 'WL004';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER check_credit_limit AFTER INSERT ON adjustment FOR EACH ROW WHEN (NEW.document_id IS NOT NULL AND NEW.reversal_of IS NULL) EXECUTE FUNCTION check_credit_limit();

GRANT SELECT, INSERT, UPDATE ON standing_exclusion TO wattledger_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON exclusion_hit TO wattledger_app;
