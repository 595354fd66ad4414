-- Dry runs: the same statements over lines of their own. What a dry run lists stands in its own tables, under its run, and no claim is made.

-- `base_run_id`: the live run whose set, exclusions and adjustments it shows again. `what_if`: what it supposes, as its plan says.
ALTER TABLE billing_run ADD COLUMN base_run_id text, ADD COLUMN what_if jsonb,
  ADD CONSTRAINT billing_run_without_effect CHECK (kind = 'live' OR state IN ('planned', 'collecting', 'previewing', 'inReview', 'closed', 'cancelled')),
  ADD CONSTRAINT billing_run_supposes CHECK (kind <> 'live' OR base_run_id IS NULL AND what_if IS NULL);

CREATE TABLE dry_claim (
  run_id text NOT NULL, charge_id bigint NOT NULL, account_id text NOT NULL, document_id text, line_no integer,
  disposition text NOT NULL CHECK (disposition IN ('document', 'excluded', 'carried')), pulled_in_by text, held_since char(7), hold_reason text, PRIMARY KEY (run_id, charge_id)
);
CREATE INDEX dry_claim_account ON dry_claim (run_id, account_id);
CREATE INDEX dry_claim_document ON dry_claim (document_id);
CREATE TRIGGER sealed_truncate BEFORE TRUNCATE ON dry_claim FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- Charges as they would be under what a dry run supposes, of the same sequence of ids as those that are booked.
CREATE TABLE dry_charge (
  run_id text NOT NULL, LIKE rated_charge, PRIMARY KEY (charge_id)
);
ALTER TABLE dry_charge ALTER COLUMN created_at SET DEFAULT now(), ALTER COLUMN split_no SET DEFAULT 0;
CREATE INDEX dry_charge_record ON dry_charge (record_id, revision);
CREATE INDEX dry_charge_run ON dry_charge (run_id);
CREATE TRIGGER sealed_truncate BEFORE TRUNCATE ON dry_charge FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Invariant 14: no number, no posting, no payment and no claim of what is not live, whoever asks.
CREATE FUNCTION only_live() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad text;
BEGIN
  IF TG_TABLE_NAME = 'claim' OR TG_TABLE_NAME LIKE 'claim_p%' THEN
    SELECT r.id INTO bad FROM (SELECT DISTINCT run_id FROM added) a JOIN billing_run r ON r.id = a.run_id AND r.kind <> 'live' LIMIT 1;
  ELSE
    SELECT r.id INTO bad FROM added a JOIN document d ON d.id = a.document_id JOIN billing_run r ON r.id = d.run_id AND r.kind <> 'live' LIMIT 1;
  END IF;
  IF bad IS NOT NULL THEN RAISE EXCEPTION 'run % is no live run: it takes no numbers and claims, posts and pays nothing', bad USING ERRCODE = 'WL001'; END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER only_live AFTER INSERT ON claim REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION only_live();
CREATE TRIGGER only_live AFTER INSERT ON issue_stamp REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION only_live();
CREATE TRIGGER only_live AFTER INSERT ON erp_posting REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION only_live();
CREATE TRIGGER only_live AFTER INSERT ON payout REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION only_live();
CREATE FUNCTION only_live_documents() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM billing_run WHERE id = NEW.run_id AND kind <> 'live') THEN
    RAISE EXCEPTION 'document % is of run %, which is no live run: it stays a draft', NEW.id, NEW.run_id USING ERRCODE = 'WL001';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER only_live BEFORE INSERT OR UPDATE ON document FOR EACH ROW WHEN (NEW.state NOT IN ('draft', 'discarded')) EXECUTE FUNCTION only_live_documents();

-- What a dry run sees, under the names by which the run's statements ask. Settings of the transaction: `wattledger.run`; `wattledger.base`, the run whose
-- exclusions and adjustments are its own; `wattledger.unseen`, the live runs of its month and later ones, which have not been there yet.
CREATE SCHEMA dry;
CREATE VIEW dry.claim AS
  SELECT charge_id, run_id, account_id, document_id, line_no, disposition, pulled_in_by, held_since, hold_reason FROM public.dry_claim WHERE run_id = current_setting('wattledger.run')
  UNION ALL
  SELECT charge_id, run_id, account_id, document_id, line_no, disposition, pulled_in_by, held_since, hold_reason FROM public.claim k
  WHERE run_id <> ALL (current_setting('wattledger.unseen')::text[]) AND NOT EXISTS (SELECT FROM public.dry_claim o WHERE o.run_id = current_setting('wattledger.run') AND o.charge_id = k.charge_id);
