-- How our accounts, cost centers and VAT codes are called in an ERP; each version whole. A kind that a version leaves out has the same codes there.
CREATE TABLE erp_mapping (
  connection_id text NOT NULL REFERENCES erp_connection, version integer NOT NULL, body jsonb NOT NULL, author text NOT NULL, reason text NOT NULL, made_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (connection_id, version)
);
SELECT seal_table('erp_mapping');
-- Accounts and cost centers that an ERP has, as last read.
CREATE TABLE erp_master_data (
  connection_id text NOT NULL REFERENCES erp_connection, kind text NOT NULL CHECK (kind IN ('account', 'costCenter')), code text NOT NULL, name text NOT NULL, read_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (connection_id, kind, code)
);
-- By which version a posting was sent; what lies in the ERP is compared by it.
ALTER TABLE erp_posting ADD COLUMN mapping_version integer;
GRANT SELECT, INSERT ON erp_mapping TO wattledger_app;
GRANT SELECT, INSERT, DELETE ON erp_master_data TO wattledger_app;
