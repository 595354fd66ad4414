-- By which strategy a document was made, whatever its account has by now, stands in its row too: what sums or chooses documents had read and parsed the bytes of all, or joined their accounts.
ALTER TABLE document ADD COLUMN strategy text;
ALTER TABLE document DISABLE TRIGGER USER;
UPDATE document d SET strategy = coalesce(convert_from(d.canonical, 'UTF8')::jsonb #>> '{header,strategy}', a.strategy) FROM account a WHERE a.id = d.account_id;
ALTER TABLE document ENABLE TRIGGER USER;
ALTER TABLE document ALTER COLUMN strategy SET NOT NULL;
CREATE OR REPLACE VIEW dry.document AS SELECT * FROM public.document WHERE run_id <> ALL (current_setting('wattledger.unseen')::text[]);
