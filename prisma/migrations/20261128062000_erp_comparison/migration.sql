-- What the nightly look at an ERP found: where it holds something else than was sent, and what customers have paid. It changes nothing there.
CREATE TABLE erp_comparison (
  connection_id text NOT NULL REFERENCES erp_connection, at timestamptz NOT NULL DEFAULT now(), compared integer NOT NULL, drifts integer NOT NULL, PRIMARY KEY (connection_id, at)
);
SELECT seal_table('erp_comparison');
-- One row a thing that drifted, open until it is as it was sent again.
CREATE TABLE erp_drift (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, connection_id text NOT NULL REFERENCES erp_connection, key text NOT NULL, kind text NOT NULL CHECK (kind IN ('missing', 'differs', 'reversed', 'unknownThere')),
  words text NOT NULL, found_at timestamptz NOT NULL DEFAULT now(), seen_at timestamptz NOT NULL DEFAULT now(), cleared_at timestamptz
);
CREATE UNIQUE INDEX erp_drift_open ON erp_drift (connection_id, key, kind) WHERE cleared_at IS NULL;
-- What an ERP told of a document's payment; the newest row holds.
CREATE TABLE document_payment (
  document_id text NOT NULL REFERENCES document, told_at timestamptz NOT NULL DEFAULT now(), connection_id text NOT NULL REFERENCES erp_connection, state text NOT NULL CHECK (state IN ('unpaid', 'part', 'paid', 'writtenOff')),
  open_minor bigint NOT NULL, PRIMARY KEY (document_id, told_at)
);
SELECT seal_table('document_payment');
GRANT SELECT, INSERT ON erp_comparison, document_payment TO wattledger_app;
GRANT SELECT, INSERT, UPDATE ON erp_drift TO wattledger_app;
