-- What was issued or handed out as a file: its bytes, once (invariant 13). `subject_id` is a document, or the run or payment that a file is of.
CREATE TABLE archived_file (
  subject_kind text NOT NULL CHECK (subject_kind IN ('document', 'run', 'payment')), subject_id text NOT NULL, form text NOT NULL, file_name text NOT NULL, content_type text NOT NULL,
  sha256 bytea NOT NULL, body bytea NOT NULL, made_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (subject_kind, subject_id, form)
);
SELECT seal_table('archived_file');
GRANT SELECT, INSERT ON archived_file TO wattledger_app;
