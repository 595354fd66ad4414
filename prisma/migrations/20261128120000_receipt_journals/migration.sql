-- Card receipts reach the ERP summed up, as journals per site and day; which line of which receipt is in which journal stays. One line `party` for each receipt, site and day.
CREATE TABLE erp_receipt_line (
  document_id text NOT NULL REFERENCES document, site_id text NOT NULL, charged_on date NOT NULL, line_no integer NOT NULL, posting_key text NOT NULL,
  part text NOT NULL CHECK (part IN ('party', 'net', 'tax', 'rounding')), gl_account text NOT NULL, cost_center text, vat_code text, amount_minor bigint NOT NULL, base_minor bigint,
  PRIMARY KEY (document_id, site_id, charged_on, line_no)
);
CREATE INDEX erp_receipt_line_posting ON erp_receipt_line (posting_key);
SELECT seal_table('erp_receipt_line');
GRANT SELECT, INSERT ON erp_receipt_line TO wattledger_app;

-- A posting belongs to a release group, also when it is of many documents.
ALTER TABLE erp_posting ADD COLUMN group_name text;
UPDATE erp_posting p SET group_name = d.group_name FROM document d WHERE d.id = p.document_id;

-- The postings of a document: its own, or the journals that it is summed up in. What is furthest from done comes first.
CREATE VIEW document_posting AS
  SELECT p.document_id, p.key, p.state, p.external_id, p.answer, p.kind, array_position(ARRAY['refused', 'held', 'unknown', 'queued', 'sending', 'drafted', 'posted', 'skipped', 'verified'], p.state) AS progress
  FROM erp_posting p WHERE p.document_id IS NOT NULL
  UNION ALL
  SELECT DISTINCT r.document_id, p.key, p.state, p.external_id, p.answer, p.kind, array_position(ARRAY['refused', 'held', 'unknown', 'queued', 'sending', 'drafted', 'posted', 'skipped', 'verified'], p.state)
  FROM erp_receipt_line r JOIN erp_posting p ON p.key = r.posting_key WHERE r.part = 'party';
GRANT SELECT ON document_posting TO wattledger_app;
