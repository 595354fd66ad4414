-- Whether a document has reached its receiver: an axis of its own beside ERP, payment and dispute. Only what we deliver stands here.
CREATE TABLE print_batch (
  id text PRIMARY KEY, entity_id text NOT NULL REFERENCES legal_entity, author text NOT NULL, made_at timestamptz NOT NULL DEFAULT now(), sent_by text, sent_at timestamptz, CHECK ((sent_by IS NULL) = (sent_at IS NULL))
);
CREATE INDEX print_batch_entity ON print_batch (entity_id, made_at);
CREATE TABLE document_delivery (
  document_id text PRIMARY KEY REFERENCES document, entity_id text NOT NULL REFERENCES legal_entity, channel text NOT NULL CHECK (channel IN ('print', 'email', 'peppol')),
  state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'bounced', 'returned')), attempt integer NOT NULL DEFAULT 1, batch_id text REFERENCES print_batch, detail text, updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX document_delivery_work ON document_delivery (entity_id, state, channel);
CREATE INDEX document_delivery_batch ON document_delivery (batch_id) WHERE batch_id IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON print_batch, document_delivery TO wattledger_app;