CREATE FUNCTION dry.write_claim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (CASE TG_OP WHEN 'INSERT' THEN NEW.run_id ELSE OLD.run_id END) <> current_setting('wattledger.run') THEN
    RAISE EXCEPTION 'a dry run leaves claims of other runs alone' USING ERRCODE = 'WL001';
  END IF;
  IF TG_OP = 'DELETE' THEN
    DELETE FROM public.dry_claim WHERE run_id = OLD.run_id AND charge_id = OLD.charge_id;
    RETURN OLD;
  END IF;
  IF TG_OP = 'INSERT' THEN
    INSERT INTO public.dry_claim (run_id, charge_id, account_id, document_id, line_no, disposition, pulled_in_by, held_since, hold_reason)
    VALUES (NEW.run_id, NEW.charge_id, NEW.account_id, NEW.document_id, NEW.line_no, NEW.disposition, NEW.pulled_in_by, NEW.held_since, NEW.hold_reason);
  ELSE
    UPDATE public.dry_claim SET document_id = NEW.document_id, line_no = NEW.line_no, disposition = NEW.disposition, held_since = NEW.held_since, hold_reason = NEW.hold_reason
    WHERE run_id = OLD.run_id AND charge_id = OLD.charge_id;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER write_claim INSTEAD OF INSERT OR UPDATE OR DELETE ON dry.claim FOR EACH ROW EXECUTE FUNCTION dry.write_claim();

-- Charges of a month are drafted anew: those that runs it does not see have booked are not there.
DO $$
DECLARE columns text; t text;
BEGIN
  SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute WHERE attrelid = 'rated_charge'::regclass AND attnum > 0 AND NOT attisdropped;
  EXECUTE format($v$CREATE VIEW dry.rated_charge AS
    SELECT %1$s FROM public.rated_charge WHERE record_id IS NOT NULL
    UNION ALL
    SELECT %1$s FROM public.rated_charge c WHERE record_id IS NULL AND NOT EXISTS (SELECT FROM public.claim k WHERE k.charge_id = c.charge_id AND k.run_id = ANY (current_setting('wattledger.unseen')::text[]) AND c.reversal_of IS NULL)
    UNION ALL
    SELECT %1$s FROM public.dry_charge WHERE run_id = current_setting('wattledger.run')$v$, columns);
  -- What shaped the run that it shows again, as if it were its own.
  FOREACH t IN ARRAY ARRAY['exclusion_rule', 'adjustment', 'credit_order'] LOOP
    SELECT string_agg(CASE attname WHEN 'run_id' THEN 'CASE WHEN run_id = current_setting(''wattledger.base'') THEN current_setting(''wattledger.run'') ELSE run_id END AS run_id' ELSE quote_ident(attname) END, ', ' ORDER BY attnum)
      INTO columns FROM pg_attribute WHERE attrelid = t::regclass AND attnum > 0 AND NOT attisdropped;
    EXECUTE format('CREATE VIEW dry.%I AS SELECT %s FROM public.%I', t, columns, t);
  END LOOP;
END $$;
-- What nobody it sees has claimed.
CREATE VIEW dry.open_charge AS SELECT charge_id, entity_id, service_month, account_id FROM public.open_charge
  UNION ALL SELECT c.charge_id, c.entity_id, c.service_month, coalesce(c.payer_account_id, c.payee_account_id) FROM public.claim k JOIN public.rated_charge c ON c.charge_id = k.charge_id
  WHERE k.run_id = ANY (current_setting('wattledger.unseen')::text[]) AND c.record_id IS NOT NULL AND coalesce(c.payer_account_id, c.payee_account_id) IS NOT NULL;
CREATE VIEW dry.document AS SELECT * FROM public.document WHERE run_id <> ALL (current_setting('wattledger.unseen')::text[]);
CREATE VIEW dry.exclusion_hit AS SELECT * FROM public.exclusion_hit WHERE run_id <> ALL (current_setting('wattledger.unseen')::text[]);

GRANT USAGE ON SCHEMA dry TO wattledger_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON dry_claim, dry.claim, dry.document, dry.exclusion_hit TO wattledger_app;
GRANT SELECT, INSERT ON dry_charge TO wattledger_app;
GRANT SELECT ON dry.open_charge, dry.rated_charge, dry.exclusion_rule, dry.adjustment, dry.credit_order TO wattledger_app;
